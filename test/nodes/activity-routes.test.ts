/** What the sidebar asks of a real Node-RED, while it makes clips. */
import assert from 'node:assert/strict';
import { access, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActivityRow } from '../../lib/node-red/activity/row';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { demoCameras } from '../support/examples';
import { startRuntime, type Runtime } from '../support/runtime';

const login = { username: 'nodered', password: 's3cret' };
const camera = '6917529027641081901/2';

function flowFor(url: string): Record<string, unknown>[] {
  const at = { z: 'tab', x: 100, y: 100 };
  const create = {
    type: 'create-clip',
    connection: 'sense',
    camera,
    cameraType: 'str',
    range: 'around',
    time: 'at',
    timeType: 'msg',
    before: 3,
    after: 0,
    settle: 0,
    title: 'Door',
  };
  return [
    { id: 'tab', type: 'tab', label: 'Clips' },
    { id: 'sense', type: 'clip-provider', name: 'Sense', provider: 'vdg-sense', settings: { url } },
    { ...at, id: 'inject', type: 'inject', props: [{ p: 'at', v: '', vt: 'date' }], wires: [['create']] },
    { ...at, ...create, id: 'create', wires: [['poll']] },
    { ...at, id: 'poll', type: 'poll-clip', interval: 0.1, maxInterval: 0.2, wires: [['download'], [], []] },
    { ...at, id: 'picky-alarm', type: 'inject', props: [{ p: 'at', v: '', vt: 'date' }], wires: [['picky-create']] },
    { ...at, ...create, id: 'picky-create', wires: [['picky-poll']] },
    { ...at, id: 'picky-poll', type: 'poll-clip', interval: 0.1, wires: [['picky'], [], []] },
    { ...at, id: 'picky', type: 'download-clip', filename: '{nonsense}.mp4', wires: [[], []] },
    { ...at, id: 'export-these', type: 'inject', props: [], wires: [['export']] },
    {
      ...{ ...at, id: 'export', type: 'export-video', connection: 'sense', cameras: 'cameras', camerasType: 'msg' },
      ...{ start: 'start', startType: 'msg', end: 'end', endType: 'msg', folder: 'exports/{id}', folderType: 'str' },
      ...{ settle: 0, wires: [[], [], []] },
    },
    { ...at, id: 'forged', type: 'inject', props: [], wires: [['poll-only']] },
    { ...at, id: 'poll-only', type: 'poll-clip', interval: 0.1, wires: [[], [], []] },
    { ...at, id: 'download', type: 'download-clip', filename: '{id}.mp4', thumbnail: true, wires: [[], []] },
  ];
}

