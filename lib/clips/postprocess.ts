// Processes a verified download further: converts it, makes a thumbnail, deletes the clip on the server.
import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { pause, type Clock } from '../async/clock';
import { retryDelayMs } from '../async/retry';
import type { Connection } from '../connection/connection';
import { toClipError, type ErrorCode } from '../errors';
import type { Clip, ClipFile } from '../provider';
import { Semaphore } from '../async/semaphore';
import { videoFacts } from '../mp4';
import { convertFile, type Conversion } from '../ffmpeg/convert';
import { hashFile, isFile } from '../files/hash';
import { newPartPath } from '../files/part';
import { publish, stateOf, type Exists } from '../files/publish';
import type { ReceivedFile } from './transfer';
import type { VerifiedFile } from './verify';
import { makeThumbnail } from '../ffmpeg/thumbnail';

/** Encoding takes every core there is. */
const conversions = new Semaphore(2);

/** After these failures the video is kept as it came, with a note in `problems`. */
const keepsOriginal: ReadonlySet<ErrorCode> = new Set(['EFFMPEG', 'ENOSPACE']);

/** A file that may get its name, in the state that has been verified. */
export interface ReadyFile {
  path: string;
  file: VerifiedFile['file'];
  state: ReceivedFile['state'];
}

/**
 * @returns the converted copy, or the file itself
 * @throws EABORTED; ELIMIT where the size that was asked for cannot be reached
 */
export async function converted(
  { file, mp4, state }: ReceivedFile,
  { convert, ...conversion }: Omit<Conversion, 'mp4' | 'convert'> & { convert: Conversion['convert'] | 'none' },
): Promise<ReadyFile> {
  if (convert === 'none') return { path: conversion.path, file, state };
  try {
    const made = await conversions.run(conversion.signal, () => convertFile({ ...conversion, convert, mp4 }));
    // Before it is hashed: what changes meanwhile shows.
    const changedState = stateOf(await stat(made.path));
    const facts = { size: made.size, sha256: await hashFile(made.path), ...videoFacts(made.mp4) };
    const problems = [...file.problems, ...made.problems];
    return { path: made.path, file: { ...file, ...facts, problems }, state: changedState };
  } catch (thrown) {
    const { code, message } = toClipError(thrown);
    if (conversion.signal.aborted || !keepsOriginal.has(code)) throw thrown;
    const problems = [...file.problems, `not converted. ${message}`];
    return { path: conversion.path, file: { ...file, problems }, state };
  }
}

/**
 * The file is safe here, so a missing thumbnail only becomes a note. A picture that is there already is replaced where videos
 * of the same name are, and otherwise never: it may be somebody else's. The very same picture needs no second file.
 */
async function withThumbnail(
  file: ClipFile,
  exists: Exists,
  findFfmpeg: () => Promise<string>,
  signal: AbortSignal,
  atSeconds?: number,
): Promise<ClipFile> {
  const { dir, name } = parse(file.path);
  const wanted = join(dir, `${name}.jpg`);
  const output = newPartPath({ filename: wanted, jobId: randomUUID() });
  try {
    const ffmpeg = await findFfmpeg();
    await conversions.run(signal, () =>
      makeThumbnail({ path: file.path, seconds: file.duration, atSeconds, output, ffmpeg, signal }),
    );
    if (exists !== 'overwrite' && (await isSame(output, wanted))) {
      await rm(output);
      return { ...file, thumbnail: wanted };
    }
    const rule = exists === 'overwrite' ? 'overwrite' : 'rename';
    return { ...file, thumbnail: await publish(output, wanted, rule, async () => undefined) };
  } catch (thrown) {
    await rm(output, { force: true }).catch(() => undefined);
    if (signal.aborted) throw thrown;
    return { ...file, problems: [...file.problems, toClipError(thrown).message] };
  }
}

async function isSame(file: string, other: string): Promise<boolean> {
  const { size } = await stat(file);
  // Mostly there is none: then nothing has to be hashed.
  return (await isFile(other, size, undefined)) && isFile(other, size, await hashFile(file));
}

/** The range's start, the instant that it was asked around, or the middle of the video. */
export type Snapshot = 'start' | 'instant' | 'middle';

export interface Picture {
  clip: Clip;
  exists: Exists;
  /** Absent: from the middle, and called a thumbnail only. */
  snapshot?: Snapshot;
}

export async function withPicture(
  { clip, exists, snapshot }: Picture,
  file: ClipFile,
  findFfmpeg: () => Promise<string>,
  signal: AbortSignal,
): Promise<ClipFile> {
  const atSeconds = snapshot && snapshotSeconds(clip, file, snapshot);
  const pictured = await withThumbnail(file, exists, findFfmpeg, signal, atSeconds);
  return snapshot && pictured.thumbnail !== undefined ? { ...pictured, snapshot: pictured.thumbnail } : pictured;
}

/** At its very end a video has no picture any more. */
const lastPictureSeconds = 0.2;

/** Moment of a snapshot, in seconds of the file; `undefined`: its middle. */
export function snapshotSeconds(
  { start, time }: Pick<Clip, 'start' | 'time'>,
  { extraBefore = 0, missingBefore, duration = Infinity }: Pick<ClipFile, 'extraBefore' | 'missingBefore' | 'duration'>,
  snapshot: Snapshot,
): number | undefined {
  const instant = snapshot === 'start' ? start : snapshot === 'instant' ? time : undefined;
  if (instant === undefined) return undefined;
  const seconds = (Date.parse(instant) - Date.parse(start)) / 1000 + extraBefore - missingBefore;
  return Math.max(0, Math.min(seconds, duration - lastPictureSeconds));
}

/** The file is safe here, so trouble with deleting is tried again for a moment, and then only becomes a note. */
export async function deleteClip(
  clip: Clip,
  file: ClipFile,
  connection: Connection,
  clock: Clock,
  signal: AbortSignal,
): Promise<ClipFile> {
  for (let failures = 1; ; failures += 1) {
    try {
      await connection.deleteClip(clip, signal);
      return file;
    } catch (thrown) {
      const error = toClipError(thrown);
      // Not now, then: the next run finds the file here.
      if (signal.aborted) throw thrown;
      if (!error.inconclusive && (error.code === 'ENOTFOUND' || error.code === 'EEXPIRED')) return file;
      const afterMs = retryDelayMs(error, failures);
      if (afterMs === undefined) {
        return { ...file, problems: [...file.problems, `the clip was not deleted on the server: ${error.message}`] };
      }
      await pause(afterMs, clock, signal);
    }
  }
}
