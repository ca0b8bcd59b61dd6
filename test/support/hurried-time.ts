// Lets waits of seconds and minutes pass in some turns of the event loop: however busy the machine is, what is ready comes first.
import type { SkippingClock } from './skipping-clock';

/** So much time passes with a turn of the event loop, and such turns are so far apart at least. */
const stepMs = 250;
const turnMs = 2;
/** Where nothing is due for long, time passes faster yet. */
const longMs = 60_000;
const longStepMs = 10 * stepMs;
/** Waits of this length are those for other machines. Shorter ones take the time that they take. */
const leastMs = 1_000;

export interface HurriedTime {
  /** A clock of one's own, which may also be moved on by itself. */
  clock(): SkippingClock & { stop(): void };
  /** Timers go by the real time again. */
  stop(): void;
}

interface Timer {
  dueAt: number;
  call(): void;
}

/** Until it is stopped, `setTimeout` and `AbortSignal.timeout` of this process are hurried, too. */
export function hurryTime(): HurriedTime {
  const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout, setInterval: realSetInterval } = globalThis;
  const realTimeout = AbortSignal.timeout.bind(AbortSignal);
  const clocks = new Set<ManualClock>();
  const common = manualClock();
  clocks.add(common);
  const ticking = realSetInterval(() => {
    for (const clock of clocks) clock.skip(clock.isIdle(longMs) ? longStepMs : stepMs);
  }, turnMs);
  const cancels = new WeakMap<object, () => void>();

  function hurried(call: (...values: unknown[]) => void, ms = 0, ...values: unknown[]): NodeJS.Timeout {
    if (!(ms >= leastMs && ms < 2 ** 31)) return realSetTimeout(call, ms, ...values);
    // It stands for the timer, and keeps the process alive as that would.
    const handle = realSetTimeout(() => undefined, 2 ** 31 - 1);
    const over = (): void => {
      realClearTimeout(handle);
      call(...values);
    };
    cancels.set(handle, common.after(ms, over));
    handle.refresh = () => {
      cancels.get(handle)?.();
      cancels.set(handle, common.after(ms, over));
      return handle;
    };
    return handle;
  }

  globalThis.setTimeout = Object.assign<object, object>(hurried, realSetTimeout) as typeof setTimeout;
  globalThis.clearTimeout = ((handle?: NodeJS.Timeout) => {
    if (typeof handle === 'object' && handle !== null) cancels.get(handle)?.();
    realClearTimeout(handle);
  }) as typeof clearTimeout;
  AbortSignal.timeout = (ms) => {
    if (ms < leastMs) return realTimeout(ms);
    const late = new AbortController();
    common.after(ms, () => late.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')));
    return late.signal;
  };

  return {
    clock() {
      const clock = manualClock();
      clocks.add(clock);
      return { ...clock, stop: () => void clocks.delete(clock) };
    },
    stop() {
      clearInterval(ticking);
      globalThis.setTimeout = realSetTimeout;
      globalThis.clearTimeout = realClearTimeout;
      AbortSignal.timeout = realTimeout;
    },
  };
}

interface ManualClock extends SkippingClock {
  /** Is something awaited, but nothing for so long? */
  isIdle(ms: number): boolean;
}

function manualClock(): ManualClock {
  const timers = new Set<Timer>();
  let skippedMs = 0;
  const now = (): number => Date.now() + skippedMs;
  return {
    now,
    steadyNow: now,
    after(ms, call) {
      const timer = { dueAt: now() + ms, call };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    isIdle: (ms) => timers.size > 0 && [...timers].every(({ dueAt }) => dueAt > now() + ms),
    skip(ms) {
      skippedMs += ms;
      const due = [...timers].filter(({ dueAt }) => dueAt <= now()).sort((a, b) => a.dueAt - b.dueAt);
      // Each may take back those behind it.
      for (const timer of due) if (timers.delete(timer)) timer.call();
    },
  };
}
