import type { ClipError } from '../errors';
import type { JobEngine } from './job';

/** Stands in for an engine that cannot work: nothing is taken on, and whoever tries is told why. */
export function unusableEngine(error: ClipError): JobEngine {
  const nothing = async (): Promise<[]> => [];
  const end = () => async (): Promise<void> => undefined;
  return {
    add: () => Promise.reject(error),
    register: end,
    openQueue: end,
    cancel: nothing,
    remove: nothing,
    removeOrphans: nothing,
    list: nothing,
    wake: () => undefined,
  };
}
