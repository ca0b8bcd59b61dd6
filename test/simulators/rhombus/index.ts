/**
 * A Rhombus cloud to test against: REST and media on hosts of their own over real HTTP on loopback, faithful to what is
 * known about the interface, with a switch for everything that is not (see `options.ts`).
 */
import { startServer, type Fault, type RecordedRequest, type SimulatorServer } from '../http-server';
import type { Media } from '../video';
import { addAlert, type RhombusAlert } from './alerts';
import { epochOf } from './cameras';
import type { RhombusClip } from './clips';
import { downloadOf, serveMedia } from './media';
import { operationOf, runOperation } from './operations';
import { rhombusOptions, type RhombusOptions, type RhombusSettings } from './options';
import { createPushServer, type PushServer } from './push';
import { addClip, catchUp, type NewClip, type RhombusState } from './state';

export type { Fault, RecordedRequest } from '../http-server';
export type { RhombusAlert } from './alerts';
export { exampleCameras, rhombusCamera, type RhombusCamera } from './cameras';
export { failingSteps, offlineSteps, usualSteps, type RhombusClip, type Step } from './clips';
export { exampleKeys, type RhombusOptions, type RhombusSettings } from './options';
export { organizationWebhook, ruleWebhook } from './webhook';

/** An operation such as `spliceV3`, `download`, `any`, or a test of the request. */
export type RequestFilter = string | ((request: RecordedRequest) => boolean);

export interface Rhombus {
  /** Without a trailing slash. */
  readonly apiUrl: string;
  readonly mediaUrl: string;
  /** Of the WebSocket. */
  readonly pushUrl: string;
  readonly push: PushServer;
  readonly api: SimulatorServer;
  readonly media: SimulatorServer;
  /** Live: what is changed here counts from the next request on. */
  readonly options: RhombusOptions;
  /** To both hosts, by time. */
  readonly requests: RecordedRequest[];
  /** Exceptions out of the simulator itself. */
  readonly errors: unknown[];
  /** In the order in which they were made. Live objects: a test may change them. */
  readonly clips: RhombusClip[];
  /** How many clips were ever asked for. */
  readonly made: number;

  now(): number;
  /** Moves the clock of the cloud. */
  advance(ms: number): void;
  requestsFor(filter: RequestFilter): RecordedRequest[];
  /** Lets the next `times` (1) matching requests meet a fault. */
  failNext(fault: Fault, filter?: RequestFilter, times?: number): void;
  clearFaults(): void;
  /** Puts a clip of another client in. */
  putClip(clip: NewClip): RhombusClip;
  /** Something happens, by default at the first camera; it goes on until it has a length. */
  addAlert(alert?: Partial<RhombusAlert>): RhombusAlert;
  /** Live objects. */
  readonly alerts: RhombusAlert[];
  /** True if it was there. */
  removeClip(uuid: string): boolean;
  /** The bytes that a download of a finished clip must yield, and their SHA-256. */
  mediaOf(uuid: string): Promise<{ media: Media; sha256: string }>;
  /** Ends it for good. */
  close(): Promise<void>;
}

export async function startRhombus(settings: RhombusSettings = {}): Promise<Rhombus> {
  const options = rhombusOptions(settings);
  let advanced = 0;
  const standing = options.clock === 'real' ? undefined : epochOf(options.clock.at);
  const now = (): number => (standing ?? Date.now()) + advanced;
  const state: RhombusState = { options, now, clips: [], made: 0, alerts: [], buckets: new Map() };
  const common = { now, latencyMs: () => options.latencyMs, ...(options.tls ? { tls: options.tls } : {}) };
  const push = createPushServer(() => state);
  const api = await startServer({
    ...common,
    port: options.apiPort,
    upgrade: push.upgrade,
    handle: (request) => runOperation(state, request),
  });
  const media = await startServer({
    ...common,
    port: options.mediaPort,
    handle: (request) => serveMedia(state, request),
  });
  const both = (): RecordedRequest[] => [...api.requests, ...media.requests].sort((a, b) => a.at - b.at);

  return {
    apiUrl: api.url,
    mediaUrl: media.url,
    pushUrl: `${api.url.replace(/^http/, 'ws')}/websocket`,
    push,
    api,
    media,
    options,
    get requests() {
      return both();
    },
    get errors() {
      return [...api.errors, ...media.errors];
    },
    clips: state.clips,
    get made() {
      return state.made;
    },
    now,
    advance(ms) {
      advanced += ms;
    },
    requestsFor: (filter) => both().filter(matcherOf(filter)),
    failNext(fault, filter = 'any', times = 1) {
      const matches = matcherOf(filter);
      if (typeof filter === 'string' && filter !== 'any') {
        (filter === 'download' ? media : api).fail(fault, { matches, times });
        return;
      }
      // Whichever host is asked next: both count together.
      let left = times;
      const once = (request: RecordedRequest): boolean => matches(request) && left-- > 0;
      for (const server of [api, media]) server.fail(fault, { matches: once, times });
    },
    clearFaults() {
      api.clearFaults();
      media.clearFaults();
    },
    putClip: (clip) => addClip(state, clip),
    addAlert(alert) {
      const added = addAlert(state, alert);
      push.announce('POLICY_ALERT', 'CREATE', added.uuid);
      return added;
    },
    alerts: state.alerts,
    removeClip(uuid) {
      const index = state.clips.findIndex((clip) => clip.uuid === uuid);
      if (index >= 0) state.clips.splice(index, 1);
      return index >= 0;
    },
    async mediaOf(uuid) {
      await catchUp(state);
      const clip = state.clips.find((each) => each.uuid === uuid);
      if (!clip?.media || !clip.sha256) throw new Error(`Clip ${uuid} is not finished`);
      return { media: clip.media, sha256: clip.sha256 };
    },
    async close() {
      await Promise.all([api.stop(), media.stop()]);
    },
  };
}

export function matcherOf(filter: RequestFilter): (request: RecordedRequest) => boolean {
  if (typeof filter === 'function') return filter;
  if (filter === 'any') return () => true;
  if (filter === 'download') return (request) => downloadOf(request) !== undefined;
  return (request) => operationOf(request) === filter;
}
