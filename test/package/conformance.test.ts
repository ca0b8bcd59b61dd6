/**
 * The package itself: what Node-RED, its scorecard and translators expect to find in it. All of it is read statically,
 * the way the scorecard does, so what passes here is inline and literal.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import ts from 'typescript';
import { providers } from '../../lib/providers';

const root = resolve(__dirname, '../..');
const language = 'en-US';
const translations = ['de', 'es', 'fr', 'ja', 'zh-CN'];
const languages = [language, ...translations];

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type JsonObject = Record<string, Json>;

/** The saved properties and their defaults: flows that people have saved depend on them. */
const contract: Record<string, JsonObject> = {
  'clip-provider': {
    name: '',
    provider: 'vdg-sense',
    settings: {},
    tls: '',
    proxy: '',
    maxConcurrent: 2,
    timezone: '',
  },
  'clip-events': {
    connection: '',
    kinds: [],
    cameras: [],
    labels: [],
    zones: [],
    when: 'end',
    before: 5,
    after: 5,
    minScore: 0,
    minSeconds: 0,
    cooldown: 0,
    interval: 0,
    catchUp: 3600,
    maxWaiting: 200,
  },
  'create-clip': {
    connection: '',
    connectionType: 'node',
    camera: 'camera',
    cameraType: 'msg',
    range: 'around',
    time: '',
    timeType: 'date',
    before: 10,
    beforeType: 'num',
    after: 20,
    afterType: 'num',
    start: 'start',
    startType: 'msg',
    end: 'end',
    endType: 'msg',
    settle: 5,
    settleType: 'num',
    title: '',
    titleType: 'str',
    options: {},
  },
  'poll-clip': {
    connection: '',
    connectionType: 'node',
    interval: 2,
    maxInterval: 30,
    timeout: 900,
  },
  'download-clip': {
    connection: '',
    connectionType: 'node',
    output: 'file',
    maxBuffer: 50,
    filename: '{camera}/{start}.mp4',
    filenameType: 'str',
    exists: 'rename',
    convert: 'none',
    maxHeight: 0,
    maxSize: 0,
    thumbnail: false,
    snapshot: 'none',
    keepDays: 0,
    keepGB: 0,
    deleteAfter: false,
    strict: true,
  },
  'export-video': {
    connection: '',
    connectionType: 'node',
    to: 'files',
    cameras: 'cameras',
    camerasType: 'msg',
    start: 'start',
    startType: 'msg',
    end: 'end',
    endType: 'msg',
    folder: 'exports/{date}',
    folderType: 'str',
    bandwidth: 0,
    join: true,
    settle: 5,
    timeout: 7200,
  },
};

/** What every Node-RED node has, so the contract does not repeat it. */
const common: JsonObject = { name: '' };

/** Types of the properties that refer to a config node. */
const references: Record<string, Record<string, string>> = {
  'clip-provider': { tls: 'tls-config', proxy: 'http proxy' },
  'clip-events': { connection: 'clip-provider' },
  'create-clip': { connection: 'clip-provider' },
  'poll-clip': { connection: 'clip-provider' },
  'download-clip': { connection: 'clip-provider' },
  'export-video': { connection: 'clip-provider' },
};

const ports: Record<string, { inputs: number; outputs: number }> = {
  'clip-events': { inputs: 0, outputs: 2 },
  'create-clip': { inputs: 1, outputs: 1 },
  'poll-clip': { inputs: 1, outputs: 3 },
  'download-clip': { inputs: 1, outputs: 2 },
  'export-video': { inputs: 1, outputs: 3 },
};

/** Labels that say all there is to say, or belong to no property. */
const plain = new Set(['name', 'node', 'advanced', 'docs', 'options', 'remove'].map((name) => `label.${name}`));

/** Drawn by the script, so the template has no control for them: by a provider's field list, or as another property. */
const drawn = new Set(['settings', 'options', 'thumbnail', 'kinds', 'cameras', 'labels', 'zones']);

/**
 * Keys that are put together while running.
 * - providers, hints, choices, credentials, credentialHints, kinds: texts of our own providers' fields, by provider and field
 * - code: what went wrong, by error code; obstacle: what keeps the runtime from asking a server
 * - reason: the same, in words that are short enough for a status
 * - <node>.status: statuses, by the state of the node; of all nodes in clip-provider
 */
