// Time that goes on as it does, and may be moved on at once: for waits of minutes between requests to a real server.
import type { Clock } from '../../lib/async/clock';

export interface SkippingClock extends Clock {
  /** Lets so much time pass, and calls back what became due meanwhile. */
  skip(ms: number): void;
}

export function skippingClock(): SkippingClock {
  const timers = new Set<{ dueAt: number; call(): void; cancel(): void }>();
  let skippedMs = 0;
  const now = (): number => Date.now() + skippedMs;
  return {
    now,
    steadyNow: now,
    after(ms, call) {
      const fire = (): void => {
        timer.cancel();
        call();
      };
      const running = setTimeout(fire, Math.min(ms, 2 ** 31 - 1));
      const timer = {
        dueAt: now() + ms,
        call: fire,
        cancel: () => (clearTimeout(running), void timers.delete(timer)),
      };
      timers.add(timer);
      return timer.cancel;
    },
    skip(ms) {
      skippedMs += ms;
      for (const timer of [...timers].sort((a, b) => a.dueAt - b.dueAt)) if (timer.dueAt <= now()) timer.call();
    },
  };
}
