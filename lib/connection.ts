import { Poller, type ClipAnswer } from './clips/poller';
import type { Clock } from './clock';
import { ClipError, toClipError } from './errors';
import type {
  CallOptions,
  Camera,
  Clip,
  ClipRequest,
  ConnectionCheck,
  OpenClip,
  Provider,
  ProviderClip,
  ProviderConfig,
  ProviderDefinition,
} from './provider';
import { redact, secretValues } from './redact';
import { SharedSession } from './session';
import { Slots } from './slots';

/** Requests other than transfers and polls that may be under way at once: enough to be quick, too few to be a burst. */
const commandsAtOnce = 4;

export interface ConnectionOptions {
  /** Id of the `clip-provider` node. */
  id: string;
  definition: ProviderDefinition;
  config: ProviderConfig;
  /** Transfers at once. */
  maxConcurrent: number;
  clock: Clock;
}

/**
 * One account on one server, shared by all nodes that use it: the policy around a provider. Logs in once, keeps the number
 * of requests within limits, asks for many clips in one round, and takes secrets out of whatever goes wrong.
 */
export class Connection {
  readonly id: string;
  readonly definition: ProviderDefinition;
  readonly #config: ProviderConfig;
  readonly #closing = new AbortController();
  readonly #commands = new Slots(commandsAtOnce);
  readonly #transfers: Slots;
  readonly #poller: Poller;
  #opened: Promise<{ provider: Provider; session: SharedSession<unknown> }> | undefined;

  constructor(options: ConnectionOptions) {
    this.id = options.id;
    this.definition = options.definition;
    this.#config = options.config;
    this.#transfers = new Slots(options.maxConcurrent);
    this.#poller = new Poller(options.clock, (clips) => this.#fetchClips(clips));
  }

  /** Longest clip the vendor makes, in seconds. */
  get maxClipSeconds(): number | undefined {
    return this.definition.maxClipSeconds?.(this.#config.settings);
  }

  async createClip(request: ClipRequest, signal: AbortSignal): Promise<Clip> {
    return this.#own(await this.#command(signal, (provider, call) => provider.createClip(request, call)));
  }

  /**
   * The clip's status, in the next round of the connection's one loop. `undefined`: the vendor does not list it.
   * @param intervalMs the shortest time between two rounds that this caller puts up with
   */
  async pollClip(clip: Clip, intervalMs: number, signal: AbortSignal): Promise<Clip | undefined> {
    const found = await this.#poller.ask(clip, intervalMs, AbortSignal.any([signal, this.#closing.signal]));
    return found && this.#own(found);
  }

  /** Runs a transfer when one of the connection's transfer slots is free. */
  transfer<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#transfers.run(AbortSignal.any([signal, this.#closing.signal]), work);
  }

  openClip(clip: Clip, from: { offset: number; etag?: string }, signal: AbortSignal): Promise<OpenClip> {
    return this.#call(signal, (provider, call) => provider.openClip(clip, { ...call, ...from }));
  }

  deleteClip(clip: Clip, signal: AbortSignal): Promise<void> {
    return this.#command(signal, async (provider, call) => {
      if (!provider.deleteClip) throw this.#unsupported('delete clips');
      await provider.deleteClip(clip, call);
    });
  }

  /** Stops the making of a clip where the vendor can; resolves to whether it can. */
  cancelClip(clip: Clip, signal: AbortSignal): Promise<boolean> {
    return this.#command(signal, async (provider, call) => {
      await provider.cancelClip?.(clip, call);
      return provider.cancelClip !== undefined;
    });
  }

  listCameras(signal: AbortSignal): Promise<Camera[]> {
    return this.#command(signal, async (provider, call) => {
      if (!provider.listCameras) throw this.#unsupported('list cameras');
      return provider.listCameras(call);
    });
  }

  check(signal: AbortSignal): Promise<ConnectionCheck> {
    return this.#command(signal, (provider, call) => provider.check(call));
  }

  /** Ends everything under way, and logs out. Never rejects. */
  async close(): Promise<void> {
    this.#closing.abort();
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.provider.close?.(await opened.session.peek()).catch(() => undefined);
  }

  async #fetchClips(clips: Clip[]): Promise<ClipAnswer[]> {
    const { provider } = await this.#open();
    const { signal } = this.#closing;
    if (provider.getClips) return this.#call(signal, (_, call) => provider.getClips!(clips, call));
    return Promise.all(
      clips.map((clip) =>
        this.#command(signal, (_, call) => provider.getClip(clip, call)).catch((error: ClipError) =>
          error.code === 'ENOTFOUND' ? undefined : error,
        ),
      ),
    );
  }

  #command<T>(signal: AbortSignal, work: (provider: Provider, call: CallOptions) => Promise<T>): Promise<T> {
    return this.#commands.run(AbortSignal.any([signal, this.#closing.signal]), () => this.#call(signal, work));
  }

  async #call<T>(callerSignal: AbortSignal, work: (provider: Provider, call: CallOptions) => Promise<T>): Promise<T> {
    const signal = AbortSignal.any([callerSignal, this.#closing.signal]);
    let session: unknown;
    try {
      signal.throwIfAborted();
      const opened = await this.#open();
      return await opened.session.use((current) => {
        session = current;
        return work(opened.provider, { signal, session });
      });
    } catch (thrown) {
      const error = signal.aborted ? new ClipError('EABORTED', 'Cancelled') : toClipError(thrown);
      throw redact(error, secretValues(this.#config.credentials, session));
    }
  }

  #open(): Promise<{ provider: Provider; session: SharedSession<unknown> }> {
    this.#opened ??= this.definition.open(this.#config).then((provider) => ({
      provider,
      session: new SharedSession(provider.login?.bind(provider), this.#closing.signal),
    }));
    return this.#opened;
  }

  #own(clip: ProviderClip): Clip {
    return { ...clip, connection: this.id, provider: this.definition.id };
  }

  #unsupported(what: string): ClipError {
    return new ClipError('EUNSUPPORTED', `${this.definition.label} cannot ${what}`);
  }
}
