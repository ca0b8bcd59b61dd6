/**
 * Every switch of the Rhombus simulator. `sim.options` is the live object: a test may turn a switch between requests.
 * Marks as in the reference: documented, inferred (our deduction), unknown (nobody knows: hence a switch), ours (invented).
 */
import type { ServerOptions } from '../http-server';
import type { MediaReplyOptions } from '../media-reply';
import type { AlertOptions } from './alerts';
import { exampleDevices, type RhombusCamera, type Time } from './cameras';
import { usualSteps, type RhombusClip, type Step } from './clips';

export interface RhombusKey {
  key: string;
  scheme: 'api-token' | 'partner-api-token';
  /** What it may work for; a partner key names one of them with each request. */
  organizations: string[];
  /** May it make and download clips? (documented: the permission "Video : Share and download") */
  clips: boolean;
}

/** How a refusal is told: inside of an answer with status 200, or by an HTTP status (unknown for each of them). */
export type RefusalForm = 'in-band' | '400' | '404' | '500';

export interface ReplyOptions {
  /** `error` of a success (all three inferred). */
  success: 'false' | 'null' | 'absent';
  /** `error` of a refusal within status 200; as text it holds the message. */
  failure: 'true' | 'text';
  /** Where the message of a refusal is (all four seen by clients). */
  messageIn: 'errorMsg' | 'message' | 'msg' | 'error';
  /** A caveat in each success. */
  warning: string | null;
  /** Fields that no client knows, in each answer and object: the vendor adds some often. */
  newFields: boolean;
  /** Null fields are left out. */
  omitNulls: boolean;
  contentType: string;
  /** 64-bit numbers as text (ours). */
  longsAsText: boolean;
}

export interface DownloadOptions extends MediaReplyOptions {
  contentType: string;
  /** What comes, with status 200, when a finished clip is asked for. */
  answer: 'video' | 'json-error' | 'html' | 'empty' | 'text';
  /** The file is there so much later than COMPLETE (unknown). */
  delayMs: number;
  /** How a file that is not there is answered: object stores say 403 where names may not be listed (unknown). */
  missing: 403 | 404;
  /** Clips of so many bytes: the frames of a small video and filling made on the fly (for memory tests). */
  largeMedia: number;
}

export interface RhombusOptions {
  /** 0: any free port. REST and media never share one. */
  apiPort: number;
  mediaPort: number;
  tls?: ServerOptions['tls'];
  /** Real milliseconds before any answer. */
  latencyMs: number;
  /** `real`: the computer's clock (`advance` adds to it). Otherwise time stands still there, but for `advance`. */
  clock: 'real' | { at: Time };

  keys: RhombusKey[];
  /** How an unknown key is answered: 401, 403 "Access Denied", or 403 that names the key (a key of another region). */
  wrongKey: '401' | 'access-denied' | 'invalid-key';
  /** A partner key that names no organisation: 403, or the first of its own (unknown). */
  partnerWithoutOrganization: '403' | 'first';
  /** Bucket per organisation, shared by all its keys (documented; the figures are not). */
  rateLimit: { perSecond: number; burst: number; retryAfterSeconds: number };

  cameras: RhombusCamera[];
  locations: { uuid: string; name: string }[];
  /** Texts of refusals (all ours). */
  texts: { camera: string; clip: string; length: string; range: string };
  /** How spliceV3 refuses a camera, a length or a range. */
  refusal: RefusalForm;
  /** A body with fields that are not documented is refused with 400 (documented for bodies that do not fit). */
  strictFields: boolean;
  /** A body that lacks a field gets 500 (documented for parameters that are missing or misspelled). */
  strictMissing: boolean;

