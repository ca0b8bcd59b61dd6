// Opens a provider at its first use, calls it under the shared session, and takes secrets out of all that comes back.
import { raceAbort } from '../async/abort';
import type { Clock } from '../async/clock';
import { cancelled, ClipError, reasonFirst, toClipError } from '../errors';
import type { CallOptions, Provider, ProviderConfig, ProviderDefinition } from '../provider';
import { withLoginAdvice } from './login-advice';
import type { LoginGuard } from './login-guard';
import { hideInAnswer, redact, secretValues, stringsIn } from './redact';
import { SharedSession } from './session';

/** Something done with a provider, under a session. */
export type Work<T> = (provider: Provider, call: CallOptions) => Promise<T>;

export interface ProviderHandleOptions {
  definition: ProviderDefinition;
  config: ProviderConfig;
  guard: LoginGuard;
  clock: Clock;
  /** Ends everything under way. */
  closing: AbortSignal;
  /** Called when the vendor says that a clip has changed, or something that is not known. */
  changed(clipId?: string): void;
}

export class ProviderHandle {
  readonly #options: ProviderHandleOptions;
  readonly #changes: SessionListener;
  readonly #eventNews: SessionListener;
  #opened: Promise<{ provider: Provider; session: SharedSession<unknown> }> | undefined;
  #session: SharedSession<unknown> | undefined;
  readonly #newsListeners = new Set<() => void>();
  /** The secrets of the session that was asked about last: a session lasts for many requests, and has many forms. */
  #known: { texts: string; secrets: string[] } | undefined;

  constructor(options: ProviderHandleOptions) {
    this.#options = options;
    this.#changes = new SessionListener(options.closing);
    this.#eventNews = new SessionListener(options.closing);
  }

  /** Has any request succeeded? */
  get hasWorked(): boolean {
    return this.#session?.hasWorked ?? false;
  }

  /** Does the provider have this method? Found out without a request. @throws what keeps it from being opened */
  async can(method: keyof Provider): Promise<boolean> {
    try {
      const { provider } = await this.#open();
      return provider[method] !== undefined;
    } catch (thrown) {
      throw this.redact(toClipError(thrown), undefined);
    }
  }

  /** Something with the provider, under its session. @throws a ClipError without secrets, `EABORTED` for either signal */
  async call<T>(callerSignal: AbortSignal, work: Work<T>): Promise<T> {
    const signal = AbortSignal.any([callerSignal, this.#options.closing]);
    const sessions: unknown[] = [];
    try {
      signal.throwIfAborted();
      const { provider, session } = await this.#open();
      const answer = await session.use(signal, (current) => {
        sessions.push(current);
        return raceAbort(work(provider, { signal, session: current }), signal);
      });
      return hideInAnswer(answer, this.#secrets(sessions));
    } catch (thrown) {
      throw this.redact(signal.aborted ? cancelled() : toClipError(thrown), sessions);
    }
  }

  /**
   * Calls back when the vendor has news of events, with each session anew. To be called after a request has succeeded. The
   * returned function ends it.
   */
  onEventNews(listener: () => void): () => void {
    this.#newsListeners.add(listener);
    if (this.#newsListeners.size === 1) void this.#watchEventsNow();
    return () => {
      this.#newsListeners.delete(listener);
      if (this.#newsListeners.size === 0) this.#eventNews.stop();
    };
  }

  /** Takes note of a failure that is one of many answers in one reply; returns it without secrets. */
  async note(error: ClipError, session: unknown): Promise<ClipError> {
    const clean = this.redact(error, session);
    await this.#session?.note(clean);
    return clean;
  }

  /** @param session one, or a list of all that were in use */
  redact(error: ClipError, session: unknown): ClipError {
    return redact(error, this.#secrets(session));
  }

  /** Logs out. Never rejects. */
  async close(): Promise<void> {
    try {
      const opened = await this.#opened;
      await opened?.provider.close?.(await opened.session.peek());
    } catch {
      // The connection is going away; so does whatever is wrong with it.
    }
  }

  #secrets(session: unknown): string[] {
    const texts = stringsIn(session).join('\n');
    if (this.#known?.texts !== texts) {
      this.#known = { texts, secrets: secretValues(this.#options.config.credentials, session) };
    }
    return this.#known.secrets;
  }

  #open(): Promise<{ provider: Provider; session: SharedSession<unknown> }> {
    const { definition, config, closing, guard, clock } = this.#options;
    this.#opened ??= definition.open(config).then((provider) => {
      if (!provider.login) void this.#watch(provider, undefined);
      const session = new SharedSession<unknown>({
        login: this.#loginOf(provider),
        guard,
        clock,
        closing,
        redact: (error, current) => this.redact(error, current),
      });
      this.#session = session;
      return { provider, session };
    });
    return this.#opened;
  }

  /** The provider's login; with it begins the listening for changes, and ends that of the session before. */
  #loginOf(provider: Provider): Provider['login'] {
    if (!provider.login) return undefined;
    return async (options) => {
      this.#changes.stop();
      const session = checkSession(await this.#logIn(provider, options));
      await this.#watch(provider, session);
      void this.#watchEvents(provider, session);
      return session;
    };
  }

  async #logIn(provider: Provider, options: { signal: AbortSignal }): Promise<unknown> {
    const { definition, config } = this.#options;
    try {
      return await provider.login!(options);
    } catch (thrown) {
      throw withLoginAdvice(toClipError(thrown), definition, config);
    }
  }

  #watch(provider: Provider, session: unknown): Promise<void> {
    const { changed } = this.#options;
    return this.#changes.start(async (signal) =>
      provider.watch?.((clipId) => !signal.aborted && changed(clipId), { signal, session }),
    );
  }

  async #watchEventsNow(): Promise<void> {
    try {
      const { provider, session } = await this.#open();
      const current = await session.peek();
      // A login begins it by itself.
      if (!provider.login || current !== undefined) await this.#watchEvents(provider, current);
    } catch {
      // It cannot be opened, which every request reports.
    }
  }

  async #watchEvents(provider: Provider, session: unknown): Promise<void> {
    this.#eventNews.stop();
    if (this.#newsListeners.size === 0) return;
    await this.#eventNews.start(async (signal) => {
      const news = (): void => {
        if (!signal.aborted) for (const listener of this.#newsListeners) listener();
      };
      await provider.watchEvents?.(news, { signal, session });
    });
  }
}

/** Listens to the vendor as long as a session lasts: for the next one it begins anew. */
class SessionListener {
  #current: AbortController | undefined;

  constructor(private readonly closing: AbortSignal) {}

  stop(): void {
    this.#current?.abort();
  }

  /** Never rejects: polling finds out all the same, only later. */
  async start(listen: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#current = new AbortController();
    await listen(AbortSignal.any([this.#current.signal, this.closing])).catch(() => undefined);
  }
}

/** Servers refuse requests with headers that are longer than about this, and break the connection. */
const longestKey = 8_192;

/** @throws EPROTOCOL for one that no request could be sent with */
function checkSession<T>(session: T): T {
  if (!stringsIn(session).some(({ length }) => length > longestKey)) return session;
  const message = reasonFirst('the server sent a session key that is too long for any request', 'Logging in');
  throw new ClipError('EPROTOCOL', message, { retryable: true });
}
