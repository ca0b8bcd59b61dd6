import { raceAbort } from '../async/abort';
import { cancelled, toClipError, type ClipError } from '../errors';
import type { CallOptions, Provider, ProviderConfig, ProviderDefinition } from '../provider';
import { redact, secretValues } from './redact';
import { guardLogin, type LoginGuard } from './login-guard';
import { SharedSession } from './session';

export interface OpenProviderOptions {
  definition: ProviderDefinition;
  config: ProviderConfig;
  /** Where other instances hear that the credentials were refused. */
  refusals?: LoginGuard;
  /** Ends everything under way. */
  closing: AbortSignal;
  /** Called when the vendor tells that a clip has changed, or something that is not known. */
  changed(clipId?: string): void;
}

/**
 * A provider at work: opened at its first use, logged in once for all callers, and listened to for news while its session
 * lasts. No secret leaves it in an error.
 */
export class ProviderHandle {
  readonly #options: OpenProviderOptions;
  readonly #refusals: LoginGuard | undefined;
  /** Ends the listening for news that belongs to the current session. */
  #watching: AbortController | undefined;
  #opened: Promise<{ provider: Provider; session: SharedSession<unknown> }> | undefined;

  constructor(options: OpenProviderOptions) {
    this.#options = options;
    const { refusals } = options;
    this.#refusals = refusals && {
      ...refusals,
      trip: (error) => refusals.trip(this.redact(error, undefined)),
    };
  }

  /** Something with the provider, under its session. @throws a ClipError without secrets, `EABORTED` for either signal */
  async call<T>(callerSignal: AbortSignal, work: (provider: Provider, call: CallOptions) => Promise<T>): Promise<T> {
    const signal = AbortSignal.any([callerSignal, this.#options.closing]);
    const sessions: unknown[] = [];
    try {
      signal.throwIfAborted();
      const opened = await this.#open();
      return await opened.session.use(signal, (session) => {
        sessions.push(session);
        return raceAbort(work(opened.provider, { signal, session }), signal);
      });
    } catch (thrown) {
      throw this.redact(signal.aborted ? cancelled() : toClipError(thrown), sessions);
    }
  }

  /** @param session one, or all that were in use */
  redact(error: ClipError, session: unknown): ClipError {
    return redact(error, secretValues(this.#options.config.credentials, session));
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

  #open(): Promise<{ provider: Provider; session: SharedSession<unknown> }> {
    const { definition, config, closing } = this.#options;
    this.#opened ??= definition.open(config).then((provider) => {
      if (!provider.login) void this.#watch(provider, undefined);
      const refused = (error: ClipError): void => void this.#refusals?.trip(error).catch(() => undefined);
      return { provider, session: new SharedSession(this.#loginOf(provider), closing, refused) };
    });
    return this.#opened;
  }

  /** The provider's login; with it begins the listening for news, and ends that of the session before. */
  #loginOf(provider: Provider): Provider['login'] {
    const login = this.#refusals ? guardLogin(provider.login, this.#refusals) : provider.login;
    if (!login || !provider.login) return login;
    return async (options) => {
      this.#watching?.abort();
      const session = await login(options);
      await this.#watch(provider, session);
      return session;
    };
  }

  async #watch(provider: Provider, session: unknown): Promise<void> {
    if (!provider.watch) return;
    this.#watching = new AbortController();
    const signal = AbortSignal.any([this.#watching.signal, this.#options.closing]);
    const changed = (clipId?: string): void => {
      if (!signal.aborted) this.#options.changed(clipId);
    };
    try {
      await provider.watch(changed, { signal, session });
    } catch {
      // Polling finds out all the same, only later.
    }
  }
}
