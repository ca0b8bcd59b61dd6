// Encodes the sound of joined parts as AAC in one go, with silence where there is none, so that it stays in step.
import { rm, writeFile } from 'node:fs/promises';
import { runFfmpeg } from '../ffmpeg/run';
import type { PlannedPart } from './join-plan';

export interface SoundOrder {
  parts: PlannedPart[];
  /** Number of the audio track, from 0. */
  track: number;
  /** Path of the result: an MP4 file without pictures. */
  path: string;
  ffmpeg: string;
  signal: AbortSignal;
  /** Seconds of sound that are done. */
  onProgress(seconds: number): void;
}

/** @throws EABORTED, EFFMPEG, ENOSPACE */
export async function encodeSound({ parts, track, path, ffmpeg, signal, onProgress }: SoundOrder): Promise<void> {
  const list = `${path}.txt`;
  await writeFile(list, listOf(parts));
  // Steps of more than 5 ms are filled or cut at once, and sound that begins late is led in by silence.
  const inStep = 'aresample=async=1:min_hard_comp=0.005:first_pts=0';
  try {
    await runFfmpeg({
      ffmpeg,
      // Without paths from the root, names in the list would be taken for parts of an address. Sound that begins before the
      // pictures must not move everything.
      inputs: [{ path: list, format: 'concat', options: ['-copyts', '-safe', '0'] }],
      output: { path, format: 'mp4', options: ['-map', `0:a:${track}`, '-vn', '-c:a', 'aac', '-af', inStep] },
      signal,
      onProgress: ({ seconds }) => onProgress(seconds),
    });
  } finally {
    await rm(list, { force: true });
  }
}

/** Each part begins with its first picture and lasts as long as its pictures do. */
function listOf(parts: PlannedPart[]): string {
  const lines = parts.flatMap(({ end, part, shift, start }) => [
    `file '${escaped(`file:${part.path}`)}'`,
    `inpoint ${Math.max(0, start - shift).toFixed(6)}`,
    `duration ${(end - start).toFixed(6)}`,
  ]);
  return ['ffconcat version 1.0', ...lines, ''].join('\n');
}

/** Within single quotes, everything but these means itself. */
function escaped(text: string): string {
  return text.replaceAll("'", "'\\''");
}
