// Holds the step-by-step instructions of the documentation to the words that the editor shows.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { providers } from '../../lib/providers';

const root = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Every text in a piece of JSON. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

const examples = globSync('examples/*.json', { cwd: root });
const nodeRed = ['editor-client/locales/en-US/editor.json', 'nodes/locales/en-US/messages.json'];
const catalogs = [
  ...globSync('{nodes,plugins}/locales/en-US/*.json', { cwd: root }),
  ...nodeRed.map((path) => `node_modules/@node-red/${path}`),
];
const shown = new Set([
  ...[...catalogs, ...examples].flatMap((path) => textsIn(JSON.parse(read(path)))),
  ...examples.map((path) => basename(path, '.json')),
  ...textsIn(JSON.parse(JSON.stringify(providers))),
]);
/** A folder of the editor's list of examples, and the place of videos in Home Assistant. */
const others = ['flows', 'Media'];

const sections: [page: string, heading: string][] = [
  ['README.md', '## Five minutes to the first clip'],
  ['docs/docker.md', '### Home Assistant with Frigate'],
];

describe('the step-by-step instructions', () => {
  for (const [page, heading] of sections) {
    it(`${page}, ${heading}: whatever is to be pressed, chosen or filled in is called so in the editor`, () => {
      const text = read(page);
      const [section = ''] = text.slice(text.indexOf(`\n${heading}\n`) + heading.length + 1).split(/\n##/);
      const marked = [...section.matchAll(/(?<![\w`/])_([^_\n]+)_(?![\w`])|\*\*([A-Z][^*]+)\*\*/g)];
      // What stands in front of a list item for emphasis ("**Connect**") is no name.
      const words = marked.map(([, label]) => label).filter((label) => label !== undefined);
      assert.ok(words.length > 8, String(words.length));
      const unknown = words.filter((word) => !shown.has(word) && !others.includes(word));
      assert.deepEqual(unknown, []);
    });

    it(`${page}, ${heading}: a node is opened by a double click, and left by a button that is named`, () => {
      const text = read(page);
      const [section = ''] = text.slice(text.indexOf(`\n${heading}\n`) + heading.length + 1).split(/\n##/);
      assert.doesNotMatch(section, /\bopen \W?(?:create clip|download clip|clip events|Events)\b/i);
      assert.match(section, /[Dd]ouble-click/);
      assert.match(section, /_Update_[\s\S]*_Done_[\s\S]*\*\*Deploy\*\*/);
    });
  }
});
