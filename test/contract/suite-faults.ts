// Passing trouble is no verdict: one bad answer of each class, at each step, once and for ten seconds, at first contact and later.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Connection } from '../../lib/connection/connection';
import type { Clip } from '../../lib/provider';
import type { Harness, Step, World } from './harness';
import { note } from './results';
import {
  checkError,
  done,
  leaveOut,
  rejection,
  runCreate,
  runDownload,
  runPoll,
  useRig,
  type Ended,
  type JobOptions,
  type Rig,
} from './rig';

const never = (): AbortSignal => new AbortController().signal;
const html = { 'content-type': 'text/html' };

function page(status: number, title: string) {
  return { status, headers: html, body: `<!DOCTYPE html><html><body><h1>${title}</h1></body></html>` };
}

/** Lets the next so many requests of a step meet it. */
type Fault = (world: World, step: Step, times: number) => void;

const forced =
  (reply: Parameters<World['force']>[1]): Fault =>
  (world, step, times) =>
    world.force(step, reply, times);

const unexplained = {
  status: 500,
  headers: { 'content-type': 'application/json' },
  body: '{"message":"Server Error"}',
};

const faults: Record<string, Fault> = {
  'HTTP 404, a page': forced(page(404, 'Not Found')),
  'HTTP 403, a page': forced(page(403, 'Forbidden')),
  'HTTP 400, a page': forced(page(400, 'Bad Request')),
  'HTTP 200, a page': forced(page(200, 'Under maintenance')),
  'HTTP 200, nothing': forced({ status: 200, body: '' }),
  "a gateway's text": forced({ status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found\n' }),
  'a general error': (world, step, times) => world.force(step, world.generalError ?? unexplained, times),
  'a reset': (world, step, times) => world.loseAnswer(step, times),
  "a proxy's 407": forced({ status: 407, headers: { 'proxy-authenticate': 'Basic realm="proxy"' }, body: '' }),
  'HTTP 502, a page': forced(page(502, 'Bad Gateway')),
  'HTTP 429': (world, step, times) => world.throttle(step, times),
};

const faultySteps = ['login', 'create', 'status', 'download', 'delete'] satisfies Step[];
type FaultyStep = (typeof faultySteps)[number];
const tenSecondsMs = 10_000;
const hourMs = 3600_000;

export function faultSuite(harness: () => Harness): void {
  const rig = useRig(harness);

  for (const step of faultySteps) {
    for (const when of ['at first contact', 'after an hour of work'] as const) {
      for (const [lasting, forMs] of [
        ['once', 0],
        ['for ten seconds', tenSecondsMs],
      ] as const) {
        it(`are waited out at ${step}, ${when}, ${lasting}`, async function () {
          const { world, provider } = rig();
          if (step === 'login' && !world.expireSessions) leaveOut(this, 'there is no login');
          if (step === 'delete' && !provider.deleteClip) leaveOut(this, 'the vendor does not delete clips');
          const problems: string[] = [];
          for (const [name, fault] of Object.entries(faults)) {
            const problem = await outcomeOf(rig(), step, when === 'after an hour of work', fault, forMs);
            note(harness().id, name, step, problem);
            if (problem) problems.push(`${name}: ${problem}`);
          }
          assert.deepEqual(problems, []);
        });
      }
    }
  }

  it('are no reason to send refused credentials more than once, however many jobs there are', async () => {
    const { world, connect, request } = rig();
    const before = world.requests().length;
    const connection = connect(world.wrongCredentials);
    const jobs = Array.from({ length: 10 }, () => done(runCreate(connection, request())));
    await Promise.all(jobs.map((job) => rejection(job, world, 'EAUTH')));
    assert.equal(world.requests().length - before, 1);
  });

  it('pause all requests of the connection for as long as the vendor asks for', async () => {
    const { world, clock, connect } = rig();
    const connection = connect();
    const clip = await clipOf(rig(), connection);
    await connection.check(never());
    const reply = { status: 429, headers: { 'content-type': 'text/plain', 'retry-after': '10' }, body: '' };
    const answeredAt: number[] = [];
    world.dress(() => {
      answeredAt.push(clock.steadyNow());
      return reply;
    });
    const start = clock.steadyNow();
    /** When requests were answered that went out together: on a busy machine, that is later than they were due. */
    const rounds: number[][] = [];
    const clips = Array.from({ length: 300 }, (_, index) => ({ ...clip, id: `${clip.id}-${index}` }));
    for (let isMidway = false; clock.steadyNow() - start < 60_000; isMidway = !isMidway) {
      const errors = await Promise.all(
        clips.map((each) => rejection(connection.pollClip(each, 10, never()), world, 'ETHROTTLED')),
      );
      if (answeredAt.length > 0) rounds.push(answeredAt.splice(0));
      const leftMs = Math.min(...errors.map(({ retryAfterMs = 0 }) => retryAfterMs));
      assert.ok(leftMs > 0, errors[0]!.message);
      // In the middle of a pause all of them ask once more, in vain.
      clock.skip(isMidway ? leftMs : leftMs / 2);
    }
    for (const [index, round] of rounds.entries()) {
      const apartMs = round[0]! - (rounds[index - 1]?.at(-1) ?? -Infinity);
      assert.ok(apartMs >= tenSecondsMs, `a request ${apartMs} ms after the one before: ${JSON.stringify(rounds)}`);
    }
    assert.ok(rounds.length >= 5 && rounds.every(({ length }) => length <= 4), JSON.stringify(rounds));
    world.clearFaults!();
    clock.skip(tenSecondsMs);
    assert.equal((await connection.pollClip(clip, 10, never()))?.id, clip.id);
  });
}

/** What went wrong; nothing: the job succeeded, and the connection goes on working. */
async function outcomeOf(
  rig: Rig,
  step: FaultyStep,
  isLater: boolean,
  fault: Fault,
  forMs: number,
): Promise<string | undefined> {
  const { world, clock } = rig;
  const helper = rig.connect();
  const clip = step === 'login' || step === 'create' ? undefined : await clipOf(rig, helper, step === 'status');
  await helper.close();
  const connection = rig.connect();
  if (isLater) {
    await connection.check(never());
    clock.skip(hourMs);
    if (step === 'login') world.expireSessions!();
  }
  fault(world, step, forMs > 0 ? Infinity : 1);
  const start = clock.steadyNow();
  const between = (): void => {
    if (forMs > 0 && clock.steadyNow() - start >= forMs) world.clearFaults!();
  };
  // Within one run of its job a clip is deleted, however often that is tried, and the next round of polling waited for: time
  // goes on meanwhile.
  const isLong = step === 'delete' || step === 'status';
  const hurry = setInterval(() => isLong && (clock.skip(100), between()), 2);
  try {
    const ended = await job(rig, connection, clip, step, { between });
    if (ended.outcome.type === 'failed') {
      const { code, message } = checkError(ended.outcome.error, world);
      return `${code}: ${message}`;
    }
    const { file } = (ended.outcome.data as { clip: Clip }).clip;
    if (file && file.problems.length > 0) return file.problems.join('; ');
    // What was forced and not met is no matter of what comes next.
    world.clearFaults!();
    clock.skip(tenSecondsMs);
    await connection.check(never());
    return undefined;
  } catch (thrown) {
    return `it does not go on: ${String(thrown)}`;
  } finally {
    clearInterval(hurry);
    world.clearFaults!();
    await connection.close();
  }
}

async function clipOf(rig: Rig, connection: Connection, isUnfinished = false): Promise<Clip> {
  const made = (await done(runCreate(connection, rig.request()))).clip!;
  return isUnfinished ? made : (await done(runPoll(connection, made))).clip;
}

function job(
  rig: Rig,
  connection: Connection,
  clip: Clip | undefined,
  step: FaultyStep,
  options: JobOptions,
): Promise<Ended<unknown>> {
  if (!clip) return runCreate(connection, rig.request(), options);
  if (step === 'status') return runPoll(connection, clip, { ...options, intervalMs: 1_000 });
  const filename = join(rig.folder, `${rig.files().length}.mp4`);
  // A server may make the file once more, in a time of its own.
  return runDownload(connection, clip, filename, { ...options, sleepMs: 40, deleteAfter: step === 'delete' });
}
