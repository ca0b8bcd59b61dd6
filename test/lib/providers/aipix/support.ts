import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import type { Clock } from '../../../../lib/clock';
import { Connection } from '../../../../lib/connection';
import { ClipError } from '../../../../lib/errors';
import { readFields } from '../../../../lib/fields';
import type {
  Clip,
  ClipRequest,
  Credentials,
  ProviderDefinition,
  ProxyOptions,
  TlsOptions,
} from '../../../../lib/provider';
import { aipix } from '../../../../lib/providers/aipix';
import { startAipix, type Aipix, type AipixSettings } from '../../../simulators/aipix';

export const NOON = '2025-03-01T12:00:00Z';
export const never: AbortSignal = new AbortController().signal;
export const credentials: Credentials = { username: 'nodered', password: 's3cret-passw0rd', token: '' };
export const pasted: Credentials = { username: '', password: '', token: 'integration-token-0001' };
export const root = { username: 'root', password: 'r00t-passw0rd' };
export const minute = 60_000;
export const hour = 60 * minute;

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
  proxy?: ProxyOptions;
  clock?: Clock;
}

/** A connection to the simulator, as a `clip-provider` node would open it. Without pushes unless a test wants them. */
export function connectTo(sim: Aipix, options: Options = {}): Connection {
  const definition = aipix as ProviderDefinition;
  const connection = new Connection({
    id: 'vms',
    definition,
    config: {
      settings: readFields(definition.settings, { url: sim.url, push: false, ...options.settings }),
      credentials: { ...credentials, ...options.credentials },
      ...(options.tls ? { tls: options.tls } : {}),
      ...(options.proxy ? { proxy: options.proxy } : {}),
      now: () => sim.now(),
    },
    maxConcurrent: 2,
    clock: options.clock ?? hurriedClock(),
  });
  opened.push(() => connection.close());
  return connection;
}

/** A simulator whose time stands still, and whose files are made as soon as somebody asks about them. */
export async function start(settings: AipixSettings = {}): Promise<Aipix> {
  const sim = await startAipix({ clock: { at: NOON }, ...settings, making: { makeMs: 0, ...settings.making } });
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
    camera: '2',
    start: '2025-03-01T11:00:00.000Z',
    end: '2025-03-01T11:00:02.000Z',
    title: 'Alarm 17',
    options: {},
    ...change,
  };
}

export async function poll(connection: Connection, clip: Clip): Promise<Clip | undefined> {
  const found = await connection.pollClip(clip, 1000, never);
  return found && { ...clip, ...found };
}

export async function createFinished(connection: Connection, change: Partial<ClipRequest> = {}): Promise<Clip> {
  const clip = await connection.createClip(request(change), never);
  const found = await poll(connection, clip);
  assert.equal(found?.status, 'finished');
  return found;
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

/** Method and path of all requests, in order. */
export function calls(sim: Aipix): string[] {
  return sim.requests.map(({ method, path }) => `${method} ${path.replace('/api/v1/', '').replace('/api/', '')}`);
}
