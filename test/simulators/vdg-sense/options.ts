/**
 * Every switch of the VDG Sense simulator. `sim.options` is the live object: a test may turn a switch between requests.
 * Marks as in the reference: documented, inferred (our deduction), unknown (nobody knows: hence a switch), ours (invented).
 */
import type { EventOptions } from './events';
import type { ServerOptions } from '../http-server';
import type { MediaReplyOptions } from '../media-reply';
import { exampleDevices, type SenseDevice, type Time } from './devices';
import type { SenseExport } from './exports';
import type { ClipState, SenseClip } from './queue';

export type AuthMode = 'plain' | 'digest' | 'basic' | 'open';
/** `root`: the key is all there is in the answer. `inside`: below an element of its name, as `key`. */
export type SessionKeyPlace = 'cookie' | 'element' | 'attribute' | 'root' | 'inside';

/** How answers look. All of it unknown but for the default shapes. */
export interface ReplyOptions {
  /** Around a single clip: `result/clip`, `result/clips/clip`, or the fields directly below `result`. */
  wrapper: 'clip' | 'clips' | 'bare';
  /** Clips and devices come without the envelope around them (ours). */
  withoutResult: boolean;
  /** Status of answers with a negative errorcode. */
  failureStatus: 200 | 400 | 404 | 500;
  /** Timestamps of clips with `.zzz`. */
  milliseconds: boolean;
  countAttribute: boolean;
  /** A list without entries: an empty element, or no list element at all. */
  emptyList: 'element' | 'nothing';
  /** Any number but 0 shuffles the order of tags, another way in each answer but the same for the same number. */
  shuffleSeed: number;
  /** Extra tags and attributes "for debugging", which the vendor reserves the right to send. */
  debugTags: boolean;
  /** `comment`: the prolog as the vendor's samples print it, `<!--?xml ... ?-->`. */
  prolog: 'xml' | 'comment' | 'none';
  byteOrderMark: boolean;
  indent: boolean;
  /** `&#38;` instead of `&amp;`: as valid, but not every reader is set to know it. */
  numericReferences: boolean;
  upperCaseTags: boolean;
  upperCaseAttributes: boolean;
  /** The plain fields of clips and devices as attributes. */
  fieldsAsAttributes: boolean;
  /** Trailing blanks in words, as in the vendor's templates. */
  blanks: boolean;
  contentType: string;
  /** What stands for each state, e.g. `{ finished: 'Finished ', failed: ' FAILED no recordings' }`. */
  status: Record<ClipState, string>;
  statusDescription: boolean;
  /** `filesize` of a clip that is not finished. */
  pendingFilesize: '0' | 'empty' | 'absent';
  /** What is declared as the size of a finished clip, given the true one. */
  declaredFilesize(size: number, clip: SenseClip): number;
}

export interface DownloadOptions extends MediaReplyOptions {
  contentType: string;
  contentDisposition: boolean;
  /** What comes, with status 200, when a finished clip is asked for. */
  answer: 'video' | 'xml-error' | 'html' | 'empty';
  /** Errorcode of `xml-error`. */
  errorCode: number;
  /** The clip is gone when it is to be downloaded, although the list said `finished`. */
  vanishes: boolean;
  /** Errorcode for a clip that is not finished. */
  notFinishedCode: number;
  /** Clips of so many bytes: the frames of a small video and filling made on the fly (for memory tests). */
  largeMedia: number | ((clip: SenseClip) => number);
}

export interface ExportOptions {
  /** Between the turn of an export and its start. */
  waitMs: number;
  /** Making of one export; its progress grows evenly meanwhile. */
  makeMs: number;
  /** Text of a failure that the test wants, else undefined. */
  fails(each: SenseExport): string | undefined;
  /** What stands for each state (none of it is published). */
  words: Record<SenseExport['state'], string>;
  /** Do devices have a status of their own? */
  deviceStatus: boolean;
  /** Unit of the progress of a device (unknown). */
  progress: 'percent' | 'bytes';
  /** Drives of the server, as `E:`; a path elsewhere is refused with -58. */
  drives: string[];
  /** Refuses with -60, or with -61. */
  diskFull: boolean;
  readOnly: boolean;
  /** Errorcode for every new export. */
  refusal?: number;
  /** Are references such as `&amp;` resolved in a request? (unknown) */
  unescapes: boolean;
  /** Exports of other sessions: not listed, with a number of this session, or with that of their own (unknown). */
  foreign: 'hidden' | 'renumbered' | 'same-number';
  /** Errorcode for a number that is not known (unknown). */
  unknownCode: number;
  /** Only cancelling a pending one is documented. */
  cancelBusy: 'cancel' | 'refuse';
  cancelCode: number;
  /** What becomes of a cancelled one (unknown). */
  cancelled: 'gone' | 'listed';
  /** What cancelling is answered with (unknown). */
  cancelBody: 'result' | 'empty';
}

