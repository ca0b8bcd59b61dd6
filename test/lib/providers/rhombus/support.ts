import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Clock } from '../../../../lib/async/clock';
import { Connection } from '../../../../lib/connection/connection';
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
import { atEnd, endsWithTest, fails as failsAnywhere, finished, hurriedClock, never, NOON } from '../support';

export { closeAll, download, never, NOON, plain, readAll } from '../support';

export const dock = `${exampleCameras.dock}.v0`;
export const definition = rhombus as ProviderDefinition;

export interface Options {
  settings?: Record<string, unknown>;
  token?: string;
  tls?: TlsOptions;
  clock?: Clock;
}

/** A cloud whose time stands still, and whose clips are finished as soon as they are asked about. */
export async function startCloud(settings: RhombusSettings = {}): Promise<Rhombus> {
  return endsWithTest(
    await startRhombus({
      clock: { at: NOON },
      ...settings,
      splice: {
        steps: () => [{ status: 'COMPLETE', ms: Infinity, operation: 'Complete', percent: 100 }],
        ...settings.splice,
      },
    }),
  );
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
    clock: options.clock ?? hurriedClock(),
  });
  atEnd(() => connection.close());
  return connection;
}

/** The provider itself, for what a connection uses in its own time. */
export async function openProvider(sim: Rhombus, options: Options = {}): Promise<Provider> {
  const provider = await definition.open(configFor(sim, options));
  atEnd(async () => provider.close?.(undefined));
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
  return finished(connection, await connection.createClip(request(change), never));
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
export const fails = (...expected: Parameters<typeof failsAnywhere>) => {
  const holds = failsAnywhere(...expected);
  return (error: unknown): boolean => {
    for (const secret of Object.values(exampleKeys)) assert.ok(!inspect(error).includes(secret), 'a secret');
    return holds(error);
  };
};
