// Post-processing of a verified download: conversion, thumbnail, deletion on the server.
import { join, parse } from 'node:path';
import type { Connection } from '../connection/connection';
import { toClipError, type ErrorCode } from '../errors';
import type { Clip, ClipFile } from '../provider';
import { Semaphore } from '../async/semaphore';
import { convertFile, type Conversion } from '../ffmpeg/convert';
import { hashFile } from '../files/hash';
import type { VerifiedFile } from './verify';
import { makeThumbnail } from '../ffmpeg/thumbnail';

/** Encoding takes every core there is. */
const conversions = new Semaphore(2);

/** The video that is here is worth more than none: it is kept as it came, and that is told. */
const keepsOriginal: ReadonlySet<ErrorCode> = new Set(['EFFMPEG', 'ENOSPACE']);

/**
 * @returns the path of the converted copy, or of the file itself, and what is in it
 * @throws EABORTED; ELIMIT where the size that was asked for cannot be reached
 */
export async function converted(
  { file, mp4 }: VerifiedFile,
  { convert, ...conversion }: Omit<Conversion, 'mp4' | 'convert'> & { convert: Conversion['convert'] | 'none' },
): Promise<{ path: string; file: VerifiedFile['file'] }> {
  if (convert === 'none') return { path: conversion.path, file };
  try {
    const made = await conversions.run(conversion.signal, () => convertFile({ ...conversion, convert, mp4 }));
    const { duration, width, height, codec } = made.mp4;
    const facts = { size: made.size, sha256: await hashFile(made.path), duration, width, height, codec };
    return { path: made.path, file: { ...file, ...facts, problems: [...file.problems, ...made.problems] } };
  } catch (thrown) {
    const { code, message } = toClipError(thrown);
    if (conversion.signal.aborted || !keepsOriginal.has(code)) throw thrown;
    return { path: conversion.path, file: { ...file, problems: [...file.problems, `not converted. ${message}`] } };
  }
}

/** The file is safe here, so a missing thumbnail only becomes a note. */
export async function withThumbnail(
  file: ClipFile,
  findFfmpeg: () => Promise<string>,
  signal: AbortSignal,
): Promise<ClipFile> {
  const { dir, name } = parse(file.path);
  const thumbnail = join(dir, `${name}.jpg`);
  try {
    const ffmpeg = await findFfmpeg();
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
export async function deleteClip(
  clip: Clip,
  file: ClipFile,
  connection: Connection,
  signal: AbortSignal,
): Promise<ClipFile> {
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
