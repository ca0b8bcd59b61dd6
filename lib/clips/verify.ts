import { open } from 'node:fs/promises';
import { describeClip, type Clip, type ClipFile } from '../provider';
import { fileSource, readMp4, sniff, type Mp4Info, type Mp4Source } from '../mp4';
import { ClipError } from '../errors';
import { hashFile, isFile } from '../files/hash';
import type { Received } from './receive';

export interface Verification {
  /** What is wrong, in words. Empty: the file is the whole clip. */
  problems: string[];
  /** Does any of it mean that footage is missing or damaged? */
  incomplete: boolean;
  /** Seconds of the requested range that the file lacks. */
  missingBefore: number;
  missingAfter: number;
}

/**
 * Clips start and end at key frames, so a file may be a little shorter than its range: a tenth of it, but at least one second
 * and at most five.
 */
export function toleranceSeconds(rangeSeconds: number): number {
  return Math.min(5, Math.max(1, rangeSeconds / 10));
}

/**
 * Is this file the clip that was asked for? Footage that the vendor is known not to have is reported as missing, but its
 * absence does not make the file incomplete.
 * @param size bytes
 */
export function verify(clip: Clip, size: number, mp4: Mp4Info): Verification {
  const rangeSeconds = secondsBetween(clip.start, clip.end);
  const gaps = clip.gaps ?? [];
  const footageSeconds = gaps.reduce((left, gap) => left - secondsBetween(gap.start, gap.end), rangeSeconds);
  const problems = [...mp4.problems];
  let incomplete = !mp4.whole || !mp4.hasVideo;
  if (!mp4.hasVideo && mp4.whole) problems.push('there is no video track in the file');
  let lostSeconds = 0;
  if (mp4.duration === undefined) {
    if (mp4.hasVideo) problems.push('the duration of the video is not known');
  } else if (mp4.duration < footageSeconds - toleranceSeconds(rangeSeconds)) {
    lostSeconds = footageSeconds - mp4.duration;
    problems.push(`the video has ${mp4.duration.toFixed(1)} of ${footageSeconds.toFixed(1)} s`);
    incomplete = true;
  }
  if (clip.size !== undefined && clip.size !== size) {
    problems.push(`the server announced ${clip.size} bytes for this clip and sent ${size}`);
  }
  const first = gaps.find((gap) => gap.start === clip.start);
  const last = gaps.find((gap) => gap.end === clip.end && gap !== first);
  return {
    problems,
    incomplete,
    missingBefore: first ? secondsBetween(first.start, first.end) : 0,
    // Where in the range an unexpected loss lies cannot be told from the file: mostly at its end.
    missingAfter: rounded((last ? secondsBetween(last.start, last.end) : 0) + lostSeconds),
  };
}

function secondsBetween(start: string, end: string): number {
  return rounded((Date.parse(end) - Date.parse(start)) / 1000);
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

const sniffBytes = 512;

export interface VerifiedFile {
  file: Omit<ClipFile, 'path' | 'seconds' | 'resumed'>;
  mp4: Mp4Info;
}

/** @throws what cut the transfer off, unless it is lenient and anything came at all */
export function refuseCut(clip: Clip, { cut, size }: Received, { lenient }: { lenient: boolean }): void {
  if (cut && (!lenient || size === 0)) throw new ClipError(cut.code, `${downloading(clip)}: ${cut.message}`, cut);
}

/**
 * What the received bytes are.
 * @param rules `declaredSha256` as the vendor announced it; `strict`: what is incomplete is an error; `lenient`: even what was
 * damaged on the way is taken as far as it can be used
 * @throws EINCOMPLETE or EPROTOCOL when the bytes are not the clip
 */
export async function verifyFile(
  clip: Clip,
  { cut, size, sha256 }: Received & { sha256: string },
  source: Mp4Source,
  rules: { declaredSha256?: string; strict: boolean; lenient: boolean },
): Promise<VerifiedFile> {
  const action = downloading(clip);
  const content = sniff(await source.read(0, Math.min(sniffBytes, size)));
  if (content !== 'mp4') {
    const what =
      content === 'empty' ? 'nothing' : content === 'unknown' ? 'something that is not MP4' : content.toUpperCase();
    throw new ClipError('EPROTOCOL', `${action}: the server sent ${what} instead of video`);
  }
  const declared = rules.declaredSha256 ?? clip.sha256;
  if (declared && declared.toLowerCase() !== sha256) {
    throw new ClipError('EINCOMPLETE', `${action}: the SHA-256 is not the one that the server announced`, {
      retryable: true,
    });
  }
  const mp4 = await readMp4(source);
  const { incomplete, missingBefore, missingAfter, problems: found } = verify(clip, size, mp4);
  const problems = [...(cut ? [cut.message] : []), ...found];
  // Bytes that end inside a box were cut on the way: another try may bring them. Footage that the vendor lacks stays missing.
  const mayImprove = !mp4.whole;
  if (incomplete && (rules.strict || (mayImprove && !rules.lenient))) {
    throw new ClipError('EINCOMPLETE', `${action}: ${problems.join('; ')}`, { retryable: mayImprove });
  }
  const { duration, width, height, codec } = mp4;
  const facts = { size, sha256, duration, width, height, codec };
  return { file: { ...facts, missingBefore, missingAfter, gaps: clip.gaps ?? [], problems }, mp4 };
}

function downloading(clip: Clip): string {
  return `Downloading the clip of ${describeClip(clip)}`;
}

/** Describes a file that holds the clip whole; `undefined` where it does not, or where that cannot be told. */
export async function matchExistingFile(clip: Clip, path: string): Promise<ClipFile | undefined> {
  if (clip.size === undefined || !(await isFile(path, clip.size, undefined))) return undefined;
  const handle = await open(path, 'r');
  try {
    const source = await fileSource(handle);
    const mp4 = await readMp4(source);
    const { incomplete, problems, missingBefore, missingAfter } = verify(clip, source.size, mp4);
    if (incomplete) return undefined;
    const sha256 = await hashFile(path);
    if (clip.sha256 && clip.sha256.toLowerCase() !== sha256) return undefined;
    const { duration, width, height, codec } = mp4;
    const facts = { duration, width, height, codec, missingBefore, missingAfter, problems };
    return { path, size: source.size, sha256, ...facts, gaps: clip.gaps ?? [], resumed: false, seconds: 0 };
  } finally {
    await handle.close();
  }
}
