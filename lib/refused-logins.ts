import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from './clock';
import { ClipError } from './errors';
import type { Refusals } from './refusals';
import { Slots } from './slots';

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
