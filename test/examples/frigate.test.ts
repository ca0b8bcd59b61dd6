/** Runs the examples for Frigate in one Node-RED: each is set off, its videos must arrive, and nothing may stay behind. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Clip } from '../../lib/provider';
import { startFrigate, type Frigate } from '../simulators/frigate';
import { openDebugSidebar, type DebugSidebar } from '../support/debug-sidebar';
import { eventually } from '../support/eventually';
import { examplesOf, findNode, nodesOf, type FlowNode } from '../support/examples';
import { startRuntime, type Runtime } from '../support/runtime';

const longestMs = 30_000;
const titles = { event: 'Frigate event to MP4', night: 'Frigate by night', own: 'Events to MP4' };
/** Frigate has the recording of what has just happened after some time. */
const recordedMs = 90_000;

interface Saved {
  clip: Clip;
  filename: string;
}

describe('the examples for Frigate', function () {
  this.timeout(longestMs);
  let sim: Frigate;
  let runtime: Runtime;
  let sidebar: DebugSidebar;
  let all: FlowNode[];

  before(async function () {
    this.timeout(120_000);
    sim = await startFrigate();
    const polled = { interval: 0.1 };
    all = (await examplesOf('frigate')).map((node) => ({ ...node, ...(node.type === 'poll-clip' ? polled : {}) }));
    for (const node of all.filter(({ type }) => type === 'clip-provider')) Object.assign(node, { settings: { url: sim.url } });
    Object.assign(findNode(all, 'clip-events'), { interval: 0.5 });
    const night = all.find(({ label }) => label === titles.night)!;
    const variables = { FROM: '17:00', TO: '17:01' };
    assert.deepEqual((night.env as { name: string }[]).map(({ name }) => name), Object.keys(variables));
    night.env = Object.entries(variables).map(([name, value]) => ({ name, value, type: 'str' }));
    runtime = await startRuntime({ flow: all, source: 'link' });
    sidebar = await openDebugSidebar(runtime.url);
  });
  after(async () => {
    sidebar?.close();
    await runtime?.close();
    await sim?.close();
    assert.deepEqual(sim.errors, []);
  });

  /** What the debug node shows next; a failure that comes instead is told. */
  async function shown(title: string, name: string, withinMs = longestMs): Promise<Saved> {
    const debug = (which: string): Promise<unknown> =>
      sidebar.next(findNode(nodesOf(all, title), 'debug', which).id, withinMs);
    const failed = debug('Failed').then((error) => assert.fail(`${title}: ${JSON.stringify(error)}`));
    failed.catch(() => undefined);
    return (await Promise.race([debug(name), failed])) as Saved;
  }

  const press = (title: string, properties?: Record<string, unknown>): Promise<void> =>
    runtime.inject(findNode(nodesOf(all, title), 'inject').id, properties);

  async function assertSaved({ clip, filename }: Saved): Promise<void> {
    const bytes = await readFile(filename);
    assert.equal(clip.file?.sha256, createHash('sha256').update(bytes).digest('hex'));
    assert.deepEqual(clip.file?.problems, []);
    // Frigate never cleans up by itself.
    await eventually(() => assert.ok(sim.exports.find(({ id }) => id === clip.id)?.isDeleted));
  }

  it('event: takes the times of the message as they come, and cleans up', async () => {
    const from = Date.now() / 1000;
    await press(titles.event);
    const saved = await shown(titles.event, 'Video');
    const to = Date.now() / 1000;
    await assertSaved(saved);
    assert.match(relative(runtime.userDir, saved.filename), /^clips.front_door.[\dTZ-]+\.mp4$/);
    const { start, end, title } = saved.clip;
    assert.equal(title, 'person');
    // Five seconds more on each side, and whole seconds around them.
    const isBetween = (time: string, agoSeconds: number): boolean => {
      const seconds = Date.parse(time) / 1000 + agoSeconds;
      return seconds >= from - 1.5 && seconds <= to + 1.5;
    };
    assert.ok(isBetween(start, 65) && isBetween(end, 48), `${start} to ${end}`);
  });

  it('event: lets other messages pass', async () => {
    const made = sim.exports.length;
    const after = { camera: 'front_door', label: 'cat', start_time: Date.now() / 1000 - 60.5, end_time: null };
    await press(titles.event, { payload: { type: 'update', after: { ...after, has_clip: true } } });
    await press(titles.event, { payload: { type: 'end', after: { ...after, has_clip: false } } });
    const end = { ...after, end_time: Date.now() / 1000 - 40.25, has_clip: true };
    await press(titles.event, { payload: { type: 'end', after: end } });
    await assertSaved(await shown(titles.event, 'Video'));
    assert.equal(sim.exports.length, made + 1);
  });

  it('event: gets from a broker what its button sends', () => {
    const flow = nodesOf(all, titles.event);
    const [events, button] = [findNode(flow, 'mqtt in'), findNode(flow, 'inject')];
    assert.deepEqual(events.wires, button.wires);
    assert.deepEqual([events.topic, events.datatype], ['frigate/events', 'json']);
  });

  it('by night: saves each camera, and leaves nothing behind', async () => {
    await press(titles.night);
    const saved = [await shown(titles.night, 'File'), await shown(titles.night, 'File')];
    for (const each of saved) await assertSaved(each);
    const names = saved.map(({ filename }) => relative(runtime.userDir, filename).replaceAll('\\', '/'));
    assert.deepEqual(names.map((name) => name.split('/')[2]).sort(), ['front_door', 'garden']);
    for (const name of names) assert.match(name, /^archive\/\d{4}-\d\d-\d\d\/\w+\/[\d-]+\.mp4$/);
  });

  it('own events: makes a file of what Frigate has seen, with every node as it comes', async function () {
    this.timeout(recordedMs);
    const state = await sidebar.next(findNode(nodesOf(all, titles.own), 'debug', 'State').id, longestMs);
    assert.equal((state as { state: string }).state, 'connected');
    const { id } = sim.see({ start: sim.now() - 12_000, end: sim.now() });
    const { clip, filename } = await shown(titles.own, 'Video', recordedMs);
    assert.equal(clip.ref?.event, id);
    assert.equal(clip.file?.sha256, createHash('sha256').update(await readFile(filename)).digest('hex'));
    assert.match(relative(runtime.userDir, filename), /^front_door.[\dTZ-]+\.mp4$/);
  });
});
