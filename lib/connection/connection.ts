// Applies policy around a provider: one account on one server, shared by all nodes that use it.
import { Poller } from './poller';
import type { Clock } from '../async/clock';
import { cancelled, ClipError } from '../errors';
import { ProviderHandle, type Work } from './provider-handle';
import type {
  Camera,
  Clip,
  ClipRequest,
  ConnectionCheck,
  EventPage,
  EventQuery,
  Footage,
  Gap,
  Range,
  OpenClip,
  Provider,
  ProviderClip,
  ProviderConfig,
  ProviderDefinition,
  ProviderEvent,
  ServerExport,
  ServerExportRequest,
} from '../provider';
import { loginGuards, type LoginGuard } from './login-guard';
import { Semaphore } from '../async/semaphore';
import { CameraList } from './cameras';
import { fetchClips, noteFailures } from './rounds';

/** Requests other than transfers and polls that may be under way at once: enough to be quick, too few to be a burst. */
const commandsAtOnce = 4;

export interface ConnectionOptions {
  /** Id of the `clip-provider` node. */
  id: string;
  definition: ProviderDefinition;
  config: ProviderConfig;
  /** Transfers, and creations of clips, at once. */
  maxConcurrent: number;
  clock: Clock;
  /** State shared with other connections and instances that use the same credentials. Absent: nothing is. */
  guard?: LoginGuard;
}

/** Logs in once, keeps the number of requests within limits, and asks for many clips in one round. */
export class Connection {
  readonly id: string;
  readonly definition: ProviderDefinition;
  /** Transfers, and creations of clips, at once. */
  readonly maxConcurrent: number;
  /** Offset of this connection's rounds of polling, so that many connections do not ask at the same moment. */
  readonly phaseMs = Math.floor(Math.random() * 60_000);
  readonly cameras: CameraList;
  readonly #config: ProviderConfig;
  readonly #closing = new AbortController();
  readonly #provider: ProviderHandle;
  readonly #commands = new Semaphore(commandsAtOnce);
  readonly #creations: Semaphore;
  readonly #transfers: Semaphore;
  readonly #poller: Poller;
  readonly #exportPoller: Poller<ServerExport, ServerExport>;
  readonly #changeListeners = new Set<(clipId?: string) => void>();

  constructor(options: ConnectionOptions) {
    const { id, definition, config, maxConcurrent, clock, guard = loginGuards(clock)(id) } = options;
    this.id = id;
    this.definition = definition;
    this.maxConcurrent = maxConcurrent;
    this.#config = config;
    this.cameras = new CameraList(clock, (signal) => this.listCameras(signal));
    this.#transfers = new Semaphore(maxConcurrent);
    this.#creations = new Semaphore(maxConcurrent);
    const changed = (clipId?: string): void => {
      this.#poller.expedite();
      for (const listener of this.#changeListeners) listener(clipId);
    };
    const { signal } = this.#closing;
    const shared = { ...config, maxConcurrent };
    this.#provider = new ProviderHandle({ definition, config: shared, guard, clock, closing: signal, changed });
    this.#poller = new Poller(clock, (clips) =>
      fetchClips(this.#provider, clips, signal, (work) => this.#command(signal, work)),
    );
    this.#exportPoller = new Poller(clock, (exports) =>
      this.#commandOf('getExports', 'list its exports', signal, async (provider, call) =>
        noteFailures(this.#provider, await provider.getExports!(exports, call), call.session),
      ),
    );
  }

  /** Has any request of this connection succeeded? Then what fails now had worked, and may work again. */
  get hasWorked(): boolean {
    return this.#provider.hasWorked;
  }

