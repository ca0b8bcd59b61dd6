// Makes files and their names survive a power cut, where the file system lets them be synced.
import { open, type FileHandle } from 'node:fs/promises';

/** Answers of file systems that cannot sync at all, such as some in user space and network shares. */
const unsupported = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

export async function syncFile(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    if (!unsupported.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** New, renamed and removed names of a folder. Windows cannot open folders. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // The names reach the disk a little later.
  }
}
