// Decides whether received bytes are the clip that was asked for: a whole MP4, as long as its range.
import { describeClip, type Clip, type ClipFile, type Range } from '../provider';
import { readMp4, sniff, videoFacts, withFile, type Mp4Info, type Mp4Source } from '../mp4';
import { ClipError, reasonFirst } from '../errors';
import { hashFile, isFile } from '../files/hash';
import { secondsOf } from '../time-range';
import type { Received } from './receive';

export interface Verification {
  /** Defects, in words. Empty: the file is the whole clip. */
  problems: string[];
  /** Does any of it mean that footage is missing or damaged? */
  incomplete: boolean;
  /** Seconds of the requested range that the file lacks. */
  missingBefore: number;
  missingAfter: number;
  /** Seconds that the file holds beyond the range, where that is known. */
  extraBefore?: number;
  extraAfter?: number;
}

/**
 * Clips start and end at key frames, so a file may be a little shorter than its range: a tenth of it, but at least one second
 * and at most five.
 */
export function toleranceSeconds(rangeSeconds: number): number {
  return Math.min(5, Math.max(1, rangeSeconds / 10));
}

/** Clips may begin and end a key-frame interval outside of their range; no camera has longer ones. */
const mostExtraSeconds = 10;

/**
 * Is this file the clip that was asked for? The length of the file is the evidence: footage that the vendor is known not to
 * have explains what is missing, up to as much as is missing, and its absence does not make the file incomplete.
 * @param size bytes; `undefined` where a checksum has settled it
 */
export function verify(clip: Clip, size: number | undefined, mp4: Mp4Info): Verification {
  const problems = [...mp4.problems];
  let incomplete = !mp4.whole || !mp4.hasVideo;
  if (!mp4.hasVideo && mp4.whole) problems.push('there is no video track in the file');
  if (mp4.duration === undefined && mp4.hasVideo) problems.push('the duration of the video is not known');
  const missing = missingOf(clip, mp4.duration);
  if (missing.isShort) {
    problems.push(`the video has ${mp4.duration!.toFixed(1)} of ${missing.expectedSeconds.toFixed(1)} s`);
    incomplete = true;
  }
  if (missing.explainedSeconds > toleranceSeconds(roundedSecondsOf(clip))) {
    problems.push(`the video system has no footage of ${missing.explainedSeconds.toFixed(1)} s of the range`);
  }
  if (clip.size !== undefined && size !== undefined && clip.size !== size) {
    problems.push(`the server announced ${clip.size} bytes for this clip and sent ${size}`);
  }
  const { missingBefore, missingAfter } = missing;
  const extra = extraOf(clip);
  if (!extra) problems.push(...tooLong(clip, mp4.duration));
  return { problems, incomplete, missingBefore, missingAfter, ...extra };
}

interface Missing extends Pick<Verification, 'missingBefore' | 'missingAfter'> {
  isShort: boolean;
  expectedSeconds: number;
  /** Of what is missing, what the vendor is known not to have. */
  explainedSeconds: number;
}

function missingOf(clip: Clip, duration: number | undefined): Missing {
  const { end, gaps = [], start } = clip;
  const rangeSeconds = roundedSecondsOf(clip);
  const wholeSeconds = Math.max(rangeSeconds, clip.footage ? roundedSecondsOf(clip.footage) : 0);
  let left = duration === undefined ? rangeSeconds : Math.min(rangeSeconds, Math.max(0, wholeSeconds - duration));
  const take = (found: Range[]): number => {
    const length = found.reduce((sum, gap) => sum + roundedSecondsOf(gap), 0);
    const taken = rounded(Math.min(left, length));
    left = rounded(left - taken);
    return taken;
  };
  const first = gaps.find((gap) => gap.start === start);
  const last = gaps.find((gap) => gap.end === end && gap !== first);
  const missingBefore = take(first ? [first] : []);
  const missingAfter = take(last ? [last] : []);
  const between = take(gaps.filter((gap) => gap !== first && gap !== last));
  const explainedSeconds = missingBefore + missingAfter + between;
  const isShort = duration !== undefined && left > toleranceSeconds(rangeSeconds);
  const expectedSeconds = rounded(wholeSeconds - explainedSeconds);
  // The file does not show where in the range an unexpected loss lies: mostly at its end.
  const lost = isShort ? left : 0;
  return { isShort, expectedSeconds, explainedSeconds, missingBefore, missingAfter: rounded(missingAfter + lost) };
}