  splice: {
    /** Seconds, per organisation (documented example: 3600). */
    maxDuration: number;
    /** How getMaxSpliceDuration answers. */
    tell: 'number' | 'missing' | 'error' | '403';
    /** `clipUuid` and `clipUuidList`, or only one of them, or neither. */
    answer: 'both' | 'uuid' | 'list' | 'none';
    /** What happens with a clip, in order; it stays in the last step. */
    steps(clip: RhombusClip): Step[];
    /** Is a camera checked at all? (unknown) */
    checksCamera: boolean;
  };
  presence: {
    answer: 'windows' | 'missing' | 'null' | 'error' | '403' | '500';
    /** Footage is reported so much later (documented as about 120 s). */
    lagMs: number;
    /** Windows end and begin anew after so long, with a seam between (inferred: footage is stored in pieces). */
    pieceMs: number;
    seamMs: number;
  };
  status: {
    /** How a clip that does not exist is answered (unknown). */
    unknown: 'null' | 'absent' | RefusalForm;
    /** A new clip is not known for so long. */
    hiddenMs: number;
    /** Of the camera in a clip. */
    device: 'facet' | 'bare' | 'absent';
    /** Where the clip is stored, once it is COMPLETE. `map`: by device; `v2`: only in the newer text form, an address or a region. */
    location: 'clip' | 'thumbnail' | 'both' | 'map' | 'v2' | 'v2-region' | 'none';
    region: string;
    sha256: 'right' | 'wrong' | 'upper-case' | 'null';
    byteCount: 'right' | 'wrong' | 'null';
  };
  list: {
    /** The list itself may be refused: it takes other fields than those that are published, say (ours). */
    answer: 'list' | RefusalForm;
    /** Without `pageSize`: accepted as 100, or refused with 500 (required, but an older client leaves it out). */
    strictPageSize: boolean;
    /** A new clip is missing for so long. */
    hiddenMs: number;
    /** What it is sorted by, and what `timestampMsAfter` is about (both unknown). */
    time: 'footage' | 'creation';
    /** Without `sortOrder`. */
    defaultOrder: 'asc' | 'desc';
    /** Gives the same token for ever (ours). */
    endless: boolean;
  };
  alerts: AlertOptions;
  /** What is left of a clip that was deleted, and of one that was cancelled (unknown). */
  deleted: 'nothing' | 'DELETED';
  cancelled: 'nothing' | 'DELETED' | 'FAILED';
  /** Deleting what does not exist: fine, or refused. */
  deleteUnknown: 'fine' | RefusalForm;

  replies: ReplyOptions;
  download: DownloadOptions;
}

type Groups = 'rateLimit' | 'texts' | 'splice' | 'presence' | 'status' | 'list' | 'alerts' | 'replies' | 'download';

/** What `startRhombus` takes: any of the switches, groups may be partial. */
export type RhombusSettings = Partial<Omit<RhombusOptions, Groups>> & {
  [Group in Groups]?: Partial<RhombusOptions[Group]>;
};

export const exampleKeys = {
  key: 'kR7_api-key_0123456789',
  /** Its role may not make clips. */
  viewer: 'kR7_view-key_012345678',
  partner: 'kR7_partner-key_012345',
  organization: '0rg_Client-3xkQ7n5T1Zg',
} as const;

export function rhombusOptions(settings: RhombusSettings = {}): RhombusOptions {
  const { key, viewer, partner, organization } = exampleKeys;
  return {
    apiPort: 0,
    mediaPort: 0,
    latencyMs: 0,
    clock: 'real',
    keys: [
      { key, scheme: 'api-token', organizations: ['0rg_Own-9w2Q1u3xkQ7n5T'], clips: true },
      { key: viewer, scheme: 'api-token', organizations: ['0rg_Own-9w2Q1u3xkQ7n5T'], clips: false },
      { key: partner, scheme: 'partner-api-token', organizations: [organization], clips: true },
    ],
    wrongKey: 'access-denied',
    partnerWithoutOrganization: '403',
    cameras: exampleDevices(),
    locations: [{ uuid: 'L0c_K9w2Q1u3xkQ7n5T1Zg', name: 'Headquarters' }],
    refusal: 'in-band',
    strictFields: true,
    strictMissing: true,
    deleted: 'nothing',
    cancelled: 'nothing',
    deleteUnknown: 'fine',
    ...settings,
    rateLimit: { perSecond: Infinity, burst: 10, retryAfterSeconds: 1, ...settings.rateLimit },
    alerts: {
      order: 'desc',
      isDoubled: false,
      isEndless: false,
      mostListed: Infinity,
      unknown: 'null',
      ...settings.alerts,
    },
    texts: {
      camera: 'Device not found',
      clip: 'Clip not found',
      length: 'Duration exceeds the maximum splice duration',
      range: 'Invalid start time',
      ...settings.texts,
    },
    splice: {
      maxDuration: 3600,
      tell: 'number',
      answer: 'both',
      steps: () => usualSteps(),
      checksCamera: true,
      ...settings.splice,
    },
    presence: { answer: 'windows', lagMs: 120_000, pieceMs: 600_000, seamMs: 1_000, ...settings.presence },
    status: {
      unknown: 'null',
      hiddenMs: 0,
      device: 'facet',
      location: 'both',
      region: 'us-west-2',
      sha256: 'right',
      byteCount: 'right',
      ...settings.status,
    },
    list: {
      answer: 'list',
      strictPageSize: true,
      hiddenMs: 0,
      time: 'creation',
      defaultOrder: 'desc',
      endless: false,
      ...settings.list,
    },
    replies: {
      success: 'false',
      failure: 'true',
      messageIn: 'errorMsg',
      warning: null,
      newFields: true,
      omitNulls: false,
      contentType: 'application/json',
      longsAsText: false,
      ...settings.replies,
    },
    download: {
      contentType: 'video/mp4',
      framing: 'length',
      range: false,
      etag: 'strong',
      truncateAfter: Infinity,
      answer: 'video',
      delayMs: 0,
      missing: 404,
      largeMedia: 0,
      ...settings.download,
    },
  };
}
