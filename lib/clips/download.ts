// Downloads a clip: transfer, verification, post-processing, and its final name only then.
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../async/clock';
import type { Connection } from '../connection/connection';
import { cancelled, ClipError } from '../errors';
import type { JobResult, Job, RunContext } from '../jobs/job';
import { describeClip, type Clip, type ClipFile } from '../provider';
import { retryDelayMs } from '../async/retry';
import { isFile } from '../files/hash';
import { matchExistingFile } from './verify';
import { fileError } from '../files/errors';
import { converted, deleteClip, withPicture, type ReadyFile, type Snapshot } from './postprocess';
import { freeBytes, type FreeBytes } from '../files/folder';
import { newPartPath, removeJobParts, sweepStaleParts } from '../files/part';
import { publish, type Exists } from '../files/publish';
import type { PollJobData } from './poll';
import type { PartialFile } from './resume';
import { transferToFile, transferToMemory, type PartTarget, type TransferOptions } from './transfer';
import { KeyedMutex } from '../async/semaphore';

/** The job of one download-clip message. */
export interface DownloadJobData {
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
  /** Moment of the picture, in place of the middle. */
  snapshot?: Snapshot;
  deleteAfter: boolean;
  strict: boolean;
  /** Bytes that a broken transfer has left in the part file. */
  partial?: PartialFile;
  /** Of bytes that came and were damaged: the same once more are all that there is. */
  damagedSha256?: string;
  /** The file that this job has finished, and the name it is about to get or has got: a restart looks there first. */
  publishing?: ClipFile;
  /** Path of that file, whole and verified, while it cannot get its name. */
  ready?: string;
  /** It never got its name, and stays where it is. */
  isLeft?: true;
  /** The clip was gone, and is asked for once more: how far that has come. */
  recreation?: PollJobData;
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
/** By the path of the file that is wanted. */
const pathLocks = new KeyedMutex();

/** Brings a clip here: whole, verified, and under its final name only then. */
export async function downloadClip(
  job: Job<DownloadJobData>,
  connection: Connection,
  context: RunContext<DownloadJobData>,
  options: DownloadOptions,
): Promise<JobResult<DownloadJobData>> {
  let work = job.data;
  const save = async (changed: DownloadJobData): Promise<void> => {
    work = changed;
    await context.save(changed);
  };
  try {
    const { signal } = context;
    const ffmpeg = work.convert === 'none' ? '' : await options.findFfmpeg();
    const run = { ...context, save };
    const saved = await withLock(work, signal, async () => {
      const found = (await alreadyHere(job)) ?? (await alreadyReady(job, run));
      if (found) return found;
      return work.output === 'buffer'
        ? toMemory(job, connection, run, options)
        : toFile(job, connection, run, options, ffmpeg);
    });
    const pictured = work.thumbnail ? await withPicture(work, saved, options.findFfmpeg, signal) : saved;
    const file = work.deleteAfter ? await deleteClip(work.clip, pictured, connection, options.clock, signal) : pictured;
    return { type: 'done', data: { ...work, clip: { ...work.clip, file } } };
  } catch (thrown) {
    const error = fileError(thrown, `Saving the clip of ${describeClip(work.clip)} as ${work.filename}`);
    const brought = (work.partial?.bytes ?? 0) - (job.data.partial?.bytes ?? 0);
    const gotSomewhere = error.retryable && brought >= progressBytes;
    const afterMs = retryDelayMs(error, gotSomewhere ? 1 : job.failures + 1, connection);
    if (afterMs !== undefined) {
      return { type: 'retry', afterMs, data: work, ...(gotSomewhere ? {} : { error }) };
    }
    // Stopped by a redeploy, the next run goes on from there; cancelling removes the part, too.
    if (context.signal.aborted && (work.partial || work.ready)) return { type: 'failed', error };
    if (work.ready) return leaveReady(work, work.ready, error);
    await removeParts(job);
    return { type: 'failed', error };
  }
}

/** A whole, verified download is not thrown away because of a folder. */
function leaveReady(work: DownloadJobData, ready: string, error: ClipError): JobResult<DownloadJobData> {
  const left = error.withMessage(`${error.message}. The whole, verified video is left there as ${ready} for a week`);
  return { type: 'failed', error: left, data: { ...work, isLeft: true } };
}

/** Jobs with `skip` and the same name run one after the other, so that the second finds the file of the first. */
function withLock<T>(
  { exists, filename, output }: DownloadJobData,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  return output === 'file' && exists === 'skip' ? pathLocks.run(filename, signal, work) : work();
}

/** Removes what an unfinished job has on disk. Never rejects: what cannot be reached cannot be removed either. */
export async function removeParts(job: Pick<Job<DownloadJobData>, 'id' | 'data'>): Promise<void> {
  const { isLeft, output, ready } = job.data;
  if (output === 'file') await removeJobParts(ownerOf(job), isLeft ? [ready] : []);
}

function ownerOf({ id, data }: Pick<Job<DownloadJobData>, 'id' | 'data'>): { filename: string; jobId: string } {
  return { filename: data.filename, jobId: id };
}

async function toMemory(
  job: Job<DownloadJobData>,
  connection: Connection,
  context: RunContext<DownloadJobData>,
  options: DownloadOptions,
): Promise<ClipFile> {
  const { clip, maxBufferBytes } = job.data;
  const { signal } = context;
  const { startedAt, transferOptions } = prepare(job, context, options);
  const { file, buffer } = await connection.transfer(signal, async () =>
    transferToMemory(await withGaps(clip, connection, signal), connection, maxBufferBytes, transferOptions),
  );
  options.onBuffer(buffer);
  return { ...file, path: '', resumed: false, seconds: (options.clock.steadyNow() - startedAt) / 1000 };
}

async function toFile(
  job: Job<DownloadJobData>,
  connection: Connection,
  { signal, save, isFirst }: RunContext<DownloadJobData>,
  options: DownloadOptions,
  ffmpeg: string,
): Promise<ClipFile> {
  const work = job.data;
  const { clip, convert, exists, filename, maxBytes, maxHeight, root, partial } = work;
  const part = newPartPath(ownerOf(job));
  const { startedAt, transferOptions } = prepare(job, { signal, save }, options);
  const find: PartTarget['find'] = ({ size, sha256 = clip.sha256 }) =>
    matchExistingFile({ ...clip, size, sha256 }, filename);
  const target: PartTarget = {
    part,
    root,
    partial,
    free: options.freeBytes ?? freeBytes,
    keep: (kept) => save({ ...work, partial: kept }),
    ...(exists === 'skip' ? { find } : {}),
  };
  const received = await connection.transfer(signal, async () => {
    await sweepStaleParts(dirname(part), options.clock);
    // A crash may have left some.
    if (!isFirst) await removeJobParts(ownerOf(job), [partial?.path]);
    return transferToFile(await withGaps(clip, connection, signal), connection, target, transferOptions);
  });
  if ('found' in received) {
    await removeJobParts(ownerOf(job));
    return received.found;
  }
  const { resumed } = received;
  const conversion = { path: part, convert, maxHeight, maxBytes, ffmpeg, signal, onProgress: options.onConvert };
  let ready: ReadyFile;
  try {
    ready = await converted(received, conversion);
  } catch (thrown) {
    await removeJobParts(ownerOf(job));
    throw thrown;
  }
  if (ready.path !== part) await rm(part, { force: true });
  const seconds = (options.clock.steadyNow() - startedAt) / 1000;
  return publishReady(job, { signal, save }, { ...ready, file: { ...ready.file, path: filename, resumed, seconds } });
}

/** Gives the verified file its name. What keeps it from that may pass: the file stays, and the next try goes on from here. */
async function publishReady(
  { data }: Job<DownloadJobData>,
  { signal, save }: RunContext<DownloadJobData>,
  { path: ready, file, state }: { path: string; file: ClipFile; state?: ReadyFile['state'] },
): Promise<ClipFile> {
  const { partial: _partial, publishing: _publishing, ready: _ready, ...work } = data;
  const { clip, exists, filename } = work;
  const { size, sha256 } = file;
  const keep = (path: string): Promise<void> => save({ ...work, ready, publishing: { ...file, path } });
  try {
    // Too late to stop from here on.
    if (signal.aborted) throw cancelled();
    return { ...file, path: await publish(ready, filename, exists, keep, { size, sha256, state }) };
  } catch (thrown) {
    const error = fileError(thrown, `Saving the clip of ${describeClip(clip)} as ${filename}`);
    if (error.code === 'EINCOMPLETE') await save(work);
    else await keep(filename);
    const isLasting = error.code === 'EABORTED' || (thrown as NodeJS.ErrnoException).code === 'EISDIR';
    throw new ClipError(error.code, error.message, { ...error, retryable: !isLasting });
  }
}

/** The file that an earlier run has verified, under its name now. */
async function alreadyReady(
  job: Job<DownloadJobData>,
  context: RunContext<DownloadJobData>,
): Promise<ClipFile | undefined> {
  const { publishing, ready } = job.data;
  if (!ready || !publishing || !(await isFile(ready, publishing.size, publishing.sha256))) return undefined;
  return publishReady(job, context, { path: ready, file: publishing });
}

function prepare(job: Job<DownloadJobData>, context: RunContext<DownloadJobData>, options: DownloadOptions) {
  const { damagedSha256, strict } = job.data;
  const { save, signal } = context;
  const isLastTry = retryDelayMs(new ClipError('EINCOMPLETE', '', { retryable: true }), job.failures + 1) === undefined;
  const { clock, onBytes, stallMs = defaultStallMs } = options;
  const transferOptions: TransferOptions = {
    ...{ clock, signal, stallMs, strict, lenient: !strict && isLastTry, onBytes },
    ...(damagedSha256 === undefined ? {} : { damagedSha256 }),
    onDamaged: (sha256) => save({ ...job.data, damagedSha256: sha256 }),
  };
  return { startedAt: clock.steadyNow(), transferOptions };
}

/** The file of an earlier run of this job, or with `skip` an equal one that is there already. */
async function alreadyHere(job: Job<DownloadJobData>): Promise<ClipFile | undefined> {
  const { clip, exists, filename, output, publishing } = job.data;
  if (output !== 'file') return undefined;
  const isPlaced = publishing && (await isFile(publishing.path, publishing.size, publishing.sha256));
  const found = isPlaced ? publishing : exists === 'skip' ? await matchExistingFile(clip, filename) : undefined;
  // A crash may have left some.
  if (found) await removeParts(job);
  return found;
}

/**
 * The clip with the gaps of its range, where these were not known when it was made: cameras report with a delay what they have
 * recorded. A vendor that does not know them keeps no clip from being downloaded.
 */
async function withGaps(clip: Clip, connection: Connection, signal: AbortSignal): Promise<Clip> {
  if (clip.gaps) return clip;
  try {
    const gaps = await connection.findGaps(clip, signal);
    return gaps ? { ...clip, gaps } : clip;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return clip;
  }
}
