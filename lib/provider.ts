// Defines the provider contract: all that the author of a provider needs to read.
//
// A provider speaks one vendor's protocol and nothing else. Retries, polling, limits, files and Node-RED belong to the
// layers above; they call the methods below with an `AbortSignal` and expect a {@link ClipError} when something fails. What is
// concluded from an error depends on its code, on `retryable`, and on whether it is `inconclusive`.
import type { Readable } from 'node:stream';
import { ClipError, type ErrorDetails } from './errors';
import type { Condition, Field } from './fields';
import type { Range } from './time-range';

export { ClipError } from './errors';
export type { ErrorCode, ErrorDetails } from './errors';
export type { Condition, Field } from './fields';
export type { Range } from './time-range';

/** PEM material and checks for TLS, as Node's `tls.connect` names them. */
export interface TlsOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  pfx?: string | Buffer;
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface ProxyOptions {
  /** `http://host:port` */
  url: string;
  username?: string;
  password?: string;
  /** Host names that are reached directly. */
  noProxy: string[];
}

/** `expired`: it was finished, and the vendor has removed it since. */
export type ClipStatus = 'pending' | 'busy' | 'finished' | 'failed' | 'expired';

/** A span of time without footage. */
export type Gap = Range;

/** One piece of recorded video of one camera, as a provider knows it. Plain JSON; times are ISO 8601 with `Z`. */
export interface ProviderClip {
  /** Opaque. Never a number, never parsed. */
  id: string;
  camera: string;
  cameraName?: string;
  start: string;
  end: string;
  status: ClipStatus;
  /** The system's own word for its state, where that says more than `status`. */
  vendorStatus?: string;
  /** 0-100, never running backwards for one clip. */
  progress?: number;
  title?: string;
  /** Bytes, as the vendor declares them. */
  size?: number;
  /** Lower-case hex, as the vendor declares it. */
  sha256?: string;
  /** Pixels. */
  width?: number;
  height?: number;
  /** When the vendor will remove it. */
  expires?: string;
  /** Why it failed, or what the vendor warns of, in the vendor's words. */
  reason?: string;
  /** Parts of the range for which the vendor is known to have no footage, in order. Absent: not known (yet). */
  gaps?: Gap[];
  /** The span that the file really covers, where that is more than the range that was asked for. */
  footage?: Range;
  /** Strings the provider needs to find it again. No secrets, no signed addresses. */
  ref?: Record<string, string>;
}

/** A clip in a message: what the provider knows, plus where it belongs and the file it became. */
export interface Clip extends ProviderClip {
  /** Id of the `clip-provider` node. */
  connection: string;
  /** Provider id, such as `vdg-sense`. */
  provider: string;
  /** Clip options that it was asked for with, where they are not the defaults: it may have to be made again. */
  options?: Settings;
  /** The instant that it was asked around. ISO 8601 with `Z`. */
  time?: string;
  /** In progress messages of its download. */
  transfer?: ClipTransfer;
  file?: ClipFile;
}

/** How far a download is. */
export interface ClipTransfer {
  bytes: number;
  /** Bytes in all, where known. */
  total?: number;
  bytesPerSecond: number;
  etaSeconds?: number;
}

/** The downloaded file of a clip. */
export interface ClipFile {
  /** Absolute; empty for `output: "buffer"`. */
  path: string;
  /** Bytes. */
  size: number;
  sha256: string;
  /** Seconds of video in the file. */
  duration?: number;
  width?: number;
  height?: number;
  codec?: string;
  /** Seconds of the requested range that the file lacks at its start and end. */
  missingBefore: number;
  missingAfter: number;
  /** Seconds that the file holds beyond the range, where the vendor tells what it spans. */
  extraBefore?: number;
  extraAfter?: number;
  gaps: Gap[];
  /** Defects of the file, in words; empty when there are none. */
  problems: string[];
  /** Path of a JPEG beside it. */
  thumbnail?: string;
  /** The same, where it was taken at a chosen moment. */
  snapshot?: string;
  /** Was a broken transfer continued? */
  resumed: boolean;
  /** How long the transfer took. */
  seconds: number;
}

export interface ClipRequest {
  camera: string;
  /** ISO 8601 with `Z`. */
  start: string;
  end: string;
  title: string;
  /** Values of the provider's `clipOptions` fields, validated. */
  options: Settings;
}

