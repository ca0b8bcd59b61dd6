// Names the files that downloads work on, and removes those that will never go on.
import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../async/clock';

/** The name of a file, the beginning of its job's id, and the run that writes it; conversions work beside it. */
const partPattern = /\.[0-9a-f]{8}\.[0-9a-f]{6}\.part(\.converted|\.passes)?$/;
/** Nothing that goes on leaves its part alone for so long. */
const abandonedAfterMs = 7 * 24 * 3_600_000;
/** A folder of thousands of files takes long to list: it is looked through so seldom. */
const sweepEveryMs = 3_600_000;
/** So many folders are remembered; the oldest is forgotten and swept once more. */
const mostFolders = 1_000;

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
  const parts = await listParts(dirname(filename), start);
  await removeAll(parts.filter((path) => !kept.includes(path)));
}

/** When folders were swept last, by a clock that never jumps. */
const sweptAt = new Map<string, number>();

/**
 * Removes the parts of downloads that will never go on: their journal was lost, or another instance has finished them. Once an
 * hour for each folder. Never rejects.
 */
export async function sweepStaleParts(folder: string, { now, steadyNow }: Clock): Promise<void> {
  if (steadyNow() - (sweptAt.get(folder) ?? -Infinity) < sweepEveryMs) return;
  sweptAt.delete(folder);
  sweptAt.set(folder, steadyNow());
  if (sweptAt.size > mostFolders) sweptAt.delete(sweptAt.keys().next().value!);
  const parts = await listParts(folder);
  const stale = await Promise.all(
    parts.map(async (path) => {
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now() }));
      return now() - mtimeMs > abandonedAfterMs;
    }),
  );
  await removeAll(parts.filter((_, index) => stale[index]));
}

async function listParts(folder: string, start = ''): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.filter((name) => name.startsWith(start) && partPattern.test(name)).map((name) => join(folder, name));
}

async function removeAll(paths: string[]): Promise<void> {
  await Promise.allSettled(paths.map((path) => rm(path, { force: true, recursive: true })));
}
