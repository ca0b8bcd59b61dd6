// Converts a verified file before it gets its final name: an index at the front, or H.264 that fits the next hop.
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cancelled, ClipError, reasonFirst } from '../errors';
import { runFfmpeg, type FfmpegReport, type FfmpegRun } from './run';
import { fileSource, readMp4, type Mp4Info } from '../mp4';
import {
  audioBitsPerSecond,
  copyOptions,
  encodeOptions,
  isUsualH264,
  leastBytes,
  notesOn,
  planBitrate,
  smallerBitrate,
  type Encoding,
} from './encode';
import { resultProblem } from './result';

export interface Conversion {
  /** The verified file; its name is this job's own. It is only read. */
  path: string;
  /** Its streams and duration. */
  mp4: Mp4Info;
  /**
   * `faststart`: the same pictures with the index first. `h264`: pictures are encoded again only where the codec, the height
   * or the size asks for it.
   */
  convert: 'faststart' | 'h264';
  /** For `h264`: pixels, at least 2; 0 keeps the height. */
  maxHeight: number;
  /** For `h264`: the whole file, at most; 0 for any size. */
  maxBytes: number;
  /** Path of the program. */
  ffmpeg: string;
  signal: AbortSignal;
  /** Whole numbers up to 100, each larger than the one before. */
  onProgress?(percent: number): void;
}

export interface ConvertedFile {
  path: string;
  /** Bytes. */
  size: number;
  mp4: Mp4Info;
  /** Remarks about it, in words. */
  problems: string[];
}

function convertedPath(path: string): string {
  return `${path}.converted`;
}

function passesFolder(path: string): string {
  return `${path}.passes`;
}

/**
 * Writes and verifies a converted copy beside the file. The copy is on disk (synced) and belongs to the caller; the original
 * stays as it is. After a failure or an abort nothing is left but the original.
 * @throws EABORTED, EFFMPEG, ENOSPACE; ELIMIT when `maxBytes` cannot be reached
 */
export async function convertFile(conversion: Conversion): Promise<ConvertedFile> {
  const { path, convert, signal } = conversion;
  const progress = progressOf(conversion);
  // A crash may have left some. New ones get new files: an ffmpeg that outlived it may still be writing to the old ones.
  await removeWork(path);
  try {
    const file =
      convert === 'faststart'
        ? await copy(conversion, progress)
        : await makeH264(conversion, await sizeOf(path), progress);
    progress(100);
    if (signal.aborted) throw cancelled();
    return file;
  } catch (error) {
    await rm(convertedPath(path), { force: true });
    throw inContext(error, convert);
  } finally {
    await rm(passesFolder(path), { recursive: true, force: true });
  }
}

/** Removes what an interrupted `convertFile` may have left beside a file. */
async function removeWork(path: string): Promise<void> {
  await rm(convertedPath(path), { force: true });
  await rm(passesFolder(path), { recursive: true, force: true });
}

type Progress = (percent: number) => void;

async function makeH264(conversion: Conversion, size: number, progress: Progress): Promise<ConvertedFile> {
  const { mp4, maxBytes, maxHeight } = conversion;
  const fits = (bytes: number) => maxBytes === 0 || bytes <= maxBytes;
  if (isUsualH264(mp4) && (maxHeight === 0 || (mp4.height ?? Infinity) <= maxHeight) && fits(size)) {
    const copied = await copy(conversion, progress);
    if (fits(copied.size)) return copied;
  }
  if (maxBytes === 0) return encode(conversion, { by: 'quality' }, progress, [0, 99]);
  return fitSize(conversion, size, progress);
}

/** Quality is tried for first where there is so many times the room that the source needs. */
const roomy = 1.5;
const mostTries = 3;

async function fitSize(conversion: Conversion, sourceSize: number, progress: Progress): Promise<ConvertedFile> {
  const { path, mp4, maxBytes } = conversion;
  const seconds = mp4.duration;
  if (!seconds) throw new ClipError('EFFMPEG', 'the duration of the video is not known');
  const sounds = mp4.tracks.filter(({ handler }) => handler === 'soun').length;
  const pictures = mp4.pictures === undefined ? {} : { pictures: mp4.pictures };
  const plan = {
    seconds,
    maxBytes,
    hasAudio: sounds > 0,
    audioBitsPerSecond: sounds * audioBitsPerSecond,
    ...pictures,
  };
  let next = planBitrate(plan);
  if (maxBytes >= roomy * sourceSize) {
    const most = next === 'too small' ? {} : { maxBitsPerSecond: next.videoBitsPerSecond };
    const file = await encode(conversion, { by: 'quality', ...most }, progress, [0, 99]);
    if (file.size <= maxBytes) return file;
  }
  if (next === 'too small') {
    throw new ClipError(
      'ELIMIT',
      `${seconds.toFixed(1)} s of video do not fit in ${megabytes(maxBytes)}; they need at least ` +
        `${megabytes(leastBytes(plan))}. Allow more, or make shorter clips`,
    );
  }
  const most = next.videoBitsPerSecond;
  await mkdir(passesFolder(path));
  const passLog = join(passesFolder(path), 'pass');
  await run(conversion, { by: 'size', videoBitsPerSecond: most, pass: 1, passLog }, progress, [0, 40]);
  for (let tries = 0; tries < mostTries && next !== 'too small'; tries += 1) {
    const { videoBitsPerSecond } = next;
    const file = await encode(conversion, { by: 'size', videoBitsPerSecond, pass: 2, passLog }, progress, [40, 99]);
    if (file.size <= maxBytes) return file;
    next = smallerBitrate(videoBitsPerSecond, { size: file.size, maxBytes, seconds, ...pictures });
  }
  throw new ClipError(
    'ELIMIT',
    `the video does not get as small as ${megabytes(maxBytes)}. Allow more, or lower the height`,
  );
}

