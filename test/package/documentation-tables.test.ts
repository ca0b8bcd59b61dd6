// Holds the tables and examples of the documentation to the code that they describe.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import ts from 'typescript';
import { ClipError, type ErrorCode } from '../../lib/errors';
import type { Field } from '../../lib/fields';
import { providers } from '../../lib/providers';

const root = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const types = globSync('nodes/*.html', { cwd: root }).map((path) => basename(path, '.html'));

/** Cells of the tables of a page, below the heading of this text where one is given; without their headers. */
function rowsOf(path: string, heading?: string): string[][] {
  const text = read(path);
  const from = heading === undefined ? 0 : text.indexOf(`\n${heading}\n`);
  assert.ok(from >= 0, `${path} has the heading ${heading}`);
  const rest = text.slice(from + 1);
  const end = heading === undefined ? -1 : rest.slice(1).search(/\n## /);
  const lines = rest.slice(0, end < 0 ? undefined : end + 1).split('\n');
  return lines
    .filter((line, index) => line.startsWith('|') && !/^\| -/.test(lines[index + 1] ?? '') && !/^\| -/.test(line))
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim())); // prettier-ignore
}

const codesIn = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

/** The defaults that a node's page declares: `{ name: { value: '' } }`. */
function defaultsOf(type: string): Map<string, unknown> {
  const script = /<script type="text\/javascript">([\s\S]*?)<\/script>/.exec(read(`nodes/${type}.html`))![1]!;
  const source = ts.createSourceFile('page.js', script, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const found = new Map<string, unknown>();
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'defaults') {
      for (const property of (node.initializer as ts.ObjectLiteralExpression).properties) {
        const { name, initializer } = property as ts.PropertyAssignment;
        const value = (initializer as ts.ObjectLiteralExpression).properties.find(
          (each) => each.name?.getText() === 'value',
        );
        found.set(name.getText(), runInNewContext(`(${(value as ts.PropertyAssignment).initializer.getText()})`));
      }
    } else ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

type Catalog = Record<string, Record<string, Record<string, string>>>;
const catalogOf = (type: string): Catalog[string] =>
  (JSON.parse(read(`nodes/locales/en-US/${type}.json`)) as Catalog)[type]!;

/** Properties whose label is made while running, or that have none. */
const drawn = ['options', 'settings', 'thumbnail'];

describe('the tables of the documentation', () => {
  for (const type of types) {
    it(`name every property of ${type}, with its label and default`, () => {
      const { label } = catalogOf(type);
      const documented = new Map<string, unknown>();
      for (const [shown, names, defaults] of rowsOf('docs/nodes.md', `## ${type}`)) {
        const stored = codesIn(names);
        if (stored.length === 0) continue;
        stored.forEach((name, index) => documented.set(name, JSON.parse(codesIn(defaults)[index] ?? 'null')));
        // The type of a typed input has no label of its own there.
        const labelled = stored.filter((name) => name !== `${stored[0]}Type`);
        if (drawn.includes(stored[0]!)) continue;
        assert.equal(shown, labelled.map((name) => label?.[name]).join(', '), stored[0]);
      }
      const plain = (properties: Map<string, unknown>): string => JSON.stringify([...properties].sort());
      assert.equal(plain(documented), plain(defaultsOf(type)));
    });
  }

  for (const { id, settings, clipOptions, credentials, eventKinds = [] } of providers) {
    it(`name every field of ${id}, with its label and default`, () => {
      const rows = rowsOf(`docs/systems/${id}.md`, '## The form');
      const found = new Map(rows.map(([label, name, value]) => [codesIn(name)[0], [label, codesIn(value)[0]]]));
      for (const field of [...settings, ...clipOptions] as Field[]) {
        assert.deepEqual(found.get(field.name), [field.label, JSON.stringify(field.default)], field.name);
      }
      for (const [slot, { label }] of Object.entries(credentials)) assert.equal(found.get(slot)?.[0], label, slot);
      assert.equal(found.size, settings.length + clipOptions.length + Object.keys(credentials).length);
    });

    it(`name every kind of events of ${id}`, () => {
      const rows = rowsOf(`docs/systems/${id}.md`, '## Events').map(([label, value]) => [label, codesIn(value)[0]]);
      assert.deepEqual(rows, eventKinds.map(({ value, label }) => [label, value])); // prettier-ignore
    });

    it(`have a page for ${id}, which the list of systems leads to`, () => {
      assert.ok(rowsOf('docs/nodes.md', '### Systems').some(([name, page]) => name === `\`${id}\`` && page?.includes(`${id}.md`))); // prettier-ignore
    });
  }

  it('name every error, with what the editor says of it', () => {
    const { code: headlines, reason } = catalogOf('clip-provider');
    const rows = rowsOf('docs/errors.md');
    assert.deepEqual(
      rows.map(([code, headline, short, retryable]) => [codesIn(code)[0], headline, short, retryable]),
      Object.keys(headlines!).map((code) => [
        code,
        headlines![code],
        reason![code],
        new ClipError(code as ErrorCode, '').retryable ? 'yes' : 'no',
      ]),
    );
    for (const row of rows) assert.ok(row[4]!.length > 10, `${row[0]} says what to do`);
  });

  it('name every property of a clip, its file and an event', () => {
    const contract = read('lib/clip.ts') + read('lib/event.ts');
    const source = ts.createSourceFile('contract.ts', contract, ts.ScriptTarget.Latest, true);
    let seen = 0;
    const shapes = ['ProviderClip', 'Clip', 'ClipFile', 'ClipTransfer', 'ProviderEvent'];
    const text = read('docs/messages.md');
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement) || !shapes.includes(statement.name.text)) continue;
      seen += 1;
      for (const { name } of statement.members) {
        const shown = name!.getText();
        // Between a provider and the feed alone; the clip is `msg.clip`.
        if (shown === 'open' || (shown === 'clip' && statement.name.text === 'ProviderEvent')) continue;
        assert.match(text, new RegExp(`"${shown}"|\`${shown}\\??\``), `${statement.name.text}.${shown}`);
      }
    }
    assert.equal(seen, shapes.length);
  });

  it('name every setting and variable that the code reads', () => {
    const code = globSync('lib/**/*.ts', { cwd: root }).map((path) => read(path)).join('\n'); // prettier-ignore
    const names = new Set(code.match(/\bclipProvider(?:Jobs|Ffmpeg)\b|\bCLIP_\w+|\bFFMPEG_PATH\b|\bfileWorkingDirectory\b/g)); // prettier-ignore
    const documented = rowsOf('docs/settings.md').flatMap(([name]) => codesIn(name));
    for (const name of names) assert.ok(documented.includes(name), name);
  });

  for (const path of ['README.md', 'docs/sizing.md']) {
    it(`of ${path} have the figures that were measured`, () => {
      const measured = rowsOf('test/bench/results.md', '## Downloads');
      const rows = rowsOf(path).filter(([clips]) => /^(\d+ x )?\d+ [MG]iB$/.test(clips ?? ''));
      assert.ok(rows.length >= 4);
      for (const [clips, ours, core] of rows) {
        for (const [way, shown = ''] of [
          ['download-clip', ours],
          ['http request + file', core],
        ] as const) {
          const [, seconds, memory] = /^([\d.]+) s, (\+\d+) MiB$/.exec(shown) ?? [];
          // Node-RED died.
          if (seconds === undefined && way !== 'download-clip') continue;
          const found = measured.find((row) => row[0] === clips && row[1] === way);
          assert.deepEqual([seconds, memory], [found?.[2]?.split(' ')[0], found?.[5]], `${clips}, ${way}`);
        }
      }
    });
  }

  it('have a recipe in the cookbook for none but examples that are there, and mention every example', () => {
    const examples = globSync('examples/*.json', { cwd: root }).map((path) => basename(path, '.json'));
    const pages = globSync('docs/**/*.md', { cwd: root }).map((path) => read(path)).join('\n'); // prettier-ignore
    for (const [, title = ''] of pages.matchAll(/[_[](\d\d - [^_\]]+)[_\]]/g))
      assert.ok(examples.includes(title), title);
    const recipes = rowsOf('docs/cookbook.md').filter(([, link]) => link?.startsWith('['));
    assert.ok(recipes.length >= 8);
  });
});

