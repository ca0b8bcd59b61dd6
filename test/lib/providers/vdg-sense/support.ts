import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../../lib/clock';
import { Connection } from '../../../../lib/connection';
import { ClipError } from '../../../../lib/errors';
import { readFields } from '../../../../lib/fields';
import type { Clip, ClipRequest, Credentials, ProviderDefinition, TlsOptions } from '../../../../lib/provider';
import { vdgSense } from '../../../../lib/providers/vdg-sense';
import { startVdgSense, type SenseSettings, type VdgSense } from '../../../simulators/vdg-sense';

export const ONE = '6917529027641081901';
export const TWO = '6917529027641081902';
export const NOON = '2025-03-01T12:00:00Z';
export const never: AbortSignal = new AbortController().signal;

/** Waits are over at the next turn of the event loop: what a server has to say decides, not the time. */
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

interface Options {
  settings?: Record<string, unknown>;
  credentials?: Partial<Credentials>;
  tls?: TlsOptions;
  maxConcurrent?: number;
  clock?: Clock;
}

/** A connection to the simulator, as a `clip-provider` node would open it. */
export function connectTo(sim: VdgSense, options: Options = {}): Connection {
  const definition = vdgSense as ProviderDefinition;
  const connection = new Connection({
    id: 'sense',
    definition,
    config: {
      settings: readFields(definition.settings, { url: sim.url, ...options.settings }),
      credentials: { username: 'nodered', password: 's3cret', token: '', ...options.credentials },
      ...(options.tls ? { tls: options.tls } : {}),
      now: () => Date.parse(NOON),
    },
    maxConcurrent: options.maxConcurrent ?? 2,
    clock: options.clock ?? hurriedClock(),
  });
  opened.push(() => connection.close());
  return connection;
}

/** A simulator whose time stands still, and whose clips are made at once when they are asked about. */
export async function startSense(settings: SenseSettings = {}): Promise<VdgSense> {
  const sim = await startVdgSense({
    clock: { at: NOON },
    ...settings,
    queue: { makeMs: 0, ...settings.queue },
  });
  opened.push(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });
  return sim;
}

const opened: (() => Promise<void>)[] = [];

/** Connections first, then their servers. */
export async function closeAll(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

export function request(change: Partial<ClipRequest> = {}): ClipRequest {
  return {
    camera: `${ONE}/2`,
    start: '2025-03-01T11:00:00.000Z',
    end: '2025-03-01T11:00:02.000Z',
    title: 'Alarm 17',
    options: {},
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

export async function readAll(body: Readable | AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Plain JSON, as a message carries it: keys without a value are gone. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** For `assert.rejects`. */
export const fails =
  (code: string, message = /.*/, details: Partial<ClipError> = {}) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ClipError, `not a ClipError: ${inspect(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    for (const [key, value] of Object.entries(details)) assert.equal(error[key as keyof ClipError], value, key);
    return true;
  };

export async function errorOf(promise: Promise<unknown>): Promise<ClipError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ClipError, `not a ClipError: ${inspect(error)}`);
    return error;
  }
  return assert.fail('nothing was thrown');
}

/** Names of the commands in the order in which they came, logins among them. */
export function commands(sim: VdgSense): string[] {
  return sim.requests.map(({ path, query }) => (path === '/command' ? (query.get('command') ?? '') : path.slice(1)));
}
