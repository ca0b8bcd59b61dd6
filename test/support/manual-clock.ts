import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../lib/async/clock';

export interface ManualClock extends Clock {
  /** Runs what becomes due within that time, in order, and lets promises settle after each call. */
  advance(ms: number): Promise<void>;
  /** Sets the system's time by so much; what waits is not moved by that. */
  step(ms: number): void;
  /** Calls that are waiting. */
  readonly waiting: number;
}

/** Time that stands still until it is moved. Like real timers, it never calls back from within `after`. */
export function manualClock(startAt = Date.UTC(2025, 2, 1, 9)): ManualClock {
  const timers = new Set<{ dueAt: number; call: () => void }>();
  let now = startAt;
  let stepMs = 0;

  function nextUntil(end: number) {
    let next: { dueAt: number; call: () => void } | undefined;
    // The first set goes first among those due at the same moment.
    for (const timer of timers) if (timer.dueAt <= end && (!next || timer.dueAt < next.dueAt)) next = timer;
    return next;
  }

  return {
    now: () => now + stepMs,
    steadyNow: () => now,
    step: (ms) => void (stepMs += ms),
    after(ms, call) {
      const timer = { dueAt: now + Math.max(0, ms), call };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async advance(ms) {
      const end = now + ms;
      await onSettled();
      for (let timer = nextUntil(end); timer; timer = nextUntil(end)) {
        timers.delete(timer);
        now = Math.max(now, timer.dueAt);
        timer.call();
        await onSettled();
      }
      now = end;
    },
    get waiting() {
      return timers.size;
    },
  };
}

/** A few turns of the event loop: enough for chains of promises, not for files or sockets. */
async function onSettled(): Promise<void> {
  for (let count = 0; count < 4; count += 1) await turn();
}
