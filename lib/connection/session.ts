// Sends requests under one login that all callers share, and only while the connection's circuit breaker lets them through.
import { raceAbort } from '../async/abort';
import type { Clock } from '../async/clock';
import { ClipError, toClipError, type ErrorCode } from '../errors';
import {
  afterFailedLogin,
  afterLogin,
  afterRefusal,
  afterSuccess,
  blockedBy,
  classifyFailure,
  isProven,
  type BreakerState,
} from './circuit-breaker';
import type { LoginGuard } from './login-guard';

export interface SessionOptions<Session> {
  /** Absent for providers whose requests carry the credentials themselves. */
  login?: ((options: { signal: AbortSignal }) => Promise<Session>) | undefined;
  guard: LoginGuard;
  clock: Clock;
  /** Fires when the connection closes: a login outlives the caller that happened to start it. */
  closing: AbortSignal;
  /** Takes secrets out, before anything is kept or shared. */
  redact(error: ClipError, session: Session | undefined): ClipError;
}

/**
 * A job that only waits for a pause to end has not failed. But after so many in a row nobody will ever be let in, and another
 * request may always be the one that finds that out.
 */
const mostPauses = 20;

/**
 * Vendors say in ways of their own that a session has ended, and not all of these are known: one under which nothing has been
 * answered for so long is replaced when a request fails, though not often, as each login may cost a place or count for a limit.
 */
const trustedMs = 10_000;
const betweenDoubtsMs = 10 * 60_000;
/** The session is not to blame where no answer came at all, or the vendor asks for patience. */
const blameless: ReadonlySet<ErrorCode> = new Set(['ENETWORK', 'ETIMEOUT', 'ETHROTTLED', 'EABORTED']);

/**
 * Concurrent callers share a login in flight. A call that finds its session expired gets one fresh session. Requests go one at
 * a time until the first has succeeded: where these carry the credentials, a wrong password is sent once.
 */
export class SharedSession<Session> {
  readonly #options: SessionOptions<Session>;
  #session: Promise<Session> | undefined;
  /** The one request that is under way while the credentials are not proven; resolves to why the server cannot be reached. */
  #trial: Promise<ClipError | undefined> | undefined;
  /** The vendor's words when it asked for the last pause. */
  #limitedBy: ClipError | undefined;
  /** Pauses that were asked for in a row, without a success in between. */
  #pauses = 0;
  /** Holds for this connection even when others may try again. */
  #latched: ClipError | undefined;
  #hasWorked = false;
  /** When the session was begun, or last got an answer that was one. Of the steady clock. */
  #answeredAt = 0;
  /** When a session was last replaced on suspicion. */
  #doubtedAt = -Infinity;

  constructor(options: SessionOptions<Session>) {
    this.#options = options;
  }

  /** Has any request of this connection succeeded? */
  get hasWorked(): boolean {
    return this.#hasWorked;
  }

