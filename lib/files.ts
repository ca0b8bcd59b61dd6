/** What durable files need beyond `node:fs`. */
import { open } from 'node:fs/promises';

/** Makes new names in a folder survive a power cut, where the platform lets folders be synced. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows cannot open folders.
  }
}
