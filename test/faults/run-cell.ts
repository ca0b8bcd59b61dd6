// Runs one cell: a job meets its fault, and what comes of it must hold.
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { retryDelayMs } from '../../lib/async/retry';
import type { Connection } from '../../lib/connection/connection';
import { toClipError, type ClipError } from '../../lib/errors';
import type { JobResult } from '../../lib/jobs/job';
import type { Camera, Clip, ConnectionCheck } from '../../lib/provider';
import type { Harness } from '../contract/harness';
import {
  checkCameras,
  checkCheck,
  checkClip,
  checkError,
  done,
  inTime,
  openRig,
  runCreate,
  runDownload,
  runJob,
  runPoll,
  type Ended,
  type JobOptions,
  type OpenRig,
} from '../contract/rig';
import type { HurriedTime } from '../support/hurried-time';
import type { Cell } from './cells';
import { startProxy, type Proxy } from './proxy';

/** How a cell ended: what the job came to, and what did not hold, where anything did not. */
export interface Outcome {
  cell: Cell;
  ended: 'success' | 'retried' | ClipError['code'];
  problem?: string;
}

/** Generous: a cell that takes longer hangs. */
const cellLimitMs = 600_000;
const runLimitMs = 300_000;
/** Longer than any pause that is honoured: whoever waits for a clip has the time for it. */
const pollTimeoutMs = 20 * 60_000;
/** Bytes that the disk is said to have left: a video without end must not fill it. */
const diskBytes = 96 * 2 ** 20;
/** All pauses that anything may have asked for are over by then. */
const restMs = 3 * 3600_000;
/** Whatever steers a terminal, forges lines, or turns the direction of reading. */
const steering = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

const never = (): AbortSignal => new AbortController().signal;

