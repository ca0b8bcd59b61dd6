// Continues broken transfers: notes how far one came, and takes its part file over for the next run.
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import type { OpenClip } from '../provider';

/** A part file that may be continued: so many of its bytes are on disk, of this version of the clip. */
export interface PartialFile {
  path: string;
  bytes: number;
  etag: string;
  /** Bytes in the whole clip. */
  size?: number;
}

/** The part of a transfer that ended after so many bytes; `undefined`: it cannot be continued, or nothing is missing. */
export function partialOf(
  path: string,
  { etag, resumable, size = 0 }: OpenClip,
  bytes: number,
): PartialFile | undefined {
  return resumable && etag && bytes > 0 && bytes < size ? { path, bytes, etag, size } : undefined;
}

/**
 * Takes over the part of an earlier run, under the name of this one: of two processes, one gets it. Only what was synced by a
 * transfer that ended in order is trusted: after a crash a part has no such note.
 */
export async function takeOver(partial: PartialFile, part: string): Promise<PartialFile | undefined> {
  const found = await stat(partial.path).catch(() => undefined);
  const isThere = found?.isFile() && found.size >= partial.bytes;
  const isTaken =
    isThere &&
    (await rename(partial.path, part).then(
      () => true,
      () => false,
    ));
  if (isTaken) return { ...partial, path: part };
  await rm(partial.path, { force: true });
  return undefined;
}

/** @param position bytes that stay in it */
export async function openPart(part: string, position: number): Promise<FileHandle> {
  if (position === 0) {
    try {
      return await open(part, 'wx+');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    // One left by a crash may share its bytes with the file that it became: it is replaced, never written to.
    await rm(part, { force: true });
    return open(part, 'wx+');
  }
  const handle = await open(part, 'r+');
  await handle.truncate(position);
  return handle;
}
