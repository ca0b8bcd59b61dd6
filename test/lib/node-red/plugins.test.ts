/** Definitions that other packages register. */
import assert from 'node:assert/strict';
import { pluginProviders } from '../../../lib/node-red/plugins';
import type { Runtime } from '../../../lib/node-red/runtime';
import type { ProviderDefinition } from '../../../lib/provider';

describe('the provider of a plugin', () => {
  it('keeps every property of the contract', async () => {
    const definition: Required<ProviderDefinition> = {
      id: 'theirs',
      label: 'Theirs',
      settings: [{ name: 'url', kind: 'url', label: 'Address', default: '' }],
      credentials: { token: { label: 'Key' } },
      clipOptions: [{ name: 'audio', kind: 'boolean', label: 'Audio', default: false }],
      exportsToServer: true,
      docs: 'https://vendor.example/credentials',
      eventKinds: [{ value: 'alarm', label: 'Alarms' }],
      eventIntervalSeconds: 20,
      maxClipSeconds: () => 7,
      cameraProblem: () => 'none',
      idempotentCreate: true,
      open: () => Promise.reject(new Error('opened')),
    };
    const RED = { plugins: { getByType: () => [{ id: 'plugin', definition }] }, log: { warn: assert.fail } };
    const [read] = pluginProviders({ RED } as unknown as Runtime).list([]);
    assert.ok(read);
    assert.deepEqual(Object.keys(read).sort(), Object.keys(definition).sort());
    for (const [name, value] of Object.entries(definition)) {
      if (typeof value !== 'function') assert.deepEqual(read[name as keyof ProviderDefinition], value, name);
    }
    assert.deepEqual([read.maxClipSeconds?.({}), read.cameraProblem?.('x')], [7, 'none']);
    await assert.rejects(read.open({} as never), /opened/);
  });
});
