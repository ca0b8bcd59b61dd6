// Reads time and waits: passed in wherever something waits, so that tests own it.
import { performance } from 'node:perf_hooks';

export interface Clock {
  /** Epoch milliseconds, as the system has them: they jump when somebody sets its clock. */
  now(): number;
  /** The same without the jumps since the process started: for deadlines and for lengths of time. */
  steadyNow(): number;
  /** Calls back once after that many milliseconds; the returned function cancels. */
  after(ms: number, call: () => void): () => void;
}

/** The longest delay that Node's timers keep; they fire at once beyond it. */
const longestTimerMs = 2 ** 31 - 1;

/** Difference of two readings of the same length of time, by rounding and by a clock that is being slewed. */
const driftMs = 1_000;

/** A clock that goes with another one, but for its jumps. @param monotonic milliseconds of any origin */
export function withoutJumps(now: () => number, monotonic: () => number): () => number {
  let jumpedMs = 0;
  let last = { now: now(), monotonic: monotonic() };
  return () => {
    const read = { now: now(), monotonic: monotonic() };
    const jumpMs = read.now - last.now - (read.monotonic - last.monotonic);
    if (Math.abs(jumpMs) > driftMs) jumpedMs += Math.round(jumpMs);
    last = read;
    return read.now - jumpedMs;
  };
}

export const systemClock: Clock = {
  now: Date.now,
  steadyNow: withoutJumps(Date.now, () => performance.now()),
  after(ms, call) {
    const dueAt = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = dueAt - performance.now();
      timer = setTimeout(leftMs > longestTimerMs ? arm : call, Math.min(Math.max(0, leftMs), longestTimerMs));
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** Resolves after that many milliseconds, or as soon as the signal fires: the caller looks at the signal. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      cancel();
      signal.removeEventListener('abort', over);
      resolve();
    };
    const cancel = clock.after(signal.aborted ? 0 : ms, over);
    signal.addEventListener('abort', over, { once: true });
  });
}
