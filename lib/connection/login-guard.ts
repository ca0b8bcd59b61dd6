import { createHmac, randomBytes } from 'node:crypto';
import { toClipError, ClipError } from '../errors';
import type { Provider } from '../provider';
import { isRefusal, whileWanted } from './session';
import type { Clock } from '../async/clock';
import { Slots } from '../async/semaphore';

/** Where instances that log in with the same credentials tell one another that these were refused. */
export interface Refusals {
  recall(): Promise<ClipError | undefined>;
  /** @param error without secrets */
  remember(error: ClipError): Promise<void>;
  /** Does the work when no other instance is at it. */
  inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/**
 * A login that is not tried with credentials that were refused, by whichever instance tried them. Where the provider has no
 * login of its own, this is all that it does.
 */
export function loginOnce<Session>(
  login: Provider<Session>['login'],
  refusals: Refusals,
): NonNullable<Provider<Session>['login']> {
  async function checked(options: { signal: AbortSignal }): Promise<Session> {
    const refused = await refusals.recall();
    if (refused) throw refused;
    // Whoever started this may have given up while others were at it.
    options.signal.throwIfAborted();
    if (!login) return undefined as Session;
    try {
      return await login(options);
    } catch (thrown) {
      const error = toClipError(thrown);
      if (isRefusal(error)) await refusals.remember(error);
      throw error;
    }
  }

  return (options) => {
    const { signal } = options;
    return whileWanted(login ? refusals.inTurn(signal, () => checked(options)) : checked(options), signal);
  };
}

/** The account may be unlocked by then. */
const rememberedMs = 3600_000;
/** Where it is not sure that it was the password. */
const doubtfulMs = 60_000;
/** Logins that are known at once. */
const most = 200;

interface Login {
  turn: Slots;
  refused?: { error: ClipError; until: number };
}

/** The refusals of one login. A deploy is to try it again: that forgets them. */
export type KnownLogin = Refusals & { forget(): void };

/**
 * Which logins were refused in this process. The returned function takes what is sent at a login, and where to; of that it
 * keeps only a fingerprint.
 */
export function refusedLogins(clock: Clock): (login: unknown) => KnownLogin {
  const salt = randomBytes(32);
  const logins = new Map<string, Login>();

  function find(key: string): Login {
    const found = logins.get(key) ?? { turn: new Slots(1) };
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
      async recall() {
        const { refused } = find(key);
        return refused && refused.until > clock.now() ? refused.error : undefined;
      },
      async remember({ code, message }) {
        const isSure = code === 'EAUTH' || code === 'EFORBIDDEN';
        const until = clock.now() + (isSure ? rememberedMs : doubtfulMs);
        find(key).refused = { error: new ClipError(code, message, { retryable: false }), until };
      },
      inTurn: (signal, work) => find(key).turn.run(signal, work),
      forget: () => void delete find(key).refused,
    };
  };
}

/** A login is refused when either says so, and both are told. */
export function both(one: Refusals, other: Refusals): Refusals {
  return {
    recall: async () => (await one.recall()) ?? other.recall(),
    remember: async (error) => void (await Promise.all([one.remember(error), other.remember(error)])),
    inTurn: (signal, work) => one.inTurn(signal, () => other.inTurn(signal, work)),
  };
}
