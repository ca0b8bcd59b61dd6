/**
 * Every switch of the Kinesis Video Streams simulator. `sim.options` is the live object: a test may turn a switch between
 * requests. Marks as in the reference: documented, measured, inferred, unknown (nobody knows: hence a switch), ours.
 */
import type { ServerOptions } from '../http-server';
import type { SimStream } from './fragments';

export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
  /** Temporary credentials: must come along. */
  sessionToken?: string;
  expired?: boolean;
  /** Actions that the policy does not allow, such as `ListFragments`. */
  denied?: string[];
}

export interface ErrorOptions {
  /** Measured: `amzn`. The documentation prints `amz`; `body` is how other services say it. */
  type: 'amzn' | 'amz' | 'body';
  textKey: 'Message' | 'message';
  /** Documented as 400, seen as 403. */
  accessDenied: { status: 400 | 403; name: 'AccessDeniedException' } | { status: 401; name: 'NotAuthorizedException' };
  /** How a request with a wrong time is refused. */
  skew: 'InvalidSignatureException' | 'RequestExpired';
}

export interface ListOptions {
  /** Real lists are unordered, even across pages. 0: in order of ingestion. */
  shuffleSeed: number;
  /** Without MaxResults (documented: 100). */
  defaultResults: number;
  /** More per page is refused (documented: 1000). */
  maxResults: number;
  /** A list without entries (seen: all three). */
  empty: 'list' | 'null' | 'absent';
  /** What a page without FragmentSelector beside its token gets: documented, or as seen in 2021. */
  tokenAlone: 'accepted' | 'InternalFailure';
  /** Every page names the same next one. */
  endless: boolean;
  /** For a stream that keeps nothing (unknown). */
  withoutRetention: 'empty' | 'ResourceNotFoundException' | 'NoDataRetentionException';
}

export interface ClipOptions {
  /** Documented pattern has no slash; moto says `video/mp4`. */
  contentType: string;
  /** Unknown. */
  framing: 'length' | 'chunked' | 'close';
  maxFragments: number;
  maxBytes: number;
  /** Is the fragment that crosses the cap in bytes left out? Unknown. */
  crossing: 'dropped' | 'kept';
  /** Footage gaps in the MP4: left out, or filled with the last picture. Unknown. */
  gaps: 'jump' | 'freeze';
  /** Longer ranges are refused (documented: 24 h). */
  maxRangeMs: number;
  /** Name of the error for a change within the clip. Unknown. */
  change: string;
  /** What comes, with status 200, in place of a video. */
  answer: 'video' | 'json' | 'html' | 'empty' | 'unknown-type';
  /** Grows every clip to this many bytes. */
  bytes: number;
  /** Every body ends after so many bytes although Content-Length says more. */
  truncateAfter: number;
}

export interface KinesisOptions {
  /** For both hosts. */
  tls?: ServerOptions['tls'];
  /** Real milliseconds before any answer. */
  latencyMs: number;
  /** `real`: the computer's clock (`advance` adds to it). Otherwise time stands still there, but for `advance`. */
  clock: 'real' | { at: number | string };
  /** AWS's clock is so much ahead. */
  skewMs: number;
  region: string;
  keys: AccessKey[];
  /** Requests may be so old or so far ahead (15 minutes). */
  maxSkewMs: number;
  signatures: 'verified' | 'ignored';
  streams: SimStream[];
  /** Where GetDataEndpoint points: the data host, or the wrong one. */
  dataEndpoint: 'data' | 'control';
  /** How it is written. A slash and a missing scheme are ours. */
  dataEndpointForm: 'plain' | 'slash' | 'no-scheme' | 'missing';
  /** How a host answers requests of the other one (both seen). */
  wrongHost: 'xml-403' | 'json-200';
  /** Timestamps in answers (seen: exponent). */
  numbers: 'exponent' | 'decimal';
  /** Fields that the model does not know, and explicit nulls. */
  extraFields: boolean;
  /** Streams per page of ListStreams (documented: 10,000). */
  streamsPerPage: number;
  /** Draws points per second as documented, and throttles when they are used up. */
  limits: { on: boolean; mediaPoints: number; metadataPoints: number; endpointCalls: number };
  errors: ErrorOptions;
  list: ListOptions;
  clip: ClipOptions;
}

type Groups = 'limits' | 'errors' | 'list' | 'clip';

/** What `startKinesisVideo` takes: any of the switches, groups may be partial. */
export type KinesisSettings = Partial<Omit<KinesisOptions, Groups>> & {
  [Group in Groups]?: Partial<KinesisOptions[Group]>;
};

export const exampleKey: AccessKey = {
  accessKeyId: 'AKIASIMULATOR0000001',
  secretAccessKey: 'simulated/secret/access/key+0123456789ab',
};

export function kinesisOptions(settings: KinesisSettings = {}): KinesisOptions {
  return {
    latencyMs: 0,
    clock: 'real',
    skewMs: 0,
    region: 'eu-west-1',
    keys: [exampleKey],
    maxSkewMs: 15 * 60_000,
    signatures: 'verified',
    streams: [],
    dataEndpoint: 'data',
    dataEndpointForm: 'plain',
    wrongHost: 'xml-403',
    numbers: 'exponent',
    extraFields: true,
    streamsPerPage: 10_000,
    ...settings,
    limits: { on: false, mediaPoints: 500, metadataPoints: 10_000, endpointCalls: 5, ...settings.limits },
    errors: {
      type: 'amzn',
      textKey: 'Message',
      accessDenied: { status: 403, name: 'AccessDeniedException' },
      skew: 'InvalidSignatureException',
      ...settings.errors,
    },
    list: {
      shuffleSeed: 1,
      defaultResults: 100,
      maxResults: 1000,
      empty: 'list',
      tokenAlone: 'accepted',
      endless: false,
      withoutRetention: 'empty',
      ...settings.list,
    },
    clip: {
      contentType: 'video/mp4',
      framing: 'length',
      maxFragments: 200,
      maxBytes: 100e6,
      crossing: 'dropped',
      gaps: 'jump',
      maxRangeMs: 24 * 3600_000,
      change: 'InvalidCodecPrivateDataException',
      answer: 'video',
      bytes: 0,
      truncateAfter: Infinity,
      ...settings.clip,
    },
  };
}
