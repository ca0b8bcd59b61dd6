// Prepares the folder of a file that is about to be written: it must exist, lie where it may, and have room.
import { mkdir, realpath, statfs } from 'node:fs/promises';
import { dirname, relative, isAbsolute, sep } from 'node:path';
import { ClipError } from '../errors';
import { isMissing } from './errors';

/** Left free for everything else on the disk. */
const reserveBytes = 32 * 2 ** 20;

/**
 * Makes the folder.
 * @param root what must not be left: a link in it that leads elsewhere is refused before anything is made
 * @throws EINVALID
 */
export async function makeFolder(folder: string, root: string): Promise<void> {
  const real = (path: string): Promise<string | undefined> => realpath(path).catch(() => undefined);
  const rootIfThere = real(root);
  const [realRoot, realFolder] = await Promise.all([rootIfThere, folder === root ? rootIfThere : real(folder)]);
  // Mostly both are there.
  if (realRoot !== undefined && realFolder !== undefined) return expectInside(realFolder, realRoot, root);
  await mkdir(root, { recursive: true });
  expectInside(await realpath(await deepestExisting(folder)), await realpath(root), root);
  await mkdir(folder, { recursive: true });
}

function expectInside(realFolder: string, realRoot: string, root: string): void {
  const inside = relative(realRoot, realFolder);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new ClipError('EINVALID', `A link leads out of ${root}: nothing is saved there`);
  }
}

/** Itself, or the nearest folder above it that is there. */
export async function deepestExisting(folder: string): Promise<string> {
  try {
    await realpath(folder);
    return folder;
  } catch (error) {
    if (!isMissing(error) || dirname(folder) === folder) throw error;
    return deepestExisting(dirname(folder));
  }
}

/** Bytes that may be written to the disk of a folder; `undefined` where that is not known. */
export type FreeBytes = (folder: string) => Promise<number | undefined>;

export const freeBytes: FreeBytes = async (folder) => {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    // Some file systems in user space say nothing of their size.
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    return undefined;
  }
};

/** @throws ENOSPACE when so many more bytes would fill the disk */
export async function checkSpace(folder: string, bytes: number, free: FreeBytes): Promise<void> {
  const available = await free(folder);
  if (available === undefined || bytes + reserveBytes <= available) return;
  const mib = (value: number): number => Math.ceil(value / 2 ** 20);
  throw new ClipError(
    'ENOSPACE',
    `There is not enough space in ${folder}: ${mib(bytes)} MiB are needed besides ${mib(reserveBytes)} MiB of reserve, ${mib(available)} MiB are free`,
  );
}
