import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Field } from '../../../lib/provider';
import { providers } from '../../../lib/providers';

type Texts = Record<string, unknown>;

const folder = join(__dirname, '../../../nodes/locales');

const catalogOf = (language: string): Record<string, Record<string, Texts>> =>
  JSON.parse(readFileSync(join(folder, language, 'clip-provider.json'), 'utf8')) as Record<
    string,
    Record<string, Texts>
  >;

/** Names of what is there, so that something missing and something left over are both seen. */
const keysOf = (texts: unknown): string[] => Object.keys(texts ?? {}).sort();
const namesOf = (fields: { name: string }[]): string[] => fields.map(({ name }) => name).sort();

describe('The catalog of provider texts', () => {
  it('holds none in English: they stand in the definitions', () => {
    const english = catalogOf('en-US');
    for (const part of ['providers', 'hints', 'choices', 'credentials', 'credentialHints'])
      assert.equal(english[part], undefined);
  });

  for (const language of readdirSync(folder).filter((name) => name !== 'en-US')) {
    describe(`in ${language}`, () => isComplete(catalogOf(language)));
  }
});

function isComplete(catalog: Record<string, Record<string, Texts>>): void {
  for (const { id, settings, clipOptions, credentials } of providers) {
    const fields: Field[] = [...settings, ...clipOptions];

    it(`has a label for each field of ${id}, and for no other`, () => {
      assert.deepEqual(keysOf(catalog['providers']?.[id]), namesOf(fields));
      const slots = Object.keys(credentials).sort();
      assert.deepEqual(keysOf(catalog['credentials']?.[id]), slots);
    });

    it(`has a hint for each field of ${id} that has one`, () => {
      const withHint = namesOf(fields.filter(({ hint }) => hint));
      const missing = withHint.filter((name) => !keysOf(catalog['hints']?.[id]).includes(name));
      assert.deepEqual(missing, []);
      const strangers = keysOf(catalog['hints']?.[id]).filter((name) => !namesOf(fields).includes(name));
      assert.deepEqual(strangers, []);
      const slots = Object.entries(credentials).filter(([, slot]) => slot.hint);
      assert.deepEqual(keysOf(catalog['credentialHints']?.[id]), slots.map(([name]) => name).sort());
    });

    it(`has a text for each choice of ${id}`, () => {
      const selects = fields.filter((field) => field.kind === 'select');
      assert.deepEqual(keysOf(catalog['choices']?.[id]), namesOf(selects));
      for (const { name, choices } of selects) {
        const values = choices.map(({ value }) => value || 'unset').sort();
        assert.deepEqual(keysOf(catalog['choices']![id]![name]), values);
      }
    });
  }
}
