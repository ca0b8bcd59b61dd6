// Decides how long and how often something that a vendor makes is waited for: clips, and exports onto the vendor's storage.
import { backoffMs, maxAttempts } from '../async/retry';
import { mayPass, type ClipError } from '../errors';
import type { JobOutcome, JobResult, JobRetry } from '../jobs/job';
import type { ClipStatus } from '../provider';

export interface PollState {
  intervalMs: number;
  maxIntervalMs: number;
  /** Epoch milliseconds of a clock that never jumps; absent: never. */
  giveUpAt?: number;
  /** Rounds so far in which the vendor answered. */
  polls: number;
  /** Rounds in a row in which the vendor did not list it. */
  misses: number;
}

/** `missing`: no longer listed. `late`: the time to wait is over. */
export type Ending = 'failed' | 'expired' | 'missing' | 'late';

/** Rules of one kind of thing that is polled: a clip, a server export. */
export interface Polled<Data extends PollState> {
  statusOf(data: Data): ClipStatus;
  /** @param trouble what the last request failed with, where it did */
  failure(data: Data, how: Ending, trouble?: ClipError): JobOutcome<Data>;
}

/** A list may lag behind for a moment; after this many rounds in a row, what it does not show any more is gone. */
const missesUntilGone = 3;
/** A thing that it has not shown yet may be new, and servers list it as late as they begin with it: about a minute of growing waits. */
const missesUntilLost = 9;
/** The wait doubles after so many rounds. */
const roundsPerStep = 2;

/** Outcome of a round by its answer. @param found the data with what the vendor says now; `undefined`: the vendor lists it not */
export function evaluateRound<Data extends PollState>(
  before: Data,
  found: Data | undefined,
  polled: Polled<Data>,
  now: number,
  phaseMs: number,
): JobResult<Data> {
  const misses = found ? 0 : before.misses + 1;
  const next = { ...(found ?? before), polls: before.polls + 1, misses };
  const isNew = misses === next.polls && polled.statusOf(before) !== 'finished';
  if (misses >= (isNew ? missesUntilLost : missesUntilGone)) return polled.failure(next, 'missing');
  // Its last listed status says nothing of now.
  const status = found && polled.statusOf(next);
  if (status === 'finished') return { type: 'done', data: next };
  if (status === 'failed' || status === 'expired') return polled.failure(next, status);
  return isOver(next, now) ? polled.failure(next, 'late') : pollAgain(next, now, phaseMs);
}

/**
 * Decides after a failed request. Once the vendor has answered, only its own word about this very thing ends the waiting; before,
 * an address may be wrong, and what looks like it is repeated a few times only.
 * @param failures in a row, this one included
 * @param hasWorked has any request of the connection succeeded?
 */
export function evaluateFailure<Data extends PollState>(
  data: Data,
  error: ClipError,
  { failures, hasWorked }: { failures: number; hasWorked: boolean },
  polled: Polled<Data>,
  now: number,
  random: () => number = Math.random,
): JobResult<Data> {
  const isKnownToWork = hasWorked || data.polls > 0;
  const isWorthWaiting = error.retryable || (mayPass(error) && (isKnownToWork || failures < maxAttempts));
  if (!isWorthWaiting) return { type: 'failed', error, data };
  if (isOver(data, now)) return polled.failure(data, 'late', error);
  return { type: 'retry', afterMs: untilGivingUp(data, now, backoffMs(error, failures, random)), error };
}

/**
 * Waits until the next multiple of a step that grows from `intervalMs` to `maxIntervalMs` by doubling every other round. So
 * what is of any age comes due at the same moments and is polled together; how close these may lie is up to the poller.
 */
export function pollAgain<Data extends PollState>(data: Data, now: number, phaseMs: number): JobRetry<Data> {
  const steps = Math.floor((Math.max(1, data.polls) - 1) / roundsPerStep);
  const stepMs = Math.min(data.maxIntervalMs, data.intervalMs * 2 ** steps);
  // Moments that lie apart by a step, at any fraction of a millisecond.
  const waitMs = stepMs - ((now + phaseMs) % stepMs);
  return { type: 'retry', afterMs: untilGivingUp(data, now, waitMs), data };
}

function isOver({ giveUpAt }: PollState, now: number): boolean {
  return giveUpAt !== undefined && now >= giveUpAt;
}

/** The last poll is at the very end of the time allowed. */
function untilGivingUp({ giveUpAt }: PollState, now: number, afterMs: number): number {
  return giveUpAt === undefined ? afterMs : Math.min(afterMs, Math.max(0, giveUpAt - now));
}
