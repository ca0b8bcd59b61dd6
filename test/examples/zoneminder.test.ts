// Runs the example for ZoneMinder in a real Node-RED: by its button, and by the request that ZoneMinder would send.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Clip } from '../../lib/provider';
import { exampleUser, startZoneMinder, type ZoneMinder } from '../simulators/zoneminder';
import { openDebugSidebar, type DebugSidebar } from '../support/debug-sidebar';
import { findNode, readExample, type FlowNode } from '../support/examples';
import { startRuntime, type Runtime } from '../support/runtime';

const longestMs = 30_000;

describe('the example for ZoneMinder', function () {
  this.timeout(longestMs);
  let sim: ZoneMinder;
  let runtime: Runtime;
  let sidebar: DebugSidebar;
  let flow: FlowNode[];

  before(async function () {
    this.timeout(120_000);
    sim = await startZoneMinder();
    // Recording since a minute ago, for as long as the test may take.
    sim.addEvent({ startMs: Math.floor(Date.now() / 1000) * 1000 - 60_000, seconds: 600, state: 'running', secondBytes: 300_000 });
    const quicker: Record<string, Record<string, unknown>> = {
      'poll-clip': { interval: 0.2, maxInterval: 0.2 },
      'create-clip': { before: 5, after: 1, settle: 0 },
      'clip-provider': { settings: { url: sim.url } },
    };
    flow = (await readExample('13 - ZoneMinder motion to MP4.json')).map((node) => ({ ...node, ...quicker[node.type] }));
    const { id } = findNode(flow, 'clip-provider');
    const { name: username, password } = exampleUser;
    runtime = await startRuntime({ flow, credentials: { [id]: { username, password } }, source: 'link' });
    sidebar = await openDebugSidebar(runtime.url);
  });
  after(async () => {
    sidebar?.close();
    await runtime?.close();
    await sim?.close();
    assert.deepEqual(sim.errors, []);
  });

  /** The file that the debug node shows next; a failure that comes instead is told. */
  async function saved(): Promise<void> {
    const debug = (name: string): Promise<unknown> => sidebar.next(findNode(flow, 'debug', name).id, longestMs);
    const failed = debug('Failed').then((error) => assert.fail(JSON.stringify(error)));
    failed.catch(() => undefined);
    const { clip, filename } = (await Promise.race([debug('Video'), failed])) as { clip: Clip; filename: string };
    assert.equal(clip.file?.sha256, createHash('sha256').update(await readFile(filename)).digest('hex'));
    assert.deepEqual(clip.file?.problems, []);
    assert.match(relative(runtime.userDir, filename), /^clips.Gate.[\dTZ-]+\.mp4$/);
  }

  it('saves the video of an event that is still being recorded when its button is pressed', async () => {
    await runtime.inject(findNode(flow, 'inject').id);
    await saved();
  });

  it('does so for a request with the number of a monitor, and refuses others', async () => {
    const post = (body: string): Promise<Response> =>
      fetch(`${runtime.url}/zoneminder/motion`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
      });
    assert.equal((await post('monitor=')).status, 400);
    assert.equal((await post('monitor=Gate')).status, 400);
    assert.equal((await post('monitor=1')).status, 202);
    await saved();
  });
});