describe('the examples of code in the documentation', () => {
  const blocksOf = (path: string, language: string): string[] =>
    [...read(path).matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code = '']) => code);

  for (const page of ['README.md', 'docs/settings.md', 'docs/redis.md', 'docs/troubleshooting.md']) {
    it(`${page}: settings files can be loaded`, () => {
      for (const code of blocksOf(page, 'js').filter((each) => each.includes('module.exports'))) {
        const module = { exports: {} };
        const fakes = { 'node:fs': { readFileSync: () => 'certificate' } };
        runInNewContext(code, { module, require: (name: keyof typeof fakes) => fakes[name] });
        assert.ok(Object.keys(module.exports).length > 0, code);
      }
    });
  }

  it('the policy for Kinesis allows exactly what is called', () => {
    const [policy] = blocksOf('docs/systems/kinesis-video.md', 'json');
    const { Statement } = JSON.parse(policy!) as { Statement: { Action: string | string[] }[] };
    const allowed = Statement.flatMap(({ Action }) => Action).map((action) => action.replace('kinesisvideo:', ''));
    const code = globSync('lib/providers/kinesis-video/*.ts', { cwd: root }).map((path) => read(path)).join('\n'); // prettier-ignore
    const called = new Set([...code.matchAll(/new (?:\w+\.)*(\w+)Command\(/g)].map(([, name]) => name));
    assert.deepEqual(allowed.sort(), [...called].sort());
  });

  it('branching on an error sends each to its output', () => {
    const [code] = blocksOf('docs/errors.md', 'js');
    const sent = (clipError: object): unknown =>
      JSON.stringify(runInNewContext(`${code}; route(msg)`, { msg: { clipError } }));
    assert.equal(
      sent({ code: 'ENOFOOTAGE', retryable: false }),
      '[{"clipError":{"code":"ENOFOOTAGE","retryable":false}},null]',
    );
    assert.match(String(sent({ code: 'ENETWORK', retryable: true })), /^\[null,/);
    assert.equal(sent({ code: 'EINVALID', retryable: false }), 'null');
  });

  it('the recipe for e-mail is that of its example', () => {
    const [code] = blocksOf('docs/cookbook.md', 'js');
    assert.ok(read('examples/03 - MQTT alarm to e-mail.json').includes(JSON.stringify(code!.trim()).slice(1, -1)));
  });
});