const dynamicPrefixes = [
  'clip-provider:providers.',
  'clip-provider:hints.',
  'clip-provider:choices.',
  'clip-provider:credentials.',
  'clip-provider:credentialHints.',
  'clip-provider:kinds.',
  'clip-provider:clip-provider.code.',
  'clip-provider:clip-provider.obstacle.',
  'clip-provider:clip-provider.reason.',
  'clip-provider:clip-provider.status.',
  'clip-events:clip-events.status.',
  'create-clip:create-clip.status.',
  'poll-clip:poll-clip.status.',
  'download-clip:download-clip.status.',
  'export-video:export-video.status.',
  'clips-sidebar:stage.',
  'clips-sidebar:filter.',
  'clips-sidebar:player.',
];

const soleImporters: Record<string, string> = {
  axios: 'lib/net/http.ts',
  'fast-xml-parser': 'lib/net/xml.ts',
  'fluent-ffmpeg': 'lib/ffmpeg/run.ts',
  ws: 'lib/net/websocket.ts',
};

const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const readJson = (...path: string[]): Json => JSON.parse(read(...path)) as Json;

function asObject(value: Json | undefined, what: string): JsonObject {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), `${what} is an object`);
  return value;
}

function asText(value: Json | undefined, what: string): string {
  assert.ok(typeof value === 'string', `${what} is text`);
  return value;
}

const manifest = asObject(readJson('package.json'), 'package.json');
const packageName = asText(manifest.name, 'name');
const nodeRed = asObject(manifest['node-red'], 'node-red');
const nodeSets = asObject(nodeRed.nodes, 'node-red.nodes');
const types = Object.keys(nodeSets);

const find = (...patterns: string[]): string[] =>
  globSync(patterns, { cwd: root }).map((path) => path.replaceAll('\\', '/'));
const sources = find('nodes/*.ts', 'plugins/*.ts', 'lib/**/*.ts');
const sheets = find('editor/*.css');

/* ---- reading a node's HTML ---- */

interface Definition {
  type: string;
  properties: Map<string, ts.Expression>;
}

interface NodeHtml {
  html: string;
  /** Opening tags of the scripts that are run. */
  tags: string[];
  program: ts.SourceFile;
  definitions: Definition[];
  template: string;
}

const pages = new Map<string, NodeHtml>();

function page(type: string): NodeHtml {
  const known = pages.get(type);
  if (known) return known;
  const html = read('nodes', `${type}.html`);
  const scripts = [...html.matchAll(/(<script\b[^>]*>)([\s\S]*?)<\/script>/g)];
  const code = scripts.filter(([, tag]) => !/text\/html|\bsrc=/.test(tag ?? ''));
  const program = ts.createSourceFile(
    `${type}.js`,
    code.map(([, , body]) => body).join('\n'),
    ts.ScriptTarget.Latest,
    true,
    ts.ScriptKind.JS,
  );
  const template = scripts.find(([, tag]) => tag?.includes(`data-template-name="${type}"`))?.[2] ?? '';
  const tags = code.map(([, tag]) => tag ?? '');
  const found = { html, tags, program, definitions: definitionsIn(program), template };
  pages.set(type, found);
  return found;
}

/** A script that pages load, with the node (or the sidebar) whose catalog it uses. */
interface SharedScript {
  path: string;
  text: string;
  program: ts.SourceFile;
  owner: string | undefined;
}

const sharedScripts: SharedScript[] = find('editor/*.js').map((path) => {
  const text = read(path);
  const owner = new RegExp(`const CATALOG = '${packageName}/([a-z-]+)'`).exec(text)?.[1];
  return {
    path,
    text,
    program: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS),
    owner,
  };
});

/** What the editor's pages load from `resources`. */
const loaded = find('{nodes,plugins}/*.html').flatMap((path) =>
  [...read(path).matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address = '']) => address),
);

function calls(program: ts.SourceFile): ts.CallExpression[] {
  const found: ts.CallExpression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(program);
  return found;
}

/** The last name of what is called: `registerType` of `RED.nodes.registerType(...)`. */
function calledName({ expression }: ts.CallExpression): string {
  if (ts.isIdentifier(expression)) return expression.text;
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : '';
}

function definitionsIn(program: ts.SourceFile): Definition[] {
  return calls(program)
    .filter((call) => calledName(call) === 'registerType')
    .map(({ arguments: [type, definition] }) => {
      assert.ok(type && ts.isStringLiteral(type), 'registerType gets a literal type');
      assert.ok(definition && ts.isObjectLiteralExpression(definition), 'registerType gets an inline object');
      return { type: type.text, properties: propertiesOf(definition) };
    });
}