/** Constraints on cutting a range of one camera into clips. */
export interface Footage {
  /** Longest clip in seconds, where the server says other than the definition. */
  maxClipSeconds?: number;
  /** Parts of the range known to have no footage, in order. */
  gaps: Gap[];
  /**
   * Pieces of which a clip holds only whole ones, in order: cuts lie between them. The first may begin before the range and
   * the last end after it; what is in neither a piece nor a gap may still arrive.
   */
  pieces?: { start: string; end: string; bytes: number }[];
  /** Most pieces and bytes in one clip. A single piece may have more bytes, and is a clip of its own then. */
  maxPieces?: number;
  maxBytes?: number;
}

/** A vendor's own export, onto its own storage. */
export interface ServerExportRequest {
  /** ISO 8601 with `Z`. */
  cameras: { camera: string; start: string; end: string }[];
  /** Folder on the vendor's server. */
  path: string;
  /** Bytes per second; 0 for no limit. */
  bandwidth: number;
}

/** Plain JSON; times are ISO 8601 with `Z`. */
export interface ServerExport {
  /** Opaque, and perhaps only unique together with `ref`. */
  id: string;
  status: ClipStatus;
  /** 0-100. */
  progress?: number;
  path: string;
  cameras: { camera: string; start: string; end: string; status: ClipStatus; progress?: number }[];
  /** Why it failed, in the vendor's words. */
  reason?: string;
  /** Strings the provider needs to find it again. No secrets. */
  ref?: Record<string, string>;
}

export interface Camera {
  id: string;
  name: string;
  online?: boolean;
}

/** Result of "Test connection". */
export interface ConnectionCheck {
  name: string;
  version?: string;
  cameras?: number;
  /** Positive: the vendor's clock is ahead of ours. */
  clockSkewMs?: number;
  warnings: string[];
}

/** Words for what happened that all providers share; the vendor's own word is `ref.type`. */
export const eventTypes = [
  'motion',
  'person',
  'vehicle',
  'animal',
  'object',
  'face',
  'plate',
  'sound',
  'alarm',
  'door',
  'tamper',
  'line',
  'counting',
  'system',
  'footage',
  'other',
] as const;
export type EventType = (typeof eventTypes)[number];

/** Something that the video system says has happened. Plain JSON without secrets and signed addresses; times are ISO 8601 with `Z`. */
export interface ProviderEvent {
  /** The vendor's own, as text. Unique among the events of its kind on this server. */
  id: string;
  /** One of the definition's `eventKinds`. */
  kind: string;
  /** Id, as `createClip` takes it. Absent: the event belongs to no camera. */
  camera?: string;
  cameraName?: string;
  start: string;
  /** Absent while the event goes on, and for an instant. */
  end?: string;
  /** Not over yet: the same event is listed again with its `end`. */
  open?: boolean;
  type: EventType;
  /** The thing seen, in the vendor's word: `person`, `car`. */
  label?: string;
  /** All that was seen, where it is more than one thing. */
  labels?: string[];
  /** 0-1. */
  score?: number;
  severity?: string;
  zones?: string[];
  /** One line for people. */
  text?: string;
  /** Where the vendor already holds the video of it. */
  clip?: ProviderClip;
  /** More strings of the vendor, such as `type`. */
  ref?: Record<string, string>;
}

export interface EventQuery {
  /** Where the last answer ended, in the provider's own words. Empty: from now on. */
  cursor: string;
  /** Of `eventKinds`; never empty. */
  kinds: string[];
  /** Ids. Empty: all that the account may see. */
  cameras: string[];
  /** Ids of events that were `open` when last seen. */
  open: string[];
  /** Most events in the answer, the open ones not counted. */
  limit: number;
}

export interface EventPage {
  /** Oldest first. May hold events of earlier pages again, and open ones as often as they change. */
  events: ProviderEvent[];
  /** For the next query. Lies so far back that events which the vendor lists late are still found. */
  cursor: string;
  /** Is there another page right now? */
  more: boolean;
  /** Those of the query's `open` that the vendor knows no more. */
  gone?: string[];
}

