import { toClipError, type ClipError } from './errors';
import type { Provider } from './provider';
import { isRefusal, whileWanted } from './session';

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
