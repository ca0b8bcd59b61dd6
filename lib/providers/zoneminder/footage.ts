// Finds the events of a range, and decides what they mean for a clip of it.
import { ClipError, reasonFirst } from '../../errors';
import type { Footage } from '../../provider';
import { complementRanges, toRange, type TimeRange } from '../../time-range';
import { noEventList } from '../event-list';
import type { Call, ZoneMinderApi } from './api';
import { compareIds, toRecordings, type Recording } from './timeline';
import { hasNextPage, readEvents, type ZoneMinderEvent } from './types';
import { changesNear, toLocalText } from './zone';

const secondMs = 1000;
const hourMs = 3600_000;
/** An event of a longer time is not looked for: sections are 10 minutes long by default. */
export const longestEventMs = 24 * hourMs;
/** Times are whole seconds, cut or rounded. */
export const slackMs = 2 * secondMs;
/** The most that a page may hold; more is cut to it. */
const pageSize = 100;
/** Of one search: beyond this it was most likely a slip. */
const mostPages = 500;
/** So late an event may still show up for a range that is over. */
const arrivingMs = 60 * secondMs;
const mostReasons = 5;

export interface Search {
  cameras: string[];
  span: TimeRange;
  zone: string;
}

/**
 * All events of these cameras that may touch the range, in order, with some before it. Newest first and by their starts
 * only: an event that is being recorded has no end to compare.
 */
export async function findRecordings(
  api: ZoneMinderApi,
  search: Search,
  call: Call,
  action: string,
): Promise<{ recordings: Recording[]; servedAtMs: number | undefined }> {
  const { cameras, span } = search;
  const events = new Map<string, ZoneMinderEvent>();
  const unfinished = new Set(cameras);
  for (let page = 1; page <= mostPages; page += 1) {
    const listed = await listPage(api, search, page, call, action);
    for (const event of listed.events) events.set(event.id, event);
    const recordings = toRecordings([...events.values()], search.zone);
    for (const { camera, endMs } of recordings) {
      // Events of one camera follow each other: those before this one ended even earlier.
      if (endMs !== undefined && endMs < span.start - slackMs && !isNearChange(search)) unfinished.delete(camera);
    }
    if (!listed.more || unfinished.size === 0) return { recordings, servedAtMs: listed.servedAtMs };
  }
  throw new ClipError(
    'ELIMIT',
    reasonFirst(`there are more than ${mostPages * pageSize} events`, action, 'Ask for a shorter range'),
  );
}

async function listPage(
  api: ZoneMinderApi,
  { cameras, span, zone }: Search,
  page: number,
  call: Call,
  action: string,
): Promise<{ events: ZoneMinderEvent[]; more: boolean; servedAtMs?: number }> {
  // In the hour that comes twice an earlier event may have a later text.
  const widerMs = changesNear(span.end, 3 * hourMs, zone) ? hourMs : 0;
  const filters = [
    ...cameras.map((camera) => (cameras.length === 1 ? `MonitorId:${camera}` : `MonitorId[]:${camera}`)),
    `StartDateTime <=:${toLocalText(span.end + slackMs + widerMs, zone)}`,
    `StartDateTime >=:${toLocalText(span.start - longestEventMs, zone)}`,
  ];
  const query = `limit=${pageSize}&page=${page}&sort=StartDateTime&direction=desc`;
  try {
    const path = `events/index/${filters.map(encodeURIComponent).join('/')}.json?${query}`;
    const { json, headers } = await api.ask(path, call, action);
    const events = readEvents(json);
    const servedAtMs = Date.parse(headers.date ?? '');
    if (!events) throw noEventList(action);
    const more = hasNextPage(json, (json.events as unknown[]).length >= pageSize);
    return { events, more, ...(Number.isNaN(servedAtMs) ? {} : { servedAtMs }) };
  } catch (error) {
    // A page beyond the last one, where the last one was full.
    if (page > 1 && error instanceof ClipError && error.code === 'ENOTFOUND') return { events: [], more: false };
    throw error;
  }
}

function isNearChange({ span, zone }: Search): boolean {
  return changesNear(span.start, 3 * hourMs, zone) || changesNear(span.end, 3 * hourMs, zone);
}

/** Has this camera gone on to another event? Asked only of an event without an end: then its recorder has died. */
export async function hasLaterEvent(
  api: ZoneMinderApi,
  { camera, startMs, id }: Recording,
  zone: string,
  call: Call,
  action: string,
): Promise<boolean> {
  const filters = [`MonitorId:${camera}`, `StartDateTime >=:${toLocalText(startMs, zone)}`];
  const query = 'limit=10&page=1&sort=StartDateTime&direction=desc';
  const path = `events/index/${filters.map(encodeURIComponent).join('/')}.json?${query}`;
  const { json } = await api.ask(path, call, action);
  return (readEvents(json) ?? []).some((event) => compareIds(event.id, id) > 0);
}

