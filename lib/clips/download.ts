import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../clock';
import type { Connection } from '../connection';
import { ClipError, toClipError } from '../errors';
import type { Answer, Job, RunContext } from '../jobs/job';
import { describeClip, type Clip, type ClipFile, type OpenClip } from '../provider';
import { retryDelayMs } from '../retry';
import { findClip, isFile } from './existing';
import { bufferSource, fileSource, readMp4, sniff, type Mp4Source } from '../mp4';
import { place, type Exists } from './place';
import { fileSink, memorySink, receive, tooLarge, type Received, type Sink } from './receive';
import { verify } from './verify';

/** The job of one download-clip message. */
export interface DownloadWork {
  connection: string;
  clip: Clip;
  output: 'file' | 'buffer';
  /** For `buffer`: refuse more than this. */
  maxBufferBytes: number;
  /** Absolute path, for `file`. */
  filename: string;
  exists: Exists;
  deleteAfter: boolean;
  strict: boolean;
  /** The finished file and the name it is about to get: a restart looks there first. */
  placing?: ClipFile;
}

export interface DownloadOptions {
  clock: Clock;
  stallMs?: number;
  /** Bytes so far, and in all where known. Called for every piece of data. */
  onBytes(bytes: number, total: number | undefined): void;
  /** Takes the video when it is to be kept in memory. */
  onBuffer(buffer: Buffer): void;
}

const defaultStallMs = 30_000;
const sniffBytes = 512;

/** Brings a clip here: whole, verified, and under its final name only then. */
export async function downloadClip(
  job: Job<DownloadWork>,
  connection: Connection,
  context: RunContext<DownloadWork>,
  options: DownloadOptions,
): Promise<Answer<DownloadWork>> {
  const work = job.data;
  try {
    const found =
      (await alreadyHere(job)) ??
      (await connection.transfer(context.signal, () => transfer(job, connection, context, options)));
    const file = work.deleteAfter ? await deleteClip(work.clip, found, connection, context.signal) : found;
    // A redeploy may come before this is told: then the next run finds the file by `placing`, too.
    const placing = work.output === 'file' ? { placing: found } : {};
    return { type: 'done', data: { ...work, ...placing, clip: { ...work.clip, file } } };
  } catch (thrown) {
    const error = fileError(thrown, work);
    const afterMs = retryDelayMs(error, job.failures + 1);
    return afterMs === undefined ? { type: 'failed', error } : { type: 'retry', afterMs, because: error };
  }
}

async function transfer(
  job: Job<DownloadWork>,
  connection: Connection,
  context: RunContext<DownloadWork>,
  options: DownloadOptions,
): Promise<ClipFile> {
  const work = job.data;
  const startedAt = options.clock.now();
  const isLastTry = retryDelayMs(new ClipError('EINCOMPLETE', '', { retryable: true }), job.failures + 1) === undefined;
  const source = await connection.openClip(work.clip, { offset: 0 }, context.signal);
  // A body may break before it is read; reading then meets the error again.
  source.body.on('error', () => undefined);
  const take = (sink: Sink): Promise<Received> =>
    receive(source.body, sink, {
      size: source.size,
      stallMs: options.stallMs ?? defaultStallMs,
      clock: options.clock,
      signal: context.signal,
      onBytes: (bytes) => options.onBytes(bytes, source.size ?? work.clip.size),
    });
  const judge = async (received: Received, mp4: Mp4Source, path: string): Promise<ClipFile> => {
    const file = await judgeFile(work, source, received, mp4, !work.strict && isLastTry);
    return { ...file, path, seconds: (options.clock.now() - startedAt) / 1000 };
  };

  if (work.output === 'buffer') {
    const announced = source.size ?? work.clip.size ?? 0;
    if (announced > work.maxBufferBytes) discard(source, tooLarge(work.maxBufferBytes));
    const sink = memorySink(work.maxBufferBytes);
    const received = await take(sink);
    const buffer = sink.buffer();
    const file = await judge(received, bufferSource(buffer), '');
    options.onBuffer(buffer);
    return file;
  }

  const part = partOf(job);
  const handle = await openPart(part).catch((error: unknown) => discard(source, error));
  try {
    const received = await take(fileSink(handle));
    const file = await judge(received, await fileSource(handle), work.filename);
    await handle.sync();
    const path = await place(part, work.filename, work.exists, (name) =>
      context.save({ ...work, placing: { ...file, path: name } }),
    );
    return { ...file, path };
  } finally {
    await handle.close().finally(() => rm(part, { force: true }));
  }
}

function partOf({ id, data }: Job<DownloadWork>): string {
  return `${data.filename}.${id.slice(0, 8)}.part`;
}

async function openPart(part: string): Promise<FileHandle> {
  await mkdir(dirname(part), { recursive: true });
  // One left by a crash may share its bytes with the file that it became: it is replaced, never written to.
  await rm(part, { force: true });
  return open(part, 'wx+');
}

/** A body that nobody will read must not hold its socket. */
function discard(source: OpenClip, error: unknown): never {
  source.body.destroy();
  throw error;
}

/** @throws when the bytes are not the clip; with `lenient`, what can be used is described instead */
async function judgeFile(
  work: DownloadWork,
  source: OpenClip,
  received: Received,
  mp4: Mp4Source,
  lenient: boolean,
): Promise<Omit<ClipFile, 'path' | 'seconds'>> {
  const doing = `Downloading the clip of ${describeClip(work.clip)}`;
  const { cut, size, sha256 } = received;
  const content = sniff(await mp4.read(0, Math.min(sniffBytes, size)));
  if (cut && (!lenient || size === 0)) throw new ClipError(cut.code, `${doing}: ${cut.message}`, cut);
  if (content !== 'mp4') {
    const what =
      content === 'empty' ? 'nothing' : content === 'unknown' ? 'something that is not MP4' : content.toUpperCase();
    throw new ClipError('EPROTOCOL', `${doing}: the server sent ${what} instead of video`);
  }
  const declared = source.sha256 ?? work.clip.sha256;
  if (declared && declared.toLowerCase() !== sha256) {
    throw new ClipError('EINCOMPLETE', `${doing}: the SHA-256 is not the one that the server announced`, {
      retryable: true,
    });
  }
  const info = await readMp4(mp4);
  const verdict = verify(work.clip, size, info);
  const problems = [...(cut ? [cut.message] : []), ...verdict.problems];
  if (verdict.incomplete && work.strict) {
    // Bytes that end inside a box were cut on the way; footage that the vendor does not have stays missing.
    throw new ClipError('EINCOMPLETE', `${doing}: ${problems.join('; ')}`, { retryable: !info.whole });
  }
  const { duration, width, height, codec } = info;
  const { missingBefore, missingAfter } = verdict;
  return {
    size,
    sha256,
    duration,
    width,
    height,
    codec,
    missingBefore,
    missingAfter,
    gaps: work.clip.gaps ?? [],
    problems,
    resumed: false,
  };
}

/** The file of an earlier run of this job, or with `skip` an equal one that is there already. */
async function alreadyHere(job: Job<DownloadWork>): Promise<ClipFile | undefined> {
  const { clip, exists, filename, output, placing } = job.data;
  if (output !== 'file') return undefined;
  if (placing && (await isFile(placing.path, placing.size, placing.sha256))) {
    await rm(partOf(job), { force: true });
    return placing;
  }
  return exists === 'skip' ? findClip(clip, filename) : undefined;
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
