// Sends the requests of Kinesis Video Streams through the AWS SDK, bounded in time and size.
import { raceAbort } from '../../async/abort';
import { ClipError, reasonFirst } from '../../errors';
import type { CallOptions, ProviderConfig } from '../../provider';
import type { TimeRange } from '../../time-range';
import { closeAgents, createAgents } from '../../net/agents';
import { streamOf } from './camera';
import { createClients, type Clients } from './clients';
import { checkFresh, createLogin, isRenewable, type KinesisSession } from './login';
import { createEndpoints } from './endpoints';
import { clockCorrected, isMissingRight, kinesisError } from './errors';
import { loadSdk, type KinesisSdk } from './sdk';
import {
  fieldIn,
  readEndpoint,
  readFragments,
  readStream,
  readStreams,
  textIn,
  type Fragment,
  type Stream,
  type TimestampType,
} from './types';
import { readVideo, type Video } from './media';

export type Call = CallOptions<KinesisSession>;

/** A range of footage of one stream. */
export interface Selection extends TimeRange {
  camera: string;
  timestamps: TimestampType;
}

export interface KinesisOptions {
  /** Longest wait for a small answer, and for the beginning of a clip. */
  timeoutMs?: number;
  /** Longest silence of a connection. */
  silenceMs?: number;
  loadSdk?: () => KinesisSdk;
}

const defaultTimeoutMs = 30_000;
/** The most that a page may hold. Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_reader_ListFragments.html */
const pageSize = 1000;
/** Clocks differ a little, and a range that ends in the future is refused for arrival times. */
const clockMarginMs = 1_000;

