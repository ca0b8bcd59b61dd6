import { link, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './errors';
import { numbered } from './filename';

export type Exists = 'rename' | 'overwrite' | 'skip';

const mostNames = 10_000;

/**
 * Gives a finished file its final name in one step: a watcher sees all of it or nothing.
 * @param before called with each name that is about to be tried
 * @returns the name it got: `wanted`, or `wanted` with a number when that is taken and must be kept
 */
export async function publish(
  part: string,
  wanted: string,
  exists: Exists,
  before: (path: string) => Promise<void>,
): Promise<string> {
  if (exists === 'overwrite') {
    await before(wanted);
    await rename(part, wanted);
    await syncFolder(dirname(wanted));
    return wanted;
  }
  for (let number = 0; number < mostNames; number += 1) {
    const path = number === 0 ? wanted : numbered(wanted, number);
    // Thousands of names may be taken, and `before` writes to disk: it is for names that seem free.
    if (await isTaken(path)) continue;
    await before(path);
    if (await take(part, path)) {
      await syncFolder(dirname(path));
      return path;
    }
  }
  throw new Error(`${wanted} and ${mostNames} numbered names are taken`);
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
  await rm(part, { force: true });
  return true;
}

/** For file systems without hard links (FAT, some network shares): the name is reserved first, then replaced. */
async function takeWithoutLinks(part: string, path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    await rename(part, path);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return true;
}
