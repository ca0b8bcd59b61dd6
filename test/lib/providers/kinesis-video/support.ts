import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../../lib/clock';
import { Connection } from '../../../../lib/connection';
import { ClipError } from '../../../../lib/errors';
import { readFields } from '../../../../lib/fields';
import type { Clip, ClipRequest, Credentials, ProviderDefinition, ProviderConfig } from '../../../../lib/provider';
import { kinesisVideo } from '../../../../lib/providers/kinesis-video';
import type { KinesisOptions } from '../../../../lib/providers/kinesis-video/api';
import { openKinesis } from '../../../../lib/providers/kinesis-video/clips';
import {
  exampleKey,
  footage,
  startKinesisVideo,
  stream,
  type KinesisSettings,
  type KinesisVideo,
  type SimFragment,
} from '../../../simulators/kinesis-video';

export const never: AbortSignal = new AbortController().signal;
/** When the footage of the example camera begins; it lasts two minutes. */
export const EIGHT = Date.UTC(2025, 2, 1, 8);

/** The moment so many seconds after eight. */
export const at = (seconds: number): string => new Date(EIGHT + seconds * 1000).toISOString();

/** Waits are over at the next turn of the event loop, and their time has passed then: what AWS says decides. */
function hurriedClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    after(ms, call) {
      const dueAt = now + ms;
      const timer = setImmediate(() => {
        now = Math.max(now, dueAt);
        call();
      });
      return () => clearImmediate(timer);
    },
  };
}

interface Options extends Partial<Pick<ProviderConfig, 'tls' | 'proxy' | 'now'>>, KinesisOptions {
  settings?: Record<string, unknown>;
  credentials?: Partial<Credentials>;
}

export const keys = { username: exampleKey.accessKeyId, password: exampleKey.secretAccessKey, token: '' };

/** A connection to the simulator, as a `clip-provider` node would open it. */
export function connectTo(sim: KinesisVideo | undefined, options: Options = {}): Connection {
  const { settings, credentials, tls, proxy, now = Date.now, ...kinesis } = options;
  const definition = {
    ...kinesisVideo,
    open: async (config: ProviderConfig) => openKinesis(config, kinesis),
  } as ProviderDefinition;
  const connection = new Connection({
    id: 'aws',
    definition,
    config: {
      settings: readFields(definition.settings, { region: 'eu-west-1', endpoint: sim?.url ?? '', ...settings }),
      credentials: { ...keys, ...credentials },
      ...(tls ? { tls } : {}),
      ...(proxy ? { proxy } : {}),
      now,
    },
    maxConcurrent: 2,
    clock: hurriedClock(),
  });
  opened.push(() => connection.close());
  return connection;
}

/** A simulator with the camera `dock`: two minutes of footage from eight on, unless told otherwise. */
export async function startKinesis(
  settings: KinesisSettings = {},
  fragments: SimFragment[] = footage(EIGHT, EIGHT + 120_000),
): Promise<KinesisVideo> {
  const sim = await startKinesisVideo({ streams: [stream('dock', { fragments })], ...settings });
  opened.push(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });
  return sim;
}

const opened: (() => Promise<unknown>)[] = [];

/** Ends with the test, before what was there earlier. */
export function atEnd(close: () => Promise<unknown>): void {
  opened.push(close);
}

/** Connections first, then their servers. */
export async function closeAll(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

export function request(startSeconds = 10, endSeconds = 14, change: Partial<ClipRequest> = {}): ClipRequest {
  return { camera: 'dock', start: at(startSeconds), end: at(endSeconds), title: 'Alarm 17', options: {}, ...change };
}

export function create(connection: Connection, ...asked: Parameters<typeof request>): Promise<Clip> {
  return connection.createClip(request(...asked), never);
}

export function poll(connection: Connection, clip: Clip): Promise<Clip | undefined> {
  return connection.pollClip(clip, 1000, never);
}

export async function download(connection: Connection, clip: Clip): Promise<Buffer> {
  return readAll((await connection.openClip(clip, { offset: 0 }, never)).body);
}

export async function readAll(body: Readable | AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Names of the operations that were asked for, in order. */
export function operations(sim: KinesisVideo): string[] {
  return sim.requests.map(({ path }) => path.slice(1));
}

/** Bodies of the requests of one operation. */
export function bodies(sim: KinesisVideo, operation: string): Record<string, unknown>[] {
  return sim.requestsFor(operation).map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);
}

export const fails =
  (code: string, message?: RegExp, more: Partial<ClipError> = {}) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ClipError, String(error));
    const { message: text, ...rest } = error;
    assert.deepEqual({ code: error.code, ...more }, { ...pick(error, more), code });
    if (message) assert.match(text || error.message, message);
    assert.equal('cause' in error, false);
    assert.equal('$metadata' in rest, false);
    return true;
  };

function pick(error: ClipError, names: Partial<ClipError>): Partial<ClipError> {
  const values = error as unknown as Record<string, unknown>;
  return Object.fromEntries(Object.keys(names).map((name) => [name, values[name]]));
}
