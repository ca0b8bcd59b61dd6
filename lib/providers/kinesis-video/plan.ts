// Decides from a list of fragments what a clip is made of. Times are epoch milliseconds.
import type { Gap } from '../../provider';
import { complementRanges, toRange, type TimeRange } from '../../time-range';
import type { Fragment, TimestampType } from './types';

/** Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/limits.html */
export const longestFragmentMs = 20_000;
export const maxClipFragments = 200;
/** Whether megabytes are meant, and of which bytes, is not documented: the smaller reading of both. */
export const maxClipBytes = 100e6;
/** Shorter breaks are rounding, not missing footage. */
const slackMs = 1_000;
/** Camera buffers and uploads have been seen to take 11 s, after a fragment of up to 20 s has ended. */
const arrivalMs = 60_000;
/** Declared lengths have been seen to lack the last frame: up to one second of it is made up for. */
const longestFrameMs = 1_000;

/** A fragment on the chosen clock. */
export interface Span {
  atMs: number;
  /** End of its footage. */
  untilMs: number;
  /** Length of its video: on the clock of arrival, not the time between the two. */
  lengthMs: number;
  bytes: number;
}

export interface Footage {
  /** All that has a part in the range, in order. */
  spans: Span[];
  /** Parts of the range known to have no footage. */
  gaps: Gap[];
  /** The end of the range is missing, but may still be on its way. */
  arriving: boolean;
}

/**
 * Fragments in the order of the chosen clock, each once. Lists come unordered, and where a camera sent the same time twice
 * the service takes what it got first.
 */
export function readTimeline(fragments: Fragment[], clock: TimestampType): Span[] {
  const byTime = new Map<number, Fragment>();
  for (const fragment of fragments) {
    const atMs = timeOf(fragment, clock);
    const known = atMs === undefined ? undefined : byTime.get(atMs);
    if (atMs !== undefined && (!known || isOlder(fragment, known))) byTime.set(atMs, fragment);
  }
  const ordered = [...byTime].sort(([a], [b]) => a - b);
  const spacings = ordered.map(([, fragment], index) => spacingOf(fragment, ordered[index + 1]?.[1], clock));
  const missingMs = lengthMissing(ordered, spacings);
  const usualMs = median(spacings.filter((ms) => ms !== undefined && ms <= longestFragmentMs));
  return ordered.map(([atMs, { bytes, lengthMs }], index) => {
    const nextMs = ordered[index + 1]?.[0];
    // Without a length and without a neighbour nothing is known: no gap is claimed then.
    const ownMs = lengthMs > 0 ? lengthMs + missingMs : (usualMs ?? longestFragmentMs);
    const isFollowed = nextMs !== undefined && (spacings[index] ?? Infinity) - ownMs <= slackMs;
    const untilMs = isFollowed ? nextMs : Math.min(atMs + ownMs, nextMs ?? Infinity);
    return { atMs, untilMs, lengthMs: clock === 'PRODUCER_TIMESTAMP' ? untilMs - atMs : ownMs, bytes };
  });
}

/** Fragments of a timeline that lie in a range. The timeline must begin `longestFragmentMs` before it. */
export function footageIn(timeline: Span[], { start, end }: TimeRange, now: number): Footage {
  const spans = timeline.filter(({ atMs, untilMs }) => untilMs > start && atMs < end);
  const reachedMs = spans.reduce((latest, { untilMs }) => Math.max(latest, untilMs), start);
  // Footage that has not arrived yet is no gap.
  const known = { start, end: Math.min(end, Math.max(now - arrivalMs, reachedMs)) };
  const gaps = complementRanges(
    known,
    spans.map(({ atMs, untilMs }) => ({ start: atMs, end: untilMs })),
  ).filter((gap) => gap.end - gap.start > slackMs);
  return { spans, gaps: gaps.map(toRange), arriving: end > now - arrivalMs && end - reachedMs > slackMs };
}

/**
 * The times to ask for. The service takes the fragments that start in between, both ends included. Its clocks may be finer
 * than the milliseconds that are left of them here: hence one more on either side.
 * Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_reader_ClipTimestampRange.html
 */
export function selectorOf(spans: Span[]): TimeRange {
  return { start: spans[0]!.atMs - 1, end: spans.at(-1)!.atMs + 1 };
}

/** Seconds of video that these fragments make. */
export function secondsOf(spans: Span[]): number {
  return spans.reduce((sum, { lengthMs }) => sum + lengthMs, 0) / 1000;
}

/**
 * All fragments and bytes where these are too many for one clip, and how many whole seconds from the start of the range fit.
 * The service would silently leave out the rest.
 */
export function excessOf(
  spans: Span[],
  startMs: number,
): { fragments: number; bytes: number; fitsSeconds: number } | undefined {
  let bytes = 0;
  let fitting = 0;
  for (const span of spans) {
    bytes += span.bytes;
    if (fitting < maxClipFragments && bytes <= maxClipBytes) fitting += 1;
  }
  if (spans.length <= maxClipFragments && bytes <= maxClipBytes) return undefined;
  const firstLeftOut = spans[fitting] ?? spans.at(-1)!;
  const fitsSeconds = Math.max(0, Math.floor((firstLeftOut.atMs - startMs) / 1000));
  return { fragments: spans.length, bytes, fitsSeconds };
}

function timeOf(fragment: Fragment, clock: TimestampType): number | undefined {
  return clock === 'PRODUCER_TIMESTAMP' ? fragment.producerMs : fragment.serverMs;
}

/** Numbers grow with ingestion; they are compared as text because they have too many digits. */
function isOlder(a: Fragment, b: Fragment): boolean {
  return a.number.length === b.number.length ? a.number < b.number : a.number.length < b.number.length;
}

/**
 * From the start of one fragment to the start of the next. Arrival times come in bursts, so with those the camera's clock,
 * however wrong, tells better whether something is missing in between.
 */
function spacingOf(fragment: Fragment, next: Fragment | undefined, clock: TimestampType): number | undefined {
  if (!next) return undefined;
  const spacing = timeOf(next, clock)! - timeOf(fragment, clock)!;
  const filmed = (next.producerMs ?? NaN) - (fragment.producerMs ?? NaN);
  return filmed > 0 ? Math.min(spacing, filmed) : spacing;
}

/** By how much declared lengths fall short of the spacing, usually. */
function lengthMissing(ordered: [number, Fragment][], spacings: (number | undefined)[]): number {
  const missing = ordered.flatMap(([, { lengthMs }], index) => {
    const spacing = spacings[index];
    return lengthMs > 0 && spacing !== undefined && spacing <= longestFragmentMs ? [spacing - lengthMs] : [];
  });
  return Math.min(longestFrameMs, Math.max(0, median(missing) ?? 0));
}

function median(values: (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
