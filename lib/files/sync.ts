// Makes files and their names survive a power cut, where the file system lets them be synced.
import { open, type FileHandle } from 'node:fs/promises';

/** Answers of file systems that cannot sync at all, such as some in user space and network shares. */
const unsupported = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/** Does the error of a sync say that this file system cannot do that at all? */
export function cannotBeSynced(error: unknown): boolean {
  return unsupported.has((error as NodeJS.ErrnoException).code ?? '');
}

export async function syncFile(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    if (!cannotBeSynced(error)) throw error;
  }
}

/** By folder: what syncs it now, and what syncs it for those that have come since. */
const syncing = new Map<string, { running: Promise<void>; next?: Promise<void> }>();

/**
 * New, renamed and removed names of a folder. Those that come while it is being synced share the next time: what is under way
 * may have begun too early for them. Windows cannot open folders. Never rejects.
 */
export function syncFolder(folder: string): Promise<void> {
  const current = syncing.get(folder);
  if (current) return (current.next ??= current.running.then(() => startSync(folder)));
  return startSync(folder);
}

function startSync(folder: string): Promise<void> {
  const running = syncNow(folder).finally(() => {
    if (syncing.get(folder)?.next === undefined) syncing.delete(folder);
  });
  syncing.set(folder, { running });
  return running;
}

async function syncNow(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // The names reach the disk a little later.
  }
}
