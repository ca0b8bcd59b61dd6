import { rm } from 'node:fs/promises';
import { parse, join } from 'node:path';
import type { Clock } from '../clock';
import type { Connection } from '../connection';
import { ClipError, toClipError } from '../errors';
import type { Answer, Job, RunContext } from '../jobs/job';
import { describeClip, type Clip, type ClipFile } from '../provider';
import { retryDelayMs } from '../retry';
import { Slots } from '../slots';
import { convertFile, removeWork } from './convert';
import { findClip, hashFile, isFile } from './existing';
import { freeBytes, type FreeBytes } from './folder';
import type { Judgement } from './judge';
import { place, type Exists } from './place';
import { makeThumbnail } from './thumbnail';
import { transferToFile, transferToMemory, type Partial, type TransferOptions } from './transfer';

/** The job of one download-clip message. */
export interface DownloadWork {
  connection: string;
  clip: Clip;
  output: 'file' | 'buffer';
  /** For `buffer`: refuse more than this. */
  maxBufferBytes: number;
  /** Absolute path, for `file`, and the folder that it must not leave. */
  filename: string;
  root: string;
  exists: Exists;
  convert: 'none' | 'faststart' | 'h264';
  /** For `h264`: pixels and bytes, 0 for no limit. */
  maxHeight: number;
  maxBytes: number;
  thumbnail: boolean;
  deleteAfter: boolean;
  strict: boolean;
  /** What a transfer that broke off has left in the part file. */
  partial?: Partial;
  /** The finished file and the name it is about to get: a restart looks there first. */
  placing?: ClipFile;
}

export interface DownloadOptions {
  clock: Clock;
  stallMs?: number;
  /** Path of the program. @throws EFFMPEG */
  findFfmpeg(): Promise<string>;
  freeBytes?: FreeBytes;
  /** Bytes so far, and in all where known. Called for every piece of data. */
  onBytes(bytes: number, total: number | undefined): void;
  onConvert?(percent: number): void;
  /** Takes the video when it is to be kept in memory. */
  onBuffer(buffer: Buffer): void;
}

const defaultStallMs = 30_000;
/** A transfer that brings this much before it breaks is getting somewhere: its failures do not add up. */
const progressBytes = 2 ** 20;
/** Encoding takes every core there is. */
const conversions = new Slots(2);

/** Brings a clip here: whole, verified, and under its final name only then. */
export async function downloadClip(
  job: Job<DownloadWork>,
  connection: Connection,
  context: RunContext<DownloadWork>,
  options: DownloadOptions,
): Promise<Answer<DownloadWork>> {
  let work = job.data;
  const save = async (changed: DownloadWork): Promise<void> => {
    work = changed;
    await context.save(changed);
  };
  try {
    const { signal } = context;
    const ffmpeg = work.convert !== 'none' || work.thumbnail ? await options.findFfmpeg() : '';
    const saved =
      (await alreadyHere(job)) ??
      (work.output === 'buffer'
        ? await toMemory(job, connection, signal, options)
        : await toFile(job, connection, { signal, save }, options, ffmpeg));
    const pictured = work.thumbnail ? await withThumbnail(saved, ffmpeg, signal) : saved;
    const file = work.deleteAfter ? await deleteClip(work.clip, pictured, connection, signal) : pictured;
    // A redeploy may come before this is told: then the next run finds the file by `placing`, too.
    const placing = work.output === 'file' ? { placing: saved } : {};
    return { type: 'done', data: { ...work, ...placing, clip: { ...work.clip, file } } };
  } catch (thrown) {
    const error = fileError(thrown, work);
    const brought = (work.partial?.bytes ?? 0) - (job.data.partial?.bytes ?? 0);
    const gotSomewhere = error.retryable && brought >= progressBytes;
    const afterMs = retryDelayMs(error, gotSomewhere ? 1 : job.failures + 1);
    if (afterMs !== undefined) {
      return { type: 'retry', afterMs, data: work, ...(gotSomewhere ? {} : { because: error }) };
    }
    await removeParts(job);
    return { type: 'failed', error };
  }
}

/** Removes what an unfinished job has on disk. Never rejects: what cannot be reached cannot be removed either. */
export async function removeParts(job: Pick<Job<DownloadWork>, 'id' | 'data'>): Promise<void> {
  if (job.data.output !== 'file') return;
  await Promise.allSettled([rm(partOf(job), { force: true }), removeWork(partOf(job))]);
}

function partOf({ id, data }: Pick<Job<DownloadWork>, 'id' | 'data'>): string {
  return `${data.filename}.${id.slice(0, 8)}.part`;
}

async function toMemory(
  job: Job<DownloadWork>,
  connection: Connection,
  signal: AbortSignal,
  options: DownloadOptions,
): Promise<ClipFile> {
  const { clip, maxBufferBytes } = job.data;
  const { startedAt, transferOptions } = prepare(job, signal, options);
  const { file, buffer } = await connection.transfer(signal, () =>
    transferToMemory(clip, connection, maxBufferBytes, transferOptions),
  );
  options.onBuffer(buffer);
  return { ...file, path: '', resumed: false, seconds: (options.clock.now() - startedAt) / 1000 };
}

