// Keeps the jobs of the embedded engine on disk: one small file for each, written whole or not at all.
import { mkdir, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { toClipError } from '../errors';
import { isDraft, writeFileAtomically } from '../files/atomic-write';
import { isMissing, storageError } from '../files/errors';
import { syncFolder } from '../files/sync';
import { folderLock } from './folder-lock';
import { olderFirst, type Job } from './job';
import { readJob, storedVersion } from './stored-job';

export interface Journal {
  /** @throws EFAILED also while another process works on these jobs */
  readAll(): Promise<Job[]>;
  write(job: Job): Promise<void>;
  /** Removes a job, or sets it aside where it could not be read. */
  remove(id: string): Promise<void>;
  /** Another process works on these jobs from now on. */
  onLost(listener: () => void): void;
}

const suffix = '.json';
/** A large message has a file of its own, which is written once: the job is saved again and again, and its message never changes. */
const messageSuffix = '.message';
const largeMessageCharacters = 32 * 1024;
const readAtOnce = 16;

/** @param warn gets files that cannot be read or are damaged; they are never fatal */
export function openJournal(folder: string, warn: (text: string) => void): Journal {
  const keeping = `unfinished work cannot be kept in ${folder}`;
  const lock = folderLock(folder);
  const pathOf = (id: string): string => join(folder, id + suffix);
  const messagePathOf = (id: string): string => join(folder, id + messageSuffix);
  /** Ids of jobs that cannot be read. */
  const unreadable = new Set<string>();
  /** Ids of jobs whose message has a file. */
  const withMessageFile = new Set<string>();
  /** Places of messages that have been read or written: a file of their own, or the file of the job. */
  const messagePlaces = new WeakMap<object, 'own file' | 'job file'>();

  async function read(name: string): Promise<Job[]> {
    const path = join(folder, name);
    // Left by a crash in the middle of a write, which was therefore never confirmed.
    if (isDraft(name, suffix, messageSuffix)) await removeQuietly(path);
    if (!name.endsWith(suffix)) return [];
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      // Its content may be fine: it gets another chance at the next start.
      warn(`The job file ${path} cannot be read: ${toClipError(error).message}`);
      return [];
    }
    try {
      const job = readJob(JSON.parse(text), name.slice(0, -suffix.length));
      const problem = await readMessage(job);
      if (problem !== undefined) job.unreadable ??= problem;
      if (job.unreadable !== undefined) {
        unreadable.add(job.id);
        warn(`The job file ${path} is set aside, and its message raised as an error: ${job.unreadable}`);
      }
      return [job];
    } catch (error) {
      const moved = await setAside(path);
      warn(`The job file ${path} is damaged and ${moved}: ${toClipError(error).message}`);
      return [];
    }
  }

  /** @returns why it cannot be read, where that is so: then the job is known all the same, and must not end in silence */
  async function readMessage({ id, data }: Job): Promise<string | undefined> {
    const record = data as Record<string, unknown>;
    if (record.messageFile !== true) return undefined;
    delete record.messageFile;
    record.message = {};
    withMessageFile.add(id);
    try {
      const message: unknown = JSON.parse(await readFile(messagePathOf(id), 'utf8'));
      if (typeof message !== 'object' || message === null) return 'the file of its message holds none';
      record.message = message;
      messagePlaces.set(message, 'own file');
      return undefined;
    } catch (error) {
      return `its message cannot be read: ${toClipError(error).message}`;
    }
  }

  /** @returns the data without a message that has a file of its own */
  async function writeMessage({ id, data }: Job): Promise<unknown> {
    const { message, ...rest } = data as { message?: unknown };
    if (typeof message !== 'object' || message === null) return data;
    let place = messagePlaces.get(message);
    if (!place || (place === 'own file' && !withMessageFile.has(id))) {
      const text = JSON.stringify(message);
      place = text.length < largeMessageCharacters ? 'job file' : 'own file';
      if (place === 'own file') await writeFileAtomically(messagePathOf(id), text);
      if (place === 'own file') withMessageFile.add(id);
      messagePlaces.set(message, place);
    }
    return place === 'own file' ? { ...rest, messageFile: true } : data;
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
        await Promise.all(abandonedMessages(names).map((name) => removeQuietly(join(folder, name))));
        return jobs.sort(olderFirst);
      } catch (error) {
        throw storageError(keeping, error);
      }
    },

    async write(job) {
      try {
        const data = await writeMessage(job);
        const text = JSON.stringify({ version: storedVersion, ...job, data });
        await writeFileAtomically(pathOf(job.id), text);
        await syncFolder(folder);
      } catch (error) {
        throw storageError(keeping, error);
      }
    },

    async remove(id) {
      if (unreadable.delete(id)) {
        if (withMessageFile.delete(id)) await setAside(messagePathOf(id));
        return void (await setAside(pathOf(id)));
      }
      await unlinkIfThere(pathOf(id));
      if (withMessageFile.delete(id)) await unlinkIfThere(messagePathOf(id));
    },

    onLost: lock.onLost,
  };
}

/** Their job was never stored, or is gone. */
function abandonedMessages(names: string[]): string[] {
  const all = new Set(names);
  return names.filter(
    (name) => name.endsWith(messageSuffix) && !all.has(name.slice(0, -messageSuffix.length) + suffix),
  );
}

async function setAside(path: string): Promise<string> {
  return rename(path, `${path}.damaged`).then(
    () => 'was moved aside',
    (failure: unknown) => `could not be moved aside (${toClipError(failure).message})`,
  );
}

/** `rm` would look at the file first. */
async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}
