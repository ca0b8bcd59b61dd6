// A ZoneMinder server to test against: its API and its download page over real HTTP on loopback, as they were seen on real
// servers, with a switch for everything that differs between releases, settings and accidents (see `options.ts`).
import { startServer, type Fault, type RecordedRequest, type Reply, type SimulatorServer } from '../http-server';
import type { Media } from '../video';
import { serveApi } from './api';
import { mediaOf, simEvent, type SimEvent } from './events';
import { isVideoRequest, serveVideo } from './media';
import { zoneMinderOptions, type ZoneMinderOptions, type ZoneMinderSettings } from './options';
import { page } from './replies';
import type { ZoneMinderState } from './state';

export type { Fault, RecordedRequest } from '../http-server';
export { simEvent, type SimEvent } from './events';
export { exampleUser, simMonitor, type SimUser, type ZoneMinderOptions, type ZoneMinderSettings } from './options';
export { localText } from './replies';

export type Call = 'login' | 'zone' | 'version' | 'daemon' | 'monitors' | 'events' | 'event' | 'video' | 'any';
export type RequestFilter = Call | ((request: RecordedRequest) => boolean);

export interface ZoneMinder {
  /** Address of the web pages, without a slash at its end. */
  readonly url: string;
  readonly server: SimulatorServer;
  /** Live: what is changed here counts from the next request on. */
  readonly options: ZoneMinderOptions;
  readonly requests: RecordedRequest[];
  /** Exceptions out of the simulator itself. */
  readonly errors: unknown[];
  /** Tokens that were handed out, and the passwords of cameras that its answers hold. */
  readonly secrets: string[];
  now(): number;
  advance(ms: number): void;
  requestsFor(filter: RequestFilter): RecordedRequest[];
  /** Lets the next `times` (1) matching requests meet a fault. */
  failNext(fault: Fault, filter?: RequestFilter, times?: number): void;
  clearFaults(): void;
  /** Its number is the next one unless it is given. */
  addEvent(event: Omit<Partial<SimEvent>, 'startMs' | 'seconds'> & Pick<SimEvent, 'startMs' | 'seconds'>): SimEvent;
  removeEvent(id: number): void;
  mediaOf(id: number): Promise<Media>;
  /** Revokes all tokens. */
  expireSessions(): void;
  close(): Promise<void>;
}

const paths: Record<Exclude<Call, 'video' | 'any'>, RegExp> = {
  login: /\/host\/login\.json$/,
  zone: /\/host\/getTimeZone\.json$/,
  version: /\/host\/getVersion\.json$/,
  daemon: /\/host\/daemonCheck\.json$/,
  monitors: /\/monitors\/index\.json$/,
  events: /\/events\/index/,
  event: /\/events\/view\//,
};

export function matcherOf(filter: RequestFilter): (request: RecordedRequest) => boolean {
  if (typeof filter === 'function') return filter;
  if (filter === 'any') return () => true;
  if (filter === 'video') return isVideoRequest;
  return ({ path }) => paths[filter].test(path);
}

export async function startZoneMinder(settings: ZoneMinderSettings = {}): Promise<ZoneMinder> {
  const options = zoneMinderOptions(settings);
  let advancedMs = 0;
  const standing = options.clock === 'real' ? undefined : Date.parse(options.clock.at);
  const now = (): number => (standing ?? Date.now()) + advancedMs;
  const state: ZoneMinderState = { options, now, tokens: new Map() };

  async function handle(request: RecordedRequest): Promise<Reply> {
    if (options.redirectAll) return { status: 301, headers: { location: options.redirectAll }, body: '' };
    if (request.path.startsWith(`${options.base}/api/`)) return serveApi(state, request);
    if (isVideoRequest(request)) return serveVideo(state, request);
    return page('Login');
  }

  const server = await startServer({ handle, now, port: options.port, latencyMs: () => options.latencyMs });
  return {
    url: `${server.url}${options.base}`,
    server,
    options,
    requests: server.requests,
    errors: server.errors,
    get secrets() {
      return [...state.tokens.keys(), 'rtsp-pa55word'];
    },
    now,
    advance(ms) {
      advancedMs += ms;
    },
    requestsFor: (filter) => server.requests.filter(matcherOf(filter)),
    failNext: (fault, filter = 'any', times = 1) => void server.fail(fault, { matches: matcherOf(filter), times }),
    clearFaults: () => server.clearFaults(),
    addEvent(event) {
      const id = Math.max(0, ...options.events.map((each) => each.id)) + 1;
      const added = simEvent({ id, ...event });
      options.events.push(added);
      return added;
    },
    removeEvent(id) {
      options.events = options.events.filter((event) => event.id !== id);
    },
    async mediaOf(id) {
      const event = options.events.find((each) => each.id === id);
      const media = event && (await mediaOf(event, options, now()));
      if (!media) throw new Error(`Event ${id} has no video`);
      return media;
    },
    expireSessions() {
      for (const token of state.tokens.values()) token.revoked = true;
    },
    close: () => server.stop(),
  };
}
