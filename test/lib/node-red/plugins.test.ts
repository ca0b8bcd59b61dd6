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
      credentials: { token: { label: 'Key', visibleWhen: { setting: 'url', in: ['a', true] } } },
      requiredCredentials: [{ when: { setting: 'url', in: ['a'] }, anyOf: [['token']] }, { anyOf: [[]] }],
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

  for (const wrong of [
    { requiredCredentials: {} },
    { requiredCredentials: [{ anyOf: [] }] },
    { requiredCredentials: [{ anyOf: [['secret']] }] },
    { requiredCredentials: [{ anyOf: [['token']], when: { setting: 'url' } }] },
    { credentials: { token: { label: 'Key', visibleWhen: true } } },
  ]) {
    it(`is left out, with a warning, where it has ${JSON.stringify(wrong)}`, () => {
      const definition = {
        ...{ id: 'theirs', label: 'Theirs', settings: [], credentials: {}, clipOptions: [], open: () => undefined },
        ...wrong,
      };
      const warnings: string[] = [];
      const RED = {
        plugins: { getByType: () => [{ id: 'plugin', definition }] },
        log: { warn: (text: string) => warnings.push(text) },
      };
      assert.deepEqual(pluginProviders({ RED } as unknown as Runtime).list([]), []);
      assert.equal(warnings.length, 1);
    });
  }
});
