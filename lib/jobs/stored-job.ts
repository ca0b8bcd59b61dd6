// Reads jobs as they are stored, by this version of the package or by another one.
import { ClipError } from '../errors';
import type { Job } from './job';

/** Version of the stored format, the data of all nodes included. To be raised with every change that an earlier version cannot read, or makes. */
export const storedVersion = 1;

/**
 * A job that was stored. One of another version or shape comes with `unreadable` set, for as long as it is known whose it is.
 * @param id where it was found: a copy in another place would come back after each restart
 * @throws where it is no job at all
 */
export function readJob(stored: unknown, id: string): Job {
  const { version, ...job } = (stored ?? {}) as Partial<Job> & { version?: unknown };
  const isWhole = job.id === id && typeof job.nodeId === 'string' && typeof job.data === 'object' && job.data !== null;
  if (!isWhole) throw new Error('it is not a job');
  const { createdAt, runAt } = job;
  const whole = { ...job, failures: Number.isFinite(job.failures) ? job.failures : 0 } as Job;
  if (version !== storedVersion) {
    return unreadable(
      whole,
      `it was stored before or after an update of the package, in version ${String(version)} and not ${storedVersion}`,
    );
  }
  if (!Number.isFinite(createdAt) || !Number.isFinite(runAt)) return unreadable(whole, 'its times are missing');
  return whole;
}

function unreadable(job: Job, why: string): Job {
  return { ...job, createdAt: Number(job.createdAt) || 0, runAt: 0, unreadable: why };
}

/** Error that the node of such a job raises. */
export function unreadableError(why: string): ClipError {
  return new ClipError('EFAILED', `This unfinished work cannot go on (${why}). Send the message again`, {
    retryable: true,
  });
}

/** Questions about a job are questions about its data, which may be of another shape here: that keeps no other job from its answer. */
export function isMatch(matches: (job: Job) => boolean, job: Job): boolean {
  try {
    return matches(job);
  } catch {
    return false;
  }
}
