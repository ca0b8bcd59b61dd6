// Finds the gaps of a camera. Clips of times without any are made all the same, of filler frames.
import { ClipError, reasonFirst } from '../../errors';
import { complementRanges, secondsOf, type Range, type TimeRange } from '../../time-range';
import type { Call, RhombusApi } from './api';
import { bareOf } from './facets';
import { readPresence } from './types';

/** Cameras report what they have recorded with this delay; the time since then may or may not be covered. */
const reportingLagMs = 120_000;
/** Footage is stored in pieces of 2 s, so anything shorter than that is a seam and no gap. */
const seamMs = 2_000;
/** Asked for at once. How much the vendor tells at once is not published. */
const stretchMs = 24 * 3600_000;

/** Asks only where the answer can be known. @throws when it does not come */
export async function findGaps(
  api: RhombusApi,
  camera: string,
  range: TimeRange,
  now: number,
  call: Call,
): Promise<TimeRange[]> {
  const gaps: TimeRange[] = [];
  const knownMs = Math.min(range.end, now - reportingLagMs);
  for (let start = range.start; start < knownMs; start += stretchMs) {
    const stretch = { start, end: Math.min(start + stretchMs, range.end) };
    for (const gap of await gapsOf(api, camera, stretch, now, call)) {
      const last = gaps.at(-1);
      if (last?.end === gap.start) last.end = gap.end;
      else gaps.push(gap);
    }
  }
  return gaps;
}

async function gapsOf(
  api: RhombusApi,
  camera: string,
  range: TimeRange,
  now: number,
  call: Call,
): Promise<TimeRange[]> {
  const action = `Asking for the footage of camera ${camera}`;
  const startTimeSec = Math.floor(range.start / 1000);
  const durationSec = Math.ceil(range.end / 1000) - startTimeSec;
  const body = { cameraUuid: bareOf(camera), startTimeSec, durationSec };
  const { json } = await api.post('camera/getPresenceWindows', body, call, action, {
    mayPass: true,
    isList: true,
  });
  const windows = readPresence(json);
  if (!windows) throw new ClipError('EPROTOCOL', reasonFirst('the answer does not tell what is recorded', action));
  return gapsIn(range, windows, now);
}

/** The parts of a range that no window covers. After the last report, silence tells nothing. */
function gapsIn(range: TimeRange, windows: TimeRange[], now: number): TimeRange[] {
  const known = { start: range.start, end: Math.min(range.end, now - reportingLagMs) };
  return complementRanges(known, windows).filter((gap) => gap.end - gap.start >= seamMs || isWhole(gap, range));
}

/** Is all of it known by now? */
export function isReported(range: TimeRange, now: number): boolean {
  return range.end <= now - reportingLagMs;
}

/** Is there no footage at all? */
export function isWhole(gap: TimeRange, range: TimeRange): boolean {
  return gap.start <= range.start && gap.end >= range.end;
}

/**
 * The vendor takes the start to the millisecond but the length in whole seconds: longer rather than shorter, so that
 * nothing asked for is cut off.
 */
export function wholeSeconds(range: Range): TimeRange & { seconds: number } {
  const start = Date.parse(range.start);
  const seconds = Math.max(1, Math.ceil(secondsOf(range)));
  return { start, end: start + seconds * 1000, seconds };
}
