// Reads what Frigate has recorded of a camera: an export over a gap, or asked for too early, is only shorter, without a word.
import { pathSegment } from '../../net/path-segment';
import type { Footage, Range } from '../../provider';
import { complementRanges, intersectRanges, toRange, toTimeRange, type TimeRange } from '../../time-range';
import type { Call, FrigateApi } from './api';
import { readAll, readSegment } from './types';

/** Starts of segments are whole seconds while their lengths are not, so neighbours may miss each other by up to a second. */
const seamMs = 2_000;
/** A segment is listed once it is closed, analysed and moved: about 10-20 s behind the camera. */
const listedAfterMs = 30_000;
/** On a loaded machine it takes longer. After this, what is missing is not waited for. */
const awaitedForMs = 50_000;
/** Asked for at once. */
const windowMs = 24 * 3600_000;

export interface Coverage {
  /** Parts of the range without footage, as far as this is certain. */
  gaps: TimeRange[];
  /** Is there any footage in the range? */
  hasFootage: boolean;
  /** May more footage of the range still be listed? */
  isIncomplete: boolean;
}

/** The segments that touch a range (epoch milliseconds), in order. Of an unknown camera there are none. */
export async function listSegments(
  api: FrigateApi,
  camera: string,
  range: TimeRange,
  call: Call,
): Promise<TimeRange[]> {
  const action = `Asking for the recordings of camera ${camera}`;
  const segments: TimeRange[] = [];
  for (let start = range.start; start < range.end; start += windowMs) {
    const end = Math.min(start + windowMs, range.end);
    // Both must be given: the defaults date from the start of the server.
    const path = `/api/${pathSegment(camera, 'The camera')}/recordings?after=${start / 1000}&before=${end / 1000}`;
    segments.push(...readAll(await api.list(path, call, action), readSegment));
  }
  return segments.sort((a, b) => a.start - b.start);
}

/** Footage of a range, by the segments around it. @param segments in order */
export function coverageOf(range: TimeRange, segments: TimeRange[], now: number): Coverage {
  const holes = complementRanges(range, segments);
  const last = segments.reduce((latest, { end }) => Math.max(latest, end), -Infinity);
  const hasFootage = intersectRanges(range, segments).length > 0;
  // Segments come in order, so in front of the last one nothing is missing that could still come.
  const certainUntil = Math.max(last, now - listedAfterMs);
  const gaps = holes
    .map(({ start, end }) => ({ start, end: Math.min(end, certainUntil) }))
    .filter(({ start, end }) => end - start >= seamMs || (segments.length === 0 && end > start));
  const isAwaited = now - range.end < awaitedForMs;
  return { gaps, hasFootage, isIncomplete: isAwaited && range.end - last >= seamMs };
}

/** So far beyond the end of a range is looked for a segment that proves that nothing more can come. */
const beyondMs = 60_000;

export async function coverage(
  api: FrigateApi,
  { camera, range, now }: { camera: string; range: TimeRange; now: number },
  call: Call,
): Promise<Coverage> {
  const around = { start: range.start - seamMs, end: range.end + beyondMs };
  return coverageOf(range, await listSegments(api, camera, around, call), now);
}

/** Gaps and cuts of a range of any length, for an export. */
export async function surveyFootage(
  api: FrigateApi,
  { camera, range, maxClipSeconds, now }: { camera: string; range: Range; maxClipSeconds: number; now: number },
  call: Call,
): Promise<Footage> {
  const { gaps } = await coverage(api, { camera, range: toTimeRange(range), now }, call);
  return { maxClipSeconds, gaps: gaps.map(toRange) };
}

/** Frigate cuts times to whole seconds, so the range is widened to them: nothing that was asked for is cut off. */
export function wholeSeconds({ start, end }: Range): TimeRange {
  const second = 1000;
  return {
    start: Math.floor(Date.parse(start) / second) * second,
    end: Math.ceil(Date.parse(end) / second) * second,
  };
}