export interface SenseOptions {
  port: number;
  tls?: ServerOptions['tls'];
  /** Real milliseconds before any answer. */
  latencyMs: number;
  /** `real`: the computer's clock (`advance` adds to it). Otherwise time stands still there, but for `advance`. */
  clock: 'real' | { at: Time };
  /** The server's clock is so much ahead. */
  skewMs: number;

  /** Gates what newer versions brought (documented). */
  version: string;
  /** Commands that answer -1 because the API licence is missing. */
  withoutLicence: string[] | 'all';
  /** `license/api` of getServerStatus (documented as a boolean). */
  apiLicence: 'true' | 'false';

  /** More than one may be on. */
  auth: AuthMode[];
  users: { username: string; password: string }[];
  /** The formula is experimental (unverified client code); `order` is which of the two goes in as HMAC key. */
  digest: { nonce: string; secret: string; skewMs: number; order: 'secret-is-key' | 'secret-is-text' };
  session: {
    /** Where a login finds its key. */
    in: SessionKeyPlace[];
    /** Name of that element or attribute. */
    name: string;
    /** Name of the cookie that is set, and the one that is accepted. */
    cookie: string;
    cookieAttributes: string;
    /** Another cookie that is set for everybody, whether the login is taken or not (ours). */
    strayCookie: string;
    idleMs: number;
    /** A second login of a user ends the first session. */
    onePerUser: boolean;
    /** The next login is refused when so many sessions are open. */
    max: number;
    /** Root element of the answer to a login. */
    root: string;
  };
  /** How a command without a session is answered. */
  unauthenticated: '401' | '403' | 'errorcode' | 'login-page';
  unauthenticatedCode: number;
  /** How a wrong password is answered. `no-key`, `zero-key`: as if all were well, but without a key, or with 0. */
  refusedLogin: '401' | '403' | 'errorcode' | 'no-key' | 'zero-key' | 'login-page';
  refusedLoginCode: number;
  /** An account refuses even the right password after so many wrong ones in a row (ours). */
  lockAfter: number;

  devices: SenseDevice[];
  /** Its id is used where a command leaves out `serverid` (documented). */
  managementServer: string;
  /** What getClips lists without `serverid`. */
  omittedServer: 'management' | 'all';

  queue: {
    /** Between the turn of a clip and the start of its making. */
    waitMs: number | ((clip: SenseClip) => number);
    /** Making of one clip. `Infinity`: never finishes, and holds up the queue behind it. */
    makeMs: number | ((clip: SenseClip) => number);
    /** Text of a failure that the test wants, else undefined. */
    fails(clip: SenseClip): string | undefined;
  };
  /** Longer clips are refused with -38 (documented: five minutes). */
  maxClipMs: number;
  /** Part of the range is not recorded: a shorter video, or a failed clip. */
  partialFootage: 'short' | 'failed';
  /** Unknown for addClip; `either` accepts both ways of writing a timestamp. */
  timestamps: 'either' | 'milliseconds' | 'seconds';
  /** Whether `+` in a query means a blank. */
  plusIsBlank: boolean;
  /** Image sizes below 128 or above the source's: made to fit, or refused with -22. */
  imageSizeOutOfRange: 'clamp' | 'refuse';
  /** Clips go when older, or when all together are larger, oldest first (limits documented, order inferred). */
  retention: { ageMs: number; bytes: number };
  /** Names of the parameters with the clip's id and its server in downloadClip and deleteClip. */
  clipIdParameter: string;
  clipServerParameter: string;
  deleteMethods: ('GET' | 'DELETE')[];
  /** Deleting a clip that is not finished: cancels it, or is refused with -18. */
  deleteUnfinished: 'cancel' | 'refuse';

  events: EventOptions;
  exports: ExportOptions;
  replies: ReplyOptions;
  download: DownloadOptions;
}

