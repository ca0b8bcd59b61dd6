// Finds the gaps of a camera. Clips of times without any are made all the same, of filler frames.
import { ClipError, reasonFirst } from '../../errors';
import type { Gap } from '../../provider';
import { complementRanges } from '../../time-range';
import type { Call, RhombusApi } from './api';
import { bareOf } from './facets';
import { readPresence, type Span } from './types';

/** Cameras report what they have recorded with this delay; the time since then may or may not be covered. */
const reportingLagMs = 120_000;
/** Footage is stored in pieces of 2 s, so anything shorter than that is a seam and no gap. */
const seamMs = 2_000;
/** Asked for at once. How much the vendor tells at once is not published. */
const stretchMs = 24 * 3600_000;

/** Asks only where the answer can be known. @throws when it does not come */
export async function findGaps(api: RhombusApi, camera: string, range: Span, now: number, call: Call): Promise<Span[]> {
  const gaps: Span[] = [];
  const knownMs = Math.min(range.endMs, now - reportingLagMs);
  for (let startMs = range.startMs; startMs < knownMs; startMs += stretchMs) {
    const stretch = { startMs, endMs: Math.min(startMs + stretchMs, range.endMs) };
    for (const gap of await gapsOf(api, camera, stretch, now, call)) {
      const last = gaps.at(-1);
      if (last?.endMs === gap.startMs) last.endMs = gap.endMs;
      else gaps.push(gap);
    }
  }
  return gaps;
}

async function gapsOf(api: RhombusApi, camera: string, range: Span, now: number, call: Call): Promise<Span[]> {
  const action = `Asking for the footage of camera ${camera}`;
  const startTimeSec = Math.floor(range.startMs / 1000);
  const durationSec = Math.ceil(range.endMs / 1000) - startTimeSec;
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
function gapsIn({ startMs, endMs }: Span, windows: Span[], now: number): Span[] {
  const known = { start: startMs, end: Math.min(endMs, now - reportingLagMs) };
  const covered = windows.map((window) => ({ start: window.startMs, end: window.endMs }));
  return complementRanges(known, covered)
    .map(({ start, end }): Span => ({ startMs: start, endMs: end }))
    .filter((gap) => gap.endMs - gap.startMs >= seamMs || isWhole(gap, { startMs, endMs }));
}

/** Is all of it known by now? */
export function isReported(range: Span, now: number): boolean {
  return range.endMs <= now - reportingLagMs;
}

/** Is there no footage at all? */
export function isWhole(gap: Span, range: Span): boolean {
  return gap.startMs <= range.startMs && gap.endMs >= range.endMs;
}

export function toGap({ startMs, endMs }: Span): Gap {
  return { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
}

/**
 * The vendor takes the start to the millisecond but the length in whole seconds: longer rather than shorter, so that
 * nothing asked for is cut off.
 */
export function wholeSeconds(range: { start: string; end: string }): Span & { seconds: number } {
  const startMs = Date.parse(range.start);
  const seconds = Math.max(1, Math.ceil((Date.parse(range.end) - startMs) / 1000));
  return { startMs, endMs: startMs + seconds * 1000, seconds };
}
