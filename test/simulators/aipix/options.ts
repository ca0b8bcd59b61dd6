/**
 * Every switch of the Aipix simulator. `sim.options` is the live object: a test may turn a switch between requests.
 * Marks as in the reference: documented, inferred (our deduction), unknown (nobody knows: hence a switch), ours (invented).
 */
import type { ServerOptions } from '../http-server';
import type { MediaReplyOptions } from '../media-reply';
import type { Time } from '../vdg-sense/devices';
import type { AipixCamera } from './cameras';
import type { EventOptions } from './events';
import type { AipixRecord } from './records';

export type Family = 'downloads' | 'users/downloads';

export interface AipixUser {
  login: string;
  password: string;
  id: string;
  permissions: string[];
  /** May use the admin API. */
  isAdmin?: boolean;
}

export interface LoginOptions {
  /** How a wrong password, or a token that is none, is answered (unknown). */
  refused: 400 | 401 | 403 | 422;
  /** `required`: a login without a solved one is refused. */
  captcha: 'off' | 'available' | 'required';
  /** The token reads "Bearer …" (the sample does). */
  bearerPrefix: boolean;
  /** More logins than that are in the way of the next one. */
  maxSessions: number;
  limitStatus: 419 | 429;
  limitBody: 'object' | 'array';
  /** Giving up a session makes room. */
  evicts: boolean;
  /** Which answers name the push channel. */
  tokenIdIn: ('login' | 'self')[];
  lifetimeMs: number;
  /** How requests without a valid token are answered. */
  unauthenticated: 401 | 419;
  /** Answers stand below `data`, as the framework of the server does it for single things, too (unknown). */
  wrapped: boolean;
  /** `self` is a call that tokens for integrations may not use (unknown). */
  self: 'served' | 403 | 404;
}

export interface PathOptions {
  create: Family[];
  list: Family[];
  delete: Family[];
  repeat: Family[];
  /** The answer below the other path; as a page with status 200, or as another call that is not for this account (ours). */
  unserved: 403 | 404 | 405 | 'page';
}

export interface ListOptions {
  /** Larger pages are made smaller, or refused. */
  maxPerPage: number;
  tooMany: 'cap' | 'refuse';
  /** What `from` and `to` do. */
  filter: 'created' | 'ignored' | 'refused';
  order: 'newest' | 'oldest';
  /** `flat page`: what is said of the pages stands beside the entries, as the same framework does it elsewhere (unknown). */
  wrapper: 'page' | 'flat page' | 'array';
  /** Entries say which stream, and so which camera, they are of. */
  stream: boolean;
}

export interface RecordOptions {
  /** Of a record without a file. `early`: the address that its file is going to have (ours). */
  url: 'root' | 'empty' | 'null' | 'early';
  /** `is_file_exists` of a record without a file (documented: true). */
  exists: boolean;
  /** Which lists tell the state of a record (one page shows it, another does not). */
  statusIn: Family[];
  words: { making: string; ready: string; failed: string; gone: string };
  /** The wrapper of the answer to a creation. */
  reply: 'array' | 'object' | 'data' | 'nothing';
  id: 'number' | 'text';
  /** Where numbering starts: from here on neighbours are the same number once they are rounded to a double. */
  firstId: bigint;
  /** Of `created_at`: the documented form, or the one of other fields. */
  created: 'iso' | 'bare';
  /** The address of a file. */
  file: 's3' | 'storage' | 'relative' | 'signed' | 'plain text';
  /** Another origin for files, as in deployments with a storage host of its own. Chosen at the start. */
  host: 'same' | 'other';
  /** The camera that is exported is another one than the one asked for (ours). */
  wrongCamera: boolean;
}

export interface MakingOptions {
  /** `Infinity`: never finishes. */
  makeMs: number | ((record: AipixRecord) => number);
  fails(record: AipixRecord): boolean;
  /** A range that is recorded in part: a shorter file, a failure, or a refusal (unknown). */
  partial: 'short' | 'fails' | 'refused';
  /** The record says what part of the range it covers. */
  tellsPart: boolean;
}

export interface RetentionOptions {
  /** Documented: 3 h, looked after every 10 minutes. */
  keepMs: number;
  cleanUpEveryMs: number;
  /** The record says that its file is gone. */
  flag: boolean;
  /** What its address answers then (inferred). */
  answer: 401 | 403 | 404 | 410 | 'html';
  /** Records themselves stay (documented). */
  records: 'kept' | 'removed';
}

