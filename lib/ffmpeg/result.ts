// Compares a converted video with its source: ffmpeg may report success all the same.
import type { Mp4Info } from '../mp4';

/**
 * Why a result is not the video that was asked for; `undefined` where it is.
 * @param encodedHeight the limit where pictures were encoded
 */
export function resultProblem(result: Mp4Info, source: Mp4Info, encodedHeight: number | undefined): string | undefined {
  if (!result.whole) return result.problems.join('; ');
  if (!result.hasVideo) return 'there is no video track in it';
  // Time that the source skipped (between fragments) counts in the result, so it may well be longer.
  if (source.duration !== undefined && (result.duration ?? 0) < source.duration - toleranceSeconds(source.duration)) {
    return `it has ${(result.duration ?? 0).toFixed(1)} of ${source.duration.toFixed(1)} s`;
  }
  if (encodedHeight === undefined) return undefined;
  if (result.codec !== 'h264') return `its codec is ${result.codec ?? 'not known'}`;
  if (encodedHeight > 0 && (result.height ?? Infinity) > encodedHeight) return `it is ${result.height} pixels high`;
  return undefined;
}

/** The last picture may lose its duration, and slow cameras have long ones. */
function toleranceSeconds(seconds: number): number {
  return Math.max(Math.min(1, seconds / 2), seconds * 0.02);
}
