import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { ClipError } from '../errors';
import { syncFolder } from '../files/sync';
import { folderLock } from './folder-lock';
import { olderFirst, type Job } from './job';

/** One small file per job, each written whole or not at all. */
export interface Journal {
  /** @throws EFAILED also while another process works on these jobs */
  readAll(): Promise<Job[]>;
  write(job: Job): Promise<void>;
  remove(id: string): Promise<void>;
  /** Another process works on these jobs from now on. */
  onLost(listener: () => void): void;
}

const suffix = '.json';
/** How the atomic write names what is not whole yet. */
const draftName = /\.json\.\d+$/;
const readAtOnce = 16;

/** @param warn told of files that cannot be read or are damaged; they are never fatal */
export function openJournal(folder: string, warn: (text: string) => void): Journal {
  const lock = folderLock(folder);
  const pathOf = (id: string): string => join(folder, id + suffix);

  async function read(name: string): Promise<Job[]> {
    const path = join(folder, name);
    // Left by a crash in the middle of a write: whoever asked for it was never told that it is stored.
    if (draftName.test(name)) await removeQuietly(path);
    if (!name.endsWith(suffix)) return [];
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      // Its content may be fine: it gets another chance at the next start.
      warn(`The job file ${path} cannot be read: ${reason(error)}`);
      return [];
    }
    try {
      return [parseJob(text, name)];
    } catch (error) {
      const moved = await rename(path, `${path}.damaged`).then(
        () => 'was moved aside',
        (failure: unknown) => `could not be moved aside (${reason(failure)})`,
      );
      warn(`The job file ${path} is damaged and ${moved}: ${reason(error)}`);
      return [];
    }
  }

  return {
    async readAll() {
      try {
        await lock.acquire();
        await mkdir(folder, { recursive: true });
        const names = await readdir(folder);
        const jobs: Job[] = [];
        for (let from = 0; from < names.length; from += readAtOnce) {
          const page = await Promise.all(names.slice(from, from + readAtOnce).map(read));
          jobs.push(...page.flat());
        }
        return jobs.sort(olderFirst);
      } catch (error) {
        throw unusable(folder, error);
      }
    },

    async write(job) {
      try {
        await writeFileAtomic(pathOf(job.id), JSON.stringify(job), { mode: 0o600 });
        await syncFolder(folder);
      } catch (error) {
        throw unusable(folder, error);
      }
    },

    async remove(id) {
      await rm(pathOf(id), { force: true });
    },

    onLost: lock.onLost,
  };
}

async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unusable(folder: string, error: unknown): ClipError {
  if (error instanceof ClipError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const what = `Unfinished work cannot be kept in ${folder}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ClipError('ENOSPACE', `${what}: the disk is full`);
  return new ClipError('EFAILED', `${what}: ${reason(error)}`);
}

/** A copy under another name would come back after each restart: only the file that is named after the job is that job. */
function parseJob(text: string, name: string): Job {
  const job = JSON.parse(text) as Partial<Job> | null;
  const whole =
    typeof job?.id === 'string' &&
    job.id + suffix === name &&
    typeof job.nodeId === 'string' &&
    typeof job.data === 'object' &&
    job.data !== null &&
    Number.isFinite(job.createdAt) &&
    Number.isFinite(job.runAt);
  if (!whole) throw new Error('it is not a job');
  return { ...job, failures: Number.isFinite(job.failures) ? job.failures : 0 } as Job;
}
