import { Connection } from '../../../../lib/connection/connection';
import { readFields } from '../../../../lib/fields';
import type {
  Clip,
  ClipRequest,
  Credentials,
  ProviderDefinition,
  ProxyOptions,
  TlsOptions,
} from '../../../../lib/provider';
import type { Clock } from '../../../../lib/async/clock';
import { aipix } from '../../../../lib/providers/aipix';
import { startAipix, type Aipix, type AipixSettings } from '../../../simulators/aipix';
import { atEnd, endsWithTest, finished, hurriedClock, never, NOON, poll as pollOnly } from '../support';

export { closeAll, download, errorOf, fails, never, NOON, plain, readAll } from '../support';

export const credentials: Credentials = { username: 'nodered', password: 's3cret-passw0rd', token: '' };
export const pasted: Credentials = { username: '', password: '', token: 'integration-token-0001' };
export const root = { username: 'root', password: 'r00t-passw0rd' };
export const minute = 60_000;
export const hour = 60 * minute;

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
  atEnd(() => connection.close());
  return connection;
}

/** A simulator whose time stands still, and whose files are made as soon as somebody asks about them. */
export async function start(settings: AipixSettings = {}): Promise<Aipix> {
  return endsWithTest(
    await startAipix({ clock: { at: NOON }, ...settings, making: { makeMs: 0, ...settings.making } }),
  );
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

/** What the next message would carry. */
export async function poll(connection: Connection, clip: Clip): Promise<Clip | undefined> {
  const found = await pollOnly(connection, clip);
  return found && { ...clip, ...found };
}

export async function createFinished(connection: Connection, change: Partial<ClipRequest> = {}): Promise<Clip> {
  return finished(connection, await connection.createClip(request(change), never));
}

/** Method and path of all requests, in order. */
export function calls(sim: Aipix): string[] {
  return sim.requests.map(({ method, path }) => `${method} ${path.replace('/api/v1/', '').replace('/api/', '')}`);
}
