// Lists every switch of the Frigate simulator; `sim.options` is the live object, so a test may turn a switch between requests.
import type { ServerOptions } from '../http-server';
import type { ActivityOptions } from './activity';
import { exampleCameras, type FrigateCamera } from './cameras';
import type { SimExport } from './exports';

/** Most of it was seen as replies of Frigate's own code at 0.16.4, 0.17.2 and 0.18.0-beta1. */
export type FrigateVersion = '0.16.4' | '0.17.2' | '0.18.0';

export interface FrigateUser {
  name: string;
  password: string;
  role: string;
}

export interface LoginOptions {
  /** Port 8971 asks for a login; port 5000 takes everybody for an administrator. */
  required: boolean;
  /** Where `auth.enabled` is false, 0.18 says so to whoever logs in. */
  enabled: boolean;
  cookieName: string;
  /** Of the cookie itself; up to 0.18 beta it is wrong. */
  cookieExpires: string;
  sessionSeconds: number;
  /** Logins in a window, right ones included. */
  limit: { count: number; windowMs: number };
  /** A restart loses the secret that tokens are signed with. */
  restartEndsSessions: boolean;
}

export interface ExportOptions {
  /** The thumbnail is made before the row is written (0.16, 0.17). */
  rowDelayMs: number;
  /** `Infinity`: never finishes. */
  makeMs: number | ((made: SimExport) => number);
  fails(made: SimExport): boolean;
  /** What a failed job says; the default is what 0.18 says when the export had no thumbnail. */
  failure: string;
  /** 0.18: running at once, and waiting. */
  workers: number;
  queue: number;
  /** A job is remembered so long after its end. */
  remembersMs: number;
  /** Refuse all as 0.18 does with a full queue. */
  isFull: boolean;
}

export interface CacheOptions {
  /** JSON of the API with status 200 (seen: 5 s). */
  apiMs: number;
  /** 0.16 keeps answers whoever asked. */
  isUserBlind: boolean;
  /** Sizes and absences of files (seen: 2 minutes), for each worker of nginx. */
  fileMs: number;
  workers: number;
}

export interface FrigateOptions {
  port: number;
  tls?: ServerOptions['tls'];
  /** This port speaks TLS, and refuses plain HTTP as nginx does. */
  isPlainRefused: boolean;
  /** Of a reverse proxy or `FRIGATE_BASE_PATH`, such as `/frigate`. */
  basePath: string;
  latencyMs: number;
  /** `real`: the computer's clock (`advance` adds to it). Otherwise time stands still there, but for `advance`. */
  clock: 'real' | { at: number | string };
  version: FrigateVersion;
  /** What `/api/version` says; own builds may say anything. */
  versionText: string;
  users: FrigateUser[];
  /** Cameras of roles other than `admin` and `viewer` (0.17 and later). */
  roles: Record<string, string[]>;
  login: LoginOptions;
  cameras: FrigateCamera[];
  exports: ExportOptions;
  cache: CacheOptions;
  activity: ActivityOptions;
  /** The backend is starting: nginx answers alone. */
  isStarting: boolean;
  /** What the synchronous shortcut does. */
  shortcut: 'whole' | 'empty' | 'cut';
  /** Files of so many bytes, for tests of memory. */
  largeMedia: number;
  /** What stands at the address of files. */
  files: 'served' | 'page';
}

type Groups = 'login' | 'exports' | 'cache' | 'activity';

/** What `startFrigate` takes: any of the switches, groups may be partial. */
export type FrigateSettings = Partial<Omit<FrigateOptions, Groups>> & {
  [Group in Groups]?: Partial<FrigateOptions[Group]>;
};

export function frigateOptions(settings: FrigateSettings = {}): FrigateOptions {
  const { login, exports, cache, activity, ...rest } = settings;
  const version = rest.version ?? '0.18.0';
  return {
    port: 0,
    isPlainRefused: false,
    basePath: '',
    latencyMs: 0,
    clock: 'real',
    version,
    versionText: `${version}-5f6043a`,
    users: [
      { name: 'admin', password: 's3cret-passw0rd', role: 'admin' },
      { name: 'viewer', password: 'viewer-passw0rd', role: 'viewer' },
      { name: 'guard', password: 'guard-passw0rd', role: 'yard' },
    ],
    roles: { yard: ['garden'] },
    cameras: exampleCameras(),
    isStarting: false,
    shortcut: 'whole',
    largeMedia: 0,
    files: 'served',
    ...rest,
    login: {
      required: false,
      enabled: true,
      cookieName: 'frigate_token',
      cookieExpires: 'Tue, 05 Jan 2083 00:00:00 GMT',
      sessionSeconds: 86_400,
      limit: { count: Infinity, windowMs: 60_000 },
      restartEndsSessions: false,
      ...login,
    },
    exports: {
      rowDelayMs: 0,
      makeMs: 50,
      fails: () => false,
      failure: "[Errno 21] Is a directory: '.'",
      workers: 3,
      queue: 100,
      remembersMs: 5_000,
      isFull: false,
      ...exports,
    },
    cache: { apiMs: 5_000, isUserBlind: version.startsWith('0.16'), fileMs: 120_000, workers: 2, ...cache },
    activity: { order: 'newest', isDoubled: false, isBoundless: false, ...activity },
  };
}
