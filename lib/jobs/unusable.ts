// Refuses every job, for settings that cannot work.
import type { ClipError } from '../errors';
import type { JobEngine } from './job';

/** @param error what every `add` rejects with */
export function unusableEngine(error: ClipError): JobEngine {
  const nothing = async (): Promise<[]> => [];
  const end = () => async (): Promise<void> => undefined;
  return {
    add: () => Promise.reject(error),
    accept: (work) => work(),
    register: end,
    openQueue: end,
    cancel: nothing,
    remove: nothing,
    removeOrphans: nothing,
    list: nothing,
    has: async () => false,
    deliver: () => Promise.reject(error),
    sharedStates() {
      throw error;
    },
    wake: () => undefined,
  };
}
