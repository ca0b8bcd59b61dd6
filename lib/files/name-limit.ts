// Makes file names from a template that the file system of their folder takes.
import { lstat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { defaultNameBytes, expandFilename, type FilenameOptions, type NamedClip } from './filename';
import { deepestExisting } from './folder';
import { partSuffixBytes } from './part';

/** Common limits are 255 bytes, 255 UTF-16 units, and 143 bytes where names are encrypted (eCryptfs). */
const limits = [defaultNameBytes, 100, 60, 40];

/** As `expandFilename`, but shorter where the file system refuses a name. @throws EINVALID */
export async function expandFittingFilename(
  template: string,
  clip: NamedClip,
  options: Pick<FilenameOptions, 'folder'>,
): Promise<string> {
  let file = '';
  for (const maxNameBytes of limits) {
    file = expandFilename(template, clip, { ...options, maxNameBytes });
    if (await fits(file)) return file;
  }
  return file;
}

/** Looks names up, which writes nothing: a file system refuses those that it could not store. */
async function fits(file: string): Promise<boolean> {
  const folder = await deepestExisting(dirname(file)).catch(() => undefined);
  if (folder === undefined) return true;
  const names = relative(folder, file).split(sep);
  names[names.length - 1] += 'x'.repeat(partSuffixBytes);
  for (const name of names) if (await isTooLong(join(folder, name))) return false;
  return true;
}

async function isTooLong(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENAMETOOLONG',
  );
}