function propertiesOf(object: ts.ObjectLiteralExpression): Map<string, ts.Expression> {
  const properties = new Map<string, ts.Expression>();
  for (const property of object.properties) {
    assert.ok(ts.isPropertyAssignment(property), `"${property.getText()}" is written as name: value, without a spread`);
    assert.ok(ts.isIdentifier(property.name), `"${property.name.getText()}" is a plain name`);
    properties.set(property.name.text, property.initializer);
  }
  return properties;
}

function inlineObject(expression: ts.Expression | undefined, what: string): Map<string, ts.Expression> {
  assert.ok(expression && ts.isObjectLiteralExpression(expression), `${what} is an inline object`);
  return propertiesOf(expression);
}

function literal(expression: ts.Expression | undefined, what: string): Json {
  assert.ok(expression, `${what} is there`);
  if (ts.isStringLiteral(expression)) return expression.text;
  if (ts.isNumericLiteral(expression)) return Number(expression.text);
  if (expression.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (expression.kind === ts.SyntaxKind.FalseKeyword) return false;
  if (ts.isObjectLiteralExpression(expression) && expression.properties.length === 0) return {};
  if (ts.isArrayLiteralExpression(expression) && expression.elements.length === 0) return [];
  assert.fail(`${what} is a literal, not ${expression.getText()}`);
}

function definitionOf(type: string): Map<string, ts.Expression> {
  const [definition] = page(type).definitions;
  assert.ok(definition, `${type}.html registers a type`);
  return definition.properties;
}

const isConfig = (type: string): boolean => literal(definitionOf(type).get('category'), 'category') === 'config';

/* ---- catalogs ---- */

/** Texts by full key, such as `create-clip.label.camera`. */
function flatten(value: Json, prefix = ''): Map<string, string> {
  if (typeof value === 'string') return new Map([[prefix, value]]);
  const texts = new Map<string, string>();
  for (const [key, child] of Object.entries(asObject(value, prefix))) {
    for (const [path, text] of flatten(child, prefix === '' ? key : `${prefix}.${key}`)) texts.set(path, text);
  }
  return texts;
}

function catalog(set: string, lang = language): Map<string, string> {
  const folder = types.includes(set) ? 'nodes' : 'plugins';
  return flatten(readJson(folder, 'locales', lang, `${set}.json`));
}

/** What is filled in when a text is shown, and what must be written as it is. */
const fillings = (text: string): string[] => (text.match(/__[a-z]+__|\{\w+\}|https?:\/\/[\w./:-]*/gi) ?? []).sort();

/** Words that another language may share with English: names, units, technical terms, and what it says the same way. */
const international = new Set([
  'Node',
  'Manifest',
  ...['API', 'DELETE', 'GB', 'GET', 'HTTP Basic', 'MB', 'MiB', '% ·  MB/s', 'MiB ·  MB/s', 'Proxy', 'TLS', 'Token'],
  ...['clip', 'clips', 'Europe', 'Instant', 'Name', 'offline', 'online', 'pixels', 'Region'],
]);

/** Node-RED itself keeps the names of nodes in some languages. */
function isTranslated(path: string, text: string, original: string): boolean {
  const words = text.replace(/__[a-z]+__/gi, '').trim();
  return text !== original || path.endsWith('.label.node') || international.has(words) || !/[a-z]{2}/i.test(words);
}

/** What is the same in every language: tags but for those inside of sentences, properties, code. */
function skeleton(help: string): Record<string, string[]> {
  return {
    // Whichever way their lines are broken.
    tags: (help.replace(/<\/?(?:b|i|code)>/g, '').match(/<[^>]*>/g) ?? []).map((tag) =>
      tag.replace(/\s+/g, ' ').replace(' >', '>'),
    ),
    properties: [...help.matchAll(/<dt[^>]*>([^<]*)/g)].map(([, name = '']) => name.trim()),
    emphasis: (help.match(/<[bi]>/g) ?? []).sort(),
    code: (help.match(/<code>[^<]*/g) ?? []).sort(),
  };
}

/** A key as it is written in one node's HTML, as `<node>:<key>`. */
function fullKey(type: string, key: string): string {
  if (!key.includes(':')) return `${type}:${key}`;
  const [namespace = '', path = ''] = key.split(':');
  assert.ok(namespace.startsWith(`${packageName}/`), `${key} is one of our own keys`);
  return `${namespace.slice(packageName.length + 1)}:${path}`;
}

interface Keys {
  written: string[];
  /** Fixed starts of keys that are put together. */
  started: string[];
}

function keysIn(type: string): Keys {
  const { template, program } = page(type);
  const drawn = [...template.matchAll(/data-i18n="([^"]*)"/g)]
    .flatMap(([, keys = '']) => keys.split(';'))
    .map((key) => fullKey(type, key.replace(/^\[[^\]]*\]/, '')));
  const { written, started } = keysInScript(type, program);
  return { written: [...drawn, ...written], started };
}

