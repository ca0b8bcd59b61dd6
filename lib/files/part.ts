import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** As `downloadClip` and `convertFile` name what they work on. */
const partPattern = /\.[0-9a-f]{8}\.part(\.converted|\.passes)?$/;
/** Nothing that goes on leaves its part alone for so long. */
const abandonedAfterMs = 7 * 24 * 3_600_000;

/**
 * Removes the parts of downloads that will never go on: their journal was lost, or another instance has finished them.
 * Never rejects.
 * @param now epoch milliseconds
 */
export async function sweepStaleParts(folder: string, now: number): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  const parts = names.filter((name) => partPattern.test(name)).map((name) => join(folder, name));
  const removals = parts.map(async (path) => {
    const { mtimeMs } = await stat(path);
    if (now - mtimeMs > abandonedAfterMs) await rm(path, { force: true, recursive: true });
  });
  await Promise.allSettled(removals);
}
