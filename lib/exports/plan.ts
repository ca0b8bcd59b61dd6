// Cuts a range of any length into clips. Pure decisions.
import { ClipError } from '../errors';
import type { Footage, Gap, Range } from '../provider';
import { complementRanges, intersectRanges, secondsOf, toRange, toTimeRange, type TimeRange } from '../time-range';

/** One camera's share of an export. ISO 8601 with `Z`. */
export interface CameraRange extends Range {
  camera: string;
}

export interface Plan {
  /** The clips to ask for, in order. They neither overlap nor leave out footage; the first may begin up to 1 s early. */
  parts: Range[];
  /** Ranges known to have no footage, in order. */
  gaps: Gap[];
}

/** Epoch milliseconds. The end belongs to what comes after it. */
interface Piece extends TimeRange {
  bytes: number;
}

/** Each is a request to the vendor, a file on the way, and an entry in the job. */
export const mostParts = 10_000;
/** Of one camera: beyond a month it was most likely a slip. */
export const longestDays = 31;
const daySeconds = 24 * 60 * 60;

/** From the first start to the last end. */
export function wholeRange(ranges: Range[]): Range {
  const [start = ''] = ranges.map((range) => range.start).sort();
  const [end = ''] = ranges
    .map((range) => range.end)
    .sort()
    .reverse();
  return { start, end };
}

/** Cuts a range by what is known of its footage. What has no footage is not asked for. */
export function planParts(range: Range, footage: Footage): Plan {
  const whole = toTimeRange(range);
  const gaps = intersectRanges(whole, footage.gaps.map(toTimeRange));
  const pieces = (footage.pieces ?? []).map((piece) => ({ ...toTimeRange(piece), bytes: piece.bytes }));
  let next = 0;
  const parts = complementRanges(whole, gaps).flatMap((stretch) => {
    // A day has tens of thousands of pieces, and may have hundreds of stretches: both are in order.
    while (next < pieces.length && pieces[next]!.end <= stretch.start) next += 1;
    const own: Piece[] = [];
    for (let at = next; at < pieces.length && pieces[at]!.start < stretch.end; at += 1) own.push(pieces[at]!);
    return own.length > 0 ? cutBetweenPieces(stretch, own, footage) : cutEvenly(stretch, footage);
  });
  return {
    parts: parts.map(toRange),
    gaps: gaps.map(toRange),
  };
}

/**
 * To be called before anything is started.
 * @param maxClipSeconds the longest clip of the vendor, where known
 * @throws ELIMIT naming what fits
 */
export function checkSize(ranges: CameraRange[], maxClipSeconds: number | undefined): void {
  for (const range of ranges) {
    const days = secondsOf(range) / daySeconds;
    if (days <= longestDays) continue;
    throw tooMuch(
      `The range of camera ${range.camera} is ${Math.ceil(days)} days long. One export takes at most ${longestDays} days`,
    );
  }
  const clips = ranges.reduce((sum, range) => sum + clipsNeeded(range, maxClipSeconds), 0);
  checkCount(clips, ranges.length, maxClipSeconds);
}

/** Number of clips that a range takes where nothing is known of its footage. */
export function clipsNeeded(range: Range, maxClipSeconds = Infinity): number {
  const { from, to } = wholeSeconds(toTimeRange(range));
  return Math.max(1, Math.ceil((to - from) / Math.max(1, Math.floor(maxClipSeconds))));
}

/** @throws ELIMIT naming what fits */
export function checkCount(parts: number, cameras: number, maxClipSeconds: number | undefined): void {
  if (parts <= mostParts) return;
  const hours = ((mostParts / cameras) * (maxClipSeconds ?? 0)) / 3600;
  const fits = maxClipSeconds ? `, which is about ${Math.floor(hours)} hours of ${cameras} camera(s) here` : '';
  throw tooMuch(`The export would take ${parts} clips. One export takes at most ${mostParts} clips${fits}`);
}

function tooMuch(why: string): ClipError {
  return new ClipError('ELIMIT', `${why}. Export it in several steps`);
}

/**
 * Into equal parts: a short rest would cost as much as any other clip. Several parts begin on whole seconds, the first one a
 * little early where need be: every vendor can express that, none of them rounds one part into the next, and with whole
 * lengths the limit holds.
 */
function cutEvenly(stretch: TimeRange, { maxClipSeconds }: Footage): TimeRange[] {
  const count = clipsNeeded(toRange(stretch), maxClipSeconds);
  if (count === 1) return [stretch];
  const { from, to } = wholeSeconds(stretch);
  const cut = (index: number): number => (from + Math.floor((index * (to - from)) / count)) * 1000;
  return Array.from({ length: count }, (_, index) => ({
    start: cut(index),
    end: index === count - 1 ? stretch.end : cut(index + 1),
  }));
}

/** As much into each part as is allowed. A piece belongs to the part in which it starts. */
function cutBetweenPieces(stretch: TimeRange, own: Piece[], footage: Footage): TimeRange[] {
  const { maxClipSeconds = Infinity, maxPieces = Infinity, maxBytes = Infinity } = footage;
  const parts: TimeRange[] = [];
  let part = { start: stretch.start, pieces: 0, bytes: 0 };
  for (const piece of own) {
    const isFull =
      part.pieces + 1 > maxPieces ||
      part.bytes + piece.bytes > maxBytes ||
      Math.min(piece.end, stretch.end) - part.start > maxClipSeconds * 1000;
    if (isFull && piece.start > part.start) {
      parts.push({ start: part.start, end: piece.start });
      part = { start: piece.start, pieces: 0, bytes: 0 };
    }
    part.pieces += 1;
    part.bytes += piece.bytes;
  }
  return [...parts, { start: part.start, end: stretch.end }];
}

/** Epoch seconds, rounded outwards. */
function wholeSeconds({ start, end }: TimeRange): { from: number; to: number } {
  return { from: Math.floor(start / 1000), to: Math.ceil(end / 1000) };
}