function keysInScript(type: string, program: ts.SourceFile): Keys {
  const written: string[] = [];
  const started: string[] = [];
  for (const call of calls(program).filter((each) => calledName(each) === '_')) {
    const [key] = call.arguments;
    assert.ok(key, 'a translation has a key');
    const choices = ts.isConditionalExpression(key) ? [key.whenTrue, key.whenFalse] : [key];
    if (choices.every(ts.isStringLiteralLike)) written.push(...choices.map(({ text }) => fullKey(type, text)));
    else if (ts.isTemplateExpression(key) && key.head.text !== '') started.push(fullKey(type, key.head.text));
    else if (!isCatalogHelper(key))
      assert.fail(`${program.fileName}: the key of ${call.getText()} starts with fixed text`);
  }
  return { written, started };
}

function assertKnown({ written, started }: Keys): void {
  for (const key of written) {
    const [owner = '', path = ''] = key.split(':');
    assert.ok(catalog(owner).has(path), `${key} is in the catalog`);
  }
  for (const key of started) assert.ok(dynamicPrefixes.includes(key), `${key} is a known prefix`);
}

/** The one call inside of `const _ = (key, options) => RED._(`${CATALOG}:${key}`, options)`. */
function isCatalogHelper(key: ts.Expression): boolean {
  return key.getText() === '`${CATALOG}:${key}`';
}

/* ---- tests ---- */

describe('the package manifest', () => {
  it('has a scoped name, a license and a way to report bugs', () => {
    assert.equal(packageName, '@vms-nodes/node-red-video-clips');
    assert.ok(manifest.license && manifest.repository && manifest.bugs);
  });

  it('asks for the oldest Node.js and Node-RED that are supported', () => {
    assert.equal(asObject(manifest.engines, 'engines').node, '>=22.9');
    assert.equal(nodeRed.version, '>=4.0.0');
  });

  it('names each node set like its file', () => {
    for (const [set, file] of Object.entries(nodeSets)) assert.equal(file, `dist/nodes/${set}.js`);
  });

  it('lists every node that has an HTML file', () => {
    const stems = globSync('nodes/*.html', { cwd: root }).map((path) => basename(path, '.html'));
    assert.deepEqual(stems.sort(), [...types].sort());
  });

  it('puts the connection first, because the other dialogs use its script', () => {
    assert.equal(types[0], 'clip-provider');
  });

  it('needs at most six packages to run', () => {
    assert.ok(Object.keys(asObject(manifest.dependencies ?? {}, 'dependencies')).length <= 6);
  });

  it('can be found by keywords, each given once', () => {
    const keywords = manifest.keywords;
    assert.ok(Array.isArray(keywords));
    assert.equal(new Set(keywords).size, keywords.length);
    for (const word of ['video', 'clip', 'mp4']) assert.ok(keywords.includes(word), word);
  });

  it('ships what is built and the examples', () => {
    const files = manifest.files;
    assert.ok(Array.isArray(files) && files.includes('dist') && files.includes('examples'));
  });
});