describe('the list of work of a running Node-RED', function () {
  this.timeout(120_000);
  let sim: VdgSense;
  let runtime: Runtime;
  const alarm = (): Promise<void> => runtime.inject('inject', { at: Date.now() - 60_000, secret: 'of the message' });

  before(async () => {
    sim = await startVdgSense({ users: [login], devices: demoCameras(), queue: { makeMs: 50 } });
    runtime = await startRuntime({ source: 'link', flow: flowFor(sim.url), credentials: { sense: login } });
  });
  after(async () => {
    await runtime?.close();
    await sim?.close();
  });
  afterEach(async () => {
    await runtime.admin('/video-clips/activity', { method: 'DELETE' });
  });

  async function rows(): Promise<ActivityRow[]> {
    const response = await runtime.admin('/video-clips/activity');
    return ((await response.json()) as { rows: ActivityRow[] }).rows;
  }

  async function only(stage: string, isReady: (row: ActivityRow) => boolean = () => true): Promise<ActivityRow> {
    let found: ActivityRow[] = [];
    await eventually(async () => {
      found = await rows();
      assert.deepEqual(
        found.map((row) => row.stage),
        [stage],
      );
      return isReady(found[0]!);
    });
    return found[0]!;
  }

  const act = (row: ActivityRow, action: string): Promise<Response> =>
    runtime.admin(`/video-clips/activity/${row.id}/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });

  async function ticketFor(row: ActivityRow): Promise<string> {
    return ((await (await act(row, 'ticket')).json()) as { ticket: string }).ticket;
  }

  it('follows a clip until its file, which can be played in parts', async () => {
    await alarm();
    const row = await only('saved', ({ file }) => file !== undefined);
    assert.deepEqual(
      [row.camera, row.connectionName, row.title, row.node, row.isRunning],
      [camera, 'Sense', 'Door', 'download', false],
    );
    const content = await readFile(row.file!.path);
    const media = `${runtime.url}/video-clips/media/${await ticketFor(row)}/0`;
    const part = await fetch(media, { headers: { range: 'bytes=4-7' } });
    assert.deepEqual([part.status, await part.text()], [206, 'ftyp']);
    assert.deepEqual(Buffer.from(await (await fetch(media)).arrayBuffer()), content);
    const picture = await fetch(`${media}/picture`);
    assert.equal(picture.headers.get('content-type'), 'image/jpeg');
    assert.deepEqual([...Buffer.from(await picture.arrayBuffer()).subarray(0, 2)], [0xff, 0xd8]);
  });

  it('shows nothing of the message or of the login', async () => {
    await alarm();
    await only('saved');
    const text = await (await runtime.admin('/video-clips/activity')).text();
    for (const secret of ['of the message', login.password, login.username]) assert.ok(!text.includes(secret), secret);
  });

  it('gives no other file than that of the job', async () => {
    await alarm();
    const row = await only('saved', ({ file }) => file !== undefined);
    const ticket = await ticketFor(row);
    await writeFile(row.file!.path, 'another file');
    assert.equal((await fetch(`${runtime.url}/video-clips/media/${ticket}/0`)).status, 404);
    for (const guess of ['settings.js', '..%2F..%2Fsettings.js', row.id, encodeURIComponent(row.file!.path)]) {
      assert.equal((await fetch(`${runtime.url}/video-clips/media/${guess}/0`)).status, 404, guess);
      assert.equal((await fetch(`${runtime.url}/video-clips/media/${ticket}/${guess}`)).status, 404, guess);
    }
    await assert.rejects(act({ ...row, id: 'nobody' }, 'ticket'), /HTTP 404/);
  });

  it('gives no file that a message tells of', async () => {
    await alarm();
    const { start, end } = await only('saved');
    const { id } = sim.clips.at(-1)!;
    const clip = { id, connection: 'sense', provider: 'vdg-sense', camera, start, end, status: 'pending' };
    await runtime.admin('/video-clips/activity', { method: 'DELETE' });
    const file = { path: '/etc/passwd', thumbnail: '/etc/passwd', size: 1, sha256: '', gaps: [], problems: [] };
    await runtime.inject('forged', { clip: { ...clip, file } });
    const row = await only('ready');
    assert.equal(row.file, undefined);
    await assert.rejects(runtime.admin(`/video-clips/activity/${row.id}/files`), /HTTP 404/);
    await assert.rejects(act(row, 'ticket'), /HTTP 404/);
  });

  it('does what it is told only by JSON, which no page of another site can send', async () => {
    await alarm();
    const row = await only('saved', ({ file }) => file !== undefined);
    const types = [
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data',
      'text/plain;application/json',
    ];
    for (const action of ['ticket', 'retry', 'cancel', 'files/0/delete']) {
      for (const type of [undefined, ...types]) {
        const response = await fetch(`${runtime.url}/video-clips/activity/${row.id}/${action}`, {
          method: 'POST',
          headers: type === undefined ? {} : { 'content-type': type },
        });
        assert.equal(response.status, 415, `${action} ${type}`);
      }
    }
  });

  interface Found {
    files: { id: number; path: string; state: string; camera?: string; cameraName?: string }[];
    folder?: string;
    manifest?: string;
  }
  const filesOf = async (row: ActivityRow): Promise<Found> =>
    (await (await runtime.admin(`/video-clips/activity/${row.id}/files`)).json()) as Found;

  it('has each file of an export, with its camera, the folder and the manifest', async () => {
    const start = Date.now() - 70_000;
    await runtime.inject('export-these', { cameras: [camera, '6917529027641081901/4'], start, end: start + 4000 });
    const row = await only('saved', ({ file }) => file !== undefined);
    assert.deepEqual([row.file?.count, row.cameras], [2, 2]);
    const { files, folder, manifest } = await filesOf(row);
    assert.deepEqual(
      files.map(({ camera, state }) => [camera, state]),
      [
        [camera, 'there'],
        ['6917529027641081901/4', 'there'],
      ],
    );
    assert.deepEqual([folder, manifest], [row.file?.path, join(folder!, 'manifest.json')]);
    const media = `${runtime.url}/video-clips/media/${await ticketFor(row)}`;
    for (const { id, path } of files) {
      assert.deepEqual(
        Buffer.from(await (await fetch(`${media}/${id}`)).arrayBuffer()),
        await readFile(path),
        String(id),
      );
    }
    await act(row, 'files/0/delete');
    assert.deepEqual(
      (await filesOf(row)).files.map(({ id }) => id),
      [1],
    );
    await assert.rejects(access(files[0]!.path));
    await access(files[1]!.path);
  });

  it('removes a file with its row and its picture, when it is told to', async () => {
    await alarm();
    const row = await only('saved', ({ file }) => file !== undefined);
    const pictures = join(runtime.userDir, 'video-clips', 'pictures');
    // Where there is none beside the video, one is made.
    await rm(row.file!.path.replace(/mp4$/, 'jpg'));
    await fetch(`${runtime.url}/video-clips/media/${await ticketFor(row)}/0/picture`);
    const { length } = await readdir(pictures);
    assert.equal((await act(row, 'files/0/delete')).status, 204);
    await assert.rejects(access(row.file!.path));
    await eventually(async () => assert.equal((await readdir(pictures)).length, length - 1));
    await eventually(async () => assert.deepEqual(await rows(), []));
    await assert.rejects(act(row, 'files/0/delete'), /HTTP 404/);
  });

  it('removes no file that is not as we have written it', async () => {
    await alarm();
    const row = await only('saved', ({ file }) => file !== undefined);
    await writeFile(row.file!.path, 'mine');
    assert.deepEqual(await (await act(row, 'files/0/delete')).json(), { state: 'changed' });
    assert.equal(await readFile(row.file!.path, 'utf8'), 'mine');
    assert.equal((await filesOf(row)).files[0]?.state, 'changed');
  });

  describe('of messages that are refused', () => {
    it('has a row for each reason, however often it comes', async () => {
      const clip = {
        id: 'x',
        connection: 'sense',
        provider: 'vdg-sense',
        camera,
        status: 'pending',
        start: '2026-01-02T08:00:00',
      };
      for (let count = 0; count < 3; count += 1) await runtime.inject('forged', { clip });
      const row = await only('failed', ({ canRetry }) => canRetry);
      assert.equal(row.error?.code, 'EINVALID');
      assert.match(row.error?.message ?? '', /msg\.clip\.start needs a zone/);
      assert.deepEqual(
        [row.camera, row.connectionName, row.isRunning, row.node],
        [camera, 'Sense', false, 'poll-only'],
      );
    });

    it('goes on in the row of their clip, which is not ready any more', async () => {
      await runtime.inject('picky-alarm', { at: Date.now() - 60_000 });
      const row = await only('failed');
      assert.deepEqual([row.camera, row.title, row.node], [camera, 'Door', 'picky']);
      assert.match(row.error?.message ?? '', /\{nonsense\} is unknown/);
    });
  });

  it('cancels what is running, here and at the server', async () => {
    sim.options.queue.makeMs = Infinity;
    try {
      await alarm();
      const row = await only('polling');
      await act(row, 'cancel');
      const cancelled = await only('cancelled');
      assert.deepEqual(cancelled.error, { code: 'EABORTED', message: 'Cancelled in the sidebar' });
      assert.ok(sim.requestsFor('deleteClip').length > 0);
      await assert.rejects(act(row, 'cancel'), /HTTP 404/);
    } finally {
      sim.options.queue.makeMs = 50;
    }
  });

  it('tries again what has failed, in the same row', async () => {
    sim.options.queue.makeMs = Infinity;
    await alarm();
    await act(await only('polling'), 'cancel');
    const failed = await only('cancelled', ({ canRetry }) => canRetry);
    sim.options.queue.makeMs = 50;
    await act(failed, 'retry');
    // Asked for at the node that failed: its clip is gone from the server, and is made once more.
    const row = await only('saved');
    assert.equal(row.id, failed.id);
    await assert.rejects(act(row, 'retry'), /HTTP 404/);
  });

  it('knows after a restart what was, with the files that are still there', async () => {
    await alarm();
    const kept = await only('saved', ({ file }) => file !== undefined);
    await alarm();
    await eventually(async () => assert.equal((await rows()).filter(({ file }) => file).length, 2));
    const gone = (await rows()).find(({ id }) => id !== kept.id)!;
    await runtime.inject('forged', { clip: { id: 'x' } });
    await eventually(async () => assert.equal((await rows()).length, 3));
    await runtime.stop();
    await rm(gone.file!.path);
    await runtime.start();
    const [saved, failed, ...more] = await rows();
    assert.deepEqual(more, []);
    assert.deepEqual({ ...saved, updatedAt: 0 }, { ...kept, updatedAt: 0 });
    assert.deepEqual([failed?.stage, failed?.error?.code, failed?.canRetry], ['failed', 'EINVALID', false]);
    const media = await fetch(`${runtime.url}/video-clips/media/${await ticketFor(kept)}/0`);
    assert.deepEqual(Buffer.from(await media.arrayBuffer()), await readFile(kept.file!.path));
    assert.equal((await stat(join(runtime.userDir, 'video-clips', 'activity.jsonl'))).mode & 0o777, 0o600);
  });

  it('knows after a restart what goes on', async () => {
    sim.options.queue.makeMs = Infinity;
    await alarm();
    const before = await only('polling');
    await runtime.stop();
    await runtime.start();
    const after = await only('polling');
    assert.deepEqual([after.camera, after.start, after.title], [before.camera, before.start, before.title]);
    await act(after, 'cancel');
    await only('cancelled');
    sim.options.queue.makeMs = 50;
  });
});
