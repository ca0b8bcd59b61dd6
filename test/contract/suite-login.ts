import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Connection } from '../../lib/connection/connection';
import type { Clip } from '../../lib/provider';
import type { Harness, Step } from './harness';
import {
  checkError,
  done,
  failure,
  inTime,
  leaveOut,
  rejection,
  respectException,
  runCreate,
  runDownload,
  runPoll,
  useRig,
  type Ended,
  type Rig,
} from './rig';

const never = (): AbortSignal => new AbortController().signal;

/** Credentials, sessions, and the vendor's patience. */
export function loginSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  beforeEach(function () {
    respectException(this, rig().world);
  });

  it('tries wrong credentials once, and then sends nothing more', async () => {
    const { world, connect, request, folder } = rig();
    const clip = await finished(rig());
    const earlier = { all: world.requests().length, logins: world.requestsFor('login').length };
    const connection = connect(world.wrongCredentials);
    const first = await rejection(connection.check(never()), world, 'EAUTH');
    assert.equal(first.retryable, false);
    assert.equal(world.requests().length - earlier.all, 1, 'requests');

    const attempts: Promise<unknown>[] = [
      connection.check(never()),
      connection.listCameras(never()),
      connection.deleteClip(clip, never()),
      done(runCreate(connection, request())),
      done(runPoll(connection, clip)),
      done(runDownload(connection, clip, join(folder, 'clip.mp4'))),
    ];
    const errors = await Promise.all(attempts.map((attempt) => rejection(attempt, world, 'EAUTH', 'EUNSUPPORTED')));
    for (const error of errors) assert.equal(error.retryable, false);
    assert.equal(world.requests().length - earlier.all, 1, 'requests');
  });

  it('logs in once with wrong credentials, however many ask at the same time', async function () {
    const { world, connect, request } = rig();
    if (!world.expireSessions) leaveOut(this, 'there is no login: the key goes with each request');
    const connection = connect(world.wrongCredentials);
    const attempts = [
      connection.check(never()),
      ...Array.from({ length: 10 }, () => connection.createClip(request(), never())),
      connection.listCameras(never()),
    ];
    await Promise.all(attempts.map((attempt) => rejection(attempt, world, 'EAUTH')));
    assert.equal(world.requests().length, 1);
  });

  it('logs in once for all that is done with one connection', async function () {
    const { world, connect, request } = rig();
    if (!world.expireSessions) leaveOut(this, 'there is no login: the key goes with each request');
    const connection = connect();
    await Promise.all([connection.check(never()), connection.createClip(request(), never())]);
    assert.equal(world.requestsFor('login').length, 1);
  });

  for (const step of ['create', 'status', 'download', 'delete', 'cameras'] satisfies Step[]) {
    it(`logs in again, once, when the session ends before ${step}`, async function () {
      const { world, provider, connect } = rig();
      if (!world.expireSessions) leaveOut(this, 'the vendor hands out no sessions');
      if (step === 'delete' && !provider.deleteClip) leaveOut(this, 'the vendor does not delete clips');
      const connection = connect();
      const clip = await rig().finishedClip(connection);
      const logins = world.requestsFor('login').length;
      world.expireSessions?.();
      await inTime(perform(rig(), connection, clip, step));
      assert.equal(world.requestsFor('login').length - logins, 1, 'logins');
    });
  }

  it('logs in again once for all that were under way when the session ended', async function () {
    const { world, connect, request, finishedClip } = rig();
    if (!world.expireSessions) leaveOut(this, 'the vendor hands out no sessions');
    const connection = connect();
    const clip = await finishedClip(connection);
    const logins = world.requestsFor('login').length;
    world.expireSessions?.();
    await Promise.all([
      connection.listCameras(never()),
      connection.createClip(request(), never()),
      connection.pollClip(clip, 10, never()),
      connection.check(never()),
    ]);
    assert.equal(world.requestsFor('login').length - logins, 1, 'logins');
  });

  for (const hours of [-1, 1]) {
    it(`goes on when the clock of this computer is set by ${hours} h during a session`, async () => {
      const { world, connect, request, folder } = rig();
      let stepMs = 0;
      const connection = connect(undefined, () => Date.now() + stepMs);
      await connection.check(never());
      const made = (await done(runCreate(connection, request()))).clip!;
      stepMs = hours * 3600_000;
      const logins = world.requestsFor('login').length;
      await connection.listCameras(never());
      const { clip } = await done(runPoll(connection, made));
      const { file } = (await done(runDownload(connection, clip, join(folder, 'clip.mp4')))).clip;
      assert.equal(file!.sha256, await world.sha256Of(clip.id));
      // It may take its session for older than it is, and so one more is the most.
      assert.ok(world.requestsFor('login').length - logins <= 1, 'logins');
      // What the server has ended is replaced, whatever the clock says.
      world.expireSessions?.();
      await connection.check(never());
    });
  }

  for (const step of ['login', 'create', 'status', 'download'] satisfies Step[]) {
    it(`waits as long as it is asked to when ${step} is throttled, and then succeeds`, async function () {
      const { world, connect } = rig();
      if (step === 'login' && !world.expireSessions)
        leaveOut(this, 'there is no login: the key goes with each request');
      const clip = await finished(rig());
      const connection = connect();
      world.throttle(step, 1);
      const ended = await job(rig(), connection, clip, step);
      const [first] = ended.answers;
      assert.ok(first?.type === 'retry' && first.error, JSON.stringify(first));
      checkError(first.error, world);
      assert.equal(first.error.code, 'ETHROTTLED', first.error.message);
      assert.equal(first.error.retryable, true);
      assert.ok(first.afterMs >= (first.error.retryAfterMs ?? 0), `${first.afterMs} ms`);
      assert.equal(ended.outcome.type, 'done', JSON.stringify(ended.outcome));
    });
  }

  it('gives up a clip that stays throttled, with the reason', async () => {
    const { world, connect, request } = rig();
    world.throttle('create', 30);
    const error = await failure(runCreate(connect(), request()));
    assert.equal(checkError(error, world).code, 'ETHROTTLED', error.message);
  });

  it('makes exactly one clip when the answer is lost', async () => {
    const { world, connect, request, finishedClip } = rig();
    const connection = connect();
    // So that nothing but the answer to the next request for a clip gets lost.
    await connection.check(never());
    const clips = world.clipCount();
    world.loseAnswer('create');
    const ended = await runCreate(connection, request());
    // Where the request is a GET on a connection that was open before, it is sent again at once.
    const lost = ended.answers.flatMap((answer) => (answer.type === 'retry' ? [answer.error?.code] : []));
    assert.ok(lost.length <= 1 && lost.every((code) => code === 'ENETWORK'), lost.join());
    assert.equal(ended.outcome.type, 'done');
    assert.equal(world.clipCount() - clips, 1);
    const made = (await done(Promise.resolve(ended))).clip!;
    const { clip } = await done(runPoll(connection, made));
    assert.equal(clip.status, 'finished');
    assert.equal((await finishedClip(connect(), { title: 'Another', ...later(rig()) })).id === clip.id, false);
    assert.equal(world.clipCount() - clips, 2);
  });

  it('goes on polling and downloading when an answer is lost', async () => {
    const { world, connect, folder } = rig();
    const clip = await finished(rig());
    const connection = connect();
    await connection.check(never());
    for (const step of ['status', 'download'] as const) {
      world.loseAnswer(step);
      const ended = await job(rig(), connection, clip, step);
      // A GET on a kept connection that breaks is sent again at once.
      assert.match(ended.answers.map(({ type }) => type).join(' '), /^(retry )?done$/, step);
    }
    assert.equal(rig().files().length, 1, folder);
  });
}

/** A clip that the vendor has finished, by a connection that is closed again. */
async function finished({ connect, finishedClip }: Rig): Promise<Clip> {
  const connection = connect();
  const clip = await finishedClip(connection);
  await connection.close();
  return clip;
}

/** The part of the footage that begins a second later. */
function later({ world }: Rig): { start: string; end: string } {
  const { start, end } = world.footage;
  return { start: new Date(Date.parse(start) + 1000).toISOString(), end };
}

function perform(rig: Rig, connection: Connection, clip: Clip, step: Step): Promise<unknown> {
  if (step === 'cameras') return connection.listCameras(never());
  if (step === 'delete') return connection.deleteClip(clip, never());
  return job(rig, connection, clip, step).then((ended) => done(Promise.resolve(ended) as Promise<Ended<object>>));
}

function job(rig: Rig, connection: Connection, clip: Clip, step: Step): Promise<Ended<unknown>> {
  if (step === 'status') return runPoll(connection, clip);
  if (step === 'download') return runDownload(connection, clip, join(rig.folder, 'clip.mp4'));
  return runCreate(connection, rig.request(later(rig)));
}
