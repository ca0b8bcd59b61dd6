/**
 * Amazon Kinesis Video Streams to test against: real HTTP on loopback, a control and a data host, faithful to what is known
 * about the interface, with a switch for everything that is not (see `options.ts`). GetImages is not there.
 */
import {
  startServer,
  type ActiveFault,
  type Fault,
  type RecordedRequest,
  type Reply,
  type SimulatorServer,
} from '../http-server';
import type { Media } from '../video';
import { getClip, listFragments, makeClip } from './archive';
import { describeStream, getDataEndpoint, listStreams } from './control';
import { epochOf, type SimStream, type TimestampType } from './fragments';
import { kinesisOptions, type KinesisOptions, type KinesisSettings } from './options';
import { Refusal, refusalReply, wrongHostReply } from './replies';
import { authenticate } from './sigv4';
import { readBody, type Asked, type KinesisState } from './state';

export type { Fault, RecordedRequest } from '../http-server';
export { footage, stream, type SimFragment, type SimStream } from './fragments';
export { exampleKey, type AccessKey, type KinesisOptions, type KinesisSettings } from './options';
export { parseAuthorization } from './sigv4';

/** An operation as in its path (`getClip`), or a test of the request. */
export type RequestFilter = string | ((request: RecordedRequest) => boolean);

export interface KinesisVideo {
  /** Of the control host; without a trailing slash. */
  readonly url: string;
  readonly dataUrl: string;
  /** Live: what is changed here counts from the next request on. */
  readonly options: KinesisOptions;
  /** Of both hosts, in their order. */
  readonly requests: RecordedRequest[];
  /** Exceptions out of the simulator itself. */
  readonly errors: unknown[];
  /** Open connections. */
  readonly connections: number;
  now(): number;
  /** Moves AWS's clock. */
  advance(ms: number): void;
  requestsFor(filter: RequestFilter): RecordedRequest[];
  /** Lets the next `times` (1) matching requests meet a fault. */
  failNext(fault: Fault, filter?: RequestFilter, times?: number): ActiveFault;
  /** The answer that an error of the service makes, for `failNext`. */
  refusal(status: number, name: string, message?: string): Fault;
  clearFaults(): void;
  streamNamed(name: string): SimStream;
  /** The bytes that GetClip must yield for this range of a stream. */
  mediaOf(name: string, type: TimestampType, start: number | string, end: number | string): Promise<Media>;
  /** The data host moves to another port; the old address is dead. */
  moveDataHost(): Promise<void>;
  dropConnections(): void;
  close(): Promise<void>;
}

type Operation = (state: KinesisState, asked: Asked) => Reply | Promise<Reply>;

const controlOperations: Record<string, Operation> = {
  '/getDataEndpoint': getDataEndpoint,
  '/listStreams': listStreams,
  '/describeStream': describeStream,
};
const dataOperations: Record<string, Operation> = { '/listFragments': listFragments, '/getClip': getClip };

export async function startKinesisVideo(settings: KinesisSettings = {}): Promise<KinesisVideo> {
  const options = kinesisOptions(settings);
  let advancedMs = 0;
  const now = (): number => {
    const base = options.clock === 'real' ? Date.now() : epochOf(options.clock.at);
    return Math.floor(base + options.skewMs + advancedMs);
  };
  const shared = { requests: [] as RecordedRequest[], faults: [] as ActiveFault[] };
  const state: KinesisState = {
    options,
    now,
    used: new Map(),
    dataUrl: () => data.url,
    controlUrl: () => control.url,
  };
  const streamNamed = (name: string): SimStream => {
    const found = options.streams.find((candidate) => candidate.name === name);
    if (!found) throw new Error(`There is no stream ${name}`);
    return found;
  };
  const start = (operations: Record<string, Operation>): Promise<SimulatorServer> =>
    startServer({
      handle: (request) => answer(state, operations, request),
      ...(options.tls ? { tls: options.tls } : {}),
      now,
      latencyMs: () => options.latencyMs,
      shared,
    });
  const control = await start(controlOperations);
  let data = await start(dataOperations);
  const earlier: SimulatorServer[] = [];

  return {
    get url() {
      return control.url;
    },
    get dataUrl() {
      return data.url;
    },
    options,
    requests: shared.requests,
    get errors() {
      return [control, data, ...earlier].flatMap(({ errors }) => errors);
    },
    get connections() {
      return control.connections + data.connections;
    },
    now,
    advance(ms) {
      advancedMs += ms;
    },
    requestsFor: (filter) => shared.requests.filter(matcherOf(filter)),
    failNext: (fault, filter = () => true, times = 1) => control.fail(fault, { matches: matcherOf(filter), times }),
    refusal: (status, name, message = 'Simulated') => ({
      kind: 'reply',
      reply: refusalReply(new Refusal(status, name, message), options.errors),
    }),
    clearFaults: control.clearFaults,
    streamNamed,
    async mediaOf(name, type, startAt, endAt) {
      const selector = { type, startMs: epochOf(startAt), endMs: epochOf(endAt) };
      return (await makeClip(state, streamNamed(name), selector)).media;
    },
    async moveDataHost() {
      const next = await start(dataOperations);
      await data.stop();
      earlier.push(data);
      data = next;
    },
    dropConnections() {
      control.dropConnections();
      data.dropConnections();
    },
    async close() {
      await Promise.all([control.stop(), data.stop()]);
    },
  };
}

async function answer(
  state: KinesisState,
  operations: Record<string, Operation>,
  request: RecordedRequest,
): Promise<Reply> {
  const { options } = state;
  const operation = operations[request.path];
  if (!operation || request.method !== 'POST') return wrongHostReply(options);
  try {
    const key = authenticate(request, options, state.now());
    return await operation(state, { request, key, body: readBody(request) });
  } catch (thrown) {
    if (thrown instanceof Refusal) return refusalReply(thrown, options.errors);
    throw thrown;
  }
}

export function matcherOf(filter: RequestFilter): (request: RecordedRequest) => boolean {
  return typeof filter === 'function' ? filter : (request) => request.path === `/${filter}`;
}