export interface PushOptions {
  /** `wsurl` and the rest of it are there. */
  served: boolean;
  key: string;
  secret: string;
  /** Path in the address that is handed out. */
  path: '/ws' | '/pusher' | '';
  /** What speaks below `/ws`: releases differ (documented by the vendor's clients). */
  ws: 'pusher' | 'silent' | 'missing';
  /** The address in one piece, or its parts only. */
  address: 'whole' | 'parts';
  encryptedAs: 'boolean' | 'text';
  /** Seconds; goes out as text. */
  activityTimeout: string;
  /** `data` of a frame: JSON as text, or as it is. */
  data: 'text' | 'object';
  /** The success push names the download, or, as before 23.09, only the address. */
  success: 'download' | 'legacy';
  /** The failure push names the download, or nothing. */
  failure: 'download' | 'anonymous';
  /** When it is sent: with the file, before the answer to its request, twice, or never. */
  sent: 'normally' | 'before the reply' | 'twice' | 'never';
  /** Of the word `archive_generated`. */
  upperCase: boolean;
  /** Keys that the server adds to its frames. */
  extraKeys: boolean;
  /** How the application refuses a channel that is not the client's own (inferred). */
  refused: 401 | 403 | 500;
}

export interface MediaOptions extends MediaReplyOptions {
  /** Who is let in: anyone, only who shows a token, or only who shows none. */
  access: 'anyone' | 'token' | 'without token';
  answer: 'video' | 'html' | 'json' | 'xml' | 'empty';
  contentType: string;
  /** Files of so many bytes: the frames of a small video and filling made on the fly (for memory tests). */
  largeMedia: number;
}

export interface AipixOptions {
  port: number;
  tls?: ServerOptions['tls'];
  /** Real milliseconds before any answer. */
  latencyMs: number;
  /** `real`: the computer's clock (`advance` adds to it). Otherwise time stands still there, but for `advance`. */
  clock: 'real' | { at: Time };
  version: string;
  /** What tells the version may be missing, or a page of something else (ours). */
  basics: 'served' | 404 | 'page';
  users: AipixUser[];
  /** Handed out to somebody outside of a login. */
  tokens: { token: string; login: string }[];
  login: LoginOptions;
  /** Body of a refusal: by field (documented), as one text (seen by a client), or a page. */
  errors: 'fields' | 'text' | 'page';
  /** Requests in a window; documented for these two. */
  throttle: Record<'wsurl' | 'captcha' | 'downloads', { count: number; windowMs: number }>;
  retryAfter: boolean;
  /** Without it the admin API answers 402 (documented). */
  licence: boolean;
  cameras: AipixCamera[];
  cameraLists: ('pages' | 'flat-tree' | 'tree')[];
  /** Where there are no folders: a tree of none, or just the cameras (unknown). */
  folders: boolean;
  /** How a list that is not offered is refused. */
  unlisted: 403 | 404 | 422;
  camerasPerPage: number;
  /** Since 24.12 large sites give one level at a time. */
  tree: 'full' | 'progressive';
  paths: PathOptions;
  list: ListOptions;
  record: RecordOptions;
  /** Longest range (unknown; the vendor's apps keep to 10 minutes). */
  maxRangeMs: number;
  making: MakingOptions;
  retention: RetentionOptions;
  /** Making again: not offered, below the same id, or as a record of its own. */
  repeat: 'missing' | 'same id' | 'new id';
  push: PushOptions;
  events: EventOptions;
  media: MediaOptions;
  /**
   * `cameraField`: what names the camera in a request for a file (unknown). `pushAt`: below which root administrators find
   * pushes, which one document promises and none describes.
   */
  admin: {
    pushAt: 'nowhere' | 'admin' | 'client';
    idInReply: boolean;
    list: boolean;
    cameras: boolean;
    cameraField: 'ids' | 'camera_id';
  };
}

type Groups = 'events' | 'login' | 'throttle' | 'paths' | 'list' | 'making' | 'retention' | 'push' | 'media' | 'admin';

/** What `startAipix` takes: any of the switches, groups may be partial. */
export type AipixSettings = Partial<Omit<AipixOptions, Groups | 'record'>> & {
  [Group in Groups]?: Partial<AipixOptions[Group]>;
} & { record?: Partial<Omit<RecordOptions, 'words'>> & { words?: Partial<RecordOptions['words']> } };
