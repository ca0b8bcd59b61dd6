import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Clock } from '../../../../lib/clock';
import { Connection } from '../../../../lib/connection';
import { ClipError } from '../../../../lib/errors';
import { readFields } from '../../../../lib/fields';
import type {
  CallOptions,
  Clip,
  ClipRequest,
  Provider,
  ProviderConfig,
  ProviderDefinition,
  TlsOptions,
} from '../../../../lib/provider';
import { rhombus } from '../../../../lib/providers/rhombus';
import {
  exampleCameras,
  exampleKeys,
  startRhombus,
  type Rhombus,
  type RhombusSettings,
} from '../../../simulators/rhombus';

export const NOON = '2025-03-01T12:00:00Z';
export const never: AbortSignal = new AbortController().signal;
export const dock = `${exampleCameras.dock}.v0`;
export const definition = rhombus as ProviderDefinition;

export interface Options {
  settings?: Record<string, unknown>;
  token?: string;
  tls?: TlsOptions;
}

const opened: (() => Promise<void>)[] = [];

/** Connections first, then their servers. */
export async function closeAll(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

/** A cloud whose time stands still, and whose clips are finished as soon as they are asked about. */
export async function startCloud(settings: RhombusSettings = {}): Promise<Rhombus> {
  const sim = await startRhombus({
    clock: { at: NOON },
    ...settings,
    splice: {
      steps: () => [{ status: 'COMPLETE', ms: Infinity, operation: 'Complete', percent: 100 }],
      ...settings.splice,
    },
  });
  opened.push(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });
  return sim;
}

function configFor(sim: Rhombus, { settings, token = exampleKeys.key, tls }: Options): ProviderConfig {
  const urls = { region: 'custom', apiUrl: sim.apiUrl, mediaUrl: sim.mediaUrl };
  return {
    settings: readFields(definition.settings, { ...urls, ...settings }),
    credentials: { username: '', password: '', token },
    ...(tls ? { tls } : {}),
    now: sim.now,
  };
}

/** A connection to the cloud, as a `clip-provider` node would open it. */
export function connectTo(sim: Rhombus, options: Options = {}): Connection {
  const connection = new Connection({
    id: 'cloud',
    definition,
    config: configFor(sim, options),
    maxConcurrent: 2,
    clock: hurriedClock(),
  });
  opened.push(() => connection.close());
  return connection;
}

/** The provider itself, for what a connection uses in its own time. */
export async function openProvider(sim: Rhombus, options: Options = {}): Promise<Provider> {
  const provider = await definition.open(configFor(sim, options));
  opened.push(async () => provider.close?.(undefined));
  return provider;
}

export const call: CallOptions = { signal: never, session: undefined };

export function request(change: Partial<ClipRequest> = {}): ClipRequest {
  return {
    camera: dock,
    start: '2025-03-01T11:00:00.000Z',
    end: '2025-03-01T11:00:02.000Z',
    title: 'Alarm 17',
    options: readFields(definition.clipOptions, {}),
    ...change,
  };
}

/** A clip of another client, as a message of ours would carry it. */
export function clipOf(sim: Rhombus, uuid: string, change: Partial<Clip> = {}): Clip {
  const { startMs, durationSec, deviceUuids } = sim.clips.find((clip) => clip.uuid === uuid)!;
  return {
    id: uuid,
    connection: 'cloud',
    provider: 'rhombus',
    camera: deviceUuids[0]!,
    start: new Date(startMs).toISOString(),
    end: new Date(startMs + durationSec * 1000).toISOString(),
    status: 'pending',
    ...change,
  };
}

export async function createFinished(connection: Connection, change: Partial<ClipRequest> = {}): Promise<Clip> {
  const clip = await connection.createClip(request(change), never);
  const found = await connection.pollClip(clip, 1000, never);
  assert.equal(found?.status, 'finished');
  return { ...clip, ...found };
}

export async function download(connection: Connection, clip: Clip): Promise<Buffer> {
  const { body } = await connection.openClip(clip, { offset: 0 }, never);
  return readAll(body);
}

export async function readAll(body: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Plain JSON, as a message carries it: keys without a value are gone. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** The JSON body of the last request of an operation. */
export function sent(sim: Rhombus, operation: string): Record<string, unknown> {
  const body = sim.requestsFor(operation).at(-1)?.body.toString();
  assert.ok(body, `no ${operation}`);
  return JSON.parse(body) as Record<string, unknown>;
}

/** Last parts of the paths in the order in which they came. */
export function operations(sim: Rhombus): (string | undefined)[] {
  return sim.requests.map(({ path }) => path.split('/').at(-1));
}

/** For `assert.rejects`. */
export const fails =
  (code: string, message = /.*/, details: Partial<ClipError> = {}) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ClipError, `not a ClipError: ${inspect(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    for (const [key, value] of Object.entries(details)) assert.equal(error[key as keyof ClipError], value, key);
    for (const secret of Object.values(exampleKeys)) assert.ok(!inspect(error).includes(secret), 'a secret');
    return true;
  };

/** Waits are over at the next turn of the event loop: what a server has to say decides, not the time. */
function hurriedClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    after(ms, callBack) {
      const dueAt = now + ms;
      const timer = setImmediate(() => {
        now = Math.max(now, dueAt);
        callBack();
      });
      return () => clearImmediate(timer);
    },
  };
}
