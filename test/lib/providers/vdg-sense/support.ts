import { Connection } from '../../../../lib/connection/connection';
import { readFields } from '../../../../lib/fields';
import type { Clip, ClipRequest, Credentials, ProviderDefinition, TlsOptions } from '../../../../lib/provider';
import type { Clock } from '../../../../lib/async/clock';
import { vdgSense } from '../../../../lib/providers/vdg-sense';
import { startVdgSense, type SenseSettings, type VdgSense } from '../../../simulators/vdg-sense';
import { atEnd, endsWithTest, finished, hurriedClock, never, NOON } from '../support';

export { closeAll, download, errorOf, fails, never, NOON, plain, readAll } from '../support';

export const ONE = '6917529027641081901';
export const TWO = '6917529027641081902';

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
  atEnd(() => connection.close());
  return connection;
}

/** A simulator whose time stands still, and whose clips are made at once when they are asked about. */
export async function startSense(settings: SenseSettings = {}): Promise<VdgSense> {
  return endsWithTest(
    await startVdgSense({ clock: { at: NOON }, ...settings, queue: { makeMs: 0, ...settings.queue } }),
  );
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
  return finished(connection, await connection.createClip(request(change), never));
}

/** Names of the commands in the order in which they came, logins among them. */
export function commands(sim: VdgSense): string[] {
  return sim.requests.map(({ path, query }) => (path === '/command' ? (query.get('command') ?? '') : path.slice(1)));
}