/** Events of a range, and their footage. */
export interface Standing {
  status: 'pending' | 'busy' | 'finished' | 'none';
  /** Events with video that the clip is made of, in order. */
  recordings: Recording[];
  gaps: TimeRange[];
  /** Remarks about the footage, for the user. */
  reasons: string[];
}

/**
 * @param all of the camera, in order, also those around the range
 * @param marginMs a file that is being written must reach so far beyond the range
 */
export function standingOf(
  span: TimeRange,
  all: Recording[],
  { now, marginMs }: { now: number; marginMs: number },
): Standing {
  const touching = touchingOf(span, all);
  const recordings = touching.filter(({ video }) => video !== '');
  const reasons = reasonsFor(touching);
  const isWriting = touching.some(
    ({ endMs, reachMs = -Infinity }) => endMs === undefined && reachMs < span.end + marginMs,
  );
  if (isWriting) return { status: 'busy', recordings, gaps: [], reasons };
  const gaps = gapsIn(span, recordings.map(coveredBy));
  const hasLater = all.some(({ startMs }) => startMs >= span.end);
  const mayArrive = gaps.at(-1)?.end === span.end && now < span.end + arrivingMs && !hasLater;
  if (mayArrive) return { status: touching.length > 0 ? 'busy' : 'pending', recordings, gaps: [], reasons };
  return { status: recordings.length > 0 ? 'finished' : 'none', recordings, gaps, reasons };
}

function coveredBy({ startMs, endMs, reachMs }: Recording): TimeRange {
  return { start: startMs, end: endMs ?? reachMs ?? startMs };
}

/** Events of which some part lies in the range, in order, each once. */
export function touchingOf(span: TimeRange, all: Recording[]): Recording[] {
  const ids = new Set<string>();
  return all
    .filter(({ startMs, endMs, untilMs }) => startMs < span.end && (endMs ?? untilMs ?? Infinity) > span.start)
    .toSorted((a, b) => a.startMs - b.startMs)
    .filter(({ id }) => !ids.has(id) && ids.add(id));
}

/** Gaps of a range of any length, and its events as pieces that an export takes one by one. */
export function surveyOf(span: TimeRange, all: Recording[], now: number): Footage {
  const recordings = touchingOf(span, all).filter(({ video }) => video !== '');
  const hasLater = all.some(({ startMs }) => startMs >= span.end);
  const covered = recordings.map(({ startMs, endMs }) => ({ start: startMs, end: endMs ?? Infinity }));
  // Footage that has just been recorded may not be listed yet.
  const arriving = hasLater ? [] : [{ start: Math.max(span.start, now - arrivingMs), end: Infinity }];
  const pieces: { start: string; end: string; bytes: number }[] = [];
  let from = -Infinity;
  for (const { startMs, endMs = Math.max(startMs, span.end), bytes = 0 } of recordings) {
    // Neighbours may overlap by a second.
    const piece = { start: Math.max(startMs, from), end: endMs };
    if (piece.start < piece.end && piece.end > span.start && piece.start < span.end) {
      pieces.push({ ...toRange(piece), bytes });
      from = endMs;
    }
  }
  return { gaps: gapsIn(span, [...covered, ...arriving]).map(toRange), pieces, maxPieces: 1 };
}

/**
 * The parts of a range that nothing covers. Between events, holes of less than two seconds are those of times in whole
 * seconds. At the ends of the range no neighbour makes up for them: there, the video is shorter by as much.
 */
function gapsIn(range: TimeRange, covered: TimeRange[]): TimeRange[] {
  return complementRanges(range, covered).filter(({ start, end }) => {
    const isAtEnd = start === range.start || end === range.end;
    return end - start >= (isAtEnd ? secondMs : slackMs);
  });
}

function reasonsFor(touching: Recording[]): string[] {
  const reasons = touching.flatMap(({ id, video, hasPictures, endMs, isStopped, doubt }) => {
    const found = doubt ? [`event ${id}: ${doubt}`] : [];
    if (isStopped) found.push(`event ${id}: its recorder stopped before it was complete`);
    else if (video === '' && endMs !== undefined) {
      found.push(hasPictures ? `event ${id} was recorded as pictures only, without video` : `event ${id} has no video`);
    }
    return found;
  });
  return [...new Set(reasons)].slice(0, mostReasons);
}