/** A clip's bytes on their way. The reader owns `body` and must consume or destroy it. */
export interface OpenClip {
  body: Readable;
  /** Bytes in the whole clip, where the vendor says so for this transfer. */
  size?: number;
  sha256?: string;
  /** Names this version of the bytes, for `If-Range`. */
  etag?: string;
  /** Can a broken transfer be continued with a higher `offset`? */
  resumable: boolean;
  /** Offset in the clip at which `body` starts. Differs from the requested one when the vendor started again. */
  offset: number;
  /** The span that the bytes cover, where only opening them tells. */
  footage?: Range;
}

export interface CallOptions<Session = unknown> {
  signal: AbortSignal;
  /** Result of the provider's `login`; `undefined` for providers without one. */
  session: Session;
}

/** A running provider: one account on one server. A missing optional method is a missing capability. */
export interface Provider<Session = unknown> {
  /**
   * Called before the first request and again when a call fails with `sessionExpired`: never twice at once, and never
   * again after it threw `EAUTH`.
   */
  login?(options: { signal: AbortSignal }): Promise<Session>;
  createClip(request: ClipRequest, call: CallOptions<Session>): Promise<ProviderClip>;
  /**
   * For vendors that make a second clip when asked twice: looks for the clip that an earlier `createClip`, whose answer was
   * lost, may have made.
   */
  findClip?(request: ClipRequest, call: CallOptions<Session>): Promise<ProviderClip | undefined>;
  /** @throws ENOTFOUND, not `inconclusive`, where the vendor does not list the clip (yet, or any more). */
  getClip(clip: Clip, call: CallOptions<Session>): Promise<ProviderClip>;
  /**
   * As few requests as possible for many clips, answered in the same order: `undefined` for what the vendor does not list,
   * an error for what could not be asked.
   */
  getClips?(clips: Clip[], call: CallOptions<Session>): Promise<(ProviderClip | ClipError | undefined)[]>;
  /**
   * From `offset` on where the bytes can be proven to be of the version that `etag` names (`size`: its length), else from
   * the beginning.
   * @throws when the answer is not video: an error document must never reach `body`.
   */
  openClip(
    clip: Clip,
    call: CallOptions<Session> & { offset: number; etag?: string; size?: number },
  ): Promise<OpenClip>;
  deleteClip?(clip: Clip, call: CallOptions<Session>): Promise<void>;
  /** Stops making a clip that is not finished. */
  cancelClip?(clip: Clip, call: CallOptions<Session>): Promise<void>;
  listCameras?(call: CallOptions<Session>): Promise<Camera[]>;
  /**
   * Tells the gaps of a range of any length, and the constraints on cutting it. Without it, the definition's
   * `maxClipSeconds` is all that is known.
   */
  surveyFootage?(camera: string, range: Range, call: CallOptions<Session>): Promise<Footage>;
  /** Starts an export onto the vendor's own storage. Asked twice, a vendor may well make two. */
  exportVideo?(request: ServerExportRequest, call: CallOptions<Session>): Promise<ServerExport>;
  /** Looks for the export that an earlier `exportVideo`, whose answer was lost, may have started. */
  findExport?(request: ServerExportRequest, call: CallOptions<Session>): Promise<ServerExport | undefined>;
  /**
   * Exports as they stand now, in the same order and in as few requests as possible: `undefined` for what the vendor lists
   * no more, `EFAILED` where it cannot be told any more which of the vendor's exports is meant.
   */
  getExports?(exports: ServerExport[], call: CallOptions<Session>): Promise<(ServerExport | ClipError | undefined)[]>;
  /** @throws what the vendor says where it cannot, or where it cannot be told which export is meant */
  cancelExport?(started: ServerExport, call: CallOptions<Session>): Promise<void>;
  /**
   * Listens for news from the vendor until the signal fires, and calls back with the id of a clip that changed, or without
   * one where that cannot be told. A hint only: polling goes on. Started after each login, with its session; the first call
   * waits until this resolves: within 3 s, as soon as it listens or has given up doing so for now. Never rejects.
   */
  watch?(changed: (clipId?: string) => void, call: CallOptions<Session>): Promise<void>;
  /**
   * What happened after `cursor`, and what became of the open events. An empty cursor is answered with no events and the
   * first cursor. Events that no cursor can bring back (the vendor deleted them) are not missed.
   * @throws EINVALID when the cursor is none of this provider's
   */
  listEvents?(query: EventQuery, call: CallOptions<Session>): Promise<EventPage>;
  /**
   * Listens until the signal fires, and calls back when it may be worth asking for events now. A hint only, never a source of
   * events: asking goes on. Never rejects; comes back on its own after a broken line.
   */
  watchEvents?(news: () => void, call: CallOptions<Session>): Promise<void>;
  check(call: CallOptions<Session>): Promise<ConnectionCheck>;
  /** Logs out and frees sockets. */
  close?(session: Session | undefined): Promise<void>;
}

