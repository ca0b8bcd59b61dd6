import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Connection } from '../../lib/connection/connection';
import type { ErrorCode } from '../../lib/errors';
import type { Clip } from '../../lib/provider';
import { startServer } from '../simulators/http-server';
import { eventually } from '../support/eventually';
import type { Harness, Step, World } from './harness';
import {
  checkError,
  downloadOnce,
  expectNoSecret,
  failure,
  inTime,
  leaveOut,
  rejection,
  respectException,
  runDownload,
  useRig,
  type Rig,
} from './rig';

const never = (): AbortSignal => new AbortController().signal;
const steps = ['login', 'create', 'status', 'download', 'delete', 'cameras'] satisfies Step[];

/** What one step of the way asks the vendor for. */
function request(rig: Rig, connection: Connection, clip: Clip, step: Step, signal = never()): Promise<unknown> {
  if (step === 'login') return connection.check(signal);
  if (step === 'cameras') return connection.listCameras(signal);
  if (step === 'create') return connection.createClip(rig.request(), signal);
  if (step === 'status') return connection.pollClip(clip, 10, signal);
  if (step === 'delete') return connection.deleteClip(clip, signal);
  return downloadOnce(connection, clip, join(rig.folder, 'clip.mp4'), { signal });
}

function leaveOutWhereMissing(context: Mocha.Context, { provider, world }: Rig, step: Step): void {
  if (step === 'login' && !world.expireSessions) leaveOut(context, 'there is no login: the key goes with each request');
  if (step === 'delete' && !provider.deleteClip) leaveOut(context, 'the vendor does not delete clips');
  if (step === 'cameras' && !provider.listCameras) leaveOut(context, 'the vendor has no list of cameras');
}

