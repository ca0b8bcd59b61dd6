// Keeps a provider's place in the list of a vendor's events: cursors as text, and windows of time that hold no more than a page.
import { ClipError, reasonFirst } from '../errors';
import type { ProviderEvent } from '../provider';
import { toSaneIso } from '../time-range';

/** A provider's own words for where it is; its name goes first, so that no other takes it for its own. */
export function writeCursor(provider: string, place: Record<string, string>): string {
  return `${provider}?${new URLSearchParams(place).toString()}`;
}

/** @throws EINVALID for the cursor of another provider */
export function readCursor(provider: string, cursor: string): URLSearchParams {
  if (!cursor.startsWith(`${provider}?`)) throw foreignCursor();
  return new URLSearchParams(cursor.slice(provider.length + 1));
}

export function foreignCursor(): ClipError {
  return new ClipError('EINVALID', 'The place in the list of events is not one of this provider: begin from now on');
}

/** Error for an answer of another shape, which does not mean that there are no events. */
export function noEventList(action: string): ClipError {
  return new ClipError('EPROTOCOL', reasonFirst('the answer holds no list of events', action), { retryable: true });
}

/** Place in a list, in epoch milliseconds on the vendor's clock. */
export interface Place {
  from: number;
  /** Start of the very first query: earlier events are never asked for. */
  began: number;
  /** The last window that held no more than a page. */
  spanMs?: number;
}

export function writePlace({ from, began, spanMs }: Place): string {
  return [from, began, ...(spanMs === undefined ? [] : [spanMs])].join(' ');
}

/** @throws EINVALID */
export function readPlace(text: string): Place {
  if (!/^\d{1,15} \d{1,15}( \d{1,15})?$/.test(text)) throw foreignCursor();
  const [from, began, spanMs] = text.split(' ').map(Number);
  return { from: from!, began: began!, ...(spanMs === undefined ? {} : { spanMs }) };
}

/** A vendor's list between two times. */
export interface Listed<Row> {
  rows: Row[];
  /** The vendor's clock. */
  now: number;
  /** Does the window hold more than is listed? */
  isCut: boolean;
}

export interface Window {
  from: number;
  /** Absent: now. */
  to?: number;
}

export interface Page<Row> {
  rows: Row[];
  next: Place;
  more: boolean;
}

const shortestSpanMs = 1_000;
/** Events within the shortest span are asked for as a whole, up to this. */
const mostRows = 4_000;

/**
 * The oldest page behind a place, in whichever order the vendor lists: a window of time is halved until all of it is listed.
 * @param overlapMs how much later than it happened an event may be listed
 */
export async function oldestPage<Row>(
  place: Place,
  { limit, overlapMs }: { limit: number; overlapMs: number },
  list: (window: Window, limit: number) => Promise<Listed<Row>>,
): Promise<Page<Row>> {
  const { from, began } = place;
  let spanMs = place.spanMs === undefined ? undefined : place.spanMs * 2;
  let most = limit;
  for (;;) {
    const to = spanMs === undefined ? undefined : from + spanMs;
    const { rows, now, isCut } = await list({ from, ...(to === undefined ? {} : { to }) }, most);
    const until = Math.min(to ?? now, now);
    if (isCut && most < mostRows) {
      const half = Math.floor((until - from) / 2);
      if (half < shortestSpanMs) most *= 2;
      else spanMs = half;
      continue;
    }
    const more = to !== undefined && to < now;
    return { rows, next: more ? { from: to, began, spanMs: to - from } : placeAt(began, now, overlapMs), more };
  }
}

/**
 * The oldest page behind a cursor that holds a place for each kind of events; one without a place begins now.
 * @param overlapMs how much later than it happened an event of that kind may be listed
 */
export async function oldestOfKinds<Kind extends string, Row>(
  provider: string,
  { cursor, kinds, limit }: { cursor: string; kinds: Kind[]; limit: number },
  { overlapMs, now }: { overlapMs: (kind: Kind) => number; now: () => number },
  list: (kind: Kind, window: Window, limit: number) => Promise<Listed<Row>>,
): Promise<{ rows: { kind: Kind; row: Row }[]; cursor: string; more: boolean }> {
  const places = cursor === '' ? new URLSearchParams() : readCursor(provider, cursor);
  const each = Math.max(1, Math.floor(limit / Math.max(1, kinds.length)));
  const next: Record<string, string> = {};
  const rows: { kind: Kind; row: Row }[] = [];
  let more = false;
  for (const kind of kinds) {
    const place = places.get(kind);
    if (place === null) {
      const { now: began } = await list(kind, { from: now() }, 1);
      next[kind] = writePlace(placeAt(began, began, overlapMs(kind)));
      continue;
    }
    const page = await oldestPage(readPlace(place), { limit: each, overlapMs: overlapMs(kind) }, (window, most) =>
      list(kind, window, most),
    );
    rows.push(...page.rows.map((row) => ({ kind, row })));
    next[kind] = writePlace(page.next);
    more ||= page.more;
  }
  return { rows, cursor: writeCursor(provider, next), more };
}

/** A clock that was set back must not leave the place in the future. */
export function placeAt(began: number, now: number, overlapMs: number): Place {
  const earliest = began > now ? now - overlapMs : began;
  const from = Math.max(earliest, now - overlapMs);
  return { from, began: from };
}

/** Epoch milliseconds of a `Date` header; our own clock where there is none. */
export function serverTime(headers: Record<string, string>, now: () => number): number {
  const time = Date.parse(headers.date ?? '');
  return Number.isNaN(time) ? now() : time;
}

/**
 * Reads a list. One odd entry is left out.
 * @throws EPROTOCOL where there are entries and none can be read: no events at all would look like peace
 */
export function readAll<Raw, Row>(list: Raw[], read: (raw: Raw) => Row | undefined, action: string): Row[] {
  const rows = list.flatMap((raw) => read(raw) ?? []);
  if (list.length > 0 && rows.length === 0) {
    const reason = `none of the ${list.length} events can be read: an id, a time or a type is missing or has an unknown form`;
    throw new ClipError('EPROTOCOL', reasonFirst(reason, action), { retryable: true });
  }
  return rows;
}

/** @param cameras ids; empty: all, and events of no camera too */
export function isOf({ camera }: Pick<ProviderEvent, 'camera'>, cameras: string[]): boolean {
  return cameras.length === 0 || (camera !== undefined && cameras.includes(camera));
}

/** Start and end as events have them; an end that lies before the start is none. */
export function eventTimes(startMs: number, endMs?: number): Pick<ProviderEvent, 'start' | 'end'> {
  return { start: toSaneIso(startMs), ...(endMs !== undefined && endMs >= startMs ? { end: toSaneIso(endMs) } : {}) };
}

/** Oldest first, each once: as it was listed last. */
export function inOrder(events: ProviderEvent[]): ProviderEvent[] {
  const byId = new Map(events.map((event) => [`${event.kind} ${event.id}`, event] as const));
  return [...byId.values()].sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
}
