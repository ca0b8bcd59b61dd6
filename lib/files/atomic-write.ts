// Writes small files whole or not at all: a crash leaves a draft, which has a number behind its name.
import { randomInt } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { syncFile } from './sync';

/** The content is on disk afterwards; the name is once its folder is synced. A file of that name is replaced. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomInt(2 ** 47)}`;
  try {
    // Only for its owner: what is written here may be private.
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await syncFile(handle);
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}
