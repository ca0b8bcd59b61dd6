import { raceAbort } from '../async/abort';
import { toClipError, type ClipError } from '../errors';

/**
 * One login for all callers of a connection. Concurrent callers share a login in flight; a call that finds its session
 * expired gets one fresh session; and after a refused login nothing is sent again, so that an account is never locked.
 */
export class SharedSession<Session> {
  #session: Promise<Session> | undefined;
  #refused: ClipError | undefined;

  constructor(
    private readonly login: ((options: { signal: AbortSignal }) => Promise<Session>) | undefined,
    /** Fires when the connection closes: a login outlives the caller that happened to start it. */
    private readonly closing: AbortSignal,
    /** Told when a call, rather than the login, finds the credentials refused. */
    private readonly onRefused?: (error: ClipError) => void,
  ) {}

  /**
   * @param signal takes this caller out; a login under way goes on for the others
   * @throws what the login was refused with, without any request, from then on
   */
  async use<T>(signal: AbortSignal, call: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#current();
    try {
      return await raceAbort(session, signal).then(call);
    } catch (thrown) {
      const error = this.#judge(thrown);
      if (!error.sessionExpired || !this.login) throw error;
      if (this.#session === session) this.#session = undefined;
    }
    try {
      return await raceAbort(this.#current(), signal).then(call);
    } catch (thrown) {
      throw this.#judge(thrown);
    }
  }

  /** The session, if there is one now. */
  async peek(): Promise<Session | undefined> {
    return this.#session?.catch(() => undefined);
  }

  #current(): Promise<Session> {
    if (this.#refused) return Promise.reject(this.#refused);
    if (!this.login) return Promise.resolve(undefined as Session);
    this.#session ??= this.#start(this.login);
    return this.#session;
  }

  async #start(login: NonNullable<typeof this.login>): Promise<Session> {
    try {
      // Later, even where a login throws at once: the promise of this must be in place before it settles.
      return await Promise.resolve({ signal: this.closing }).then(login);
    } catch (thrown) {
      this.#session = undefined;
      const error = toClipError(thrown);
      throw isRefusal(error) ? this.#trip(error) : error;
    }
  }

  #judge(thrown: unknown): ClipError {
    const error = toClipError(thrown);
    if (error === this.#refused || error.code !== 'EAUTH' || error.sessionExpired) return error;
    this.onRefused?.(error);
    return this.#trip(error);
  }

  #trip(error: ClipError): ClipError {
    this.#refused ??= error.withMessage(
      `${error.message}. Nothing more is sent until the connection is corrected and deployed`,
    );
    return this.#refused;
  }
}

/** The password has arrived somewhere and was not accepted. Trouble on the way there may pass. */
export function isRefusal(error: ClipError): boolean {
  return !error.retryable && error.code !== 'ENETWORK' && error.code !== 'EABORTED';
}
