/**
 * An Aipix server to test against: real HTTP and WebSockets on loopback, faithful to what is known about the interface, with
 * a switch for everything that is not (see `options.ts`).
 */
import { startServer, type ActiveFault, type Fault, type RecordedRequest } from '../http-server';
import type { Media } from '../video';
import { epochOf } from '../vdg-sense/devices';
import { endSession } from './accounts';
import { aipixOptions } from './defaults';
import { happen, type AipixEvent } from './events';
import { media } from './media';
import type { AipixOptions, AipixSettings } from './options';
import { createPushServer, type PushServer } from './push';
import { addRecord, catchUp, mediaOf, type AipixRecord } from './records';
import { answer, matcherOf, type RequestFilter } from './routes';
import type { AipixSession, AipixState } from './state';

export type { Fault, RecordedRequest } from '../http-server';
export type { AipixEvent } from './events';
export { aipixCamera, type AipixCamera } from './cameras';
export type { AipixOptions, AipixSettings } from './options';
export type { PushClient, SentPush } from './push';
export { matcherOf, type RequestFilter, type Step } from './routes';
export { rtspPassword, rtspUrl, type AipixRecord } from './records';

export interface Aipix {
  /** Without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Of files; another origin where `record.host` says so. */
  readonly mediaUrl: string;
  /** Live: what is changed here counts from the next request on. */
  readonly options: AipixOptions;
  /** To both hosts, in order. */
  readonly requests: RecordedRequest[];
  /** Exceptions out of the simulator itself. */
  readonly errors: unknown[];
  /** All records as they stand now. Live objects: a test may change them. */
  readonly records: AipixRecord[];
  /** How many there have been. */
  readonly made: number;
  /** By token. */
  readonly sessions: Map<string, AipixSession>;
  readonly push: PushServer;
  readonly logins: number;
  readonly refusedLogins: number;
  readonly logouts: number;
  /** Tokens, channels and addresses of files that were handed out. */
  readonly secrets: string[];

  now(): number;
  /** Moves the server's clock. */
  advance(ms: number): void;
  requestsFor(filter: RequestFilter): RecordedRequest[];
  /** Lets the next `times` (1) matching requests meet a fault; faults for the same request take turns. */
  failNext(fault: Fault, filter?: RequestFilter, times?: number): ActiveFault;
  clearFaults(): void;
  /** Forgets the sessions; whoever listens for pushes is told only with `tell`. */
  expireSessions(options?: { tell?: boolean }): void;
  /** Puts a record of another client of the same account in. */
  putRecord(record: { camera: string; from: number; to: number; login?: string; tokenId?: string }): AipixRecord;
  /** Takes a record out, with its file. True if it was there. */
  removeRecord(id: string): boolean;
  /** The file is gone, its record stays. */
  expireFile(id: string): void;
  /** Something happens, by default motion at the first camera. */
  happen(event?: Partial<AipixEvent>): AipixEvent;
  /** Live objects. */
  readonly events: AipixEvent[];
  /** Ends the making of a record now. */
  finish(id: string, how?: 'ready' | 'failed'): void;
  /** The bytes that a download must yield. */
  mediaOf(id: string): Promise<Media>;
  /** Up again on the same port; records and sessions are as they were. */
  start(): Promise<void>;
  /** Down: the port is closed and every connection is cut. */
  stop(): Promise<void>;
  dropConnections(): void;
  /** Ends it for good. */
  close(): Promise<void>;
}