type Groups = 'events' | 'digest' | 'session' | 'queue' | 'retention' | 'exports' | 'replies' | 'download';

/** What `startVdgSense` takes: any of the switches, groups may be partial. */
export type SenseSettings = Partial<Omit<SenseOptions, Groups>> & {
  [Group in Exclude<Groups, 'replies'>]?: Partial<SenseOptions[Group]>;
} & { replies?: Partial<Omit<ReplyOptions, 'status'>> & { status?: Partial<ReplyOptions['status']> } };

const GIB = 1024 ** 3;
const DAY = 24 * 3600 * 1000;

export function senseOptions(settings: SenseSettings = {}): SenseOptions {
  const management = settings.managementServer ?? settings.devices?.[0]?.serverid ?? '6917529027641081901';
  return {
    port: 0,
    latencyMs: 0,
    clock: 'real',
    skewMs: 0,
    version: '2.7.3',
    withoutLicence: [],
    apiLicence: 'true',
    auth: ['plain'],
    users: [{ username: 'nodered', password: 's3cret' }],
    unauthenticated: '401',
    unauthenticatedCode: -54,
    refusedLogin: 'errorcode',
    refusedLoginCode: -55,
    lockAfter: Infinity,
    devices: exampleDevices(),
    omittedServer: 'management',
    maxClipMs: 5 * 60 * 1000,
    partialFootage: 'short',
    timestamps: 'either',
    plusIsBlank: false,
    imageSizeOutOfRange: 'clamp',
    clipIdParameter: 'id',
    clipServerParameter: 'serverid',
    deleteMethods: ['GET'],
    deleteUnfinished: 'cancel',
    ...settings,
    managementServer: management,
    digest: {
      nonce: 'VENDORISSUED0001',
      secret: 'vendor-secret',
      skewMs: DAY,
      order: 'secret-is-key',
      ...settings.digest,
    },
    session: {
      in: ['cookie', 'element'],
      name: 'sessionkey',
      cookie: 'sessionkey',
      cookieAttributes: '',
      strayCookie: '',
      idleMs: 20 * 60 * 1000,
      onePerUser: false,
      max: Infinity,
      root: 'result',
      ...settings.session,
    },
    queue: { waitMs: 0, makeMs: 150, fails: () => undefined, ...settings.queue },
    // Large media would be swept away at once by the documented gigabyte.
    retention: { ageMs: 7 * DAY, bytes: settings.download?.largeMedia ? Infinity : GIB, ...settings.retention },
    events: {
      ids: 'time',
      offsetMs: 0,
      isDoubled: false,
      isEndless: false,
      mostListed: Infinity,
      lastId: 'all',
      ...settings.events,
    },
    exports: {
      waitMs: 0,
      makeMs: 1000,
      fails: () => undefined,
      words: { pending: 'pending', busy: 'busy', finished: 'finished', failed: 'failed', cancelled: 'cancelled' },
      deviceStatus: true,
      progress: 'percent',
      drives: ['C:', 'E:'],
      diskFull: false,
      readOnly: false,
      unescapes: true,
      foreign: 'hidden',
      unknownCode: -9,
      cancelBusy: 'cancel',
      cancelCode: -18,
      cancelled: 'gone',
      cancelBody: 'result',
      ...settings.exports,
    },
    replies: {
      wrapper: 'clip',
      withoutResult: false,
      failureStatus: 200,
      milliseconds: true,
      countAttribute: true,
      emptyList: 'element',
      shuffleSeed: 0,
      debugTags: false,
      prolog: 'xml',
      byteOrderMark: false,
      indent: false,
      numericReferences: false,
      upperCaseTags: false,
      upperCaseAttributes: false,
      fieldsAsAttributes: false,
      blanks: false,
      contentType: 'text/xml',
      statusDescription: true,
      pendingFilesize: '0',
      declaredFilesize: (size) => size,
      ...settings.replies,
      status: { pending: 'pending', busy: 'busy', finished: 'finished', failed: 'failed', ...settings.replies?.status },
    },
    download: {
      contentType: 'video/mp4',
      framing: 'length',
      range: false,
      etag: 'strong',
      contentDisposition: false,
      answer: 'video',
      errorCode: -40,
      truncateAfter: Infinity,
      vanishes: false,
      notFinishedCode: -18,
      largeMedia: 0,
      ...settings.download,
    },
  };
}
