// Finds out how two parts of an export meet: which pictures are in both of them, and which are not to be shown.
import type { FileHandle } from 'node:fs/promises';
import { lengthOf as secondsOf, shownAt, type MediaTrack } from '../mp4';

/** The pictures of a part that go into the joined file: `from` up to and without `to`, but for those in `without`. */
export interface Kept {
  from: number;
  to: number;
  without: ReadonlySet<number>;
}

/** A video track, and the file that its pictures lie in. */
export interface OpenTrack {
  track: MediaTrack;
  handle: FileHandle;
}

/**
 * From which picture on the end of one part is what the next one starts with: all of it, byte for byte, so that a picture that
 * happens to look like another one means nothing.
 * @param mostSeconds that may be in both
 */
export async function repeatsFrom(part: OpenTrack, next: OpenTrack, mostSeconds: number): Promise<number | undefined> {
  const { samples } = part.track;
  const head = next.track.samples;
  const count = samples.bytes.length;
  for (let index = firstWithin(part.track, mostSeconds); index < count; index += 1) {
    const length = count - index;
    if (!samples.sync[index] || length > head.bytes.length) continue;
    if (isSame(samples.bytes, index, head.bytes) && (await sameBytes(part, index, next, length))) return index;
  }
  return undefined;
}

function firstWithin({ samples, timescale }: MediaTrack, seconds: number): number {
  const earliest = samples.end - seconds * timescale;
  let index = samples.time.length;
  while (index > 0 && samples.time[index - 1]! >= earliest) index -= 1;
  return index;
}

/** Does one list end as the other one starts? */
function isSame(list: number[], from: number, start: number[]): boolean {
  for (let index = from; index < list.length; index += 1) if (list[index] !== start[index - from]) return false;
  return true;
}

async function sameBytes(part: OpenTrack, from: number, next: OpenTrack, count: number): Promise<boolean> {
  for (let index = 0; index < count; index += 1) {
    const [one, other] = [await readSample(part, from + index), await readSample(next, index)];
    if (!one.equals(other)) return false;
  }
  return true;
}

/** The bytes of one picture; fewer where the file ends before. */
export async function readSample({ handle, track: { samples } }: OpenTrack, index: number): Promise<Buffer> {
  const bytes = Buffer.alloc(samples.bytes[index]!);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, samples.offset[index]);
  return bytes.subarray(0, bytesRead);
}

/**
 * The pictures of a part that are to be shown. Where the part before ends as this one starts, its first pictures take the
 * place of those, whatever its edit list hides.
 * @returns `undefined` where pictures are needed that must not be shown: no file can be put before or behind these
 */
export function shownPictures(
  track: MediaTrack,
  where: { isFirst: boolean; isLast: boolean; repeats: boolean; to: number | undefined },
): Kept | undefined {
  const { samples, shown } = track;
  const timeOf = (index: number): number => samples.time[index]! + samples.shift[index]!;
  // Rounding of edit lists must not hide a picture.
  const slack = track.timescale / 1000;
  const isBefore = (index: number): boolean => timeOf(index) < shown.from - slack;
  const isAfter = (index: number): boolean => timeOf(index) >= shown.to - slack;
  const without = new Set<number>();
  let from = 0;
  let to = where.to ?? samples.bytes.length;
  if (where.to === undefined) {
    while (to > 0 && isAfter(to - 1)) to -= 1;
    for (let index = 0; index < to; index += 1) if (isAfter(index) && !where.isLast) return undefined;
  }
  if (!where.repeats && !where.isFirst) {
    while (from < to && isBefore(from)) from += 1;
    if (from === to || (from > 0 && !samples.sync[from])) return undefined;
    // Behind a key frame and before it on the screen: these belong to pictures that are not there.
    for (let index = from; index < to; index += 1) if (isBefore(index)) without.add(index);
  }
  return from < to ? { from, to, without } : undefined;
}

/** Seconds on the time line of the file. */
export interface PictureSpan {
  first: number;
  end: number;
}

/** When the first of these pictures is shown, and when the last one is over. */
export function spanOf(track: MediaTrack, { from, to, without }: Kept, isFirst: boolean): PictureSpan {
  const { shown, timescale } = track;
  let first = Infinity;
  let last = -Infinity;
  let lastLength = 0;
  let decoded = 0;
  for (let index = from; index < to; index += 1) {
    if (without.has(index)) continue;
    const at = shownAt(track, index);
    // Pictures before the edit list of the first part stay hidden by that of the new file.
    if (at < first && !(isFirst && at < shown.delay - 0.001)) first = at;
    decoded += secondsOf(track, index);
    if (at > last) [last, lastLength] = [at, secondsOf(track, index)];
  }
  if (first === Infinity) first = shownAt(track, from);
  const hidden = isFirst ? Math.max(0, first - Math.min(first, shownAt(track, from))) : 0;
  const end = Math.max(last + lastLength, first + decoded - hidden);
  const limit = (shown.to - shown.from) / timescale + shown.delay;
  return { first, end: Math.max(last + 0.001, Math.min(end, limit)) };
}
