// Places events on the time line: instants from local times, also in the hour that comes twice. Pure decisions.
import type { ZoneMinderEvent } from './types';
import { toInstants } from './zone';

/** An event with its instants, epoch milliseconds. */
export interface Recording {
  id: string;
  camera: string;
  startMs: number;
  /** Absent: it is being recorded, or its recorder died. */
  endMs?: number;
  /** Of one without an end: when the next one of its camera begins. Its recorder has died then. */
  untilMs?: number;
  /** Of one that is being recorded: how far its file reaches. */
  reachMs?: number;
  /** Did its recorder die? `endMs` is how far its file reaches then. */
  isStopped?: boolean;
  /** Seconds between its first and last picture, as the recorder counted them. */
  lengthSeconds?: number;
  /** Name of the video file; empty: none (yet). */
  video: string;
  hasPictures: boolean;
  bytes?: number;
  /** Why its times are not certain. */
  doubt?: string;
}

const minuteMs = 60_000;
const quarterHourMs = 15 * minuteMs;
/** `Length` and the whole seconds of start and end differ by this much at most. */
const slackMs = 5_000;

/** Ids are numbers that grow, and may have more digits than a double can hold. */
export function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * Of one camera or several, in the order of their numbers, which is that of time. Events without a readable time are left
 * out.
 */
export function toRecordings(events: ZoneMinderEvent[], zone: string): Recording[] {
  const byId = events.toSorted((a, b) => compareIds(a.id, b.id));
  const latestMs = new Map<string, number>();
  const recordings = byId.flatMap((event) => {
    const found = placed(event, zone, latestMs.get(event.camera) ?? -Infinity);
    const [first] = found;
    if (first) latestMs.set(event.camera, first.endMs ?? first.startMs);
    return found;
  });
  const nextMs = new Map<string, number>();
  for (const recording of recordings.toReversed()) {
    const { camera, endMs, startMs } = recording;
    if (endMs === undefined && nextMs.has(camera)) recording.untilMs = Math.max(startMs, nextMs.get(camera)!);
    nextMs.set(camera, startMs);
  }
  return recordings;
}

/**
 * Times of an event. In the hour that comes twice: after the event before it. Where both hours would do, it is placed in
 * both, and says so.
 */
function placed(event: ZoneMinderEvent, zone: string, afterMs: number): Recording[] {
  const { id, camera, startText, endText, lengthSeconds, video, hasPictures, bytes } = event;
  const common = { id, camera, lengthSeconds, video, hasPictures, bytes };
  const starts = toInstants(startText, zone).map((startMs): Recording => {
    if (endText === undefined) return { ...common, startMs };
    return { ...common, startMs, ...endOf(startMs, toInstants(endText, zone), lengthSeconds) };
  });
  if (starts.length < 2) return starts;
  const certain = starts.filter(({ doubt }) => doubt === undefined);
  const possible = (certain.length > 0 ? certain : starts).filter(
    ({ startMs, endMs }) => startMs >= afterMs - slackMs && (endMs ?? startMs) >= startMs,
  );
  const [only, another] = possible.length > 0 ? possible : starts.slice(-1);
  if (!only || !another) return only ? [only] : [];
  // Recording without a break goes on where the event before it ended.
  if (only.startMs - afterMs < slackMs) return [only];
  const doubt = 'it lies in the hour that came twice when the clocks were set back: it may be the one an hour away';
  return [only, another].map((each) => ({ ...each, doubt }));
}

/**
 * From 1.38 on the recorder writes the start and the database the end: where their time zones differ, both are whole quarter
 * hours apart from what `Length` says, and the end is believed.
 */
function endOf(startMs: number, ends: number[], lengthSeconds: number | undefined): Partial<Recording> {
  const lengthMs = lengthSeconds === undefined ? undefined : lengthSeconds * 1000;
  const off = (endMs: number): number => (lengthMs === undefined ? 0 : endMs - startMs - lengthMs);
  const later = ends.filter((endMs) => endMs >= startMs);
  const [endMs] = (later.length > 0 ? later : ends).toSorted((a, b) => Math.abs(off(a)) - Math.abs(off(b)));
  if (endMs === undefined) return lengthMs === undefined ? {} : { endMs: startMs + lengthMs };
  if (lengthMs === undefined) return endMs >= startMs ? { endMs } : { endMs: startMs };
  const quarters = Math.round(off(endMs) / quarterHourMs);
  if (quarters === 0 || Math.abs(off(endMs) - quarters * quarterHourMs) > slackMs) {
    return { endMs: Math.max(endMs, startMs) };
  }
  const hours = Math.round((quarters / 4) * 100) / 100;
  return { startMs: endMs - lengthMs, endMs, doubt: `its start and end disagree by ${Math.abs(hours)} h` };
}
