/**
 * A VDG Sense server to test against: real HTTP on loopback, faithful to what is known about the interface, with a switch
 * for everything that is not (see `options.ts`).
 */
import { htmlPage, startServer, type ActiveFault, type Fault, type RecordedRequest, type Reply } from '../http-server';
import type { Media } from '../video';
import { login } from './auth';
import { commandOf, isSince, runCommand } from './commands';
import { epochOf } from './devices';
import { senseOptions, type SenseOptions, type SenseSettings } from './options';
import { putEvent, type SenseEvent } from './events';
import { advanceExports, type SenseExport } from './exports';
import { emptyQueue, enqueue, removeClip, type ClipRequest, type SenseClip } from './queue';
import { seededRandom } from '../../support/seeded-random';
import { leaf, timestampOf, xmlReply } from './replies';
import { advanceQueue, catchUp, type SenseSession, type SenseState } from './state';

export type { Fault, RecordedRequest } from '../http-server';
export { experimentalDigest } from './auth';
export { senseCamera, type SenseDevice } from './devices';
export type { SenseEvent } from './events';
export type { SenseExport } from './exports';
export type { SenseOptions, SenseSettings } from './options';
export type { ClipState, SenseClip } from './queue';

/** A command's name in any case, `login`, `info`, or a test of the request. */
export type RequestFilter = string | ((request: RecordedRequest) => boolean);

export interface VdgSense {
  /** Without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Live: what is changed here counts from the next request on. */
  readonly options: SenseOptions;
  readonly requests: RecordedRequest[];
  /** Exceptions out of the simulator itself. */
  readonly errors: unknown[];
  /** Open connections. */
  readonly connections: number;
  /** All clips as they stand now, in the order in which they were asked for. Live objects: a test may change them. */
  readonly clips: SenseClip[];
  /** All exports as they stand now, in the order in which they were asked for. Live objects. */
  readonly exports: SenseExport[];
  /** By key. */
  readonly sessions: Map<string, SenseSession>;
  readonly logins: number;
  readonly refusedLogins: number;

  now(): number;
  /** Moves the server's clock. */
  advance(ms: number): void;
  requestsFor(filter: RequestFilter): RecordedRequest[];
  /** Lets the next `times` (1) matching requests meet a fault; faults for the same request take turns. */
  failNext(fault: Fault, filter?: RequestFilter, times?: number): ActiveFault;
  clearFaults(): void;
  expireSessions(): void;
  /** What a restart of its service does: sessions end, and exports lose their numbers. */
  restartService(): void;
  /** Puts a clip of another client in, by default pending at the end of the queue. */
  putClip(clip: ClipRequest): SenseClip;
  /** Something happens, by default at the first device. */
  putEvent(event?: Partial<SenseEvent>): SenseEvent;
  /** True if it was there. */
  removeClip(id: string): boolean;
  /** The bytes that a download of a finished clip must yield. */
  mediaOf(id: string): Promise<Media>;
  /** Up again on the same port; clips and sessions are as they were. */
  start(): Promise<void>;
  /** Down: the port is closed and every connection is cut. */
  stop(): Promise<void>;
  dropConnections(): void;
  /** Ends it for good. */
  close(): Promise<void>;
}

export async function startVdgSense(settings: SenseSettings = {}): Promise<VdgSense> {
  const options = senseOptions(settings);
  const state = createState(options);
  const server = await startServer({
    handle: (request) => answer(state, request),
    port: options.port,
    ...(options.tls ? { tls: options.tls } : {}),
    now: state.now,
    latencyMs: () => options.latencyMs,
  });
  return {
    get url() {
      return server.url;
    },
    get port() {
      return server.port;
    },
    options,
    requests: server.requests,
    errors: server.errors,
    get connections() {
      return server.connections;
    },
    get clips() {
      advanceQueue(state);
      return state.queue.clips;
    },
    get exports() {
      advanceExports(state);
      return state.exports.all;
    },
    sessions: state.sessions,
    get logins() {
      return state.logins;
    },
    get refusedLogins() {
      return state.refusedLogins;
    },
    now: state.now,
    advance: state.advance,
    requestsFor: (filter) => server.requests.filter(matcherOf(filter)),
    failNext: (fault, filter = () => true, times = 1) => server.fail(fault, { matches: matcherOf(filter), times }),
    clearFaults: server.clearFaults,
    expireSessions: () => state.sessions.clear(),
    restartService() {
      state.sessions.clear();
      state.exports.numbered.clear();
    },
    putClip: (clip) => enqueue(state.queue, clip, state.now()),
    putEvent: (event) => putEvent(state, event),
    removeClip(id) {
      const clip = state.queue.clips.find((candidate) => candidate.id === id);
      if (clip) removeClip(state.queue, clip, state.now());
      return clip !== undefined;
    },
    async mediaOf(id) {
      await catchUp(state);
      const media = state.queue.clips.find((clip) => clip.id === id && clip.state === 'finished')?.media;
      if (!media) throw new Error(`Clip ${id} is not finished`);
      return media;
    },
    start: server.start,
    stop: server.stop,
    dropConnections: server.dropConnections,
    close: server.stop,
  };
}

function createState(options: SenseOptions): SenseState & { advance(ms: number): void } {
  let advanced = options.skewMs;
  const { clock } = options;
  const standing = clock === 'real' ? undefined : epochOf(clock.at);
  let generator = { seed: options.replies.shuffleSeed, next: seededRandom(options.replies.shuffleSeed) };
  return {
    options,
    now: () => (standing ?? Date.now()) + advanced,
    advance(ms) {
      advanced += ms;
    },
    random() {
      const seed = options.replies.shuffleSeed;
      if (seed !== generator.seed) generator = { seed, next: seededRandom(seed) };
      return generator.next();
    },
    queue: emptyQueue(),
    events: [],
    exports: { all: [], numbered: new Map() },
    sessions: new Map(),
    nextSessionKey: 1048577001,
    logins: 0,
    refusedLogins: 0,
    strikes: new Map(),
  };
}

function answer(state: SenseState, request: RecordedRequest): Reply | Promise<Reply> {
  const path = request.path.toLowerCase().replace(/\/+$/, '');
  if (path === '/info') return info(state, request);
  if (path === '/webservice') return login(state, request);
  // One sample of the vendor gives a command without the path (inferred: a slip that may work).
  if (path === '/command' || (path === '' && commandOf(request))) return runCommand(state, request);
  return htmlPage(404, 'Not Found');
}

/** GET /info: needs no login, exists since 2.6.1 (documented). */
function info(state: SenseState, request: RecordedRequest): Reply {
  if (!isSince(state, '2.6.1')) return htmlPage(404, 'Not Found');
  if (request.method !== 'GET') return htmlPage(405, 'Method Not Allowed');
  const children = [leaf('utc', timestampOf(state.now(), false)), leaf('version', state.options.version)];
  return xmlReply(state, { tag: 'apiinfo', children });
}

export function matcherOf(filter: RequestFilter): (request: RecordedRequest) => boolean {
  if (typeof filter === 'function') return filter;
  const name = filter.toLowerCase();
  if (name === 'login') return (request) => request.path.toLowerCase() === '/webservice';
  if (name === 'info') return (request) => request.path.toLowerCase() === '/info';
  return (request) => commandOf(request) === name;
}
