import type { Clip } from '../provider';
import type { Mp4Info } from '../mp4';

export interface Verdict {
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
export function verify(clip: Clip, size: number, mp4: Mp4Info): Verdict {
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