/** Seconds beyond the range, where the vendor says what the file spans. */
function extraOf({ start, end, footage }: Clip): Pick<Verification, 'extraBefore' | 'extraAfter'> | undefined {
  if (!footage) return undefined;
  const extraBefore = Math.max(0, roundedSecondsOf({ start: footage.start, end: start }));
  const extraAfter = Math.max(0, roundedSecondsOf({ start: end, end: footage.end }));
  return { ...(extraBefore > 0 ? { extraBefore } : {}), ...(extraAfter > 0 ? { extraAfter } : {}) };
}

function tooLong(clip: Clip, duration = 0): string[] {
  const rangeSeconds = roundedSecondsOf(clip);
  const extra = duration - rangeSeconds;
  if (extra <= Math.max(mostExtraSeconds, toleranceSeconds(rangeSeconds))) return [];
  return [`the video has ${duration.toFixed(1)} s, ${extra.toFixed(1)} s more than was asked for`];
}

function roundedSecondsOf(range: Range): number {
  return rounded(secondsOf(range));
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
  if (cut && (!lenient || size === 0)) throw new ClipError(cut.code, reasonFirst(cut.message, downloading(clip)), cut);
}

export interface VerificationRules {
  /** As the vendor announced it. */
  declaredSha256?: string;
  /** An incomplete file is an error. */
  strict: boolean;
  /** Even what was damaged on the way is taken as far as it can be used. */
  lenient: boolean;
  /** Of what came the last time, and was damaged: where the same comes again, the server has nothing better. */
  damagedSha256?: string;
  /** Stores the hash of what is damaged this time. */
  onDamaged(sha256: string): Promise<void>;
}

/**
 * Verifies the received bytes, and describes their file.
 * @throws EINCOMPLETE or EPROTOCOL when the bytes are not the clip
 */
export async function verifyFile(
  clip: Clip,
  { cut, size, sha256 }: Received & { sha256: string },
  source: Mp4Source,
  rules: VerificationRules,
): Promise<VerifiedFile> {
  const action = downloading(clip);
  const content = sniff(await source.read(0, Math.min(sniffBytes, size)));
  if (content !== 'mp4') {
    const what =
      content === 'empty' ? 'nothing' : content === 'unknown' ? 'something that is not MP4' : content.toUpperCase();
    throw new ClipError('EPROTOCOL', reasonFirst(`the server sent ${what} instead of video`, action));
  }
  const declared = rules.declaredSha256 ?? clip.sha256;
  if (declared && declared.toLowerCase() !== sha256) {
    throw new ClipError('EINCOMPLETE', reasonFirst('the SHA-256 is not the one that the server announced', action), {
      retryable: true,
    });
  }
  const mp4 = await readMp4(source);
  const { incomplete, problems: found, ...ends } = verify(clip, declared ? undefined : size, mp4);
  const problems = [...(cut ? [cut.message] : []), ...found];
  // Bytes that end inside a box were cut on the way: another try may bring them. Footage that the vendor lacks stays missing.
  const mayImprove = !mp4.whole && rules.damagedSha256 !== sha256;
  if (incomplete && (rules.strict || (mayImprove && !rules.lenient))) {
    if (mayImprove) await rules.onDamaged(sha256);
    throw new ClipError('EINCOMPLETE', reasonFirst(problems.join('; '), action), { retryable: mayImprove });
  }
  return { file: { size, sha256, ...videoFacts(mp4), ...ends, gaps: clip.gaps ?? [], problems }, mp4 };
}

function downloading(clip: Clip): string {
  return `Downloading the clip of ${describeClip(clip)}`;
}

/** Describes a file that holds the clip whole; `undefined` where it does not, or where that is not known. */
export async function matchExistingFile(clip: Clip, path: string): Promise<ClipFile | undefined> {
  if (clip.size === undefined || !(await isFile(path, clip.size, undefined))) return undefined;
  return withFile(path, async (source) => {
    const mp4 = await readMp4(source);
    const { incomplete, problems, ...ends } = verify(clip, source.size, mp4);
    if (incomplete) return undefined;
    const sha256 = await hashFile(path);
    if (clip.sha256 && clip.sha256.toLowerCase() !== sha256) return undefined;
    const facts = { ...videoFacts(mp4), ...ends, problems };
    return { path, size: source.size, sha256, ...facts, gaps: clip.gaps ?? [], resumed: false, seconds: 0 };
  });
}
