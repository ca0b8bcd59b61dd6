// Opens the job engine and the store of states that the settings of a Node-RED ask for: here, or shared with others over Redis.
import { join } from 'node:path';
import type { Clock } from '../async/clock';
import { plainText, toClipError } from '../errors';
import { BullEngine } from '../jobs/bullmq/engine';
import { EmbeddedEngine } from '../jobs/embedded';
import type { JobEngine } from '../jobs/job';
import { openJournal } from '../jobs/journal';
import { fileStates, type StateStore } from '../jobs/node-states';
import { unusableEngine } from '../jobs/unusable';
import type { NodeRed } from './node-red';

/** Characters of a line of the log: what could not be read is quoted in some. */
const longestLine = 2_000;

/** Store of jobs: a folder, or the address of a Redis. */
export type JobStore = { folder: string } | { redis: unknown };

export function jobStore({ settings }: NodeRed, userFolder: string): JobStore {
  const jobs = settings.clipProviderJobs as { redis?: unknown } | null | undefined;
  const redis = jobs?.redis ?? (process.env.CLIP_JOBS_REDIS || undefined);
  return redis === undefined ? { folder: join(userFolder, 'video-clips', 'jobs') } : { redis };
}

export function openEngine({ log }: NodeRed, store: JobStore, clock: Clock): JobEngine {
  const warn = (text: string): void => log.warn(`[video clips] ${plainText(text, longestLine)}`);
  if ('folder' in store) return new EmbeddedEngine(openJournal(store.folder, warn), clock, warn);
  try {
    return new BullEngine({ redis: store.redis, warn });
  } catch (thrown) {
    // Shared jobs were asked for: the embedded engine would run them a second time. So nothing is taken on.
    const error = toClipError(thrown);
    log.error(`[video clips] ${error.message}`);
    return unusableEngine(error);
  }
}

/** Files, where the engine has nothing that all instances share. @throws where nothing can be kept */
export function openStates({ log }: NodeRed, engine: JobEngine, userFolder: string): StateStore {
  const folder = join(userFolder, 'video-clips', 'events');
  return engine.sharedStates?.() ?? fileStates(folder, (text) => log.warn(`[video clips] ${text}`));
}
