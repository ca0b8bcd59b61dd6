// Fetches one clip of an export, from asking for it to a verified file in the work folder.
import { rm } from 'node:fs/promises';
import { createClip, type CreateJobData } from '../clips/create';
import { downloadClip, type DownloadJobData } from '../clips/download';
import { isFile } from '../files/hash';
import { pollClip, type PollJobData } from '../clips/poll';
import { verify } from '../clips/verify';
import type { Clock } from '../async/clock';
import type { Connection } from '../connection/connection';
import { ClipError, mayPass, reasonFirst, toClipError, type ErrorCode } from '../errors';
import type { Job } from '../jobs/job';
import { describeClip, type Clip, type ClipRequest } from '../provider';
import { backoffMs, maxAttempts } from '../async/retry';
import { inspect } from '../mp4/inspect';
import { untilDone, type Pause } from './steps';
import { failureOf, type Part, type PartFile } from './work';

export interface PartOptions {
  job: Job;
  connection: Connection;
  clock: Clock;
  signal: AbortSignal;
  pause: Pause;
  request: ClipRequest;
  /** Absolute path of the part, and the folder that it must not leave. */
  path: string;
  root: string;
  pollMs: number;
  /** Resolves when what is known of the part now would survive a crash. */
  save(): Promise<void>;
  /** 0-1, with the bytes of its transfer so far. */
  onProgress(done: number, bytes?: number): void;
}

const longestPollMs = 10_000;
/** Being made is about half of the way. */
const makingShare = 0.5;
/** Trouble that may pass gets this many rounds, each of which has tries of its own: half an hour in all where a server is away. */
const roundsOfTrouble = 2;
/** Errors after which the same clip is requested once more. */
const roundsOfMaking = 2;
const madeBadly: ReadonlySet<ErrorCode> = new Set(['EFAILED', 'EEXPIRED', 'EINCOMPLETE']);
/** Errors that would meet all other parts as well. */
const endsAll: ReadonlySet<ErrorCode> = new Set(['EAUTH', 'EABORTED', 'ENOSPACE']);

/**
 * Fills in what becomes of the part. Goes on where an earlier run was.
 * @throws only what ends the whole export
 */
export async function fetchPart(part: Part, options: PartOptions): Promise<void> {
  const { path, pause, save, signal } = options;
  if (part.file && (await isFile(path, part.file.size, part.file.sha256))) return;
  delete part.file;
  for (let round = 1; ; round += 1) {
    try {
      if (!part.clip) {
        part.clip = await create(part, options);
        await save();
      }
      if (part.clip.status !== 'finished') part.clip = await finished(part, part.clip, options);
      part.file = await download(part, part.clip, options);
      forget(part);
      return await save();
    } catch (thrown) {
      const error = toClipError(thrown);
      if (signal.aborted || endsAll.has(error.code)) throw error;
      if (hasNoFootage(part, error)) part.empty = error.message;
      else if (round < roundsFor(error)) {
        await startAgain(part, error, options);
        // The tries of this round have waited longer each time; so do the rounds.
        await pause(backoffMs(error, madeBadly.has(error.code) ? round : maxAttempts + round - 1));
        continue;
      } else part.error = failureOf(error);
      forget(part);
      return await save();
    }
  }
}

function roundsFor(error: ClipError): number {
  if (madeBadly.has(error.code)) return roundsOfMaking;
  return mayPass(error) ? roundsOfTrouble : 1;
}

/** The vendor may also find out while it makes the clip. */
function hasNoFootage({ clip }: Part, { code }: ClipError): boolean {
  const isGap = clip?.gaps?.some(({ start, end }) => start <= clip.start && end >= clip.end);
  return code === 'ENOFOOTAGE' || (code === 'EFAILED' && isGap === true);
}

