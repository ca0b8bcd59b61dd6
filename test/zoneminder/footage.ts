// Makes videos for the cameras and events of the test server, and tells which of their pictures a file shows.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { findFfmpeg } from '../simulators/video';

export const picturesPerSecond = 10;

export interface FootageOptions {
  seconds: number;
  /** Seconds between key frames. */
  keyFrames?: number;
  codec?: 'h264' | 'hevc';
  audio?: boolean;
  /** `fragmented`: as the recorder writes it, with its index at the end. `plain`: its index at the end, as one piece. */
  layout?: 'fragmented' | 'plain';
}

const encoders = {
  h264: ['libx264', '-preset', 'ultrafast', '-tune', 'zerolatency'],
  hevc: ['libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error', '-tag:v', 'hvc1'],
};

/** Makes an MP4 in which no picture is like another. */
export async function makeFootage(file: string, options: FootageOptions): Promise<string> {
  const { seconds, keyFrames = 1, codec = 'h264', audio, layout = 'fragmented' } = options;
  const picture = `testsrc2=size=320x240:rate=${picturesPerSecond}:duration=${seconds}`;
  const sound = `sine=frequency=440:sample_rate=16000:duration=${seconds}`;
  const part = `${file}.part.mp4`;
  await ffmpeg([
    ...['-f', 'lavfi', '-i', picture],
    ...(audio ? ['-f', 'lavfi', '-i', sound, '-c:a', 'aac', '-b:a', '32k'] : []),
    ...['-c:v', ...encoders[codec], '-pix_fmt', 'yuv420p', '-g', String(keyFrames * picturesPerSecond)],
    ...(layout === 'fragmented' ? ['-movflags', 'frag_keyframe+empty_moov'] : []),
    ...['-y', part],
  ]);
  await rename(part, file);
  return file;
}

/** The hash of each picture that a file shows. @throws when anything in it cannot be decoded */
export async function hashPictures(file: string): Promise<string[]> {
  const lines = await ffmpeg(['-i', file, '-map', '0:v', '-f', 'framehash', '-hash', 'md5', '-']);
  return lines.split('\n').flatMap((line) => /^0,.*,\s*([0-9a-f]{32})$/.exec(line)?.[1] ?? []);
}

/** Which of these pictures a file shows, by their numbers. @throws when it shows any other */
export async function numberPictures(file: string, pictures: string[]): Promise<number[]> {
  const numbers = new Map(pictures.map((hash, index) => [hash, index]));
  return (await hashPictures(file)).map((hash, index) => {
    const number = numbers.get(hash);
    if (number === undefined) throw new Error(`Picture ${index} of ${file} is none of its source`);
    return number;
  });
}

/**
 * From when to when a file shows a live camera, epoch milliseconds. @throws when a picture in between is missing or doubled
 * @param pictures all that the camera shows, from `startedAt` on
 */
export async function shownTimes(
  file: string,
  pictures: string[],
  startedAt: number,
): Promise<{ fromMs: number; toMs: number }> {
  const numbers = await numberPictures(file, pictures);
  const [first = 0] = numbers;
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => (first + index) % pictures.length),
  );
  const timeOf = (number: number): number => startedAt + (number * 1000) / picturesPerSecond;
  return { fromMs: timeOf(first), toMs: timeOf(first + numbers.length) };
}

/** Runs ffmpeg. @throws for any complaint of it */
async function ffmpeg(args: string[]): Promise<string> {
  const child = spawn(await findFfmpeg(), ['-v', 'error', '-xerror', '-nostdin', ...args]);
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0 || complaint !== '') throw new Error(`ffmpeg ended with ${code}: ${complaint.trim()}`);
  return output;
}
