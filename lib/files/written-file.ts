// Records how a file of ours lies on the disk, so that no other file is ever taken for it.
import { lstat } from 'node:fs/promises';

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
