// Names the files that downloads work on, and removes those that will never go on.
import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The name of a file, the beginning of its job's id, and the run that writes it; conversions work beside it. */
const partPattern = /\.[0-9a-f]{8}\.[0-9a-f]{6}\.part(\.converted|\.passes)?$/;
/** Nothing that goes on leaves its part alone for so long. */
const abandonedAfterMs = 7 * 24 * 3_600_000;

/** Characters that the longest name of a part, of a numbered file, adds to the name of the file. */
export const partSuffixBytes = '-12345.01234567.012345.part.converted'.length;

interface PartOwner {
  /** The path that is wanted. */
  filename: string;
  jobId: string;
}

/** A new one for each run: should two processes run the same job, neither writes into the other's. */
export function newPartPath({ filename, jobId }: PartOwner): string {
  return `${filename}.${jobId.slice(0, 8)}.${randomBytes(3).toString('hex')}.part`;
}

/** Removes what any run of a job has left. Never rejects. @param kept paths that stay */
export async function removeJobParts({ filename, jobId }: PartOwner, kept: (string | undefined)[] = []): Promise<void> {
  const start = `${basename(filename)}.${jobId.slice(0, 8)}.`;
  const isOfJob = (name: string): boolean => name.startsWith(start) && partPattern.test(name);
  await removeAll(await listParts(dirname(filename), (path) => isOfJob(basename(path)) && !kept.includes(path)));
}

/**
 * Removes the parts of downloads that will never go on: their journal was lost, or another instance has finished them.
 * Never rejects.
 * @param now epoch milliseconds
 */
export async function sweepStaleParts(folder: string, now: number): Promise<void> {
  const parts = await listParts(folder, (path) => partPattern.test(path));
  const stale = await Promise.all(
    parts.map(async (path) => {
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }));
      return now - mtimeMs > abandonedAfterMs;
    }),
  );
  await removeAll(parts.filter((_, index) => stale[index]));
}

async function listParts(folder: string, matches: (path: string) => boolean): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.map((name) => join(folder, name)).filter(matches);
}

async function removeAll(paths: string[]): Promise<void> {
  await Promise.allSettled(paths.map((path) => rm(path, { force: true, recursive: true })));
}