/** Aborts, broken transfers and servers that point elsewhere. */
export function troubleSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  beforeEach(function () {
    respectException(this, rig().world);
  });

  for (const step of steps) {
    it(`lets go of ${step} as soon as it is cancelled`, async function () {
      const { world, connect, finishedClip } = rig();
      leaveOutWhereMissing(this, rig(), step);
      const clip = await finishedClip(connect());
      const connection = connect();
      if (step !== 'login') await connection.check(never());
      const asked = world.requestsFor(step).length;
      world.hang(step);
      const stop = new AbortController();
      const cancelled = rejection(request(rig(), connection, clip, step, stop.signal), world, 'EABORTED');
      await eventually(() => world.requestsFor(step).length > asked);
      const open = world.openConnections?.();
      stop.abort();
      await cancelled;
      // Rounds of polling and logins are shared: they end with the connection, not with one of those who wait for them.
      if (step === 'login' || step === 'status') await inTime(connection.close());
      if (open !== undefined) await eventually(() => world.openConnections!() < open);
      assert.deepEqual(rig().files(), []);
    });

    it(`lets go of ${step} as soon as the connection is closed`, async function () {
      const { world, connect, finishedClip } = rig();
      leaveOutWhereMissing(this, rig(), step);
      const first = connect();
      const clip = await finishedClip(first);
      await first.close();
      const connection = connect();
      if (step !== 'login') await connection.check(never());
      const asked = world.requestsFor(step).length;
      world.hang(step);
      const cancelled = rejection(request(rig(), connection, clip, step), world, 'EABORTED');
      await eventually(() => world.requestsFor(step).length > asked);
      const closed = connection.close();
      await cancelled;
      await inTime(closed);
      if (world.openConnections) await eventually(() => world.openConnections!() === 0);
      assert.deepEqual(rig().files(), []);
    });
  }

  it('sends nothing for a caller who has left already', async () => {
    const { world, connect, finishedClip } = rig();
    const connection = connect();
    const clip = await finishedClip(connection);
    const sent = world.requests().length;
    for (const step of steps) {
      const work = request(rig(), connection, clip, step, AbortSignal.abort());
      await rejection(work, world, 'EABORTED', 'EUNSUPPORTED');
    }
    assert.equal(world.requests().length, sent);
  });

  it('ends a video that nobody reads any more', async () => {
    const { connect, finishedClip, world } = rig();
    const connection = connect();
    const clip = await finishedClip(connection);
    const stop = new AbortController();
    const { body } = await connection.openClip(clip, { offset: 0 }, stop.signal);
    const broken = new Promise<unknown>((resolve) => body.once('error', resolve));
    stop.abort();
    // Who reads it knows that it was cancelled, so here any error does.
    expectNoSecret(world, String(await inTime(broken)));
    assert.equal(body.destroyed, true);
  });

  it('stops a download in the middle when it is cancelled, and leaves no file', async () => {
    const { connect, finishedClip, world, folder } = rig();
    const connection = connect();
    const clip = await finishedClip(connection);
    const stop = new AbortController();
    const { signal } = stop;
    const work = downloadOnce(connection, clip, join(folder, 'clip.mp4'), { signal, onBytes: () => stop.abort() });
    await rejection(work, world, 'EABORTED');
    assert.deepEqual(rig().files(), []);
  });

  const interruptions: [string, (world: World) => void, ErrorCode[]][] = [
    ['breaks off', (world) => world.truncateDownload(1000), ['EINCOMPLETE', 'ENETWORK']],
    ['goes silent in the middle', (world) => world.stallDownload(1000), ['ETIMEOUT']],
  ];
  for (const [name, interrupt, codes] of interruptions) {
    it(`makes no file of a download that ${name}, and the whole one at the next try`, async () => {
      const { connect, finishedClip, world, folder } = rig();
      const connection = connect();
      const clip = await finishedClip(connection);
      const filename = join(folder, 'clip.mp4');
      interrupt(world);
      const error = await rejection(downloadOnce(connection, clip, filename, { stallMs: 200 }), world, ...codes);
      assert.equal(error.retryable, true);
      // A part may stay for the next try where the vendor can continue.
      assert.deepEqual(
        rig()
          .files()
          .filter((file) => !file.endsWith('.part')),
        [],
      );
      const { file } = await downloadOnce(connection, clip, filename);
      assert.equal(file?.sha256, await world.sha256Of(clip.id));
      assert.deepEqual(rig().files(), [filename]);
    });
  }

  it('makes no file of a download that never is whole', async () => {
    const { connect, finishedClip, world, folder } = rig();
    const connection = connect();
    const clip = await finishedClip(connection);
    for (let tries = 0; tries < 30; tries += 1) world.truncateDownload(1000);
    const error = await failure(runDownload(connection, clip, join(folder, 'clip.mp4')));
    assert.ok(['EINCOMPLETE', 'ENETWORK'].includes(checkError(error, world).code), error.message);
    assert.deepEqual(rig().files(), []);
  });

  it('makes no file of bytes that are not those that were announced', async () => {
    const { connect, finishedClip, world, folder } = rig();
    const connection = connect();
    const clip = await finishedClip(connection);
    const changed = { ...clip, sha256: '0'.repeat(64) };
    const error = await rejection(downloadOnce(connection, changed, join(folder, 'clip.mp4')), world, 'EINCOMPLETE');
    assert.match(error.message, /SHA-256/);
    assert.deepEqual(rig().files(), []);
  });

  for (const step of steps) {
    it(`takes no credentials elsewhere when ${step} is redirected`, async function () {
      const { world, connect, finishedClip } = rig();
      leaveOutWhereMissing(this, rig(), step);
      const clip = await finishedClip(connect());
      const other = await startServer({ handle: () => ({ status: 200, body: '<result/>' }) });
      try {
        for (const status of [301, 302, 303, 307, 308]) {
          for (const location of [`${other.url}/elsewhere?x=1`, `//127.0.0.1:${other.port}/`]) {
            const connection = connect();
            world.clearFaults?.();
            world.force(step, { status, headers: { location }, body: '' });
            // What comes of it is the provider's business: a redirect may be followed, refused, or met by a new login.
            await inTime(request(rig(), connection, clip, step)).catch((error: unknown) => checkError(error, world));
            await connection.close();
          }
        }
        for (const { target, headers, body } of other.requests) {
          expectNoSecret(world, target, JSON.stringify(headers), body.toString());
          assert.deepEqual([headers.authorization, headers.cookie], [undefined, undefined]);
        }
        assert.deepEqual(rig().files().length <= 1, true);
      } finally {
        await other.stop();
      }
    });
  }
}
