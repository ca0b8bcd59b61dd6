// Gives finished files their names: in one step, and never in the place of a file that is to stay.
import type { Stats } from 'node:fs';
import { link, lstat, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClipError } from '../errors';
import { isMissing } from './errors';
import { numbered } from './filename';
import { isFile } from './hash';
import { syncFolder } from './sync';

export type Exists = 'rename' | 'overwrite' | 'skip';

/** Of `fs.Stats`. The time of the last change is what programs can set; that of the change of its inode they cannot. */
export type FileState = Pick<Stats, (typeof stateNames)[number]>;
const stateNames = ['dev', 'ino', 'size', 'mtimeMs', 'ctimeMs'] as const;

/** A file as it was when its content was verified. */
export interface VerifiedFileState {
  size: number;
  sha256: string;
  state?: FileState;
}

const mostNames = 10_000;
/** Virus scanners, indexers and file servers keep a new file to themselves for a moment. */
const passing = new Set(['EPERM', 'EACCES', 'EBUSY']);
const pausesMs = [50, 100, 200, 400, 800, 1_500, 2_500];

/**
 * Gives a finished file its final name in one step: a watcher sees all of it or nothing.
 * @param before called with each name that is about to be tried
 * @param verified refuses anything else than this in the place of `part`
 * @returns the name it got: `wanted`, or `wanted` with a number when that is taken and must be kept
 * @throws EINCOMPLETE when the file is another one than the verified; whatever the file system says
 */
export async function publish(
  part: string,
  wanted: string,
  exists: Exists,
  before: (path: string) => Promise<void>,
  verified?: VerifiedFileState,
): Promise<string> {
  if (exists === 'overwrite') {
    await before(wanted);
    if (verified) await checkUnchanged(part, verified);
    await patiently(() => rename(part, wanted));
    await syncFolder(dirname(wanted));
    return wanted;
  }
  for (let number = 0; number < mostNames; number += 1) {
    const path = number === 0 ? wanted : numbered(wanted, number);
    // Thousands of names may be taken, and `before` writes to disk: it is for names that seem free.
    if (await isTaken(path)) continue;
    await before(path);
    if (verified) await checkUnchanged(part, verified);
    if (await take(part, path)) {
      await syncFolder(dirname(path));
      return path;
    }
  }
  throw new Error(`${wanted} and ${mostNames} numbered names are taken`);
}

/** Another process may have cut it, written into it, or put another file or a link in its place. */
async function checkUnchanged(part: string, { size, sha256, state }: VerifiedFileState): Promise<void> {
  const found = await lstat(part).catch((error: unknown) => {
    if (isMissing(error)) throw changed('removed');
    throw error;
  });
  if (!found.isFile()) throw changed('replaced');
  const isSame = state && found.size === size && stateNames.every((name) => found[name] === state[name]);
  // Some network file systems change numbers and times of a file by themselves: then its content decides.
  if (!isSame && !(await isFile(part, size, sha256))) throw changed('changed');
}

export function stateOf({ dev, ino, size, mtimeMs, ctimeMs }: FileState): FileState {
  return { dev, ino, size, mtimeMs, ctimeMs };
}

function changed(how: string): ClipError {
  const message = `Another program has ${how} the downloaded file before it got its name`;
  return new ClipError('EINCOMPLETE', message, { retryable: true });
}

/** Repeats for some seconds what is refused for a moment. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await call();
    } catch (error) {
      if (!passing.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      await sleep(pauseMs);
    }
  }
  return call();
}

async function isTaken(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Moves without ever replacing a file: a hard link fails where the name is taken, also when two race for it. */
async function take(part: string, path: string): Promise<boolean> {
  try {
    await link(part, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT' || code === 'ENOSPC' || code === 'EROFS') throw error;
    return takeWithoutLinks(part, path);
  }
  // The file has its name. What is left of the other one is swept when it is old.
  await patiently(() => unlink(part)).catch(() => undefined);
  return true;
}

/** For file systems without hard links (FAT, some network shares): the name is reserved first, then replaced. */
async function takeWithoutLinks(part: string, path: string): Promise<boolean> {
  try {
    await patiently(async () => (await open(path, 'wx')).close());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    await patiently(() => rename(part, path));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return true;
}
