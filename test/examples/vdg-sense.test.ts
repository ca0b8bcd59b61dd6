/** The examples for VDG Sense, all in one Node-RED as in the demo: each is set off, and its videos must arrive. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Clip } from '../../lib/provider';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { sha256Of } from '../simulators/video';
import { openDebugSidebar, type DebugSidebar } from '../support/debug-sidebar';
import { eventually } from '../support/eventually';
import { connectTo, demoCameras, examplesOf, findNode, nodesOf, type FlowNode } from '../support/examples';
import { infoOf } from '../support/ffmpeg';
import { startRuntime, type Runtime } from '../support/runtime';

const longestMs = 30_000;
const login = { username: 'nodered', password: 's3cret' };
const [dock, empty, yard] = ['6917529027641081901/2', '6917529027641081901/3', '6917529027641081901/4'];
const gate = '6917529027641081902/2';

interface Saved {
  clip: Clip;
  filename: string;
}

interface Export {
  cameras: { camera: string; start: string; end: string; status: string; path: string }[];
  folder: string;
  manifest: string;
}

/** What makes people wait is short here: short clips of what is past, asked for at once. */
const hasty: Record<string, object> = {
  'create-clip': { before: 2, after: 0, settle: 0 },
  'poll-clip': { interval: 0.1 },
  'export-video': { settle: 0 },
  delay: { timeout: '50', timeoutUnits: 'milliseconds' },
};

