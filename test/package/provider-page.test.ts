// Builds the provider that the page on writing one shows, from its text alone, and lets it work in a real Node-RED.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import type { Clip } from '../../lib/provider';
import { startToy, toyLogin, type ToyRecorder } from '../simulators/toy';
import { openDebugSidebar } from '../support/debug-sidebar';
import { packageRoot } from '../support/package';
import { startRuntime, type Runtime } from '../support/runtime';

const page = readFileSync(join(packageRoot, 'docs', 'provider.md'), 'utf8');
const longestMs = 60_000;

/** Blocks of code below a heading. */
function blocksBelow(heading: string): string[] {
  const [below = ''] = page.slice(page.indexOf(`\n## ${heading}`) + 1).split(/\n## /);
  return [...below.matchAll(/```\w+\n([\s\S]*?)```/g)].map(([, code = '']) => code);
}

const files = {
  'package.json': blocksBelow('1. ')[0]!,
  'index.js': blocksBelow('2. ')[0]!,
  'provider.js': blocksBelow('3. ')[0]!,
};

function flowFor(url: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const shown = { type: 'debug', active: true, tosidebar: true, complete: 'true' };
  return [
    { id: 'tab', type: 'tab', label: 'Toy' },
    { id: 'connection', type: 'clip-provider', provider: 'toy', settings: { url } },
    { ...place, id: 'go', type: 'inject', props: [], wires: [['create']] },
    {
      ...place,
      id: 'create',
      type: 'create-clip',
      connection: 'connection',
      before: 5,
      after: 0,
      settle: 0,
      wires: [['poll']],
    },
    { ...place, id: 'poll', type: 'poll-clip', interval: 0.1, maxInterval: 0.1, wires: [['download'], [], ['failed']] },
    { ...place, id: 'download', type: 'download-clip', filename: 'toy/{cameraName}.mp4', wires: [['video'], []] },
    { ...place, id: 'catch', type: 'catch', scope: null, wires: [['failed']] },
    { ...place, ...shown, id: 'video' },
    { ...place, ...shown, id: 'failed' },
  ];
}

describe('the provider of the page on writing one', function () {
  this.timeout(longestMs);
  let folder: string;
  let toy: ToyRecorder;
  let runtime: Runtime;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'clips-toy-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    toy = await startToy();
    const credentials = { connection: toyLogin };
    runtime = await startRuntime({ flow: flowFor(toy.server.url), credentials, source: 'link', plugins: [folder] });
  });
  after(async () => {
    await runtime?.close();
    await toy?.server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('has less than 150 lines', () => {
    assert.ok(Object.values(files).join('').split('\n').length < 150);
  });

  it('brings clips here, by a name of a camera, too, and logs in again when its session has ended', async () => {
    const sidebar = await openDebugSidebar(runtime.url);
    try {
      const failed = sidebar.next('failed', longestMs).then((error) => assert.fail(JSON.stringify(error)));
      failed.catch(() => undefined);
      for (const [camera, name] of [
        ['1', 'Door'],
        ['Yard', 'Yard'],
      ]) {
        // prettier-ignore
        await runtime.inject('go', { camera });
        const { clip } = (await Promise.race([sidebar.next('video', longestMs / 2), failed])) as { clip: Clip };
        assert.deepEqual([clip.cameraName, clip.status, clip.file?.problems], [name, 'finished', []]);
        toy.endSessions();
      }
    } finally {
      sidebar.close();
    }
    assert.equal(toy.server.requests.filter(({ path }) => path === '/login').length, 2);
    assert.deepEqual([runtime.problems(), toy.server.errors], [[], []]);
  });
});

describe('the provider of the page on writing one, in TypeScript', function () {
  this.timeout(2 * longestMs);
  const [config = '', index = '', provider = ''] = blocksBelow('The same in TypeScript');
  const rows = page.slice(page.indexOf('| type ')).split('\n\n')[0]!.split('\n');
  const names = [
    ...rows
      .map((row) => row.split('|')[1])
      .join()
      .matchAll(/`(\w+)/g),
  ].map(([, name]) => name);
  const from = '@vms-nodes/node-red-video-clips/provider';
  const sources = {
    'index.ts': index,
    'provider.ts': provider,
    'names.ts': `export type { ${names.join(', ')} } from '${from}';`,
  };
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'clips-toy-ts-'));
    for (const [name, target] of [
      ['@vms-nodes/node-red-video-clips', packageRoot],
      ['@types/node', join(packageRoot, 'node_modules', '@types', 'node')],
    ] as const) {
      const link = join(folder, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(target, link, 'junction');
    }
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'package.json'), files['package.json']);
    for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, 'src', name), text);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('compiles with all strict checks, and registers what it defines; the types of its table are there', () => {
    assert.ok(names.length > 8);
    const { compilerOptions } = JSON.parse(config) as { compilerOptions: object };
    const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, folder);
    assert.equal(options.strict, true);
    // The types of Node.js and of the language are not ours to check.
    const host = { ...ts.createCompilerHost(options), getCurrentDirectory: () => folder };
    const paths = Object.keys(sources).map((name) => join(folder, 'src', name));
    const program = ts.createProgram(paths, { ...options, skipLibCheck: true }, host);
    const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
    assert.deepEqual(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')), []); // prettier-ignore

    const registered: unknown[] = [];
    const plugins = { registerPlugin: (...given: unknown[]) => void registered.push(...given) };
    const load = createRequire(join(folder, 'package.json')) as (path: string) => (RED: object) => void;
    load('./dist/index.js')({ plugins });
    const [name, { type, definition }] = registered as [string, { type: string; definition: { id: string } }];
    assert.deepEqual([name, type, definition.id], ['clips-toy-key', 'clip-provider', 'toy-key']);
  });
});