async function copy(conversion: Conversion, progress: Progress): Promise<ConvertedFile> {
  const { path, mp4, convert } = conversion;
  const attempt = (withSound: boolean) => {
    const options = copyOptions(mp4, convert, withSound);
    return runStep(conversion, { path: convertedPath(path), format: 'mp4', options }, progress, [0, 99]);
  };
  const { problems } = await withoutSoundAtWorst(mp4, attempt);
  return verified(conversion, false, problems);
}

async function encode(
  conversion: Conversion,
  encoding: Encoding,
  progress: Progress,
  span: [number, number],
): Promise<ConvertedFile> {
  const { complaints, first, problems } = await run(conversion, encoding, progress, span);
  if (complaints > 0) problems.push(`decoding the video met ${complaints} errors (${first})`);
  return verified(conversion, true, problems);
}

type Attempt = FfmpegReport & { problems: string[] };

async function run(
  conversion: Conversion,
  encoding: Encoding,
  progress: Progress,
  span: [number, number],
): Promise<Attempt> {
  const { path, mp4, maxHeight } = conversion;
  const measures = encoding.by === 'size' && encoding.pass === 1;
  const target = measures ? { format: 'null' } : { path: convertedPath(path), format: 'mp4' };
  const attempt = (withSound: boolean) => {
    const options = encodeOptions(mp4, maxHeight, encoding, withSound);
    return runStep(conversion, { ...target, options, keepFrameTimes: true }, progress, span);
  };
  return withoutSoundAtWorst(mp4, attempt);
}

/** Sound that ffmpeg cannot decode must not cost the pictures. */
async function withoutSoundAtWorst(
  { audioCodec, tracks }: Mp4Info,
  attempt: (withSound: boolean) => Promise<FfmpegReport>,
): Promise<Attempt> {
  try {
    return { ...(await attempt(true)), problems: [] };
  } catch (thrown) {
    const hasSound = tracks.some(({ handler }) => handler === 'soun');
    if (!hasSound || !(thrown instanceof ClipError) || thrown.code !== 'EFFMPEG') throw thrown;
    const report = await attempt(false).catch(() => Promise.reject(thrown));
    const sound = `the sound (${audioCodec ?? 'of an unknown codec'})`;
    return { ...report, problems: [`${sound} was left out by the conversion: ${thrown.message}`] };
  }
}

async function runStep(
  { path, mp4, ffmpeg, signal }: Conversion,
  output: FfmpegRun['output'],
  progress: Progress,
  [from, to]: [number, number],
): Promise<FfmpegReport> {
  const onProgress = ({ seconds }: { seconds: number }) => {
    if (mp4.duration) progress(from + (to - from) * Math.min(1, seconds / mp4.duration));
  };
  return runFfmpeg({ ffmpeg, inputs: [{ path, format: 'mp4' }], output, signal, onProgress });
}

/** @throws EFFMPEG when the result is not what was asked for, whatever ffmpeg said; its size is not looked at */
async function verified(
  { convert, path: source, mp4, maxHeight }: Conversion,
  encoded: boolean,
  problems: string[],
): Promise<ConvertedFile> {
  const path = convertedPath(source);
  const handle = await open(path, 'r+').catch(() => {
    throw new ClipError('EFFMPEG', 'ffmpeg reported success and wrote no file');
  });
  try {
    const content = await fileSource(handle);
    const result = await readMp4(content);
    const problem = resultProblem(result, mp4, encoded ? maxHeight : undefined);
    if (problem) throw new ClipError('EFFMPEG', `the result is not the video: ${problem}`);
    await handle.sync();
    return { path, size: content.size, mp4: result, problems: [...problems, ...notesOn(mp4, convert, encoded)] };
  } finally {
    await handle.close();
  }
}

/** Lets through whole numbers that grow. */
function progressOf({ onProgress }: Conversion): Progress {
  let last = 0;
  return (percent) => {
    const whole = Math.floor(percent);
    if (whole > last) onProgress?.((last = whole));
  };
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size;
}

function inContext(error: unknown, convert: Conversion['convert']): unknown {
  if (!(error instanceof ClipError) || error.code === 'EABORTED') return error;
  const action =
    convert === 'faststart' ? 'Moving the index of the video to its front' : 'Converting the video to H.264';
  return error.withMessage(reasonFirst(error.message, action));
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toPrecision(3)} MB`;
}
