// What a connection cannot do without.
import assert from 'node:assert/strict';
import { checkCredentials, missingCredentials } from '../../../lib/node-red/credentials';
import type { Credentials, ProviderConfig, Settings } from '../../../lib/provider';
import { providers } from '../../../lib/providers';

const named = (id: string) => providers.find((provider) => provider.id === id)!;

describe('credentials', () => {
  const cases: [provider: string, settings: Settings, given: Partial<Credentials>, missing: string[]][] = [
    ['vdg-sense', {}, {}, ['username', 'password']],
    ['vdg-sense', { auth: 'plain' }, { username: 'u' }, ['password']],
    ['vdg-sense', { auth: 'basic' }, { username: ' ', password: 'p' }, ['username']],
    ['vdg-sense', { auth: 'plain' }, { username: 'u', password: 'p' }, []],
    ['vdg-sense', { auth: 'none' }, {}, []],
    ['rhombus', {}, {}, ['token']],
    ['rhombus', {}, { token: 'key' }, []],
    ['aipix', {}, {}, ['username', 'password']],
    ['aipix', {}, { username: 'u' }, ['password']],
    ['aipix', {}, { token: 't' }, []],
    ['kinesis-video', {}, {}, []],
    ['zoneminder', {}, {}, []],
    ['frigate', {}, {}, []],
  ];
  for (const [id, settings, given, missing] of cases) {
    it(`of ${id}, ${JSON.stringify(settings)}, with ${Object.keys(given).join(', ') || 'none'} lack ${missing.join(', ') || 'nothing'}`, () => {
      const credentials = { username: '', password: '', token: '', ...given };
      assert.deepEqual(missingCredentials(named(id), { settings, credentials }), missing);
    });
  }

  it('that are missing are named as in the dialog', () => {
    const credentials = { username: '', password: '', token: '' };
    const check = (id: string) =>
      checkCredentials(named(id), { settings: {}, credentials } as unknown as ProviderConfig);
    assert.throws(() => check('vdg-sense'), /"User" and "Password" are missing/);
    assert.throws(() => check('rhombus'), /"API key" is missing/);
  });
});
