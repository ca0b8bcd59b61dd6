// Puts errors of the file system into plain words.
import { ClipError, reasonFirst, toClipError } from '../errors';

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
  ENOENT: 'the folder or the file is no longer there',
  EBUSY: 'another program has it open',
};

/** Is a file not there? */
export function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Error of a place where this package keeps its own files. @param what "unfinished work cannot be kept in /data" */
export function storageError(what: string, thrown: unknown): ClipError {
  if (thrown instanceof ClipError) return thrown;
  if (isFull(thrown)) return new ClipError('ENOSPACE', `The disk is full: ${what}`);
  return new ClipError('EFAILED', `${toClipError(thrown).message}: ${what}`);
}

function isFull(thrown: unknown): boolean {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Puts a file error into our words; anything else passes as it is. @param action "Saving the clip as /clips/a.mp4" */
export function fileError(thrown: unknown, action: string): ClipError {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (thrown instanceof ClipError || code === undefined) return toClipError(thrown);
  if (isFull(thrown)) return new ClipError('ENOSPACE', reasonFirst('the disk is full', action));
  if (rights[code]) return new ClipError('EFORBIDDEN', reasonFirst(`${rights[code]} (${code})`, action));
  const problem = problems[code];
  return problem ? new ClipError('EINVALID', reasonFirst(`${problem} (${code})`, action)) : toClipError(thrown);
}
