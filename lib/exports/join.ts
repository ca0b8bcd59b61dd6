/** Puts the parts of a camera one behind the other, by stream copy: not one picture is encoded again. */
import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkSpace, type FreeBytes } from '../files/folder';
import { ClipError } from '../errors';
import { runFfmpeg } from '../ffmpeg/run';
import { hashWhileWritten } from './hash-along';
import { inspect, type Inspection } from '../mp4/inspect';
import { findOverlaps, type JoinPart } from './overlap';

export interface Join {
  /** In order. */
  parts: JoinPart[];
  /** Where the result is written. */
  folder: string;
  /** Name of the result. */
  name: string;
  /** Path of the program. */
  ffmpeg: string;
  freeBytes: FreeBytes;
  signal: AbortSignal;
  /** 0-1. */
  onProgress(done: number): void;
}

export interface JoinedFile {
  path: string;
  /** Bytes. */
  size: number;
  sha256: string;
  mp4: Inspection['mp4'];
  problems: string[];
}

/** Sound that MP4 holds as it is; what cameras send beside these (G.711) becomes AAC, which is told. */
const audioForMp4 = new Set(['aac', 'mp3', 'ac3', 'eac3', 'opus', 'alac', 'flac']);
/** The rest of a picture's time at the end of each part. */
const perPartSeconds = 0.2;
const leastToleranceSeconds = 1;

/**
 * Verified and on disk (synced). The parts stay as they are.
 * @throws EABORTED, EFFMPEG, ENOSPACE
 */
export async function joinParts(order: Join): Promise<JoinedFile> {
  const { parts, folder, name, ffmpeg, signal, onProgress } = order;
  const path = join(folder, name);
  const list = `${path}.txt`;
  const bytes = parts.reduce((sum, { inspection }) => sum + inspection.size, 0);
  await checkSpace(folder, bytes, order.freeBytes);
  const { cuts, problems } = await findOverlaps(parts, { folder, ffmpeg, signal });
  const seconds = parts.reduce((sum, part, index) => sum + (cuts[index]?.seconds ?? durationOf(part)), 0);
  const audio = parts[0]!.inspection.mp4.audioCodec;
  const isEncoded = audio !== undefined && !audioForMp4.has(audio);
  // Whatever an interrupted run has left may still be written to by an ffmpeg that outlived it.
  await rm(path, { force: true });
  await writeFile(list, listOf(parts, cuts));
  const mediaBytes = parts.reduce((sum, { inspection }) => sum + inspection.mediaBytes, 0);
  const hash = hashWhileWritten(path, mediaBytes);
  try {
    await runFfmpeg({
      ffmpeg,
      // Without paths from the root, names in the list would be taken for parts of an address.
      inputs: [{ path: list, format: 'concat', options: ['-safe', '0'] }],
      output: {
        path,
        format: 'mp4',
        options: ['-map', '0:V', '-map', '0:a?', '-c', 'copy', ...(isEncoded ? ['-c:a', 'aac'] : [])],
      },
      signal,
      onProgress: (progress) => onProgress(seconds > 0 ? Math.min(1, progress.seconds / seconds) : 0),
    });
    const { size, mp4 } = await verified(path, { seconds, parts: parts.length });
    const sha256 = await hash.finish();
    if (isEncoded) problems.push(`the sound (${audio}) cannot be in an MP4 file as it is and was encoded as AAC`);
    return { path, size, sha256, mp4, problems };
  } catch (error) {
    await rm(path, { force: true });
    throw error instanceof ClipError ? error.withMessage(`Joining the parts: ${error.message}`) : error;
  } finally {
    await hash.stop();
    await rm(list, { force: true });
  }
}

function listOf(parts: JoinPart[], cuts: ({ outpoint: number } | undefined)[]): string {
  const lines = parts.flatMap(({ path }, index) => {
    const cut = cuts[index];
    return [`file '${escaped(`file:${path}`)}'`, ...(cut ? [`outpoint ${cut.outpoint.toFixed(6)}`] : [])];
  });
  return ['ffconcat version 1.0', ...lines, ''].join('\n');
}

/** Within single quotes, everything but these means itself. */
function escaped(text: string): string {
  return text.replaceAll("'", "'\\''");
}

function durationOf({ inspection }: JoinPart): number {
  return inspection.mp4.duration ?? 0;
}

/** @throws EFFMPEG when the result is not what was asked for, whatever ffmpeg said */
async function verified(path: string, expected: { seconds: number; parts: number }): Promise<Inspection> {
  const found = await inspect(path).catch(() => {
    throw new ClipError('EFFMPEG', 'ffmpeg reported success and wrote no file');
  });
  const { mp4 } = found;
  const { duration = 0 } = mp4;
  const tolerance = leastToleranceSeconds + expected.parts * perPartSeconds;
  const problem =
    (!mp4.whole && mp4.problems.join('; ')) ||
    (!mp4.hasVideo && 'there is no video track in it') ||
    (Math.abs(duration - expected.seconds) > tolerance &&
      `it has ${duration.toFixed(1)} s, its parts have ${expected.seconds.toFixed(1)} s`);
  if (problem) throw new ClipError('EFFMPEG', `the result is not the video: ${problem}`);
  const handle = await open(path, 'r+');
  await handle.sync().finally(() => handle.close());
  return found;
}
