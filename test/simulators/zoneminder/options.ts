// Every switch of the ZoneMinder simulator. `sim.options` is live: a test may turn a switch between two requests.
import type { SimEvent } from './events';

/** 1.36.33 with its recorder, and the web parts of 1.38.4 and 1.39.22: where they answer differently. */
export type Version = '1.36.33' | '1.38.4' | '1.39.22';

export interface SimUser {
  name: string;
  password: string;
  enabled: boolean;
  /** "API Enabled". */
  api: boolean;
  events: 'None' | 'View' | 'Edit';
  monitors: 'None' | 'View' | 'Edit';
  /** The right "System": such a user is sent to the privacy notice. */
  system: boolean;
  /** Sees only these monitors; empty: all. */
  monitorIds: number[];
}

export interface SimMonitor {
  id: number;
  name: string;
  online: boolean | undefined;
  /** 0 pictures, 1 encode, 2 passthrough. */
  videoWriter: number;
  width: number;
  height: number;
}

export interface ZoneMinderOptions {
  port: number;
  latencyMs: number;
  /** `real`, or a time that only `advance` moves. */
  clock: 'real' | { at: string };
  version: Version;
  /** Path of the web pages. */
  base: string;
  /** Option OPT_USE_AUTH. */
  login: boolean;
  /** Option OPT_USE_API. */
  api: boolean;
  /** Are the rewrite rules of the API there? Without them its addresses are 404 pages. */
  rewriteRules: boolean;
  /** Option AUTH_HASH_SECRET. */
  hashSecret: boolean;
  /** The privacy notice has not been answered. */
  privacyDue: boolean;
  /** Where everything is sent instead, such as an address with https. */
  redirectAll: string;
  accessSeconds: number;
  refreshSeconds: number;
  users: SimUser[];
  monitors: SimMonitor[];
  events: SimEvent[];
  /** What `getTimeZone` tells. */
  timezone: string;
  /** What starts of events are written in; empty: `timezone`. */
  recorderZone: string;
  /** What ends of events are written in; empty: as the starts. From 1.38 on these come from the database. */
  databaseZone: string;
  /** Ids and counts as text, as PHP with an older database driver gives them. */
  numbersAsText: boolean;
  /** `pagination` is in the answer. */
  pagination: boolean;
  /** Each event is listed twice. */
  isDoubled: boolean;
  /** Every list is the first page of all events, and there is always another one. */
  isEndless: boolean;
  /** Largest page. */
  pageLimit: number;
  /** Files are sent at this many bytes a second at most; Infinity: no limit. */
  bytesPerSecond: number;
}

export type ZoneMinderSettings = Partial<ZoneMinderOptions>;

export const exampleUser: SimUser = {
  name: 'nodered',
  password: 's3cret-passw0rd',
  enabled: true,
  api: true,
  events: 'View',
  monitors: 'View',
  system: false,
  monitorIds: [],
};

export function simMonitor(id: number, change: Partial<SimMonitor> = {}): SimMonitor {
  return { id, name: `Camera ${id}`, online: true, videoWriter: 2, width: 160, height: 120, ...change };
}

export function zoneMinderOptions(settings: ZoneMinderSettings): ZoneMinderOptions {
  return {
    port: 0,
    latencyMs: 0,
    clock: 'real',
    version: '1.36.33',
    base: '/zm',
    login: true,
    api: true,
    rewriteRules: true,
    hashSecret: true,
    privacyDue: false,
    redirectAll: '',
    accessSeconds: 7200,
    refreshSeconds: 86_400,
    users: [
      exampleUser,
      { ...exampleUser, name: 'admin', system: true },
      { ...exampleUser, name: 'first-only', monitorIds: [1] },
      { ...exampleUser, name: 'no-events', events: 'None' },
      { ...exampleUser, name: 'no-api', api: false },
      { ...exampleUser, name: 'disabled', enabled: false },
    ],
    monitors: [simMonitor(1, { name: 'Gate' }), simMonitor(2, { name: 'Dock' })],
    events: [],
    timezone: 'Etc/UTC',
    recorderZone: '',
    databaseZone: '',
    numbersAsText: false,
    pagination: true,
    isDoubled: false,
    isEndless: false,
    pageLimit: 100,
    bytesPerSecond: Infinity,
    ...settings,
  };
}