export async function runCell(harness: Harness, cell: Cell, folder: string, time: HurriedTime): Promise<Outcome> {
  await mkdir(folder, { recursive: true });
  const clock = time.clock();
  const proxy = await startProxy(await harness.start(), cell.fault.certificates?.());
  const rig = await openRig(proxy.world, () => folder, clock);
  let ended: Outcome['ended'] = 'success';
  try {
    const work = meet(cell, rig, proxy, (found) => (ended = found));
    await inTime(work, cellLimitMs);
    return { cell, ended };
  } catch (thrown) {
    const problem = thrown instanceof Error ? thrown.message : String(thrown);
    return { cell, ended, problem };
  } finally {
    await inTime(rig.close(), cellLimitMs).catch(() => undefined);
    clock.stop();
    // What hangs may still write there.
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function meet(cell: Cell, rig: OpenRig, proxy: Proxy, note: (ended: Outcome['ended']) => void): Promise<void> {
  const { fault, lasting, step, variant, when } = cell;
  const { clock, world } = rig;
  const helper = rig.connect();
  const clip = /^(status|download|delete)$/.test(step) ? await clipOf(rig, helper, step === 'status') : undefined;
  await helper.close();
  const sha256 = clip?.status === 'finished' ? await world.sha256Of(clip.id) : undefined;
  const connection = rig.connect();
  if (when === 'later') {
    await connection.check(never());
    clock.skip(3600_000);
    if (step === 'login') world.expireSessions!();
    if (step === 'push') await connection.close();
  }
  const working = step === 'push' && when === 'later' ? rig.connect() : connection;
  const before = world.requests().length;
  const isAnywhere = step === 'check' || step === 'push';
  proxy.ambush({
    variant,
    times: lasting === 'once' ? 1 : Infinity,
    isFor: (request) => world.isFor(isAnywhere ? 'any' : step, request),
    meet: fault.meet,
    upgrade: fault.upgrade,
  });
  await fault.line?.harm(proxy);
  let isMended = false;
  const mend = async (): Promise<void> => {
    if (isMended) return;
    isMended = true;
    await fault.line?.mend(proxy);
  };
  const between = (): void => void (lasting === 'once' && fault.line && mend());
  const ended = await attempt(rig, working, clip, cell, { between, limitMs: runLimitMs });
  await mend();
  proxy.ambush(undefined);
  const { outcome, answers } = ended;
  note(outcome.type === 'failed' ? outcome.error.code : answers.length > 1 ? 'retried' : 'success');
  assert.deepEqual(proxy.errors, [], 'the proxy itself');
  if (!fault.line) assert.ok(proxy.met > 0, `nobody has met it, among ${world.requests().length - before} requests`);
  for (const answer of answers) if ('error' in answer && answer.error) checkTexts(rig, answer.error);
  if (outcome.type === 'failed') {
    if (fault.passes && lasting === 'once') assert.fail(`it is no passing trouble: ${told(outcome.error)}`);
  } else {
    checkSuccess(outcome.data);
    if (fault.passes && sha256 && outcome.data.clip?.file) assert.equal(outcome.data.clip.file.sha256, sha256);
  }
  assert.deepEqual(leftOver(rig), [], 'left on disk');
  clock.skip(restMs);
  // Credentials that were said to be wrong are not sent again before a deploy.
  const isLatched = outcome.type === 'failed' && outcome.error.code === 'EAUTH';
  if (isLatched) return worksAfterwards(rig, rig.connect());
  await worksAfterwards(rig, working).catch((thrown: unknown) => {
    // Of a clip that was to be deleted, the file is here all the same.
    const isRefused = step === 'delete' && lasting === 'always' && /\bEAUTH\b/.test(String(thrown));
    return isRefused ? worksAfterwards(rig, rig.connect()) : Promise.reject(thrown);
  });
}

async function clipOf(rig: OpenRig, connection: Connection, isUnfinished = false): Promise<Clip> {
  const made = (await done(runCreate(connection, rig.request(), { limitMs: runLimitMs }))).clip!;
  return isUnfinished ? made : (await done(runPoll(connection, made, { limitMs: runLimitMs }))).clip;
}

interface Result {
  clip?: Clip;
  cameras?: Camera[];
  check?: ConnectionCheck;
}

async function attempt(
  rig: OpenRig,
  connection: Connection,
  clip: Clip | undefined,
  { step }: Cell,
  options: JobOptions,
): Promise<Ended<Result>> {
  const filename = join(rig.folder, 'clip.mp4');
  const polling = { ...options, intervalMs: 15_000, timeoutMs: pollTimeoutMs };
  // A server may make the file once more, in a time of its own.
  const downloading = { ...options, sleepMs: 40, freeBytes: async () => diskBytes - bytesIn(rig) };
  switch (step) {
    case 'status':
      return runPoll(connection, clip!, polling);
    case 'download':
      return runDownload(connection, clip!, filename, downloading);
    case 'delete':
      return runDownload(connection, clip!, filename, { ...downloading, deleteAfter: true });
    case 'cameras':
      return command(rig, async () => ({ cameras: await connection.listCameras(never()) }), options);
    case 'check':
      return command(rig, async () => ({ check: await connection.check(never()) }), options);
    case 'push': {
      const made = await runCreate(connection, rig.request(), options);
      return made.outcome.type === 'done' ? runPoll(connection, made.outcome.data.clip!, polling) : made;
    }
    default:
      return runCreate(connection, rig.request(), options);
  }
}

/** A request that is no job, tried as often as one. */
function command(rig: OpenRig, send: () => Promise<Result>, options: JobOptions): Promise<Ended<Result>> {
  return runJob<Result>(
    {},
    async ({ failures }): Promise<JobResult<Result>> => {
      try {
        return { type: 'done', data: await send() };
      } catch (thrown) {
        const error = thrown as ClipError;
        // What is no error of ours is found by those who check it.
        const afterMs = retryDelayMs(toClipError(thrown), failures + 1);
        return afterMs === undefined ? { type: 'failed', error } : { type: 'retry', afterMs, error };
      }
    },
    { clock: rig.clock, ...options },
  );
}

function checkTexts({ world }: OpenRig, error: ClipError): void {
  checkError(error, world);
  for (const text of [error.message, error.vendorCode ?? '']) {
    assert.ok(!steering.test(text), `a message with control characters: ${JSON.stringify(text)}`);
  }
}

function checkSuccess({ clip, cameras, check }: Result): void {
  if (clip) checkClip(clip);
  if (cameras) checkCameras(cameras);
  if (check) checkCheck(check);
  const shown = [
    ...[clip?.cameraName, clip?.title, clip?.reason, clip?.vendorStatus, ...(clip?.file?.problems ?? [])],
    ...(cameras ?? []).map(({ name }) => name),
    ...[check?.name, check?.version, ...(check?.warnings ?? [])],
  ];
  for (const text of shown) {
    assert.ok(!steering.test(text ?? ''), `control characters are shown: ${JSON.stringify(text)}`);
    assert.ok((text ?? '').length < 2_000, `a text of ${text?.length} characters is shown`);
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined, 'a prototype is changed');
}

function leftOver(rig: OpenRig): string[] {
  return rig.files().filter((file) => file.endsWith('.part') || !file.endsWith('.mp4'));
}

function bytesIn(rig: OpenRig): number {
  return rig.sizes().reduce((sum, size) => sum + size, 0);
}

/** One good clip, and all places for transfers are free. */
async function worksAfterwards(rig: OpenRig, connection: Connection): Promise<void> {
  try {
    const filename = join(rig.folder, 'afterwards.mp4');
    const clip = await clipOf(rig, connection);
    const { file } = (await done(runDownload(connection, clip, filename, { limitMs: runLimitMs }))).clip;
    assert.equal(file?.sha256, await rig.world.sha256Of(clip.id));
    assert.deepEqual(file?.problems, []);
    let inside = 0;
    let enter: () => void;
    const full = new Promise<void>((resolve) => (enter = resolve));
    const stay = (): Promise<void> => {
      inside += 1;
      if (inside === connection.maxConcurrent) enter();
      return full;
    };
    await inTime(
      Promise.all(Array.from({ length: connection.maxConcurrent }, () => connection.transfer(never(), stay))),
    );
  } catch (thrown) {
    throw new Error(`it does not work afterwards: ${told(thrown)}`, { cause: thrown });
  }
}

function told(thrown: unknown): string {
  const { code, message } = thrown as ClipError;
  return code ? `${code}: ${message}` : message;
}