async function toFile(
  job: Job<DownloadWork>,
  connection: Connection,
  { signal, save }: RunContext<DownloadWork>,
  options: DownloadOptions,
  ffmpeg: string,
): Promise<ClipFile> {
  const work = job.data;
  const part = partOf(job);
  const { startedAt, transferOptions } = prepare(job, signal, options);
  const { resumed, ...received } = await connection.transfer(signal, () =>
    transferToFile(
      work.clip,
      connection,
      {
        part,
        root: work.root,
        partial: work.partial,
        free: options.freeBytes ?? freeBytes,
        keep: (partial) => save({ ...work, partial }),
      },
      transferOptions,
    ),
  );
  try {
    const { path: ready, file } = await converted(work, part, received, ffmpeg, signal, options);
    const seconds = (options.clock.now() - startedAt) / 1000;
    const named = (path: string): ClipFile => ({ ...file, path, resumed, seconds });
    // Too late to stop from here on.
    if (signal.aborted) throw new ClipError('EABORTED', 'Cancelled');
    const path = await place(ready, work.filename, work.exists, (name) => save({ ...work, placing: named(name) }));
    return named(path);
  } finally {
    await removeParts(job);
  }
}

function prepare(job: Job<DownloadWork>, signal: AbortSignal, options: DownloadOptions) {
  const { strict } = job.data;
  const isLastTry = retryDelayMs(new ClipError('EINCOMPLETE', '', { retryable: true }), job.failures + 1) === undefined;
  const { clock, onBytes, stallMs = defaultStallMs } = options;
  const transferOptions: TransferOptions = { clock, signal, stallMs, strict, lenient: !strict && isLastTry, onBytes };
  return { startedAt: clock.now(), transferOptions };
}

async function converted(
  work: DownloadWork,
  part: string,
  { file, mp4 }: Judgement,
  ffmpeg: string,
  signal: AbortSignal,
  { onConvert }: DownloadOptions,
): Promise<{ path: string; file: Judgement['file'] }> {
  const { convert, maxBytes, maxHeight } = work;
  if (convert === 'none') return { path: part, file };
  const made = await conversions.run(signal, () =>
    convertFile({ path: part, mp4, convert, maxHeight, maxBytes, ffmpeg, signal, onProgress: onConvert }),
  );
  const { duration, width, height, codec } = made.mp4;
  const facts = { size: made.size, sha256: await hashFile(made.path), duration, width, height, codec };
  return { path: made.path, file: { ...file, ...facts } };
}

/** The file of an earlier run of this job, or with `skip` an equal one that is there already. */
async function alreadyHere(job: Job<DownloadWork>): Promise<ClipFile | undefined> {
  const { clip, exists, filename, output, placing } = job.data;
  if (output !== 'file') return undefined;
  if (placing && (await isFile(placing.path, placing.size, placing.sha256))) {
    await removeParts(job);
    return placing;
  }
  return exists === 'skip' ? findClip(clip, filename) : undefined;
}

/** The file is safe here, so a missing thumbnail only becomes a note. */
async function withThumbnail(file: ClipFile, ffmpeg: string, signal: AbortSignal): Promise<ClipFile> {
  const { dir, name } = parse(file.path);
  const thumbnail = join(dir, `${name}.jpg`);
  try {
    await conversions.run(signal, () =>
      makeThumbnail({ path: file.path, seconds: file.duration, output: thumbnail, ffmpeg, signal }),
    );
    return { ...file, thumbnail };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return { ...file, problems: [...file.problems, toClipError(thrown).message] };
  }
}

/** The file is safe here, so trouble with deleting only becomes a note. */
async function deleteClip(clip: Clip, file: ClipFile, connection: Connection, signal: AbortSignal): Promise<ClipFile> {
  try {
    await connection.deleteClip(clip, signal);
  } catch (thrown) {
    const { code, message } = toClipError(thrown);
    // Not now, then: the next run finds the file here.
    if (signal.aborted) throw thrown;
    if (code !== 'ENOTFOUND' && code !== 'EEXPIRED') {
      return { ...file, problems: [...file.problems, `the clip was not deleted on the server: ${message}`] };
    }
  }
  return file;
}

const fileProblems: Record<string, string> = {
  EACCES: 'this folder may not be written to',
  EPERM: 'this folder may not be written to',
  EROFS: 'this disk is read-only',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  EISDIR: 'there is a folder of this name',
  ENAMETOOLONG: 'the name is too long',
};

function fileError(thrown: unknown, work: DownloadWork): ClipError {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (thrown instanceof ClipError || code === undefined) return toClipError(thrown);
  const what = `Saving the clip of ${describeClip(work.clip)} as ${work.filename}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ClipError('ENOSPACE', `${what}: the disk is full`);
  const problem = fileProblems[code];
  return problem ? new ClipError('EINVALID', `${what}: ${problem} (${code})`) : toClipError(thrown);
}