for (const type of types) {
  describe(`the editor side of ${type}`, () => {
    it('registers exactly its own type', () => {
      assert.deepEqual(
        page(type).definitions.map((definition) => definition.type),
        [type],
      );
    });

    it('uses the one script tag that the scorecard reads', () => {
      for (const tag of page(type).tags) assert.equal(tag, '<script type="text/javascript">');
      assert.match(page(type).html, new RegExp(`<script type="text/html" data-template-name="${type}">`));
    });

    it('saves exactly the properties of the contract, with its defaults', () => {
      const expected = contract[type];
      assert.ok(expected, `${type} has a contract`);
      const actual: JsonObject = {};
      for (const [name, property] of inlineObject(definitionOf(type).get('defaults'), 'defaults')) {
        actual[name] = literal(inlineObject(property, name).get('value'), `value of ${name}`);
      }
      assert.deepEqual(actual, { ...common, ...expected });
    });

    it('refers to the right types of config node', () => {
      const actual: Record<string, Json> = {};
      for (const [name, property] of inlineObject(definitionOf(type).get('defaults'), 'defaults')) {
        const referred = inlineObject(property, name).get('type');
        if (referred) actual[name] = literal(referred, `type of ${name}`);
      }
      assert.deepEqual(actual, references[type] ?? {});
    });

    it('has a control, with a label, for every property', () => {
      const { template } = page(type);
      const prefix = isConfig(type) ? 'node-config-input' : 'node-input';
      const labels = new Set([...template.matchAll(/<label\s[^>]*for="([^"]*)"/g)].map(([, id]) => id));
      const controls = [...template.matchAll(/<(?:input|select)\s[^>]*>/g)].map(([tag]) => ({
        id: /id="([^"]*)"/.exec(tag)?.[1] ?? '',
        hidden: tag.includes('type="hidden"'),
      }));
      for (const { id, hidden } of controls) assert.ok(hidden || labels.has(id), `${id} has a label`);
      const ids = new Set(controls.map(({ id }) => id));
      for (const label of labels) assert.ok(label && ids.has(label), `the label for ${label} has a control`);
      for (const name of Object.keys(contract[type] ?? {})) {
        assert.ok(drawn.has(name) || ids.has(`${prefix}-${name}`), `${name} can be edited`);
      }
    });

    it('has no text of its own, only keys', () => {
      assert.equal(
        page(type)
          .template.replace(/<[^>]*>/g, '')
          .trim(),
        '',
      );
      assert.doesNotMatch(page(type).template, /\b(?:placeholder|title|aria-label)="/);
    });

    it('uses only keys that its catalog has', () => {
      const keys = keysIn(type);
      assert.ok(keys.written.length > 0);
      assertKnown(keys);
    });

    it('has help in the house order', () => {
      const help = read('nodes', 'locales', language, `${type}.html`);
      assert.match(help, new RegExp(`^<script type="text/html" data-help-name="${type}">\\s*<p>[^<]+</p>`));
      const headings = [...help.matchAll(/<h3>([^<]*)<\/h3>/g)].map(([, text]) => text);
      const isSource = ports[type]?.inputs === 0;
      const working = [...(isSource ? [] : ['Inputs']), 'Outputs', 'Details', 'References'];
      assert.deepEqual(headings, isConfig(type) ? working.slice(-2) : working);
    });
  });

  for (const lang of languages) {
    it(`the help of ${type} names every control of its dialog in ${lang}`, () => {
      const help = read('nodes', 'locales', lang, `${type}.html`);
      const named = [...help.matchAll(/<b\s*>([^<]*)<\/b\s*>/g)].map(([, text = '']) =>
        text.replace(/\s+/g, ' ').trim(),
      );
      const labels = [...catalog(type, lang)].filter(([path]) => path.startsWith('label.') && !plain.has(path));
      for (const [path, label] of labels) assert.ok(named.includes(label), `${path}: ${label}`);
    });
  }

  describe(`the catalog of ${type}`, () => {
    it('has no text that nothing uses', () => {
      const shared = sharedScripts.flatMap(({ owner, program }) => (owner ? keysInScript(owner, program).written : []));
      const used = new Set([...types.flatMap((each) => keysIn(each).written), ...shared]);
      const runtime = sources.map((path) => read(path)).join('\n');
      for (const path of catalog(type).keys()) {
        const key = `${type}:${path}`;
        const found =
          used.has(key) || runtime.includes(path) || dynamicPrefixes.some((prefix) => key.startsWith(prefix));
        assert.ok(found, `${key} is used`);
      }
    });

    for (const lang of languages) {
      it(`keeps statuses shorter than 20 characters in ${lang}`, () => {
        for (const [path, text] of catalog(type, lang)) {
          if (!path.startsWith(`${type}.status.`)) continue;
          // The longest time, the longest number; what a reason takes is measured by itself.
          const shown = text
            .replace('__time__', '23:59:59')
            .replace('__reason__', '')
            .replace(/__[a-z]+__/gi, '9999');
          assert.ok(shown.length <= 21, `${path}: ${shown}`);
        }
      });

      it(`says of times that are filled in that they are UTC, in ${lang}`, () => {
        for (const [path, text] of catalog(type, lang)) {
          if (text.includes('{date}')) assert.match(text, /UTC.*\{localDate\}/, path);
        }
      });

      it(`keeps reasons shorter than 21 characters in ${lang}`, () => {
        for (const [path, text] of catalog(type, lang)) {
          if (path.startsWith(`${type}.reason.`)) assert.ok(text.length < 21, `${path}: ${text}`);
        }
      });
    }
  });
}

