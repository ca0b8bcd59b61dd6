// All that the simulated server remembers.
import type { Tokens } from './auth';
import type { ZoneMinderOptions } from './options';

export interface ZoneMinderState {
  options: ZoneMinderOptions;
  now(): number;
  tokens: Tokens;
}
