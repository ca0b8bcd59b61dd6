// Defines what a provider is and does; what it takes and gives is in `clip.ts`, `event.ts` and `server-export.ts`.
//
// A provider speaks one vendor's protocol and nothing else. Retries, polling, limits, files and Node-RED belong to the
// layers above; they call the methods below with an `AbortSignal` and expect a {@link ClipError} when something fails. What is
// concluded from an error depends on its code, on `retryable`, and on whether it is `inconclusive`.
import type { Readable } from 'node:stream';
import type { Clip, ClipRequest, Footage, ProviderClip } from './clip';
import type { ClipError } from './errors';
import type { EventPage, EventQuery } from './event';
import type { Condition, Field, Settings } from './fields';
import type { ServerExport, ServerExportRequest } from './server-export';
import type { Range } from './time-range';

export { describeClip, noFootage } from './clip';
export type { Clip, ClipFile, ClipRequest, ClipStatus, ClipTransfer, Footage, Gap, ProviderClip } from './clip';
export { ClipError, reasonFirst } from './errors';
export type { ErrorCode, ErrorDetails } from './errors';
export { eventTypes } from './event';
export type { EventPage, EventQuery, EventType, ProviderEvent } from './event';
export type { Condition, Field, Settings } from './fields';
export { describeExport } from './server-export';
export type { ServerExport, ServerExportRequest } from './server-export';
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

export interface Camera {
  id: string;
  name: string;
  online?: boolean | undefined;
  /** Other ways to write its id. */
  aliases?: string[] | undefined;
}

/** Result of "Test connection". */
export interface ConnectionCheck {
  name: string;
  version?: string | undefined;
  cameras?: number | undefined;
  /** Positive: the vendor's clock is ahead of ours. */
  clockSkewMs?: number | undefined;
  warnings: string[];
}

/** A clip's bytes on their way. The reader owns `body` and must consume or destroy it. */
export interface OpenClip {
  body: Readable;
  /** Bytes in the whole clip, where the vendor says so for this transfer. */
  size?: number | undefined;
  sha256?: string | undefined;
  /** Names this version of the bytes, for `If-Range`. */
  etag?: string | undefined;
  /** Can a broken transfer be continued with a higher `offset`? */
  resumable: boolean;
  /** Offset in the clip at which `body` starts. Differs from the requested one when the vendor started again. */
  offset: number;
  /** The span that the bytes cover, where that is only known now. */
  footage?: Range | undefined;
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
  /**
   * For vendors that are asked for one clip at a time; not called where there is `getClips`.
   * @throws ENOTFOUND, not `inconclusive`, where the vendor does not list the clip (yet, or any more)
   */
  getClip?(clip: Clip, call: CallOptions<Session>): Promise<ProviderClip>;
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
   * The gaps of a range of any length, and the constraints on cutting it. Without it, the definition's
   * `maxClipSeconds` is all that is known.
   */
  surveyFootage?(camera: string, range: Range, call: CallOptions<Session>): Promise<Footage>;
  /** Starts an export onto the vendor's own storage. Asked twice, a vendor may well make two. */
  exportVideo?(request: ServerExportRequest, call: CallOptions<Session>): Promise<ServerExport>;
  /** Looks for the export that an earlier `exportVideo`, whose answer was lost, may have started. */
  findExport?(request: ServerExportRequest, call: CallOptions<Session>): Promise<ServerExport | undefined>;
  /**
   * Exports as they stand now, in the same order and in as few requests as possible: `undefined` for what the vendor lists
   * no more, `EFAILED` where it is no longer known which of the vendor's exports is meant.
   */
  getExports?(exports: ServerExport[], call: CallOptions<Session>): Promise<(ServerExport | ClipError | undefined)[]>;
  /** @throws what the vendor says where it cannot, or where it is not known which export is meant */
  cancelExport?(started: ServerExport, call: CallOptions<Session>): Promise<void>;
  /**
   * Listens for news from the vendor until the signal fires, and calls back with the id of a clip that changed, or without
   * one where that is not known. A hint only: polling goes on. Started after each login, with its session; the first call
   * waits until this resolves: within 3 s, as soon as it listens or has given up doing so for now. Never rejects.
   */
  watch?(changed: (clipId?: string) => void, call: CallOptions<Session>): Promise<void>;
  /**
   * Events after `cursor`, and how the open ones have ended. An empty cursor is answered with no events and the
   * first cursor. Events that no cursor can bring back (the vendor deleted them) are not missed.
   * @throws EINVALID, without a `vendorCode`, when the cursor is none of this provider's
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

export interface ProviderConfig {
  /** Values of the definition's `settings` fields, validated and typed. */
  settings: Settings;
  credentials: Credentials;
  tls?: TlsOptions;
  proxy?: ProxyOptions;
  /**
   * Identifies this connection on this Node-RED, also after a restart: for vendors that want to know
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
  /** The fixed slots that are used, and their labels. */
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
