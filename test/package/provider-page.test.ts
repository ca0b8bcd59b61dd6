// Builds the provider that the page on writing one shows, from its text alone, and lets it work in a real Node-RED.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clip } from '../../lib/provider';
import { startToy, toyLogin, type ToyRecorder } from '../simulators/toy';
import { openDebugSidebar } from '../support/debug-sidebar';
import { packageRoot } from '../support/package';
import { startRuntime, type Runtime } from '../support/runtime';

const page = readFileSync(join(packageRoot, 'docs', 'provider.md'), 'utf8');
const longestMs = 60_000;

/** The first block of code below a heading. */
function blockBelow(heading: string): string {
  const below = page.slice(page.indexOf(`\n## ${heading}`));
  return /```\w+\n([\s\S]*?)```/.exec(below)![1]!;
}

const files = {
  'package.json': blockBelow('1. '),
  'index.js': blockBelow('2. '),
  'provider.js': blockBelow('3. '),
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
