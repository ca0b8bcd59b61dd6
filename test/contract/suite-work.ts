import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { providers } from '../../lib/providers';
import type { Harness } from './harness';
import {
  checkCameras,
  checkCheck,
  checkClip,
  done,
  failure,
  leaveOut,
  rejection,
  respectException,
  runCreate,
  runDownload,
  runPoll,
  useRig,
} from './rig';

const never = (): AbortSignal => new AbortController().signal;

/** What a provider is there for, and what it says when that is not possible. */
export function workSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  beforeEach(function () {
    respectException(this, rig().world);
  });

  it('creates, polls, downloads and deletes a clip', async function () {
    const { world, provider, connect, request, folder } = rig();
    const connection = connect();
    const asked = request();
    const made = (await done(runCreate(connection, asked))).clip!;
    checkClip(made);
    assert.equal(made.camera, world.camera);
    assert.deepEqual([made.connection, made.provider], ['connection', world.definition.id]);
    assert.ok(made.start <= asked.start && made.end >= asked.end, `${made.start} to ${made.end}`);

    const { clip } = await done(runPoll(connection, made));
    checkClip(clip);
    assert.deepEqual([clip.id, clip.status, clip.progress], [made.id, 'finished', 100]);

    const filename = join(folder, 'clip.mp4');
    const { file } = (await done(runDownload(connection, clip, filename))).clip;
    const bytes = readFileSync(filename);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    assert.equal(sha256, await world.sha256Of(clip.id));
    assert.deepEqual([file?.path, file?.size, file?.sha256], [filename, bytes.length, sha256]);
    assert.deepEqual([file?.problems, file?.gaps], [[], []]);
    assert.deepEqual(rig().files(), [filename]);

    if (!provider.deleteClip) {
      return void (await rejection(connection.deleteClip(clip, never()), world, 'EUNSUPPORTED'));
    }
    await connection.deleteClip(clip, never());
    await rejection(connection.openClip(clip, { offset: 0 }, never()), world, 'ENOTFOUND', 'EEXPIRED');
    const gone = await failure(runPoll(connection, clip));
    assert.equal(gone.code, 'EEXPIRED', gone.message);
  });

  it('carries a clip through JSON, as a message over MQTT does', async () => {
    const { connect, finishedClip, folder } = rig();
    const clip = await finishedClip(connect());
    const received = JSON.parse(JSON.stringify(clip)) as typeof clip;
    const { file } = (await done(runDownload(connect(), received, join(folder, 'clip.mp4')))).clip;
    assert.deepEqual(file?.problems, []);
  });

  it('lists the cameras, among them the one with footage', async function () {
    const { world, provider, connect } = rig();
    if (!provider.listCameras) leaveOut(this, 'the vendor has no list of cameras');
    const cameras = await connect().listCameras(never());
    checkCameras(cameras);
    assert.ok(
      cameras.some(({ id }) => id === world.camera),
      JSON.stringify(cameras),
    );
    assert.ok(!cameras.some(({ id }) => id === world.unknownCamera));
    for (const { id } of cameras) assert.equal(world.definition.cameraProblem?.(id), undefined);
  });

  it('names the camera of a clip, however its id was written', async function () {
    const { world, provider, connect, request } = rig();
    if (!provider.listCameras) leaveOut(this, 'the vendor has no list of cameras');
    const connection = connect();
    await connection.cameras.load();
    const listed = await connection.listCameras(never());
    const { name, aliases = [] } = listed.find(({ id }) => id === world.camera)!;
    for (const camera of [world.camera, ...aliases]) {
      const { clip } = await done(runCreate(connection, request({ camera })));
      assert.deepEqual([clip!.camera, clip!.cameraName], [camera, name]);
    }
  });

  for (const skewSeconds of [-31, 31, 3600]) {
    it(`notices a server whose clock is ${skewSeconds} s ahead of this computer`, async function () {
      const check = await rig()
        .connect(undefined, () => Date.now() - skewSeconds * 1000)
        .check(never());
      checkCheck(check);
      if (check.clockSkewMs === undefined && !providers.includes(rig().world.definition)) {
        leaveOut(this, 'a provider need not tell');
      }
      const offMs = Math.abs(check.clockSkewMs! - skewSeconds * 1000);
      // Servers tell whole seconds, and some when they began to answer.
      assert.ok(offMs < 5_000, `${check.clockSkewMs} ms`);
    });
  }

  it('checks the connection', async () => {
    const check = await rig().connect().check(never());
    checkCheck(check);
    assert.ok(check.clockSkewMs === undefined || Math.abs(check.clockSkewMs) < 10_000, String(check.clockSkewMs));
  });

  it('makes one clip of the same request by the same job, however often it is run', async () => {
    const { world, connect, request } = rig();
    const connection = connect();
    const first = (await done(runCreate(connection, request()))).clip!;
    assert.equal(world.clipCount(), 1);
    if (!world.definition.idempotentCreate) return;
    const second = (await done(runCreate(connection, request()))).clip!;
    assert.equal(second.id, first.id);
    assert.equal(world.clipCount(), 1);
  });

  it('says that a camera is not known', async () => {
    const { world, connect, request } = rig();
    const error = await rejection(done(runCreate(connect(), request({ camera: world.unknownCamera }))), world);
    assert.equal(error.code, 'ENOTFOUND', error.message);
    assert.equal(error.retryable, false);
    assert.ok(error.message.includes(world.unknownCamera), error.message);
    assert.equal(world.clipCount(), 0);
  });

  it('says that a clip is not there, and has nothing against deleting it', async () => {
    const { world, provider, connect, finishedClip } = rig();
    const connection = connect();
    const known = await finishedClip(connection);
    const stranger = { ...known, id: `${known.id.slice(0, -4)}0000` };
    await rejection(done(runDownload(connection, stranger, join(rig().folder, 'clip.mp4'))), world).then((error) =>
      assert.ok(['ENOTFOUND', 'EEXPIRED'].includes(error.code), `${error.code}: ${error.message}`),
    );
    const gone = await failure(runPoll(connection, stranger));
    assert.equal(gone.code, 'EEXPIRED', gone.message);
    if (provider.deleteClip) await connection.deleteClip(stranger, never());
    assert.deepEqual(rig().files(), []);
  });

  it('says that there is no footage, and leaves no file', async function () {
    const { world, connect, request, folder } = rig();
    if (!world.noFootage) leaveOut(this, 'the simulator has footage of all times');
    const connection = connect();
    const work = async (): Promise<unknown> => {
      const made = (await done(runCreate(connection, request(world.noFootage)))).clip!;
      const { clip } = await done(runPoll(connection, made));
      return done(runDownload(connection, clip, join(folder, 'clip.mp4')));
    };
    const error = await rejection(work(), world, 'ENOFOOTAGE', 'ENOTFOUND', 'EFAILED');
    assert.match(error.message, /footage|recording/i);
    assert.equal(error.retryable, false);
    assert.deepEqual(rig().files(), []);
  });

  it('says that a finished clip has vanished, and leaves no file', async () => {
    const { world, connect, finishedClip, folder } = rig();
    const connection = connect();
    const clip = await finishedClip(connection);
    world.vanish(clip.id);
    const error = await failure(runDownload(connection, clip, join(folder, 'clip.mp4')));
    assert.ok(['EEXPIRED', 'ENOTFOUND'].includes(error.code), `${error.code}: ${error.message}`);
    assert.deepEqual(rig().files(), []);
  });
}