export type Settings = Record<string, string | number | boolean>;

export interface ProviderConfig {
  /** Values of the definition's `settings` fields, validated and typed. */
  settings: Settings;
  credentials: Credentials;
  tls?: TlsOptions;
  proxy?: ProxyOptions;
  /**
   * Tells this connection on this Node-RED from all others, and is the same after a restart: for vendors that want to know
   * a device again. No secret.
   */
  instanceId?: string;
  /** How much the connection may have under way at once: `createClip` is never called more often than that at a time. */
  maxConcurrent?: number;
  /** Epoch milliseconds; passed in so that tests own the time. */
  now(): number;
}

/** The three slots for secrets that a connection has. */
export const credentialSlots = ['username', 'password', 'token'] as const;

export type Credentials = Record<(typeof credentialSlots)[number], string>;

/** Credentials that a login cannot do without. */
export interface RequiredCredentials {
  /** Absent: always. */
  when?: Condition;
  /** One of these sets of slots must be filled. */
  anyOf: (keyof Credentials)[][];
}

/** Definition that a provider package exports, or registers as a plugin of type `clip-provider`. */
export interface ProviderDefinition<Session = unknown> {
  /** Stored in flows: never changes. */
  id: string;
  label: string;
  /** Drawn in the connection dialog, and validated before `open`. */
  settings: Field[];
  /** Which of the three fixed slots are used, and what they are called. */
  credentials: Partial<Record<keyof Credentials, { label: string; hint?: string; visibleWhen?: Condition }>>;
  /** Nothing is sent to the vendor without these. The first rule that is concerned counts. */
  requiredCredentials?: RequiredCredentials[];
  /** Drawn in the create-clip dialog, and validated before `createClip`. */
  clipOptions: Field[];
  /** Does the vendor make exports onto its own storage? Then `exportVideo` and its companions are there. */
  exportsToServer?: boolean;
  /** Longest clip the vendor makes, in seconds. */
  maxClipSeconds?(settings: Settings): number | undefined;
  /** Address of the vendor's page on credentials, linked in the connection dialog. */
  docs?: string;
  /** Kinds of events that `listEvents` can list; the first is the default. */
  eventKinds?: { value: string; label: string }[];
  /** Seconds between two queries for events, where nobody says other; 10 by default. */
  eventIntervalSeconds?: number;
  /** Why this cannot be one of the vendor's camera ids; `undefined` when it can. */
  cameraProblem?(camera: string): string | undefined;
  /** Does asking twice for the same camera, range and options make one clip? */
  idempotentCreate: boolean;
  /** Loads and starts the provider. Nothing heavy may be loaded before. No network. */
  open(config: ProviderConfig): Promise<Provider<Session>>;
}

/** Gives a definition its type; the values pass through. */
export function defineProvider<Session>(definition: ProviderDefinition<Session>): ProviderDefinition<Session> {
  return definition;
}

/** "camera 7/2, 2025-03-01T08:50:00.000Z to 2025-03-01T08:51:30.000Z": how error messages name a clip. */
export function describeClip(clip: { camera: string; start: string; end: string }): string {
  return `camera ${clip.camera}, ${clip.start} to ${clip.end}`;
}

/**
 * `ENOFOOTAGE` in the one sentence of all providers.
 * @param said what the vendor said, if anything
 */
export function noFootage(
  clip: { camera: string; start: string; end: string },
  said = '',
  details: ErrorDetails = {},
): ClipError {
  const quoted = said ? ` (the server says: ${said})` : '';
  const message = `There is no recording of ${describeClip(clip)}${quoted}. Check the time, and that the camera was recording then`;
  return new ClipError('ENOFOOTAGE', message, details);
}

/** How error messages name an export: each camera with its range, and the folder. */
export function describeExport({ cameras, path }: Pick<ServerExportRequest, 'cameras' | 'path'>): string {
  const named = cameras.slice(0, 3).map(describeClip);
  const others = cameras.length > named.length ? [`${cameras.length - named.length} more`] : [];
  return `${[...named, ...others].join('; ')}, to "${path}"`;
}