  /** Longest clip the vendor makes, in seconds. */
  get maxClipSeconds(): number | undefined {
    return this.definition.maxClipSeconds?.(this.#config.settings);
  }

  /** Settings that identify the server. No secrets. */
  get target(): string[] {
    const kinds = ['url', 'text', 'select'];
    const named = this.definition.settings.filter(({ kind }) => kinds.includes(kind));
    return named.map(({ name }) => String(this.#config.settings[name]));
  }

  async createClip(request: ClipRequest, signal: AbortSignal): Promise<Clip> {
    const create: Work<ProviderClip> = (provider, call) => provider.createClip(request, call);
    // A creation may wait until the vendor has room for it, and must not keep other commands waiting meanwhile.
    return this.#own(
      await this.#waiting(signal, (combinedSignal) =>
        this.#creations.run(combinedSignal, () => this.#provider.call(signal, create)),
      ),
    );
  }

  /** The clip that an earlier `createClip`, whose answer was lost, may have made; `undefined` where that is not known. */
  async findClip(request: ClipRequest, signal: AbortSignal): Promise<Clip | undefined> {
    const found = await this.#ifAble('findClip', signal, (provider, call) => provider.findClip!(request, call));
    return found && this.#own(found);
  }

  /**
   * The clip's status, in the next round of the connection's one loop. `undefined`: the vendor does not list it.
   * @param intervalMs the shortest time between two rounds that this caller puts up with
   */
  async pollClip(clip: Clip, intervalMs: number, signal: AbortSignal): Promise<Clip | undefined> {
    const found = await this.#waiting(signal, (combinedSignal) => this.#poller.poll(clip, intervalMs, combinedSignal));
    return found && this.#own(found);
  }

  /**
   * Calls back when the vendor reports that a clip has changed, without an id where it does not say which. A hint for jobs
   * that poll anyway. The returned function ends it.
   */
  onClipChanged(listener: (clipId?: string) => void): () => void {
    this.#changeListeners.add(listener);
    return () => void this.#changeListeners.delete(listener);
  }

  /** Runs a transfer when one of the connection's transfer slots is free. */
  transfer<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#waiting(signal, (combinedSignal) => this.#transfers.run(combinedSignal, work));
  }

