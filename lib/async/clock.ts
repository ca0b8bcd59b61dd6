/** Time, passed in wherever something waits, so that tests own it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back once after that many milliseconds; the returned function cancels. */
  after(ms: number, call: () => void): () => void;
}

/** The longest delay that Node's timers keep; they fire at once beyond it. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: Date.now,
  after(ms, call) {
    const dueAt = Date.now() + ms;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = dueAt - Date.now();
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