/** The requests to Kinesis Video Streams; what they mean for clips is in `clips.ts`. */
export function createKinesisApi(config: ProviderConfig, options: KinesisOptions = {}) {
  const { settings, now } = config;
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  // The SDK does not tell whether a connection that was kept has been dead already.
  const agents = createAgents({ ...config, keepAlive: false });
  const endpoints = createEndpoints(now);
  let loaded: { sdk: KinesisSdk; clients: Clients } | undefined;

  /** @throws EUNSUPPORTED where the AWS SDK is not installed */
  function load() {
    if (!loaded) {
      const sdk = (options.loadSdk ?? loadSdk)();
      loaded = { sdk, clients: createClients(sdk, settings, agents, options.silenceMs) };
    }
    return loaded;
  }

  /** One request, of which only the wait for its answer is timed. */
  async function send<T>(call: Call, action: string, request: (options: { abortSignal: AbortSignal }) => Promise<T>) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const abortSignal = AbortSignal.any([call.signal, late.signal]);
    try {
      // The SDK does not settle every promise that it gives, not even when the signal fires.
      const answer = request({ abortSignal }).catch((thrown: unknown) => {
        if (!clockCorrected(thrown)) throw thrown;
        return request({ abortSignal });
      });
      return await raceAbort(answer, abortSignal);
    } catch (thrown) {
      const lateMs = late.signal.aborted ? timeoutMs : undefined;
      const renewable = isRenewable(call.session, now());
      throw kinesisError(thrown, { action, signal: call.signal, renewable, lateMs });
    } finally {
      clearTimeout(timer);
    }
  }

  function begin(call: Call, action: string) {
    checkFresh(call.session, action, now());
    return load();
  }

  /** At the host that AWS names for this stream and this kind of request. */
  function atData<T>(
    apiName: 'LIST_FRAGMENTS' | 'GET_CLIP',
    camera: string,
    call: Call,
    action: string,
    work: (client: ReturnType<Clients['media']>, sdk: KinesisSdk['media']) => Promise<T>,
  ): Promise<T> {
    const { sdk, clients } = begin(call, action);
    const { key, region } = streamOf(camera);
    const ask = async (): Promise<string> => {
      const command = new sdk.control.GetDataEndpointCommand({ ...key, APIName: apiName });
      const reply = await send(call, action, (http) => clients.control(call.session, region).send(command, http));
      return readEndpoint(reply, action);
    };
    return endpoints.use(`${apiName} ${camera}`, ask, (address) =>
      work(clients.media(call.session, region, address), sdk.media),
    );
  }

  /** By how much AWS's clock is ahead of ours, by its last answer to the SDK: in whole seconds, cut off. */
  function clockSkewMs({ session }: Call): number {
    const { systemClockOffset } = load().clients.control(session, undefined).config;
    return Date.now() + systemClockOffset + 500 - now();
  }

  /** On AWS's clock, as far as it is known, and never ahead of it: its answers hold whole seconds. */
  const serverNow = (call: Call): number => now() + clockSkewMs(call) - 500;

  function timeRange({ start, end, timestamps }: Selection, call: Call) {
    const latestMs = timestamps === 'SERVER_TIMESTAMP' ? serverNow(call) - clockMarginMs : Infinity;
    return { StartTimestamp: new Date(start), EndTimestamp: new Date(Math.min(end, latestMs)) };
  }

  async function list(
    selection: Selection,
    call: Call,
    action: string,
    isTolerable: (error: unknown) => boolean,
  ): Promise<Fragment[] | undefined> {
    const range = timeRange(selection, call);
    if (range.EndTimestamp <= range.StartTimestamp) return [];
    return atData('LIST_FRAGMENTS', selection.camera, call, action, async (client, sdk) => {
      const page = async (token: string | undefined) => {
        const command = new sdk.ListFragmentsCommand({
          ...streamOf(selection.camera).key,
          MaxResults: pageSize,
          // Documented as needless beside a token, and answered with a failure without it in the past.
          FragmentSelector: { FragmentSelectorType: selection.timestamps, TimestampRange: range },
          ...(token ? { NextToken: token } : {}),
        });
        const reply = await send(call, action, (http) => client.send(command, http));
        const items = readFragments(reply);
        const isTimed = items.some(({ producerMs, serverMs }) => producerMs !== undefined || serverMs !== undefined);
        // Footage that is not understood is not a lack of footage.
        if (items.length > 0 && !isTimed)
          throw new ClipError('EPROTOCOL', reasonFirst('no fragment has a time', action));
        return { items, next: textIn(reply, 'NextToken') };
      };
      return allPages(action, page).catch((error: unknown) => {
        if (isTolerable(error)) return undefined;
        throw error;
      });
    });
  }

  return {
    login: createLogin(config.credentials, () => load().clients.findCredentials(), now),

    /** All streams of the account in the region. */
    async listStreams(call: Call, action: string): Promise<Stream[]> {
      const { sdk, clients } = begin(call, action);
      const client = clients.control(call.session, undefined);
      return allPages(action, async (token) => {
        const command = new sdk.control.ListStreamsCommand(token ? { NextToken: token } : {});
        const reply = await send(call, action, (http) => client.send(command, http));
        return { items: readStreams(reply), next: textIn(reply, 'NextToken') };
      });
    },

    /** @throws ENOTFOUND where there is no such stream */
    async describeStream(camera: string, call: Call, action: string): Promise<Stream | undefined> {
      const { sdk, clients } = begin(call, action);
      const { key, region } = streamOf(camera);
      const command = new sdk.control.DescribeStreamCommand(key);
      const reply = await send(call, action, (http) => clients.control(call.session, region).send(command, http));
      return readStream(fieldIn(reply, 'StreamInfo'))[0];
    },

    /** Every fragment that starts in the range, both ends included, in no order. */
    async listFragments(selection: Selection, call: Call, action: string): Promise<Fragment[]> {
      return (await list(selection, call, action, () => false)) ?? [];
    },

    /** The same; `undefined` where just that right is missing. */
    listFragmentsIfAllowed: (selection: Selection, call: Call, action: string): Promise<Fragment[] | undefined> =>
      list(selection, call, action, isMissingRight),

    /** The MP4 of all fragments that start in the range, both ends included: the caller must read or destroy it. */
    getClip(selection: Selection, call: Call, action: string): Promise<Video> {
      return atData('GET_CLIP', selection.camera, call, action, async (client, sdk) => {
        const command = new sdk.GetClipCommand({
          ...streamOf(selection.camera).key,
          ClipFragmentSelector: {
            FragmentSelectorType: selection.timestamps,
            TimestampRange: timeRange(selection, call),
          },
        });
        const reply = await send(call, action, (http) => client.send(command, http));
        return readVideo(reply, action, timeoutMs);
      });
    },

    clockSkewMs,

    serverNow,

    region: ({ session }: Call): Promise<string> => load().clients.control(session, undefined).config.region(),

    close(): void {
      closeAgents(agents);
    },
  };
}

export type KinesisApi = ReturnType<typeof createKinesisApi>;

/** A day of fragments of two seconds has 44 pages. */
const mostPages = 500;

/** Pages of a list until there is no token for another one. */
async function allPages<T>(
  action: string,
  page: (token: string | undefined) => Promise<{ items: T[]; next: string | undefined }>,
): Promise<T[]> {
  const items: T[] = [];
  const seen = new Set<string>();
  for (let token: string | undefined; ;) {
    const reply = await page(token);
    for (const item of reply.items) items.push(item);
    token = reply.next;
    if (token === undefined) return items;
    if (seen.has(token))
      throw new ClipError('EPROTOCOL', reasonFirst('AWS gives the same page of a list again and again', action));
    if (seen.size >= mostPages)
      throw new ClipError('EPROTOCOL', reasonFirst('AWS gives a list that does not end', action));
    seen.add(token);
  }
}
