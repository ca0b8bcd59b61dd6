// Records how a file of ours lies on the disk, so that no other file is ever taken for it.
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface WrittenFile {
  path: string;
  device: number;
  inode: number;
  size: number;
  mtimeMs: number;
}

/** `undefined`: it is no plain file, or gone, as flows may move it at once. */
export async function recordFile(path: string): Promise<WrittenFile | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() ? toRecord(path, found) : undefined;
  } catch {
    return undefined;
  }
}

export function toRecord(
  path: string,
  { dev, ino, size, mtimeMs }: { dev: number; ino: number; size: number; mtimeMs: number },
): WrittenFile {
  return { path, device: dev, inode: ino, size, mtimeMs };
}

/** Whether a record is still true of what is found at its path. */
export function isSameFile(written: WrittenFile, found: WrittenFile | undefined): boolean {
  const { device, inode, size, mtimeMs } = written;
  return found?.device === device && found.inode === inode && found.size === size && found.mtimeMs === mtimeMs;
}

/** Is this a record, as it was stored? */
export function isWrittenFile(value: unknown): value is WrittenFile {
  const { path, device, inode, size, mtimeMs } = (value ?? {}) as Record<string, unknown>;
  return typeof path === 'string' && [device, inode, size, mtimeMs].every(Number.isFinite);
}

/**
 * The record as it is now, where the file is still as it was. File systems number their devices anew at each start, so that
 * number does not count. A file of a folder that is not there stays known: its disk may come later.
 */
export async function recheckFile(written: WrittenFile): Promise<WrittenFile | undefined> {
  const found = await recordFile(written.path);
  if (found) return isSameFile({ ...written, device: found.device }, found) ? found : undefined;
  return stat(dirname(written.path)).then(
    () => undefined,
    () => written,
  );
}