export async function startAipix(settings: AipixSettings = {}): Promise<Aipix> {
  const options = aipixOptions(settings);
  let advanced = 0;
  const { clock } = options;
  const standing = clock === 'real' ? undefined : epochOf(clock.at);
  const now = (): number => (standing ?? Date.now()) + advanced;
  const push = createPushServer(() => state);
  const state: AipixState = {
    options,
    now,
    url: () => server.url,
    mediaUrl: () => mediaServer.url,
    records: [],
    events: [],
    nextRecordId: options.record.firstId,
    nextSessionId: 501,
    sessions: new Map(),
    logins: 0,
    refusedLogins: 0,
    logouts: 0,
    captchas: new Map(),
    cleanedUpAt: now(),
    counted: new Map(),
    push,
    secrets: new Set(),
  };
  const common = {
    ...(options.tls ? { tls: options.tls } : {}),
    now,
    latencyMs: () => options.latencyMs,
  };
  const server = await startServer({
    ...common,
    handle: async (request) => {
      catchUp(state);
      const reply = await answer(state, request);
      arm();
      return reply;
    },
    upgrade: push.upgrade,
    port: options.port,
  });
  const mediaServer =
    options.record.host === 'same'
      ? server
      : await startServer({ ...common, handle: (request) => (catchUp(state), media(state, request)) });
  const servers = [...new Set([server, mediaServer])];

  /** Pushes leave when a making ends, also when nobody asks. Where time stands still, `advance` sees to it. */
  let timer: NodeJS.Timeout | undefined;
  function arm(): void {
    clearTimeout(timer);
    const due = state.records.filter((record) => record.state === 'making').map(({ dueAt }) => dueAt);
    const next = Math.min(...due);
    if (standing !== undefined || next === Infinity) return;
    timer = setTimeout(pass, Math.max(0, next - now())).unref();
  }

  function pass(): void {
    catchUp(state);
    push.sweep();
    arm();
  }

  const allRequests = (): RecordedRequest[] =>
    servers.flatMap(({ requests }) => requests).toSorted((a, b) => a.at - b.at);
  const recordOf = (id: string): AipixRecord | undefined => state.records.find((record) => record.id === id);

  return {
    get url() {
      return server.url;
    },
    get port() {
      return server.port;
    },
    get mediaUrl() {
      return mediaServer.url;
    },
    options,
    get requests() {
      return allRequests();
    },
    get errors() {
      return servers.flatMap(({ errors }) => errors);
    },
    get records() {
      catchUp(state);
      return state.records;
    },
    get made() {
      return Number(state.nextRecordId - options.record.firstId);
    },
    sessions: state.sessions,
    push,
    get logins() {
      return state.logins;
    },
    get refusedLogins() {
      return state.refusedLogins;
    },
    get logouts() {
      return state.logouts;
    },
    get secrets() {
      return [...state.secrets];
    },
    now,
    advance(ms) {
      advanced += ms;
      pass();
    },
    requestsFor: (filter) => allRequests().filter(matcherOf(filter)),
    failNext(fault, filter = () => true, times = 1) {
      const target = filter === 'media' ? mediaServer : server;
      return target.fail(fault, { matches: matcherOf(filter), times });
    },
    clearFaults: () => servers.forEach((each) => each.clearFaults()),
    expireSessions({ tell = false } = {}) {
      if (tell) for (const session of state.sessions.values()) endSession(state, session);
      state.sessions.clear();
    },
    putRecord({ camera: id, from, to, login: name = options.users[0]!.login, tokenId = '' }) {
      const camera = options.cameras.find((candidate) => candidate.id === id)!;
      const user = options.users.find((candidate) => candidate.login === name)!;
      const record = addRecord(state, { camera, from, to }, { tokenId, user });
      arm();
      return record;
    },
    removeRecord(id) {
      const record = recordOf(id);
      state.records = state.records.filter((candidate) => candidate !== record);
      return record !== undefined;
    },
    expireFile(id) {
      catchUp(state);
      recordOf(id)!.state = 'gone';
    },
    happen: (event) => happen(state, event),
    events: state.events,
    finish(id, how = 'ready') {
      const record = recordOf(id)!;
      record.state = how;
      record.updatedAt = now();
      push.announce(record);
    },
    async mediaOf(id) {
      catchUp(state);
      const record = recordOf(id);
      if (record?.state !== 'ready') throw new Error(`Record ${id} has no file`);
      return mediaOf(state, record);
    },
    async start() {
      await Promise.all(servers.map((each) => each.start()));
      arm();
    },
    async stop() {
      clearTimeout(timer);
      await Promise.all(servers.map((each) => each.stop()));
    },
    dropConnections: () => servers.forEach((each) => each.dropConnections()),
    async close() {
      clearTimeout(timer);
      await Promise.all(servers.map((each) => each.stop()));
    },
  };
}