/** The English of our providers' fields, which stands in their definitions, by the keys of the catalogs. */
function providerTexts(): [path: string, text: string][] {
  const texts: [string, string | undefined][] = providers.flatMap(({ id, eventKinds = [], ...provider }) => [
    ...eventKinds.map(({ value, label }): [string, string] => [`kinds.${id}.${value}`, label]),
    ...[...provider.settings, ...provider.clipOptions].flatMap((field): [string, string | undefined][] => [
      [`providers.${id}.${field.name}`, field.label],
      [`hints.${id}.${field.name}`, field.hint],
      ...(field.kind === 'select' ? field.choices : []).map(({ value, label }): [string, string] => [
        `choices.${id}.${field.name}.${value || 'unset'}`,
        label,
      ]),
    ]),
    ...Object.entries(provider.credentials).flatMap(([slot, { label, hint }]): [string, string | undefined][] => [
      [`credentials.${id}.${slot}`, label],
      [`credentialHints.${id}.${slot}`, hint],
    ]),
  ]);
  return texts.filter((entry): entry is [string, string] => entry[1] !== undefined);
}

describe('the translations', () => {
  const plugins = Object.keys(asObject(nodeRed.plugins, 'node-red.plugins'));

  it('are in the same languages everywhere', () => {
    for (const folder of ['nodes', 'plugins']) {
      assert.deepEqual(readdirSync(join(root, folder, 'locales')).sort(), [...languages].sort());
    }
  });

  for (const set of [...types, ...plugins]) {
    it(`${set} has no empty text`, () => {
      for (const [path, text] of catalog(set)) assert.notEqual(text.trim(), '', path);
    });
  }

  for (const lang of translations) {
    for (const set of [...types, ...plugins]) {
      it(`${set} has every text in ${lang}, with what is filled in`, () => {
        const english = new Map([...catalog(set), ...(set === 'clip-provider' ? providerTexts() : [])]);
        const translated = catalog(set, lang);
        assert.deepEqual([...translated.keys()].sort(), [...english.keys()].sort());
        for (const [path, text] of translated) {
          const original = english.get(path) ?? '';
          assert.notEqual(text.trim(), '', path);
          assert.ok(isTranslated(path, text, original), `${path} is translated: ${text}`);
          assert.deepEqual(fillings(text), fillings(original), path);
        }
      });
    }

    for (const type of types) {
      it(`${type} has the same help in ${lang}`, () => {
        const help = read('nodes', 'locales', lang, `${type}.html`);
        assert.deepEqual(skeleton(help), skeleton(read('nodes', 'locales', language, `${type}.html`)));
      });
    }
  }
});

