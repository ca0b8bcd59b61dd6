import { open } from 'node:fs/promises';
import { ClipError, toClipError } from '../errors';

/** What durable files need beyond `node:fs`. */

/** Makes new names in a folder survive a power cut, where the platform lets folders be synced. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows cannot open folders.
  }
}

const rights: Record<string, string> = {
  EACCES: 'this folder may not be written to',
  EPERM: 'this folder may not be written to',
  EROFS: 'this disk is read-only',
};
const problems: Record<string, string> = {
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  EISDIR: 'there is a folder of this name',
  ENAMETOOLONG: 'the name is too long',
};

/** What went wrong with a file, in our words; anything else as it is. @param doing "Saving the clip as /clips/a.mp4" */
export function fileError(thrown: unknown, action: string): ClipError {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (thrown instanceof ClipError || code === undefined) return toClipError(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ClipError('ENOSPACE', `${action}: the disk is full`);
  if (rights[code]) return new ClipError('EFORBIDDEN', `${action}: ${rights[code]} (${code})`);
  const problem = problems[code];
  return problem ? new ClipError('EINVALID', `${action}: ${problem} (${code})`) : toClipError(thrown);
}
