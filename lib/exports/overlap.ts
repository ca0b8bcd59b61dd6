/**
 * Where parts hold more than was asked for, because the vendor cuts at key frames, pictures around a border are in both
 * parts. They are found by comparing packets, byte for byte: nothing is known of where in the file a vendor puts what is too
 * much.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runFfmpeg } from '../ffmpeg/run';
import type { Range } from '../provider';
import type { Inspection } from '../mp4/inspect';
import { lengthOf } from './work';

export interface JoinPart extends Range {
  path: string;
  inspection: Inspection;
}

/** One encoded picture. */
export interface Packet {
  /** When it is to be decoded, seconds in the time of its file. */
  at: number;
  size: string;
  hash: string;
}

/** From `outpoint` on, the next part has the same pictures. */
export interface Cut {
  /** In the time of the file. */
  outpoint: number;
  /** What is left of the part. */
  seconds: number;
}

interface Tools {
  folder: string;
  ffmpeg: string;
  signal: AbortSignal;
}

/** Less is the rounding of a picture's time. */
const slackSeconds = 0.05;
/** A part may also hold less elsewhere than it should. */
const moreSeconds = 1;
/** Cuts lie a little before the packet that comes twice: times of files are coarser than ours. */
const beforeSeconds = 0.001;

/** For each part, where to leave it; `problems` name the borders at which it could not be found out. */
export async function findOverlaps(
  parts: JoinPart[],
  tools: Tools,
): Promise<{ cuts: (Cut | undefined)[]; problems: string[] }> {
  const cuts: (Cut | undefined)[] = parts.map(() => undefined);
  const problems: string[] = [];
  for (let index = 0; index + 1 < parts.length; index += 1) {
    const [part, next] = [parts[index]!, parts[index + 1]!];
    const excess = excessOf(part) + excessOf(next);
    if (part.end !== next.start || excess < slackSeconds) continue;
    const tail = await packetsOf(part, 'end', excess + moreSeconds, tools);
    const start = await packetsOf(next, 'start', excess + moreSeconds, tools);
    const at = repeatsFrom(tail, start, excess + moreSeconds);
    if (at !== undefined) {
      const length = part.inspection.mp4.duration ?? lengthOf(part);
      cuts[index] = { outpoint: at - beforeSeconds, seconds: Math.max(0, length - (endOf(tail) - at)) };
    } else if (excess > moreSeconds) {
      problems.push(`${excess.toFixed(1)} s around ${next.start} may be there twice`);
    }
  }
  return { cuts, problems };
}

function excessOf({ start, end, inspection }: JoinPart): number {
  return Math.max(0, (inspection.mp4.duration ?? 0) - lengthOf({ start, end }));
}

/**
 * From when on the end of one part is what the next one starts with: all of it, so that a picture that happens to look like
 * another one means nothing.
 */
export function repeatsFrom(tail: Packet[], start: Packet[], mostSeconds: number): number | undefined {
  const earliest = endOf(tail) - mostSeconds;
  const found = tail.find(
    ({ at }, index) =>
      at >= earliest &&
      tail.length - index <= start.length &&
      tail.slice(index).every(({ hash, size }, offset) => {
        const same = start[offset]!;
        return same.hash === hash && same.size === size;
      }),
  );
  return found?.at;
}

/** When what comes after these packets would start. */
function endOf(packets: Packet[]): number {
  const [last, before] = [packets.at(-1), packets.at(-2)];
  if (!last) return 0;
  return last.at + (before ? last.at - before.at : 0);
}

async function packetsOf(
  { path }: JoinPart,
  which: 'start' | 'end',
  seconds: number,
  { folder, ffmpeg, signal }: Tools,
): Promise<Packet[]> {
  const output = join(folder, 'packets.txt');
  const span = which === 'start' ? ['-t', seconds.toFixed(3)] : ['-sseof', `-${seconds.toFixed(3)}`];
  try {
    await runFfmpeg({
      ffmpeg,
      inputs: [{ path, format: 'mp4', options: ['-copyts', ...span] }],
      output: { path: output, format: 'framehash', options: ['-map', '0:V:0', '-c', 'copy', '-hash', 'md5'] },
      signal,
    });
    return readPackets(await readFile(output, 'utf8'));
  } finally {
    await rm(output, { force: true });
  }
}

/** @param text lines `stream, dts, pts, duration, size, hash` below a head that has the unit of time, `#tb 0: 1/12800` */
export function readPackets(text: string): Packet[] {
  const [, numerator, denominator] = /^#tb 0: (\d+)\/(\d+)$/m.exec(text) ?? [];
  const unit = Number(numerator) / Number(denominator);
  return text
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter((fields) => fields.length >= 6 && fields[0] === '0')
    .map(([, dts, , , size, hash]) => ({ at: Number(dts) * unit, size: size!, hash: hash! }));
}
