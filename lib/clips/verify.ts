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

/** Is this file the clip that was asked for? `size` in bytes. */
export function verify(clip: Clip, size: number, mp4: Mp4Info): Verdict {
  const rangeSeconds = (Date.parse(clip.end) - Date.parse(clip.start)) / 1000;
  const problems = [...mp4.problems];
  let incomplete = !mp4.whole || !mp4.hasVideo;
  if (!mp4.hasVideo && mp4.whole) problems.push('there is no video track in the file');
  let missingSeconds = 0;
  if (mp4.duration === undefined) {
    if (mp4.hasVideo) problems.push('the duration of the video is not known');
  } else if (mp4.duration < rangeSeconds - toleranceSeconds(rangeSeconds)) {
    missingSeconds = Math.round((rangeSeconds - mp4.duration) * 1000) / 1000;
    problems.push(`the video has ${mp4.duration.toFixed(1)} of ${rangeSeconds.toFixed(1)} s`);
    incomplete = true;
  }
  if (clip.size !== undefined && clip.size !== size) {
    problems.push(`the server announced ${clip.size} bytes for this clip and sent ${size}`);
  }
  // Where in the range the missing part lies cannot be told from the file.
  return { problems, incomplete, missingBefore: 0, missingAfter: missingSeconds };
}