  /**
   * @param signal takes this caller out; a login under way goes on for the others
   * @throws what the breaker or a pause says, without any request, while nothing may be sent
   */
  async use<T>(signal: AbortSignal, call: (session: Session) => Promise<T>): Promise<T> {
    const { login } = this.#options;
    await this.#admit();
    signal.throwIfAborted();
    const session = this.#current();
    try {
      return await this.#sendInTurn(await raceAbort(session, signal), signal, call);
    } catch (thrown) {
      if (!(thrown instanceof ClipError) || !login) throw thrown;
      const isCurrent = this.#session === session;
      if (isCurrent && (thrown.sessionExpired || this.#isDoubtful(thrown))) this.#session = undefined;
      if (!thrown.sessionExpired) throw thrown;
    }
    return this.#sendInTurn(await raceAbort(this.#current(), signal), signal, call);
  }

  /** The session, if there is one now. */
  async peek(): Promise<Session | undefined> {
    return this.#session?.catch(() => undefined);
  }

  /** Takes note of a failure that did not end a call: one of many answers in one reply. */
  async note(error: ClipError): Promise<void> {
    if (classifyFailure(error) !== 'rate-limited') return;
    const { guard } = this.#options;
    this.#limitedBy = error;
    if ((await guard.pauseLeftMs()) === 0) this.#pauses += 1;
    await guard.pause(error.retryAfterMs!);
  }

  #current(): Promise<Session> {
    const { login } = this.#options;
    return (this.#session ??= login ? this.#start(login) : Promise.resolve(undefined as Session));
  }

  async #start(login: NonNullable<SessionOptions<Session>['login']>): Promise<Session> {
    const { guard, clock, closing } = this.#options;
    try {
      return await guard.withLock(closing, async () => {
        await this.#admit();
        closing.throwIfAborted();
        const sentAt = clock.steadyNow();
        try {
          const session = await login({ signal: closing });
          this.#answeredAt = clock.steadyNow();
          await guard.change(afterLogin);
          return session;
        } catch (thrown) {
          throw await this.#afterFailure(failureOf(thrown), sentAt, { isLogin: true });
        }
      });
    } catch (thrown) {
      this.#session = undefined;
      throw thrown;
    }
  }

  /** All at once where the credentials are known to be good, otherwise one after the other until they are. */
  async #sendInTurn<T>(session: Session, signal: AbortSignal, call: (session: Session) => Promise<T>): Promise<T> {
    const { guard } = this.#options;
    const send = (): Promise<T> => this.#send(session, call);
    if (isProven(await guard.state())) return send();
    while (this.#trial) {
      const unreachable = await raceAbort(this.#trial, signal);
      if (unreachable) throw unreachable;
    }
    const trial = guard.withLock(signal, async () => {
      const state = await this.#admit();
      signal.throwIfAborted();
      return isProven(state) ? undefined : { value: await send() };
    });
    const settled = trial.then(() => undefined, reachedNobody);
    this.#trial = settled;
    void settled.then(() => {
      if (this.#trial === settled) this.#trial = undefined;
    });
    const sent = await trial;
    return sent ? sent.value : send();
  }

  async #send<T>(session: Session, call: (session: Session) => Promise<T>): Promise<T> {
    const { guard, clock } = this.#options;
    const sentAt = clock.steadyNow();
    let value: T;
    try {
      value = await call(session);
    } catch (thrown) {
      throw await this.#afterFailure(failureOf(thrown), sentAt, { isLogin: false, session });
    }
    if (!this.#hasWorked || !isProven(await guard.state())) await guard.change(afterSuccess);
    this.#hasWorked = true;
    this.#pauses = 0;
    this.#answeredAt = clock.steadyNow();
    return value;
  }

  /** May the session have ended without a word that is known? Then the next try gets a fresh one: this one may have been carried out. */
  #isDoubtful(error: ClipError): boolean {
    const now = this.#options.clock.steadyNow();
    if (!error.inconclusive) this.#answeredAt = now;
    const isDue = now - this.#answeredAt >= trustedMs && now - this.#doubtedAt >= betweenDoubtsMs;
    if (!isDue || blameless.has(error.code)) return false;
    this.#doubtedAt = now;
    return true;
  }

  /** Applies a failure to the connection; resolves to the error for the caller. */
  async #afterFailure(
    error: ClipError,
    sentAt: number,
    { isLogin, session }: { isLogin: boolean; session?: Session },
  ): Promise<ClipError> {
    const { guard, clock, redact, closing } = this.#options;
    if (error.code === 'EABORTED' || closing.aborted) return error;
    const kind = classifyFailure(error);
    const now = clock.steadyNow();
    if (kind === 'rate-limited') {
      await this.note(redact(error, session));
      return error;
    }
    if (kind !== 'refused' && !isLogin) return error;
    const clean = redact(error, session);
    const state = await guard.change((known) =>
      kind === 'refused' ? afterRefusal(known, clean, sentAt, now) : afterFailedLogin(known, clean, now),
    );
    return this.#blocked(state) ?? error;
  }

  /** @throws what the breaker says, or the pause that the vendor has asked for */
  async #admit(): Promise<BreakerState> {
    const { guard } = this.#options;
    const pauseMs = await guard.pauseLeftMs();
    if (pauseMs > 0) throw paused(pauseMs, this.#limitedBy, this.#pauses < mostPauses);
    const state = await guard.state();
    const blocked = this.#blocked(state);
    if (blocked) throw blocked;
    return state;
  }

  #blocked(state: BreakerState): ClipError | undefined {
    const blocked = this.#latched ?? blockedBy(state, this.#options.clock.steadyNow());
    if (state.open?.isLatched) this.#latched ??= blocked;
    return blocked;
  }
}

/** A mistake in a provider says nothing about the clip: it may be able to read the next answer. */
function failureOf(thrown: unknown): ClipError {
  const error = toClipError(thrown);
  const isMistake = error !== thrown && error.code === 'EFAILED';
  return isMistake ? new ClipError('EFAILED', error.message, { inconclusive: true }) : error;
}

/**
 * @param limitedBy `undefined` where the vendor told another connection or instance
 * @param notSent whether the wait counts as no failure of the job
 */
function paused(retryAfterMs: number, limitedBy: ClipError | undefined, notSent: boolean): ClipError {
  const { code, message, vendorCode } =
    limitedBy ?? new ClipError('ETHROTTLED', 'The server has asked for a pause in all requests, which is not over yet');
  return new ClipError(code, message, { retryable: true, retryAfterMs, vendorCode, notSent });
}

/** Requests that wait for the first one fail like it, and need not try one after the other. */
function reachedNobody(thrown: unknown): ClipError | undefined {
  const { code } = toClipError(thrown);
  return code === 'ENETWORK' || code === 'ETIMEOUT' ? toClipError(thrown) : undefined;
}
