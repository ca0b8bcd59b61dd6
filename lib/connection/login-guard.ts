// Keeps the breaker's state, and the pauses that vendors ask for, for all connections of this process that use the same credentials.
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../async/clock';
import { longestRetryAfterMs } from '../async/retry';
import { Semaphore } from '../async/semaphore';
import { closedBreaker, isProven, type BreakerState } from './circuit-breaker';

/** Guard that all users of the same credentials share, in this process or over all instances. */
export interface LoginGuard {
  state(): Promise<BreakerState>;
  /** Resolves to the new state. @param next pure; it holds no secrets */
  change(next: (state: BreakerState) => BreakerState): Promise<BreakerState>;
  /** Does the work when nobody else is at it: a login, or a request that stands for one. */
  withLock<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** Rest of the pause that the vendor has asked for; 0: none. */
  pauseLeftMs(): Promise<number>;
  pause(ms: number): Promise<void>;
}

/** A deploy is to try again, whatever was refused before. */
export type ResettableLoginGuard = LoginGuard & {
  reset(): void;
  /** Ends the pause after logins that failed for a passing reason: somebody who tests the connection does not wait for it. */
  endPause(): void;
};

/** The account may be unlocked by then. */
const keptForMs = 3600_000;
/** Logins that are known at once. */
const most = 200;

interface Login {
  lock: Semaphore;
  state: BreakerState;
  pausedUntil: number;
}

/**
 * One guard for each login of this process. The returned function takes what is sent at a login, and where to; of that it
 * keeps only a fingerprint.
 */
export function loginGuards(clock: Clock): (login: unknown) => ResettableLoginGuard {
  const salt = randomBytes(32);
  const logins = new Map<string, Login>();

  function find(key: string): Login {
    const found = logins.get(key) ?? { lock: new Semaphore(1), state: closedBreaker, pausedUntil: 0 };
    const { open, hasWorked } = found.state;
    if (open && clock.steadyNow() - open.since >= keptForMs) found.state = { ...closedBreaker, hasWorked };
    // The one used last is the last to go.
    logins.delete(key);
    logins.set(key, found);
    for (const oldest of logins.keys()) {
      if (logins.size <= most) break;
      logins.delete(oldest);
    }
    return found;
  }

  return (login) => {
    const key = createHmac('sha256', salt).update(JSON.stringify(login)).digest('base64');
    return {
      state: async () => find(key).state,
      async change(next) {
        const found = find(key);
        return (found.state = next(found.state));
      },
      withLock: (signal, work) => find(key).lock.run(signal, work),
      pauseLeftMs: async () => Math.max(0, find(key).pausedUntil - clock.steadyNow()),
      async pause(ms) {
        const found = find(key);
        found.pausedUntil = Math.max(found.pausedUntil, clock.steadyNow() + Math.min(ms, longestRetryAfterMs));
      },
      reset() {
        const found = find(key);
        found.state = { ...closedBreaker, hasWorked: found.state.hasWorked };
      },
      endPause() {
        const found = find(key);
        if (found.state.failedLogins > 0) found.state = { ...found.state, open: undefined };
      },
    };
  };
}

/** This process and all instances: what the others know counts, and is asked for where there is any doubt here. */
export function combineGuards(here: LoginGuard, everywhere: LoginGuard): LoginGuard {
  return {
    async state() {
      const known = await here.state();
      if (isProven(known) || known.open?.isLatched) return known;
      const shared = await everywhere.state();
      return here.change(() => shared);
    },
    async change(next) {
      const shared = await everywhere.change(next);
      return here.change(() => shared);
    },
    withLock: (signal, work) => here.withLock(signal, () => everywhere.withLock(signal, work)),
    pauseLeftMs: async () => Math.max(...(await Promise.all([here.pauseLeftMs(), everywhere.pauseLeftMs()]))),
    pause: async (ms) => void (await Promise.all([here.pause(ms), everywhere.pause(ms)])),
  };
}
