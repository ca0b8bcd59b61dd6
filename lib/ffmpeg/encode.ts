/** How a video is to be remuxed or encoded: sums and ffmpeg options, no files. */
import type { Mp4Info } from '../mp4';

/** Below this not even a small picture shows what happens. */
export const leastVideoBitsPerSecond = 16_000;
/** What no camera needs; beyond, ffmpeg's buffer sizes overflow. */
const mostVideoBitsPerSecond = 100_000_000;
/** Of AAC sound wherever the size of the file matters. */
export const audioBitsPerSecond = 64_000;

/** The container's index: samples of some 25 pictures and 47 sounds each second, and what is there in any case. */
const indexBytesPerSecond = 500;
const headBytes = 8192;
/** An encoder meets the rate it was given only about. */
const aim = 0.97;

export interface BitratePlan {
  /** Duration of the video. */
  seconds: number;
  /** The whole file, at most. */
  maxBytes: number;
  hasAudio: boolean;
  audioBitsPerSecond: number;
}

/** The rate at which video fills what sound and container leave of a file. */
export function planBitrate(plan: BitratePlan): { videoBitsPerSecond: number } | 'too small' {
  const { seconds, maxBytes, hasAudio } = plan;
  const mediaBits = (maxBytes * aim - headBytes - indexBytesPerSecond * seconds) * 8;
  const videoBitsPerSecond = Math.floor(mediaBits / seconds - (hasAudio ? plan.audioBitsPerSecond : 0));
  if (videoBitsPerSecond < leastVideoBitsPerSecond) return 'too small';
  return { videoBitsPerSecond: Math.min(videoBitsPerSecond, mostVideoBitsPerSecond) };
}

/** The smallest `maxBytes` for which there is a plan. */
export function leastBytes({ seconds, hasAudio, audioBitsPerSecond }: Omit<BitratePlan, 'maxBytes'>): number {
  const bitsPerSecond = leastVideoBitsPerSecond + (hasAudio ? audioBitsPerSecond : 0);
  return Math.ceil((seconds * (bitsPerSecond / 8 + indexBytesPerSecond) + headBytes) / aim);
}

/** What to try after `videoBitsPerSecond` gave a file of `size` bytes, more than `maxBytes`. */
export function smallerBitrate(
  videoBitsPerSecond: number,
  { size, maxBytes, seconds }: { size: number; maxBytes: number; seconds: number },
): { videoBitsPerSecond: number } | 'too small' {
  const inProportion = videoBitsPerSecond * (maxBytes / size);
  // Where sound is much of the file, all of the excess has to come from the video.
  const withoutExcess = videoBitsPerSecond - ((size - maxBytes) * 8) / seconds;
  const next = Math.floor(Math.min(inProportion, withoutExcess) * aim);
  return next >= leastVideoBitsPerSecond ? { videoBitsPerSecond: next } : 'too small';
}

/** Sound that MP4 holds as it is. */
const audioForMp4: readonly string[] = ['aac', 'mp3', 'ac3', 'eac3', 'opus', 'alac', 'flac'];

/**
 * Same pictures, index first; sound that may not stay (a camera's G.711 never may) becomes AAC. Tracks of data (time codes,
 * camera metadata) are left out: MP4 takes hardly any of them.
 */
export function copyOptions({ audioCodec }: Mp4Info, convert: 'faststart' | 'h264'): string[] {
  const mayStay = convert === 'faststart' ? audioForMp4 : ['aac'];
  const audio = audioCodec === undefined || mayStay.includes(audioCodec) ? [] : ['-c:a', 'aac'];
  return ['-map', '0:V', '-map', '0:a?', '-map', '0:s?', '-c', 'copy', ...audio, '-movflags', '+faststart'];
}

/** Quality first; or an average rate, in the second of two passes. */
export type Encoding =
  | { by: 'quality'; maxBitsPerSecond?: number }
  | { by: 'size'; videoBitsPerSecond: number; pass: 1 | 2; passLog: string };

/** H.264 that plays everywhere. `maxHeight` in pixels, 0 to keep it. */
export function encodeOptions({ audioCodec }: Mp4Info, maxHeight: number, encoding: Encoding): string[] {
  const video = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-vf', scaleFilter(maxHeight)];
  const streams = ['-map', '0:V:0', ...video, ...rateOptions(encoding)];
  if (encoding.by === 'size' && encoding.pass === 1) return streams;
  const keepsAudio = audioCodec === 'aac' && encoding.by === 'quality' && encoding.maxBitsPerSecond === undefined;
  const audio = keepsAudio ? ['-c:a', 'copy'] : ['-c:a', 'aac', '-b:a', String(audioBitsPerSecond)];
  // Sound that starts late must not fill the short queue that older versions have.
  return [...streams, '-map', '0:a:0?', ...audio, '-max_muxing_queue_size', '1024', '-movflags', '+faststart'];
}

function rateOptions(encoding: Encoding): string[] {
  if (encoding.by === 'size') {
    const { videoBitsPerSecond, pass, passLog } = encoding;
    return ['-b:v', String(videoBitsPerSecond), '-pass', String(pass), '-passlogfile', passLog];
  }
  const { maxBitsPerSecond: most } = encoding;
  return ['-crf', '23', ...(most === undefined ? [] : ['-maxrate', String(most), '-bufsize', String(2 * most)])];
}

/** Never larger; even numbers, because 4:2:0 has one colour for two by two pixels. */
function scaleFilter(maxHeight: number): string {
  if (maxHeight === 0) return 'scale=w=trunc(iw/2)*2:h=trunc(ih/2)*2';
  return `scale=w=-2:h='trunc(min(ih,${maxHeight})/2)*2'`;
}
