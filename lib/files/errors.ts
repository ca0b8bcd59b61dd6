// Says in plain words what went wrong with a file.
import { ClipError, toClipError } from '../errors';

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

/** Puts a file error into our words; anything else passes as it is. @param doing "Saving the clip as /clips/a.mp4" */
export function fileError(thrown: unknown, action: string): ClipError {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (thrown instanceof ClipError || code === undefined) return toClipError(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ClipError('ENOSPACE', `${action}: the disk is full`);
  if (rights[code]) return new ClipError('EFORBIDDEN', `${action}: ${rights[code]} (${code})`);
  const problem = problems[code];
  return problem ? new ClipError('EINVALID', `${action}: ${problem} (${code})`) : toClipError(thrown);
}
