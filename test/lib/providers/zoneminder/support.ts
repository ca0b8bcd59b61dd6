// What the tests of the ZoneMinder provider share: a simulated server whose time stands still, and connections to it.
import { inspect } from 'node:util';
import assert from 'node:assert/strict';
import { Connection } from '../../../../lib/connection/connection';
import { readFields } from '../../../../lib/fields';
import type {
  CallOptions,
  Clip,
  ClipRequest,
  Provider,
  ProviderConfig,
  ProviderDefinition,
} from '../../../../lib/provider';
import { zoneMinder } from '../../../../lib/providers/zoneminder';
import type { ZoneMinderSession } from '../../../../lib/providers/zoneminder/types';
import { bufferSource, readMp4, type Mp4Info } from '../../../../lib/mp4';
import { exampleUser, startZoneMinder, type ZoneMinder, type ZoneMinderSettings } from '../../../simulators/zoneminder';
import { atEnd, download, endsWithTest, fails as failsAnywhere, hurriedClock, never } from '../support';

export { closeAll, download, errorOf, finished, never, plain, poll, readAll } from '../support';

export const definition = zoneMinder as ProviderDefinition;
export const NOON = '2025-03-01T12:00:00Z';
export const noonMs = Date.parse(NOON);

export interface Options {
  settings?: Record<string, unknown>;
  username?: string;
  password?: string;
}

/** A server whose time stands still at noon. */
export async function startServer(settings: ZoneMinderSettings = {}): Promise<ZoneMinder> {
  return endsWithTest(await startZoneMinder({ clock: { at: NOON }, ...settings }));
}

export function configFor(sim: ZoneMinder, { settings, username, password }: Options = {}): ProviderConfig {
  return {
    settings: readFields(definition.settings, { url: sim.url, ...settings }),
    credentials: { username: username ?? exampleUser.name, password: password ?? exampleUser.password, token: '' },
    now: sim.now,
  };
}

export function connectTo(sim: ZoneMinder, options: Options = {}): Connection {
  const config = configFor(sim, options);
  const connection = new Connection({ id: 'zm', definition, config, maxConcurrent: 2, clock: hurriedClock() });
  atEnd(() => connection.close());
  return connection;
}

/** The provider itself, logged in. */
export async function openProvider(
  sim: ZoneMinder,
  options: Options = {},
): Promise<{ provider: Provider<ZoneMinderSession>; call: CallOptions<ZoneMinderSession> }> {
  const provider = await zoneMinder.open(configFor(sim, options));
  atEnd(async () => provider.close?.(undefined));
  return { provider, call: { signal: never, session: await provider.login!({ signal: never }) } };
}

/** Seconds before or after noon as ISO 8601. */
export const at = (seconds: number): string => new Date(noonMs + seconds * 1000).toISOString();

export function request(change: Partial<ClipRequest> = {}): ClipRequest {
  return { camera: '1', start: at(-3600), end: at(-3580), title: '', options: {}, ...change };
}

export function clipOf(change: Partial<Clip> = {}): Clip {
  const { options: _, ...asked } = request();
  return { id: 'clip-1', connection: 'zm', provider: 'zoneminder', status: 'finished', ...asked, ...change };
}

export interface Downloaded {
  bytes: Buffer;
  mp4: Mp4Info;
}

export async function downloaded(connection: Connection, clip: Clip): Promise<Downloaded> {
  const bytes = await download(connection, clip);
  return { bytes, mp4: await readMp4(bufferSource(bytes)) };
}

/** For `assert.rejects`: our error with this code, and none of the server's secrets in it. */
export const failsOn =
  (sim: ZoneMinder) =>
  (...expected: Parameters<typeof failsAnywhere>) => {
    const holds = failsAnywhere(...expected);
    return (error: unknown): boolean => {
      const seen = inspect(error);
      for (const secret of [...sim.secrets, exampleUser.password]) assert.ok(!seen.includes(secret), 'a secret');
      return holds(error);
    };
  };