describe('the scripts and styles that dialogs share', () => {
  it('are all there, and all loaded: the editor would wait for ever for a missing script', () => {
    const ours = [...sharedScripts.map(({ path }) => path), ...sheets];
    const addresses = ours.map((path) => path.replace('editor/', `resources/${packageName}/`));
    assert.deepEqual([...new Set(loaded)].sort(), addresses.sort());
  });

  it('are shipped', () => {
    assert.ok(Array.isArray(manifest.files) && manifest.files.includes('resources'));
  });

  for (const { path, text, program, owner } of sharedScripts) {
    it(`${path} is one short, strict function that leaves nothing but RED.videoClips behind`, () => {
      const [statement, ...more] = program.statements;
      assert.ok(statement && ts.isExpressionStatement(statement) && ts.isCallExpression(statement.expression));
      assert.equal(more.length, 0);
      assert.match(statement.getText(), /^\(function \(\) \{\s*'use strict';/);
      const assigned = [...text.matchAll(/\b(?:RED|window|globalThis)\.\w+(?=\s*(?:\?\?|\|\|)?=[^=])/g)].map(
        ([name]) => name,
      );
      for (const name of assigned) assert.equal(name, 'RED.videoClips');
      assert.ok(text.split('\n').length < 250);
    });

    it(`${path} uses only keys that the catalog has`, () => {
      const keyCalls = calls(program).filter((call) => calledName(call) === '_');
      assert.ok(owner !== undefined || keyCalls.length === 0, 'a script with texts says of which catalog');
      if (owner !== undefined) assertKnown(keysInScript(owner, program));
    });
  }

  for (const path of sheets) {
    it(`${path} takes colours only from the theme, and keeps to our own elements`, () => {
      const css = read(path).replace(/\/\*[\s\S]*?\*\//g, '');
      for (const [, property = '', value = ''] of css.matchAll(/([a-z-]+):\s*([^;{}]+);/g)) {
        if (!/color|background|border|outline|shadow|fill|stroke/.test(property)) continue;
        const rest = value.replace(/var\(--red-ui-[a-z0-9-]+\)/g, '');
        assert.match(
          rest,
          /^(?:-?[\d.]+(?:px|em|%)?|none|inherit|transparent|currentcolor|solid|dashed|inset|\s)*$/,
          value,
        );
      }
      for (const [, selectors = ''] of css.matchAll(/([^{}]+)\{/g)) {
        if (selectors.trim().startsWith('@media')) continue;
        for (const selector of selectors.split(',')) assert.match(selector.trim(), /^\.video-clips\b/);
      }
    });
  }

  it('leave no style in the pages', () => {
    for (const path of find('{nodes,plugins}/*.html')) assert.doesNotMatch(read(path), /<style/);
  });
});

describe('the working nodes', () => {
  const working = types.filter((type) => !isConfig(type));

  it('share one category and one colour', () => {
    for (const type of working) {
      assert.equal(literal(definitionOf(type).get('category'), 'category'), 'video clips');
      assert.equal(literal(definitionOf(type).get('color'), 'color'), '#C7D2D9');
    }
  });

  for (const type of working) {
    it(`${type} has its inputs and outputs, with names`, () => {
      const definition = definitionOf(type);
      const inputs = literal(definition.get('inputs'), 'inputs');
      const outputs = literal(definition.get('outputs'), 'outputs');
      assert.deepEqual({ inputs, outputs }, ports[type]);
      assert.ok(definition.has('inputLabels') && definition.has('outputLabels') && definition.has('paletteLabel'));
    });

    it(`${type} has an icon: SVG, two to three, at least 40x60, white on transparent`, () => {
      const icon = asText(literal(definitionOf(type).get('icon'), 'icon'), 'icon');
      assert.ok(existsSync(join(root, 'icons', icon)), icon);
      const svg = read('icons', icon);
      const size = /^<svg\s[^>]*width="(\d+)"\s+height="(\d+)"\s+viewBox="0 0 (\d+) (\d+)"/.exec(svg);
      assert.ok(size, `${icon} is SVG with a size`);
      const [width = 0, height = 0] = size.slice(1).map(Number);
      assert.ok(width >= 40 && height >= 60 && width * 3 === height * 2, `${icon} is ${width}x${height}`);
      for (const [, paint] of svg.matchAll(/(?:fill|stroke)="([^"]*)"/g)) assert.match(paint ?? '', /^(?:none|#fff)$/);
    });
  }

  it('use icons that no other node uses, and leave none unused', () => {
    const used = working.map((type) => literal(definitionOf(type).get('icon'), 'icon'));
    assert.equal(new Set(used).size, used.length);
    assert.deepEqual(globSync('*', { cwd: join(root, 'icons') }).sort(), [...used].sort());
  });
});

describe('the connection', () => {
  it('has the three fixed credential slots, of which only the user name is shown', () => {
    const credentials = inlineObject(definitionOf('clip-provider').get('credentials'), 'credentials');
    const kinds = [...credentials].map(([name, slot]) => [name, literal(inlineObject(slot, name).get('type'), name)]);
    assert.deepEqual(Object.fromEntries(kinds), { username: 'text', password: 'password', token: 'password' });
  });
});

describe('the examples', () => {
  const files = globSync('examples/**/*.json', { cwd: root });
  const older = coreTypesOf('node_modules/node-red-4/node_modules/@node-red/nodes');
  /** What Node-RED 4 and 5 both bring. */
  const coreTypes = new Set([...coreTypesOf('node_modules/@node-red/nodes')].filter((type) => older.has(type)));

  const dashboardTypes = ['global-config', 'ui-base', 'ui-theme', 'ui-page', 'ui-group', 'ui-template'];

  function coreTypesOf(folder: string): Set<string> {
    const html = globSync('core/**/*.html', { cwd: join(root, folder) }).map((path) => read(folder, path));
    const names = html.flatMap((text) => [...text.matchAll(/registerType\(\s*['"]([^'"]+)['"]/g)]);
    return new Set(names.map(([, name = '']) => name));
  }

  function nodesIn(file: string): JsonObject[] {
    const flow = readJson(file);
    assert.ok(Array.isArray(flow), `${file} is a flow`);
    return flow.map((node) => asObject(node, file));
  }

  it('have ids of their own, so that the editor imports one after the other without a question', () => {
    const ids = files.flatMap(nodesIn).map(({ id }) => asText(id, 'id'));
    assert.equal(new Set(ids).size, ids.length);
  });

  it('show every node', () => {
    const shown = new Set(files.flatMap(nodesIn).map((node) => node.type));
    for (const type of types) assert.ok(shown.has(type), type);
  });

  for (const file of files) {
    describe(basename(file, '.json'), () => {
      it('needs no other package, or says which one', () => {
        const nodes = nodesIn(file);
        const needed = Object.keys(
          asObject(nodes.find(({ type }) => type === 'global-config')?.modules ?? {}, 'modules'),
        );
        const others = needed.includes('@flowfuse/node-red-dashboard') ? dashboardTypes : [];
        for (const { type } of nodes) {
          const name = asText(type, 'type');
          const known = ['tab', 'group', ...types, ...others].includes(name) || coreTypes.has(name);
          assert.ok(known, name);
        }
      });

      it('explains itself where the editor looks first: in the information of its tab', () => {
        const tabs = nodesIn(file).filter(({ type }) => type === 'tab');
        assert.deepEqual([tabs.length, tabs[0]?.label], [1, basename(file, '.json').replace(/^\d+ - /, '')]);
        assert.match(asText(tabs[0]?.info, 'info'), /Before the first run/);
      });

      it('waits as long for the footage as the dialog says', () => {
        for (const { type, settle } of nodesIn(file))
          if (type && contract[String(type)]?.settle) assert.equal(settle, 5);
      });

      it('asks no broker before it was told which one', () => {
        for (const { type, d } of nodesIn(file)) if (type === 'mqtt in') assert.equal(d, true);
      });

      it('has ids of 16 hex digits, each once, and wires that lead somewhere', () => {
        const nodes = nodesIn(file);
        const ids = nodes.map(({ id }) => asText(id, 'id'));
        for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/);
        assert.equal(new Set(ids).size, ids.length);
        for (const { wires, z, connection } of nodes) {
          const targets = Array.isArray(wires) ? wires.flat(2) : [];
          for (const id of [...targets, z, connection]) assert.ok(!id || ids.includes(asText(id, 'reference')));
        }
      });

      it('sets only properties that the nodes have, and no credentials', () => {
        const position = ['id', 'type', 'z', 'g', 'd', 'x', 'y', 'wires', 'info', 'l'];
        for (const node of nodesIn(file)) {
          assert.ok(!('credentials' in node));
          const properties = contract[asText(node.type, 'type')];
          if (!properties) continue;
          const known = new Set([...position, ...Object.keys(common), ...Object.keys(properties)]);
          for (const name of Object.keys(node)) assert.ok(known.has(name), `${String(node.type)}: ${name}`);
          for (const name of Object.keys(properties)) assert.ok(name in node, `${String(node.type)}: ${name} is set`);
        }
      });
    });
  }
});

describe('the sources', () => {
  it('hold no links: one named like an ignored folder takes its place on checkout', () => {
    const entries = execFileSync('git', ['ls-files', '--stage'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
    assert.ok(entries.length > 100);
    assert.deepEqual(entries.filter((entry) => entry.startsWith('120000')), []); // prettier-ignore
  });

  for (const [library, owner] of Object.entries(soleImporters)) {
    it(`load ${library} only in ${owner}`, () => {
      const imports = new RegExp(`(?:from|import|require)\\s*\\(?\\s*['"]${library}(?:/[^'"]*)?['"]`);
      const importers = sources.filter((path) => path !== owner && imports.test(read(path)));
      assert.deepEqual(importers, []);
    });
  }
});
