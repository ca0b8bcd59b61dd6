import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message } from '../../lib/node-red/node-red';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { infoOf, realFfmpeg } from '../support/ffmpeg';
import { withFlow, type Flow } from '../support/flows';
import { describeWithRedis, startRedis } from '../support/redis';
import { credentials, dock } from '../support/sense-flow';

const gate = '6917529027641081902/2';
/** Two clips and a half of VDG Sense. */
const range = { start: '2025-03-01T08:00:00.000Z', end: '2025-03-01T08:12:30.000Z' };
const short = { start: '2025-03-01T08:00:00.000Z', end: '2025-03-01T08:00:04.000Z' };

interface Shown {
  id: string;
  status: string;
  progress: number;
  folder: string;
  manifest?: string;
  cameras: { camera: string; status: string; path?: string; error?: { code: string } }[];
}
const shown = (message: Message): Shown => message.export as Shown;
const codeOf = (message: Message): string => (message.error as { code: string }).code;

describe('export-video', () => {
  realFfmpeg();
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense({ queue: { makeMs: 0 } });
  });
  afterEach(() => sim.close());

  function exportFlow(properties: Record<string, unknown> = {}, wires = [['finished'], ['progress'], ['failed']]) {
    return [
      { id: 'sense', type: 'clip-provider', provider: 'vdg-sense', settings: { url: sim.url } },
      { id: 'export', type: 'export-video', connection: 'sense', settle: 0, wires, ...properties },
      ...['finished', 'progress', 'failed', 'caught', 'completed'].map((id) => ({ id, type: 'helper' })),
      { id: 'catcher', type: 'catch', scope: null, uncaught: false, wires: [['caught']] },
      { id: 'completer', type: 'complete', scope: ['export'], wires: [['completed']] },
    ];
  }
  const run = (test: (flow: Flow) => Promise<void>, properties = {}, settings = {}) =>
    withFlow(exportFlow(properties), test, { credentials, settings });

  const finished = (flow: Flow): Promise<Message> =>
    Promise.race([
      flow.next('finished'),
      ...['failed', 'caught'].map((id) =>
        flow.next(id).then((message) => assert.fail(`${id}: ${JSON.stringify(message.error)}`)),
      ),
    ]);
  const jobs = (flow: Flow): Promise<string[]> => readdir(join(flow.userDir, 'video-clips', 'jobs'));

  it('hands on one verified file per camera, and leaves everything else of the message alone', () =>
    run(async (flow) => {
      const cameras = [dock, { camera: gate, ...short }];
      flow.send('export', { cameras, ...range, payload: 'alarm', topic: 'door' });
      const message = await finished(flow);
      assert.deepEqual([message.payload, message.topic, message.filename], ['alarm', 'door', undefined]);
      const { status, progress, folder, manifest, cameras: done } = shown(message);
      assert.deepEqual([status, progress, folder], ['finished', 100, join(flow.userDir, 'exports', '2025-03-01')]);
      assert.deepEqual(done.map((each) => [each.camera, each.status]), [[dock, 'finished'], [gate, 'finished']]); // prettier-ignore
      const [long, brief] = await Promise.all(done.map((each) => infoOf(each.path!)));
      assert.ok(long!.whole && Math.abs(long!.duration! - 750) < 1, String(long!.duration));
      assert.ok(brief!.whole && Math.abs(brief!.duration! - 4) < 0.5, String(brief!.duration));
      assert.equal(sim.requestsFor('addClip').length, 4);
      assert.equal(sim.requestsFor('downloadClip').length, 4);
      const [file] = JSON.parse(await readFile(manifest!, 'utf8')).cameras[0].files;
      assert.equal(
        file.sha256,
        createHash('sha256')
          .update(await readFile(done[0]!.path!))
          .digest('hex'),
      );
      assert.deepEqual((await readdir(folder)).filter((name) => name.startsWith('.')), []); // prettier-ignore
      await flow.next('completed');
      await eventually(async () => assert.deepEqual(await jobs(flow), []));
      assert.equal(flow.statuses('export').at(-1)!.fill, 'green');
    }));

  it('tells how far it is by the second output', () =>
    run(async (flow) => {
      sim.options.queue.makeMs = 400;
      flow.send('export', { cameras: dock, ...range, payload: 'alarm' });
      const message = await flow.next('progress');
      assert.equal(message.payload, 'alarm');
      const { id, status, progress } = shown(message);
      assert.equal(status, 'busy');
      assert.ok(progress >= 0 && progress < 100);
      assert.equal(shown(await finished(flow)).id, id);
    }));

  it('sends failures by the third output, with all that is there', () =>
    run(async (flow) => {
      const firstClipEnd = Date.parse(range.start) + 250_000;
      sim.options.queue.fails = ({ start }) => (start < firstClipEnd ? 'the encoder broke' : undefined);
      flow.send('export', { cameras: dock, ...range });
      const message = await flow.next('failed');
      assert.equal(codeOf(message), 'EINCOMPLETE');
      assert.match((message.error as Error).message, /2025-03-01T08:00:00.000Z to 2025-03-01T08:04:10.000Z/);
      const [camera] = shown(message).cameras;
      assert.equal(camera!.error!.code, 'EINCOMPLETE');
      assert.ok(existsSync(camera!.path!) && existsSync(shown(message).manifest!));
      assert.equal(flow.received('caught').length, 0);
    })).timeout(60_000);

  it('raises failures where the third output is not wired, with the export in the message', () =>
    withFlow(
      exportFlow({}, [['finished'], ['progress'], []]),
      async (flow) => {
        flow.send('export', { cameras: '6917529027641081901/999', ...short });
        const message = await flow.next('caught');
        assert.equal(codeOf(message), 'ENOTFOUND');
        assert.equal(shown(message).cameras[0]!.error!.code, 'ENOTFOUND');
      },
      { credentials },
    ));

  it('cancels the one export that a message names, here and on the server', () =>
    run(async (flow) => {
      sim.options.queue.makeMs = Infinity;
      flow.send('export', { cameras: dock, ...range, number: 1 });
      const first = await flow.next('progress');
      flow.send('export', { cameras: gate, ...range, number: 2 });
      await eventually(() => sim.clips.length === 6);
      // A message may have come by a clip on its way.
      flow.send('export', { cancel: true, clip: { id: 'other' }, export: { id: shown(first).id } });
      const message = await flow.next('failed');
      assert.deepEqual([codeOf(message), message.number, shown(message).status], ['EABORTED', 1, 'failed']);
      await eventually(() => sim.clips.length === 3);
      assert.ok(sim.clips.every(({ serverid }) => gate.startsWith(serverid)));
      const { folder, id } = shown(first);
      assert.ok(!existsSync(join(folder, `.${id.slice(0, 8)}.parts`)));
      flow.send('export', { cancel: true });
      assert.equal((await flow.next('failed')).number, 2);
    }));

  it('goes on after a redeploy with what it has', () =>
    run(async (flow) => {
      sim.options.queue.makeMs = ({ start }) => (start === Date.parse(range.start) ? 0 : Infinity);
      flow.send('export', { cameras: dock, ...range, topic: 'kept' });
      await eventually(async () => {
        const [job] = await jobs(flow);
        const stored = JSON.parse(await readFile(join(flow.userDir, 'video-clips', 'jobs', job!), 'utf8'));
        const { parts } = stored.data.task.cameras[0];
        return Boolean(parts[0].file && parts[1].clip && parts[2].clip);
      });
      await flow.deploy(exportFlow());
      sim.options.queue.makeMs = 0;
      const message = await finished(flow);
      assert.equal(message.topic, 'kept');
      assert.equal(sim.requestsFor('addClip').length, 3);
      assert.equal(sim.requestsFor('downloadClip').length, 3);
    }));

  it('leaves nothing behind when it is deleted', () =>
    run(async (flow) => {
      sim.options.queue.makeMs = Infinity;
      flow.send('export', { cameras: dock, ...range });
      const { folder } = shown(await flow.next('progress'));
      await flow.deploy(exportFlow().filter(({ id }) => id !== 'export' && id !== 'completer'));
      await eventually(async () => assert.deepEqual(await readdir(folder), []));
      assert.deepEqual(await jobs(flow), []);
    }));

  it('leaves nothing behind when it is deleted while Node-RED is down', async () => {
    const userDir = await mkdtemp(join(tmpdir(), 'clips-user-'));
    try {
      sim.options.queue.makeMs = Infinity;
      let folder = '';
      await withFlow(
        exportFlow(),
        async (flow) => {
          flow.send('export', { cameras: dock, ...range });
          folder = shown(await flow.next('progress')).folder;
        },
        { credentials, userDir },
      );
      assert.equal((await readdir(folder)).length, 1);
      const others = exportFlow().filter(({ id }) => id !== 'export' && id !== 'completer');
      const nothingLeft = () => eventually(async () => assert.deepEqual(await readdir(folder), []));
      await withFlow(others, nothingLeft, { credentials, userDir });
    } finally {
      await rm(userDir, { recursive: true, force: true });
    }
  });

  it('waits until the footage exists', () =>
    run(
      async (flow) => {
        const end = Date.now() + 30_000;
        flow.send('export', { cameras: dock, start: end - 60_000, end });
        await eventually(() => flow.statuses('export').some(({ text }) => text?.includes('waitingUntil')));
        assert.deepEqual(sim.requests, []);
        assert.equal((await jobs(flow)).length, 1);
      },
      { settle: 5 },
    ));

  it('takes its values from the dialog, the flow and the environment', async () => {
    process.env.EXPORT_FOLDER = 'from/{provider}';
    try {
      await run(
        async (flow) => {
          flow.send('export', { site: { cameras: [dock] }, cameras: ['never asked'], payload: { from: range.start } });
          const { folder, cameras } = shown(await finished(flow));
          assert.equal(folder, join(flow.userDir, 'from', 'vdg-sense'));
          assert.equal(cameras[0]!.path, join(folder, '6917529027641081901_2', '2025-03-01T08-00-00Z.mp4'));
        },
        {
          cameras: 'site.cameras',
          start: 'payload.from',
          end: '$fromMillis($toMillis(payload.from) + 4000)',
          endType: 'jsonata',
          folder: '${EXPORT_FOLDER}',
          join: 'false',
        },
      );
    } finally {
      delete process.env.EXPORT_FOLDER;
    }
  });

  describe('starts nothing and says what is wrong', () => {
    const cases: [what: string, message: object, properties: object, code: string, text: RegExp][] = [
      ['without cameras', { cameras: [], ...range }, {}, 'EINVALID', /msg\.cameras is empty/],
      ['with a camera twice', { cameras: [dock, dock], ...range }, {}, 'EINVALID', /there twice/],
      ['with an id that no camera has', { cameras: ['front door'], ...range }, {}, 'EINVALID', /serverid\/deviceid/],
      ['without a range for one', { cameras: [{ camera: dock, ...range }, gate] }, {}, 'EINVALID', /msg\.start \(for camera .*902\/2\).*missing/],
      ['with a range that is backwards', { cameras: dock, start: range.end, end: range.start }, {}, 'EINVALID', /must be before/],
      ['with 400 days', { cameras: dock, start: '2024-01-01T00:00:00Z', end: '2025-02-04T00:00:00Z' }, {}, 'ELIMIT', /400 days long.*31 days/],
      ['with a folder that is left', { cameras: dock, ...range }, { folder: '../elsewhere' }, 'EINVALID', /leaves its folder/],
      ['with a placeholder that is not known', { cameras: dock, ...range }, { folder: '{nope}' }, 'EINVALID', /\{nope\} is unknown/],
      ['with a folder for each camera', { cameras: dock, ...range }, { folder: 'a/{camera}' }, 'EINVALID', /\{camera\} cannot be in the template/],
      ['without a folder', { cameras: dock, ...range }, { folder: 'nothing', folderType: 'msg' }, 'EINVALID', /msg\.nothing must be text/],
      ['with a file in place of the folder', { cameras: dock, ...range }, { folder: 'taken/inside' }, 'EINVALID', /part of the path is a file/],
    ]; // prettier-ignore
    for (const [what, message, properties, code, text] of cases) {
      it(what, () =>
        run(async (flow) => {
          await writeFile(join(flow.userDir, 'taken'), '');
          const before = await readdir(flow.userDir);
          flow.send('export', message);
          const { error } = await flow.next('failed');
          assert.equal((error as { code: string }).code, code, JSON.stringify(error));
          assert.match((error as Error).message, text);
          // What cannot be an id may be a name.
          assert.deepEqual(sim.requestsFor('addClip'), []);
          if (!what.includes('id that no camera')) assert.deepEqual(sim.requests, []);
          assert.deepEqual(await readdir(flow.userDir), before);
        }, properties),
      );
    }
  });

  it('never puts values of a template outside of the folder, and keeps files that are there', () =>
    run(async (flow) => {
      const folder = join(flow.userDir, 'exports', '2025-03-01');
      await mkdir(folder, { recursive: true });
      const name = '6917529027641081901_2 2025-03-01T08-00-00Z';
      await writeFile(join(folder, `${name}.mp4`), 'mine');
      flow.send('export', { cameras: dock, ...short });
      const { cameras } = shown(await finished(flow));
      assert.equal(cameras[0]!.path, join(folder, `${name}-1.mp4`));
      assert.equal(await readFile(join(folder, `${name}.mp4`), 'utf8'), 'mine');
    }));

  describe('to the storage of the video system', () => {
    const folder = 'E:\\Exports\\{date}';

    it('lets the server do it', () =>
      run(
        async (flow) => {
          flow.send('export', { cameras: [dock, { camera: gate, ...short }], ...range });
          const message = await finished(flow);
          const { status, progress, folder: path, cameras } = shown(message);
          assert.deepEqual([status, progress, path], ['finished', 100, 'E:\\Exports\\2025-03-01']);
          assert.deepEqual(cameras.map(({ camera }) => camera), [dock, gate]); // prettier-ignore
          assert.deepEqual([sim.exports[0]!.path, sim.exports[0]!.bandwidth], [path, 5000]);
          assert.equal(sim.requestsFor('addClip').length, 0);
        },
        { to: 'server', folder, bandwidth: 5000 },
      ));

    it('is not possible everywhere, which is told before anything else', () =>
      withFlow(
        exportFlow({ to: 'server' }).map((item) =>
          item.id === 'sense' ? { ...item, provider: 'kinesis-video', settings: { region: 'eu-west-1' } } : item,
        ),
        async (flow) => {
          flow.send('export', { cameras: 'stream', ...range });
          const message = await flow.next('failed');
          assert.equal(codeOf(message), 'EUNSUPPORTED');
        },
        { credentials: {} },
      ));
  });
});

describeWithRedis('export-video with jobs that are shared', () => {
  realFfmpeg();

  it('hands on its files, and leaves nothing behind', async () => {
    const [sim, redis] = await Promise.all([startVdgSense({ queue: { makeMs: 0 } }), startRedis()]);
    try {
      const flow = [
        { id: 'sense', type: 'clip-provider', provider: 'vdg-sense', settings: { url: sim.url } },
        { id: 'export', type: 'export-video', connection: 'sense', settle: 0, wires: [['finished'], [], ['failed']] },
        { id: 'finished', type: 'helper' },
        { id: 'failed', type: 'helper' },
      ];
      const settings = { clipProviderJobs: { redis: redis.url } };
      await withFlow(
        flow,
        async ({ send, next, received }) => {
          send('export', { cameras: dock, ...range });
          const { cameras } = shown(await next('finished'));
          assert.ok((await infoOf(cameras[0]!.path!)).whole);
          assert.deepEqual(received('failed'), []);
        },
        { credentials, settings },
      );
    } finally {
      await Promise.all([sim.close(), redis.close()]);
    }
  });
});
