import assert from 'node:assert/strict';
import { openConnection } from '../../../lib/node-red/connections';
import type { Node, NodeRed } from '../../../lib/node-red/node-red';
import { Runtime } from '../../../lib/node-red/runtime';
import type { ProviderConfig } from '../../../lib/provider';
import { tempFolder } from '../../support/temp-folder';

describe('a connection', () => {
  const folder = tempFolder();

  it('gets only the secrets that its provider has a use for', async () => {
    let given: ProviderConfig | undefined;
    const definition = {
      id: 'with-token',
      label: 'With token',
      settings: [],
      credentials: { token: { label: 'Token' } },
      clipOptions: [],
      async open(config: ProviderConfig) {
        given = config;
        return { check: async () => ({ name: 'x', warnings: [] }) };
      },
    };
    const RED = {
      plugins: { getByType: () => [{ id: 'plugin', definition }] },
      settings: { userDir: folder() },
      events: { on: () => undefined },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    } as unknown as NodeRed;
    const credentials = { username: 'of another vendor', password: 'of another vendor', token: 't0ken' };
    const connection = openConnection(new Runtime(RED), { id: 'node', credentials } as unknown as Node, {
      id: 'node',
      type: 'clip-provider',
      provider: 'with-token',
    });
    await connection.check(new AbortController().signal);
    await connection.close();
    assert.deepEqual(given?.credentials, { username: '', password: '', token: 't0ken' });
  });
});
