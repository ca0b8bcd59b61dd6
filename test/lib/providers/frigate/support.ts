// Holds what the tests of Frigate's provider share: a simulator whose time stands still, and connections to it.
import type { Clock } from '../../../../lib/async/clock';
import { Connection } from '../../../../lib/connection/connection';
import { readFields } from '../../../../lib/fields';
import type { Clip, ClipRequest, Credentials, ProviderConfig, TlsOptions } from '../../../../lib/provider';
import { frigate } from '../../../../lib/providers/frigate';
import { openFrigate } from '../../../../lib/providers/frigate/clips';
import { startFrigate, type Frigate, type FrigateSettings } from '../../../simulators/frigate';
import { atEnd, endsWithTest, finished, hurriedClock, never, NOON } from '../support';

export { closeAll, download, errorOf, fails, never, NOON, poll, readAll } from '../support';

export const admin: Credentials = { username: 'admin', password: 's3cret-passw0rd', token: '' };
export const viewer: Credentials = { username: 'viewer', password: 'viewer-passw0rd', token: '' };
export const guard: Credentials = { username: 'guard', password: 'guard-passw0rd', token: '' };
export const nobody: Credentials = { username: '', password: '', token: '' };

export const versions = ['0.16.4', '0.17.2', '0.18.0'] as const;
/** Epoch seconds. */
export const noon = Date.parse(NOON) / 1000;

/** A server whose time stands still, and whose exports are made as soon as somebody asks about them. */
export async function start(settings: FrigateSettings = {}): Promise<Frigate> {
  return endsWithTest(
    await startFrigate({ clock: { at: NOON }, ...settings, exports: { makeMs: 0, ...settings.exports } }),
  );
}

export interface Options {
  settings?: Record<string, unknown>;
  credentials?: Credentials;
  tls?: TlsOptions;
  /** Of the provider itself; that of the connection hurries. */
  clock?: Clock;
  maxConcurrent?: number;
}

export function configFor(sim: Frigate, { settings, credentials = nobody, tls }: Options = {}): ProviderConfig {
  return {
    settings: readFields(frigate.settings, { url: sim.url, push: false, ...settings }),
    credentials,
    ...(tls ? { tls } : {}),
    now: sim.now,
  };
}

/** A connection to the server, as a `clip-provider` node would open it. It does not listen unless a test wants that. */
export function connectTo(sim: Frigate, options: Options = {}): Connection {
  const { clock = hurriedClock(), maxConcurrent = 2 } = options;
  const definition = { ...frigate, open: async (config: ProviderConfig) => openFrigate(config, clock) };
  const connection = new Connection({
    id: 'nvr',
    definition: definition,
    config: configFor(sim, options),
    maxConcurrent,
    clock,
  });
  atEnd(() => connection.close());
  return connection;
}

/** An hour before the simulator's noon. */
export function request(change: Partial<ClipRequest> = {}): ClipRequest {
  return {
    camera: 'front_door',
    start: '2025-03-01T11:00:04.000Z',
    end: '2025-03-01T11:00:08.000Z',
    title: 'Alarm 17',
    options: {},
    ...change,
  };
}

export async function createFinished(connection: Connection, change: Partial<ClipRequest> = {}): Promise<Clip> {
  return finished(connection, await connection.createClip(request(change), never));
}

/** Method and path of all requests, in order. */
export function calls(sim: Frigate): string[] {
  return sim.requests.map(({ method, path }) => `${method} ${path}`);
}

/** ISO 8601 of a time so many seconds after noon. */
export const at = (seconds: number): string => new Date((noon + seconds) * 1000).toISOString();