  openClip(clip: Clip, from: { offset: number; etag?: string; size?: number }, signal: AbortSignal): Promise<OpenClip> {
    return this.#provider.call(signal, async (provider, call) => {
      const opened = await provider.openClip(clip, { ...call, ...from });
      // An abort has ended the call already, so nobody will read the body.
      if (call.signal.aborted) opened.body.destroy();
      return opened;
    });
  }

  deleteClip(clip: Clip, signal: AbortSignal): Promise<void> {
    return this.#commandOf('deleteClip', 'delete clips', signal, (provider, call) => provider.deleteClip!(clip, call));
  }

  /** Stops the making of a clip where the vendor can; resolves to whether it can. */
  async cancelClip(clip: Clip, signal: AbortSignal): Promise<boolean> {
    if (!(await this.#provider.can('cancelClip'))) return false;
    await this.#command(signal, (provider, call) => provider.cancelClip!(clip, call));
    return true;
  }

  listCameras(signal: AbortSignal): Promise<Camera[]> {
    return this.#commandOf('listCameras', 'list cameras', signal, (provider, call) => provider.listCameras!(call));
  }

  /**
   * Parts of a clip's range without footage, as they are known now; `undefined` where the vendor has no such list. Belongs to a
   * transfer, and so is limited with these.
   */
  async findGaps({ camera, start, end }: Clip, signal: AbortSignal): Promise<Gap[] | undefined> {
    if (!(await this.#provider.can('surveyFootage'))) return undefined;
    const find: Work<Footage> = (provider, call) => provider.surveyFootage!(camera, { start, end }, call);
    return (await this.#provider.call(signal, find)).gaps;
  }

  /** Gaps of a range of any length, and the limits by which an export cuts it into clips. */
  async surveyFootage(camera: string, range: Range, signal: AbortSignal): Promise<Footage> {
    const known: Footage = { maxClipSeconds: this.maxClipSeconds, gaps: [] };
    const found = await this.#ifAble('surveyFootage', signal, (provider, call) =>
      provider.surveyFootage!(camera, range, call),
    );
    return { ...known, ...found };
  }

  /** An export onto the vendor's own storage. @throws EUNSUPPORTED */
  exportVideo(request: ServerExportRequest, signal: AbortSignal): Promise<ServerExport> {
    return this.#commandOf('exportVideo', 'export to its own storage', signal, (provider, call) =>
      provider.exportVideo!(request, call),
    );
  }

  /** The export that an earlier `exportVideo`, whose answer was lost, may have started; `undefined` where there is none. */
  findExport(request: ServerExportRequest, signal: AbortSignal): Promise<ServerExport | undefined> {
    return this.#ifAble('findExport', signal, (provider, call) => provider.findExport!(request, call));
  }

  /**
   * The export as it stands, in the next round of all that are waited for. `undefined`: the vendor does not list it.
   * @param intervalMs the shortest time between two rounds that this caller puts up with
   */
  pollExport(started: ServerExport, intervalMs: number, signal: AbortSignal): Promise<ServerExport | undefined> {
    return this.#waiting(signal, (combinedSignal) => this.#exportPoller.poll(started, intervalMs, combinedSignal));
  }

  cancelExport(started: ServerExport, signal: AbortSignal): Promise<void> {
    return this.#commandOf('cancelExport', 'cancel an export', signal, (provider, call) =>
      provider.cancelExport!(started, call),
    );
  }

  /**
   * Events after the query's cursor.
   * @throws EINVALID where the cursor is none of this provider's, EUNSUPPORTED where it knows no events
   */
  async listEvents(query: EventQuery, signal: AbortSignal): Promise<EventPage> {
    const page = await this.#commandOf('listEvents', 'list events', signal, (provider, call) =>
      provider.listEvents!(query, call),
    );
    return { ...page, events: page.events.map((event) => this.#namedEvent(event)) };
  }

  /** Calls back when it may be worth asking for events now. A hint only. The returned function ends it. */
  onEventNews(listener: () => void): () => void {
    return this.#provider.onEventNews(listener);
  }

  check(signal: AbortSignal): Promise<ConnectionCheck> {
    return this.#command(signal, (provider, call) => provider.check(call));
  }

  /** Ends everything under way, and logs out. Never rejects. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#provider.close();
  }

  /** @throws EUNSUPPORTED, without a request, where the provider has no such method */
  async #commandOf<T>(method: keyof Provider, what: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    if (await this.#provider.can(method)) return this.#command(signal, work);
    throw new ClipError('EUNSUPPORTED', `${this.definition.label} cannot ${what}`);
  }

  /** `undefined`, without a request, where the provider has no such method. */
  async #ifAble<T>(method: keyof Provider, signal: AbortSignal, work: Work<T>): Promise<T | undefined> {
    return (await this.#provider.can(method)) ? this.#command(signal, work) : undefined;
  }

  #command<T>(signal: AbortSignal, work: Work<T>): Promise<T> {
    return this.#waiting(signal, (combinedSignal) =>
      this.#commands.run(combinedSignal, () => this.#provider.call(signal, work)),
    );
  }

  /** Turns whatever a fired signal rejects a wait with into `EABORTED`. */
  async #waiting<T>(signal: AbortSignal, wait: (combinedSignal: AbortSignal) => Promise<T>): Promise<T> {
    const combinedSignal = AbortSignal.any([signal, this.#closing.signal]);
    try {
      return await wait(combinedSignal);
    } catch (thrown) {
      throw combinedSignal.aborted && !(thrown instanceof ClipError) ? cancelled() : thrown;
    }
  }

  #namedEvent({ clip, ...event }: ProviderEvent): ProviderEvent {
    const cameraName = event.cameraName ?? (event.camera === undefined ? undefined : this.cameras.nameOf(event.camera));
    const named = cameraName === undefined ? {} : { cameraName };
    return { ...event, ...named, ...(clip ? { clip: this.#own(clip) } : {}) };
  }

  #own(clip: ProviderClip): Clip {
    const cameraName = clip.cameraName ?? this.cameras.nameOf(clip.camera);
    const named = cameraName === undefined ? {} : { cameraName };
    return { ...clip, ...named, connection: this.id, provider: this.definition.id };
  }
}
