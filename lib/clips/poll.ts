import type { Connection } from '../connection/connection';
import { ClipError, toClipError } from '../errors';
import type { JobResult, Job, RunContext } from '../jobs/job';
import { describeClip, type Clip } from '../provider';
import { backoffMs, maxAttempts } from '../async/retry';
import { updateClip } from './clip';
import type { CreateJobData } from './create';

/** How long, and how often, something is waited for. */
export interface Waiting {
  intervalMs: number;
  maxIntervalMs: number;
  /** Epoch milliseconds; absent: never. */
  giveUpAt?: number;
  /** Rounds so far. */
  polls: number;
  /** Rounds in a row in which the vendor did not list it. */
  misses: number;
}

/** The job of one poll-clip message. */
export interface PollJobData extends Waiting {
  connection: string;
  clip: Clip;
  /** The clip was gone, and is asked for once more: how far that has come. */
  recreation?: CreateJobData;
  /** Of the clip that is gone, which is still what messages know it by. */
  previousId?: string;
}

/** A list may lag behind for a moment; after this many rounds in a row the clip is gone. */
export const missesUntilGone = 3;
/** The wait doubles after so many rounds. */
const roundsPerStep = 2;

export async function pollClip(
  job: Job<PollJobData>,
  connection: Connection,
  context: RunContext<PollJobData>,
  now: () => number,
): Promise<JobResult<PollJobData>> {
  const work = job.data;
  try {
    const found = await connection.pollClip(work.clip, work.intervalMs, context.signal);
    return evaluateRound(work, found, now(), connection.phaseMs);
  } catch (thrown) {
    return evaluateFailure(work, toClipError(thrown), job.failures + 1, now());
  }
}

/** What a round's finding means. `undefined`: the vendor did not list the clip. */
export function evaluateRound(
  work: PollJobData,
  found: Clip | undefined,
  now: number,
  phaseMs: number,
): JobResult<PollJobData> {
  const misses = found ? 0 : work.misses + 1;
  const next = { ...work, clip: found ? updateClip(work.clip, found) : work.clip, polls: work.polls + 1, misses };
  const { clip } = next;
  if (misses >= missesUntilGone) return failed({ ...next, clip: { ...clip, status: 'expired' } }, 'EEXPIRED');
  // What it was when it was last listed tells nothing of now.
  const status = found && clip.status;
  if (status === 'finished') return { type: 'done', data: next };
  if (status === 'failed') return failed(next, 'EFAILED');
  if (status === 'expired') return failed(next, 'EEXPIRED');
  if (isOver(work, now)) return failed(next, 'ETIMEOUT');
  return { type: 'retry', afterMs: beforeGivingUp(work, now, waitMs(next, now, phaseMs)), data: next };
}

/** What a failed request means: waiting goes on through trouble that may pass, for as long as the user gave it. */
export function evaluateFailure(
  work: PollJobData,
  error: ClipError,
  failures: number,
  now: number,
  random: () => number = Math.random,
): JobResult<PollJobData> {
  // A server that restarts may answer nonsense for a moment.
  const mayPass = error.retryable || (error.code === 'EPROTOCOL' && failures < maxAttempts);
  if (!mayPass) return { type: 'failed', error, data: work };
  if (isOver(work, now)) return failed(work, 'ETIMEOUT', ` Last trouble: ${error.message}`);
  return { type: 'retry', afterMs: beforeGivingUp(work, now, backoffMs(error, failures, random)), error };
}

/**
 * Waits until the next multiple of a step that grows from `intervalMs` to `maxIntervalMs` by doubling every other round.
 * Clips of any age so come due at the same moments and are asked about together; how close these may lie is the poller's
 * business.
 */
export function waitMs(work: Waiting, now: number, phaseMs: number): number {
  const stepMs = Math.min(work.maxIntervalMs, work.intervalMs * 2 ** Math.floor((work.polls - 1) / roundsPerStep));
  return stepMs - ((now + phaseMs) % stepMs);
}

export function isOver(work: Waiting, now: number): boolean {
  return work.giveUpAt !== undefined && now >= work.giveUpAt;
}

/** The last look is taken at the very end of the time allowed. */
export function beforeGivingUp(work: Waiting, now: number, afterMs: number): number {
  return work.giveUpAt === undefined ? afterMs : Math.min(afterMs, Math.max(0, work.giveUpAt - now));
}

function failed(work: PollJobData, code: 'EFAILED' | 'EEXPIRED' | 'ETIMEOUT', more = ''): JobResult<PollJobData> {
  const { clip } = work;
  const what = `The clip of ${describeClip(clip)}`;
  const message = {
    EFAILED: `${what} could not be made: ${clip.reason || 'the server gave no reason'}. Check that there are recordings for that time`,
    EEXPIRED: `${what} is no longer on the server. Servers keep finished clips for a limited time and space: create it again`,
    ETIMEOUT: `${what} was still ${clip.status} when the time to wait for it was over. It may still finish: send the message to poll-clip again to go on waiting.${more}`,
  }[code];
  return { type: 'failed', error: new ClipError(code, message), data: work };
}
