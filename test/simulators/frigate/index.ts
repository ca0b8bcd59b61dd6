// Simulates a Frigate server: real HTTP and WebSockets on loopback, three versions, with its nginx and that one's caches in front.
import { startServer, type Fault, type RecordedRequest, type SimulatorServer } from '../http-server';
import type { Media } from '../video';
import { endActivity, endAll, see, type SimActivity } from './activity';
import { mintToken, newSecret, type Account } from './accounts';
import { addExport, catchUp, restart, type SimExport } from './exports';
import { frigateOptions, type FrigateOptions, type FrigateSettings } from './options';
import { createPushServer, type PushServer } from './push';
import { answer, matcherOf, type RequestFilter } from './routes';
import type { FrigateState } from './state';

export type { Fault, RecordedRequest } from '../http-server';
export { frigateCamera, type FrigateCamera } from './cameras';
export type { SimActivity } from './activity';
export type { SimExport } from './exports';
export type { FrigateOptions, FrigateSettings, FrigateVersion } from './options';
export { matcherOf, type RequestFilter, type Step } from './routes';

export interface Frigate {
  /** With the base path, without a slash at its end. */
  readonly url: string;
  readonly server: SimulatorServer;
  /** Live: what is changed here counts from the next request on. */
  readonly options: FrigateOptions;
  readonly requests: RecordedRequest[];
  /** Exceptions out of the simulator itself. */
  readonly errors: unknown[];
  /** All that were ever asked for, in their order. Live objects: a test may change them. */
  readonly exports: SimExport[];
  readonly push: PushServer;
  readonly logins: number;
  /** Tokens that were handed out. */
  readonly secrets: string[];

  now(): number;
  advance(ms: number): void;
  requestsFor(filter: RequestFilter): RecordedRequest[];
  /** Lets the next `times` (1) matching requests meet a fault. */
  failNext(fault: Fault, filter?: RequestFilter, times?: number): void;
  clearFaults(): void;
  /** Puts an export of another client in. */
  putExport(made: Pick<SimExport, 'camera' | 'name' | 'start' | 'end'> & Partial<SimExport>): SimExport;
  /** Deletes an export behind the client's back; with `cached: false`, no worker remembers its file. */
  removeExport(id: string): void;
  /** A camera sees something, until it ends. */
  see(seen?: Partial<SimActivity>): SimActivity;
  endActivity(id: string, end?: number): void;
  /** Somebody deletes it. */
  removeActivity(id: string): void;
  /** The bytes that a download of a finished export must yield. */
  mediaOf(id: string): Promise<Media>;
  /** A token that somebody has made with the secret of the server. */
  mint(account: Account): string;
  /** No token is accepted any more. */
  expireSessions(): void;
  /** Frigate is started again: what was being made is lost, or half made. */
  restart(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function startFrigate(settings: FrigateSettings = {}): Promise<Frigate> {
  const options = frigateOptions(settings);
  let advanced = 0;
  const { clock } = options;
  const standing = clock === 'real' ? undefined : new Date(clock.at).getTime();
  const now = (): number => (standing ?? Date.now()) + advanced;
  const push = createPushServer(() => state);
  const state: FrigateState = {
    options,
    now,
    startedAt: now(),
    exports: [],
    activities: [],
    cases: [],
    secret: newSecret(),
    loginTimes: [],
    logins: 0,
    secrets: new Set(),
    apiCache: new Map(),
    fileCache: [],
    push,
  };

  /** What ends is announced also when nobody asks. Where time stands still, `advance` sees to it. */
  let timer: NodeJS.Timeout | undefined;
  function arm(): void {
    clearTimeout(timer);
    const ends = state.exports.filter(({ status }) => status === 'running').map(({ endsAt }) => endsAt);
    const next = Math.min(...ends);
    if (standing !== undefined || next === Infinity) return;
    timer = setTimeout(() => void pass(), Math.max(0, next - now())).unref();
  }
  async function pass(): Promise<void> {
    await catchUp(state);
    arm();
  }

  const server = await startServer({
    ...(options.tls ? { tls: options.tls } : {}),
    port: options.port,
    now,
    latencyMs: () => options.latencyMs,
    async handle(request) {
      const reply = await answer(state, request);
      if (request.method !== 'GET') await pass();
      return reply;
    },
    upgrade: push.upgrade,
  });

  return {
    get url() {
      return `${server.url}${options.basePath}`;
    },
    server,
    options,
    requests: server.requests,
    errors: server.errors,
    exports: state.exports,
    push,
    get logins() {
      return state.logins;
    },
    get secrets() {
      return [...state.secrets];
    },
    now,
    advance(ms) {
      advanced += ms;
      void pass();
    },
    requestsFor: (filter) => server.requests.filter(matcherOf(filter)),
    failNext: (fault, filter = () => true, times = 1) => void server.fail(fault, { matches: matcherOf(filter), times }),
    clearFaults: () => server.clearFaults(),
    putExport: (made) => addExport(state, made),
    removeExport(id) {
      state.exports.find((made) => made.id === id)!.isDeleted = true;
    },
    see: (seen) => see(state, seen),
    endActivity: (id, end) => endActivity(state, id, end),
    removeActivity(id) {
      state.activities.splice(
        state.activities.findIndex((each) => each.id === id),
        1,
      );
    },
    async mediaOf(id) {
      await catchUp(state);
      const made = state.exports.find((each) => each.id === id);
      if (made?.status !== 'success' || !made.media) throw new Error(`Export ${id} has no file`);
      return made.media;
    },
    mint: (account) => mintToken(state, account),
    expireSessions() {
      state.secret = newSecret();
    },
    restart() {
      restart(state);
      endAll(state);
      if (options.login.restartEndsSessions) state.secret = newSecret();
      state.apiCache.clear();
      state.fileCache.length = 0;
      for (const client of push.clients) client.close();
    },
    start: () => server.start(),
    async stop() {
      clearTimeout(timer);
      await server.stop();
    },
    async close() {
      clearTimeout(timer);
      await server.stop();
    },
  };
}
