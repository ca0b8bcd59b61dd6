import { Connection } from '../../../../lib/connection/connection';
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
import { atEnd, endsWithTest, hurriedClock, never } from '../support';

export { atEnd, closeAll, download, fails, never, poll, readAll } from '../support';

/** When the footage of the example camera begins; it lasts two minutes. */
export const EIGHT = Date.UTC(2025, 2, 1, 8);

/** The moment so many seconds after eight. */
export const at = (seconds: number): string => new Date(EIGHT + seconds * 1000).toISOString();

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
  atEnd(() => connection.close());
  return connection;
}

/** A simulator with the camera `dock`: two minutes of footage from eight on, unless told otherwise. */
export async function startKinesis(
  settings: KinesisSettings = {},
  fragments: SimFragment[] = footage(EIGHT, EIGHT + 120_000),
): Promise<KinesisVideo> {
  return endsWithTest(await startKinesisVideo({ streams: [stream('dock', { fragments })], ...settings }));
}

export function request(startSeconds = 10, endSeconds = 14, change: Partial<ClipRequest> = {}): ClipRequest {
  return { camera: 'dock', start: at(startSeconds), end: at(endSeconds), title: 'Alarm 17', options: {}, ...change };
}

export function create(connection: Connection, ...asked: Parameters<typeof request>): Promise<Clip> {
  return connection.createClip(request(...asked), never);
}

/** Names of the operations that were asked for, in order. */
export function operations(sim: KinesisVideo): string[] {
  return sim.requests.map(({ path }) => path.slice(1));
}

/** Bodies of the requests of one operation. */
export function bodies(sim: KinesisVideo, operation: string): Record<string, unknown>[] {
  return sim.requestsFor(operation).map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);
}