describe('the examples for VDG Sense', function () {
  this.timeout(longestMs);
  let sim: VdgSense;
  let runtime: Runtime;
  let sidebar: DebugSidebar;
  let all: FlowNode[];
  /** Clips with this title are not finished until it is cleared. */
  let held = '';

  before(async function () {
    this.timeout(120_000);
    const makeMs = ({ description }: { description: string }): number => (description === held ? Infinity : 0);
    sim = await startVdgSense({ users: [login], devices: demoCameras(), queue: { makeMs } });
    const { flow, credentials } = connectTo(await examplesOf('vdg-sense'), sim.url, login);
    all = flow.map((node) => ({ ...node, ...hasty[node.type] }));
    // Its clip is to end in a minute, so that there is time to press the button.
    Object.assign(findNode(nodesOf(all, 'Cancel'), 'create-clip'), { after: 60 });
    Object.assign(findNode(nodesOf(all, 'Retry and failures'), 'poll-clip'), { timeout: 0.3 });
    const archive = all.find(({ type, label }) => type === 'tab' && label === 'Nightly archive')!;
    const variables = { FROM: '17:00', TO: '17:01' };
    assert.deepEqual((archive.env as { name: string }[]).map(({ name }) => name), Object.keys(variables));
    archive.env = Object.entries(variables).map(([name, value]) => ({ name, value, type: 'str' }));
    runtime = await startRuntime({ flow: all, credentials, source: 'link' });
    sidebar = await openDebugSidebar(runtime.url);
  });
  after(async () => {
    sidebar?.close();
    await runtime?.close();
    await sim?.close();
  });

  const press = (title: string, button: string, properties?: Record<string, unknown>): Promise<void> =>
    runtime.inject(findNode(nodesOf(all, title), 'inject', button).id, properties);

  /** What the debug node shows next; whatever the one for failures shows instead is a failure. */
  async function shown(title: string, name: string): Promise<unknown> {
    const flow = nodesOf(all, title);
    const waiting = [sidebar.next(findNode(flow, 'debug', name).id, longestMs)];
    if (name !== 'Failed' && flow.some((node) => node.type === 'debug' && node.name === 'Failed')) {
      const failed = sidebar.next(findNode(flow, 'debug', 'Failed').id, longestMs);
      waiting.push(failed.then((error) => assert.fail(`${title}: ${JSON.stringify(error)}`)));
    }
    for (const each of waiting) each.catch(() => undefined);
    return Promise.race(waiting);
  }

  async function assertSaved({ clip, filename }: Saved): Promise<void> {
    assert.match(relative(runtime.userDir, filename), /^clips.\d+_\d.[\dTZ-]+\.mp4$/);
    const sha256 = createHash('sha256')
      .update(await readFile(filename))
      .digest('hex');
    assert.equal(sha256, await sha256Of(await sim.mediaOf(clip.id)));
    assert.deepEqual([clip.file?.sha256, clip.file?.problems], [sha256, []]);
  }

  it('MQTT alarm to e-mail: makes a small file and a picture, ready to be sent', async () => {
    await press('MQTT alarm to e-mail', 'Without a broker');
    const mail = (await shown('MQTT alarm to e-mail', 'E-mail')) as Saved & Record<string, unknown>;
    const { file } = mail.clip;
    const { codec, height } = await infoOf(mail.filename);
    assert.deepEqual([codec, height, file?.codec], ['h264', 360, 'h264']);
    assert.ok((await stat(mail.filename)).size <= 8_000_000);
    assert.deepEqual(mail.attachments, [{ path: mail.filename }, { path: file?.thumbnail }]);
    assert.ok((await stat(String(file?.thumbnail))).size > 0);
    assert.match(String(mail.topic), /^Alarm at /);
    assert.match(String(mail.payload), /^Video from \d{4}-.*Z, \d+ kB\.$/);
  });

  it('MQTT alarm to e-mail: gets from a broker what its button sends', () => {
    const flow = nodesOf(all, 'MQTT alarm to e-mail');
    const [alarms, button] = [findNode(flow, 'mqtt in'), findNode(flow, 'inject')];
    assert.deepEqual(alarms.wires, button.wires);
    assert.deepEqual([alarms.topic, alarms.datatype], ['alarms/+', 'json']);
    assert.ok(all.some(({ id, type }) => id === alarms.broker && type === 'mqtt-broker'));
  });

  it('HTTP webhook to MP4: answers at once, and the video comes', async () => {
    const request = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const time = new Date(Date.now() - 60_000).toISOString();
    const body = JSON.stringify({ camera: dock, time });
    const response = await fetch(`${runtime.url}/clips`, { ...request, body });
    assert.deepEqual([response.status, await response.json()], [202, { accepted: true }]);
    const saved = (await shown('HTTP webhook to MP4', 'Video')) as Saved;
    await assertSaved(saved);
    assert.equal(saved.clip.end, time);

    const refused = await fetch(`${runtime.url}/clips`, { ...request, body: '{}' });
    assert.deepEqual([refused.status, await refused.json()], [400, { error: 'camera is missing' }]);
  });

  it('Several cameras at once: gives a list in their order, with the reason where one failed', async () => {
    await press('Several cameras at once', 'Alarm', { payload: [dock, empty, gate] });
    const list = (await shown('Several cameras at once', 'Videos')) as string[];
    assert.equal(list.length, 3);
    assert.match(list[0]!, /6917529027641081901_2.[\dTZ-]+\.mp4$/);
    assert.match(list[1]!, /^6917529027641081901\/3: There is no recording of camera 6917529027641081901\/3/);
    assert.match(list[2]!, /6917529027641081902_2.[\dTZ-]+\.mp4$/);
    assert.equal(list[0]!.slice(-24), list[2]!.slice(-24), 'the same moment');
  });

  it('Several cameras at once: the cameras of its button have videos', async () => {
    await press('Several cameras at once', 'Alarm');
    const list = (await shown('Several cameras at once', 'Videos')) as string[];
    assert.deepEqual([list.length, list.every((path) => path.endsWith('.mp4'))], [2, true]);
  });

  it('Retry and failures: starts again with the same range, and gets the video', async () => {
    held = 'Retry';
    await press('Retry and failures', 'Alarm');
    const asked = (): unknown[] => sim.requestsFor('addClip').filter(({ query }) => query.get('description') === 'Retry');
    await eventually(() => asked().length >= 2, longestMs);
    held = '';
    const saved = (await shown('Retry and failures', 'Video')) as Saved & { attempt: number };
    await assertSaved(saved);
    assert.ok(saved.attempt >= 2);
    assert.equal(sim.clips.filter(({ description }) => description === 'Retry').length, 1);
  });

  it('Retry and failures: gives up where there is no footage', async () => {
    await press('Retry and failures', 'Alarm without footage');
    const error = (await shown('Retry and failures', 'Gave up')) as { code: string };
    assert.equal(error.code, 'ENOFOOTAGE');
  });

  it('Check now and then: keeps the clip until it is finished, then forgets it', async () => {
    const title = 'Check now and then';
    held = 'Checked now and then';
    const kept = async (): Promise<string[]> => {
      const tab = findNode(nodesOf(all, title), 'comment').z as string;
      const response = await runtime.admin(`/context/flow/${tab}/clips`);
      const { msg = '{}' } = (await response.json()) as { msg?: string };
      return Object.keys(JSON.parse(msg) as object);
    };
    await press(title, 'Alarm');
    await eventually(async () => (await kept()).length === 1, longestMs);
    await press(title, 'Every minute');
    const polls = sim.requestsFor('getClips').length;
    await eventually(() => sim.requestsFor('getClips').length > polls, longestMs);
    assert.equal((await kept()).length, 1);
    held = '';
    const video = shown(title, 'Video') as Promise<Saved>;
    await press(title, 'Every minute');
    await assertSaved(await video);
    assert.deepEqual(await kept(), []);
  });

  it('Incident of three cameras: gives a file of each, with a manifest', async () => {
    const before = Date.now();
    await press('Incident of three cameras', 'Incident');
    const { cameras, folder, manifest } = (await shown('Incident of three cameras', 'Files')) as Export;
    assert.deepEqual(
      cameras.map(({ camera, status }) => [camera, status]),
      [dock, gate, yard].map((camera) => [camera, 'finished']),
    );
    assert.match(relative(runtime.userDir, folder), /^incidents.[\dTZ-]+$/);
    for (const { path, start, end } of cameras) {
      assert.equal(dirname(path), folder);
      const { duration = 0 } = await infoOf(path);
      assert.ok(Math.abs(duration - 120) < 1, `${duration} s`);
      // Each end is read from the clock by itself.
      assert.ok(Math.abs(Date.parse(end) - Date.parse(start) - 120_000) < 1000);
      assert.ok(Date.parse(end) >= before - 1000);
    }
    assert.ok((await readFile(manifest, 'utf8')).includes(cameras[0]!.camera));
  });

  it('Nightly archive: exports the hours of yesterday', async () => {
    await press('Nightly archive', 'At half past two');
    const { cameras, folder } = (await shown('Nightly archive', 'Files')) as Export;
    const yesterday = new Date();
    yesterday.setDate(yesterday.getDate() - 1);
    const [start, end] = [new Date(yesterday.setHours(17, 0, 0, 0)), new Date(yesterday.setHours(17, 1, 0, 0))];
    assert.deepEqual(
      cameras.map((each) => [each.camera, each.start, each.end, each.status]),
      [dock, gate].map((camera) => [camera, start.toISOString(), end.toISOString(), 'finished']),
    );
    assert.equal(relative(runtime.userDir, folder), join('archive', start.toISOString().slice(0, 10)));
    assert.deepEqual(findNode(nodesOf(all, 'Nightly archive'), 'inject').crontab, '30 02 * * *');
  });

  it('Cancel: takes the alarm back', async () => {
    await press('Cancel', 'Alarm');
    const jobs = join(runtime.userDir, 'video-clips', 'jobs');
    await eventually(async () => (await readdir(jobs)).length > 0);
    const cancelled = shown('Cancel', 'Cancelled') as Promise<{ code: string }>;
    await press('Cancel', 'Cancel');
    assert.equal((await cancelled).code, 'EABORTED');
  });

  it('leave nothing behind, neither unfinished work nor trouble in the log', async () => {
    const jobs = join(runtime.userDir, 'video-clips', 'jobs');
    await eventually(async () => assert.deepEqual(await readdir(jobs), []));
    await runtime.stop();
    assert.deepEqual(runtime.problems(), []);
    assert.deepEqual(sim.errors, []);
  });
});
