import { createHmac, randomBytes } from 'node:crypto';
import { toClipError, ClipError } from '../errors';
import type { Provider } from '../provider';
import { isRefusal } from './session';
import { raceAbort } from '../async/abort';
import type { Clock } from '../async/clock';
import { Semaphore } from '../async/semaphore';

/** Where instances that log in with the same credentials tell one another that these were refused. */
export interface LoginGuard {
  refusal(): Promise<ClipError | undefined>;
  /** @param error without secrets */
  trip(error: ClipError): Promise<void>;
  /** Does the work when no other instance is at it. */
  withLock<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/**
 * A login that is not tried with credentials that were refused, by whichever instance tried them. Where the provider has no
 * login of its own, this is all that it does.
 */
export function guardLogin<Session>(
  login: Provider<Session>['login'],
  refusals: LoginGuard,
): NonNullable<Provider<Session>['login']> {
  async function checked(options: { signal: AbortSignal }): Promise<Session> {
    const refused = await refusals.refusal();
    if (refused) throw refused;
    // Whoever started this may have given up while others were at it.
    options.signal.throwIfAborted();
    if (!login) return undefined as Session;
    try {
      return await login(options);
    } catch (thrown) {
      const error = toClipError(thrown);
      if (isRefusal(error)) await refusals.trip(error);
      throw error;
    }
  }

  return (options) => {
    const { signal } = options;
    return raceAbort(login ? refusals.withLock(signal, () => checked(options)) : checked(options), signal);
  };
}

/** The account may be unlocked by then. */
const rememberedMs = 3600_000;
/** Where it is not sure that it was the password. */
const doubtfulMs = 60_000;
/** Logins that are known at once. */
const most = 200;

interface Login {
  turn: Semaphore;
  refused?: { error: ClipError; until: number };
}

/** The refusals of one login. A deploy is to try it again: that forgets them. */
export type ResettableLoginGuard = LoginGuard & { forget(): void };

/**
 * Which logins were refused in this process. The returned function takes what is sent at a login, and where to; of that it
 * keeps only a fingerprint.
 */
export function loginGuards(clock: Clock): (login: unknown) => ResettableLoginGuard {
  const salt = randomBytes(32);
  const logins = new Map<string, Login>();

  function find(key: string): Login {
    const found = logins.get(key) ?? { turn: new Semaphore(1) };
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
      async refusal() {
        const { refused } = find(key);
        return refused && refused.until > clock.now() ? refused.error : undefined;
      },
      async trip({ code, message }) {
        const isSure = code === 'EAUTH' || code === 'EFORBIDDEN';
        const until = clock.now() + (isSure ? rememberedMs : doubtfulMs);
        find(key).refused = { error: new ClipError(code, message, { retryable: false }), until };
      },
      withLock: (signal, work) => find(key).turn.run(signal, work),
      forget: () => void delete find(key).refused,
    };
  };
}

/** A login is refused when either says so, and both are told. */
export function combineGuards(one: LoginGuard, other: LoginGuard): LoginGuard {
  return {
    refusal: async () => (await one.refusal()) ?? other.refusal(),
    trip: async (error) => void (await Promise.all([one.trip(error), other.trip(error)])),
    withLock: (signal, work) => one.withLock(signal, () => other.withLock(signal, work)),
  };
}
