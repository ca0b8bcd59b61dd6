import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readFields } from '../../lib/fields';
import { readDraft } from '../../lib/node-red/admin/draft';
import { readChoice, readFlag, readNumber } from '../../lib/node-red/typed-input';
import { providers } from '../../lib/providers';
import { fuzz, oddJson, oddRecord, oddText, resultOrError, suiteTimeoutMs } from './fuzz';

describe('Fuzz: dialog values', function () {
  this.timeout(suiteTimeoutMs);

  for (const definition of providers) {
    it(`settings and options of ${definition.id} are read, or refused in words`, async () => {
      const fields = [...definition.settings, ...definition.clipOptions];
      const names = [...fields.map(({ name }) => name), '__proto__', 'constructor'];
      await fuzz(oddRecord(names), async (stored) => {
        for (const list of [definition.settings, definition.clipOptions]) {
          const values = await resultOrError(() => readFields(list, stored));
          for (const value of Object.values(values ?? {})) {
            assert.ok(['string', 'number', 'boolean'].includes(typeof value));
            assert.ok(typeof value !== 'number' || Number.isFinite(value));
          }
        }
      });
    });

    it(`a camera of ${definition.id} is one, or it is said why not`, async () => {
      await fuzz(oddText, (camera) => {
        const problem = definition.cameraProblem?.(camera);
        assert.ok(problem === undefined || problem.length > 3);
      });
    });
  }

  it('numbers, switches and choices are read, or refused in words', async () => {
    await fuzz(oddRecord(['a', 'b', 'c']), async (definition) => {
      const number = await resultOrError(() => readNumber(definition, 'a', 5, 1));
      assert.ok(number === undefined || (Number.isFinite(number) && number >= 1));
      assert.equal(typeof readFlag(definition, 'b', true), 'boolean');
      const choice = await resultOrError(() => readChoice(definition, 'c', ['x', 'y']));
      assert.ok(choice === undefined || choice === 'x' || choice === 'y');
    });
  });

  it('the draft of a connection is one, or none', async () => {
    const names = [
      'id',
      'z',
      'provider',
      'settings',
      'credentials',
      'tls',
      'proxy',
      'username',
      'password',
      '__proto__',
    ];
    const drafts = fc.oneof(
      oddJson(names),
      oddRecord(names, oddJson(names)).map((odd) => ({
        id: 'n',
        provider: 'aipix',
        settings: { url: 'http://x' },
        ...odd,
      })),
    );
    await fuzz(drafts, (body) => {
      const draft = readDraft(body);
      if (!draft) return;
      assert.ok(draft.id !== '' && typeof draft.provider === 'string');
      for (const value of Object.values(draft.credentials)) assert.equal(typeof value, 'string');
    });
  });
});
