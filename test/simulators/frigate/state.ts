// Holds all that the simulated server remembers.
import type { SimActivity } from './activity';
import type { FrigateCamera } from './cameras';
import type { SimExport } from './exports';
import type { FileCache } from './files';
import type { FrigateOptions } from './options';
import type { PushServer } from './push';
import type { ApiCache } from './replies';

export interface FrigateState {
  options: FrigateOptions;
  now(): number;
  startedAt: number;
  /** All that were ever asked for, in their order. */
  exports: SimExport[];
  /** All that was ever seen. */
  activities: SimActivity[];
  cases: { id: string; name: string }[];
  /** Signs tokens. */
  secret: string;
  loginTimes: number[];
  logins: number;
  /** Tokens: what must not be seen anywhere. */
  secrets: Set<string>;
  apiCache: ApiCache;
  fileCache: FileCache;
  push: PushServer;
}

/** `16`, `17` or `18`. */
export function minorOf({ options }: Pick<FrigateState, 'options'>): number {
  return Number(options.version.split('.')[1]);
}

export function hasQueue(state: Pick<FrigateState, 'options'>): boolean {
  return minorOf(state) >= 18;
}

export function findCamera({ options }: FrigateState, id: string): FrigateCamera | undefined {
  return options.cameras.find((camera) => camera.id === id);
}
