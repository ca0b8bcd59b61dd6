import { ClipError, toClipError } from '../errors';

const problems: Record<string, string> = {
  EACCES: 'this folder may not be written to',
  EPERM: 'this folder may not be written to',
  EROFS: 'this disk is read-only',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  EISDIR: 'there is a folder of this name',
  ENAMETOOLONG: 'the name is too long',
};

/** What went wrong with a file, in our words; anything else as it is. @param doing "Saving the clip as /clips/a.mp4" */
export function fileError(thrown: unknown, doing: string): ClipError {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (thrown instanceof ClipError || code === undefined) return toClipError(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ClipError('ENOSPACE', `${doing}: the disk is full`);
  const problem = problems[code];
  return problem ? new ClipError('EINVALID', `${doing}: ${problem} (${code})`) : toClipError(thrown);
}