/** Vendors that make one clip for equal requests would give back the one that failed. */
async function startAgain(part: Part, error: ClipError, { connection, signal }: PartOptions): Promise<void> {
  const { clip } = part;
  if (clip && error.code === 'EFAILED') await connection.deleteClip(clip, signal).catch(() => undefined);
  if (error.code === 'EFAILED' || error.code === 'EEXPIRED') forget(part);
}

function forget(part: Part): void {
  delete part.requestSent;
  delete part.clip;
  delete part.partial;
}

async function create(part: Part, options: PartOptions): Promise<Clip> {
  const { connection, request } = options;
  const work: CreateJobData = {
    connection: connection.id,
    request,
    ...(part.requestSent ? { requestSent: true } : {}),
  };
  const { clip } = await untilDone(work, (job, context) => createClip(job, connection, context), {
    ...options,
    async keep({ requestSent }, isToBeStored) {
      if (requestSent) part.requestSent = true;
      if (isToBeStored) await options.save();
    },
  });
  return clip!;
}

async function finished(part: Part, clip: Clip, options: PartOptions): Promise<Clip> {
  const { clock, connection, onProgress, pollMs } = options;
  const maxIntervalMs = Math.max(pollMs, longestPollMs);
  const work: PollJobData = { connection: connection.id, clip, intervalMs: pollMs, maxIntervalMs, polls: 0, misses: 0 };
  const done = await untilDone(work, (job, context) => pollClip(job, connection, context, clock.steadyNow), {
    ...options,
    clipId: clip.id,
    keep(changed) {
      part.clip = changed.clip;
      onProgress(((changed.clip.progress ?? 0) / 100) * makingShare);
    },
  });
  return done.clip;
}

async function download(part: Part, clip: Clip, options: PartOptions): Promise<PartFile> {
  const { clock, connection, onProgress, path, root } = options;
  const work: DownloadJobData = {
    connection: connection.id,
    clip,
    output: 'file',
    maxBufferBytes: 0,
    filename: path,
    root,
    exists: 'overwrite',
    convert: 'none',
    maxHeight: 0,
    maxBytes: 0,
    thumbnail: false,
    deleteAfter: false,
    // An incomplete part counts: the lack is reported, the footage kept.
    strict: false,
    ...(part.partial ? { partial: part.partial } : {}),
  };
  const downloadOptions = {
    clock,
    findFfmpeg: () => Promise.reject(new ClipError('EFFMPEG', 'Parts are not converted')),
    onBuffer: () => undefined,
    onBytes(bytes: number, total: number | undefined) {
      onProgress(makingShare + (total ? Math.min(1, bytes / total) * (1 - makingShare) : 0), bytes);
    },
  };
  const run = (job: Job<DownloadJobData>, context: Parameters<typeof downloadClip>[2]) =>
    downloadClip(job, connection, context, downloadOptions);
  const { clip: downloaded } = await untilDone(work, run, {
    ...options,
    async keep({ partial }, isToBeStored) {
      part.partial = partial;
      if (isToBeStored) await options.save();
    },
  });
  const { size, sha256, duration, gaps, problems } = downloaded.file!;
  const isShort = await isIncomplete({ ...clip, gaps }, path, size);
  return { start: clip.start, end: clip.end, size, sha256, duration, gaps, problems, isShort };
}

/**
 * Is footage missing in the file? One that is damaged has been fetched as often as that may help: it is kept for what there is.
 * @throws EINCOMPLETE for a file without video
 */
async function isIncomplete(clip: Clip, path: string, size: number): Promise<boolean> {
  const { mp4 } = await inspect(path);
  if (mp4.hasVideo && mp4.pictures !== 0) return verify(clip, size, mp4).incomplete;
  await rm(path, { force: true });
  const why = mp4.problems.join('; ') || 'there is no video in the file';
  const action = `Downloading the clip of ${describeClip(clip)}`;
  throw new ClipError('EINCOMPLETE', reasonFirst(why, action), { retryable: true });
}
