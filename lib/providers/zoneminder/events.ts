// Lists ZoneMinder's events in the order of their numbers. Each of them is a recording, and so the clip is there already.
import { ClipError } from '../../errors';
import type { EventPage, EventQuery, EventType, ProviderClip, ProviderEvent } from '../../provider';
import { eventTimes, foreignCursor, inOrder, noEventList, readCursor, serverTime, writeCursor } from '../event-list';
import { typeOfLabel } from '../event-labels';
import type { Call, ZoneMinderApi } from './api';
import { reachOf } from './assembly';
import { hasNextPage, readEvents, type ZoneMinderEvent } from './types';
import { compareIds, toRecordings, type Recording } from './timeline';

/** Recorders number their events in order, but what was numbered later may be there a moment earlier. */
const settledMs = 30_000;
/** An event without an end whose length has stood still for so long has lost its recorder. */
const stalledMs = 600_000;
/** The most that a page may hold, and that fits into an address. */
const pageSize = 100;

export function createEventList(api: ZoneMinderApi, zoneOf: (call: Call) => Promise<string>, now: () => number) {
  const action = 'Asking for events';

  return async ({ cursor, cameras, open, limit }: EventQuery, call: Call): Promise<EventPage> => {
    if (cursor === '') {
      const { events } = await list([], 'direction=desc&limit=1', call);
      return { events: [], cursor: cursorAt(events[0]?.id ?? '0'), more: false };
    }
    const after = readCursor('zoneminder', cursor).get('after') ?? '';
    if (!/^\d{1,20}$/.test(after)) throw foreignCursor();
    const size = Math.min(limit, pageSize);
    const found = await list([`Id >:${after}`, ...many('MonitorId', cameras)], `direction=asc&limit=${size}`, call);
    const zone = await zoneOf(call);
    // A server that does not keep to the filter tells the same for ever.
    const fresh = found.events.filter(({ id }) => compareIds(id, after) > 0);
    const next = nextAfter(after, { ...found, events: fresh }, zone);
    const more = found.isFull && next !== after;
    const unseen = more ? [] : open.filter((id) => !fresh.some((event) => event.id === id));
    const looked = await lookUp(unseen, call);
    const events = await Promise.all([...fresh, ...looked].map((event) => toEvent(event, zone, found.nowMs, call)));
    return {
      events: inOrder(events.filter((event) => event !== undefined)),
      cursor: cursorAt(next),
      more,
      gone: unseen.filter((id) => !looked.some((event) => event.id === id)),
    };
  };

  interface Found {
    /** In the order of their numbers. */
    events: ZoneMinderEvent[];
    isFull: boolean;
    /** On the clock of the server. */
    nowMs: number;
  }

  async function list(filters: string[], query: string, call: Call): Promise<Found> {
    const path = ['events/index', ...filters.map(encodeURIComponent)].join('/');
    const { json, headers } = await api.ask(`${path}.json?sort=Id&page=1&${query}`, call, action);
    const events = readEvents(json);
    if (!events) throw noEventList(action);
    const size = Number(/limit=(\d+)/.exec(query)?.[1]);
    return {
      events: events.toSorted((a, b) => compareIds(a.id, b.id)),
      isFull: hasNextPage(json, (json.events as unknown[]).length >= size),
      nowMs: serverTime(headers, now),
    };
  }

  async function lookUp(ids: string[], call: Call): Promise<ZoneMinderEvent[]> {
    const known = ids.filter((id) => /^[1-9]\d{0,19}$/.test(id));
    const events: ZoneMinderEvent[] = [];
    for (let from = 0; from < known.length; from += pageSize) {
      const some = known.slice(from, from + pageSize);
      events.push(...(await list(many('Id', some), `direction=asc&limit=${pageSize}`, call)).events);
    }
    return events.filter(({ id }) => known.includes(id));
  }

  async function toEvent(
    event: ZoneMinderEvent,
    zone: string,
    nowMs: number,
    call: Call,
  ): Promise<ProviderEvent | undefined> {
    const [recording] = toRecordings([event], zone);
    if (!recording) return undefined;
    const { id, camera, startMs, lengthSeconds = 0 } = recording;
    const lengthMs = lengthSeconds * 1000;
    let endMs = recording.endMs === undefined ? undefined : Math.max(recording.endMs, recording.startMs);
    if (endMs === startMs) endMs = startMs + lengthMs;
    if (endMs === undefined && nowMs - startMs - lengthMs > stalledMs) {
      endMs = Math.max(startMs + lengthMs, await reach(recording, call));
    }
    const { cause, notes, maxScore } = event;
    const labels = labelsIn(notes);
    const ref = { ...(cause ? { type: cause } : {}), ...(maxScore ? { maxScore: String(maxScore) } : {}) };
    return {
      id,
      kind: 'event',
      camera,
      ...eventTimes(startMs, endMs),
      ...(endMs === undefined ? { open: true } : {}),
      type: typeOf(event, labels),
      ...(labels[0] === undefined ? {} : { label: labels[0] }),
      ...(labels.length > 1 ? { labels } : {}),
      ...(notes ? { text: notes.replace(/\s+/g, ' ') } : {}),
      ...(Object.keys(ref).length > 0 ? { ref } : {}),
      ...clipOf(event, startMs, endMs),
    };
  }

  /** Of an event whose recorder has died: how far its file reaches. */
  async function reach(recording: Recording, call: Call): Promise<number> {
    if (recording.video === '') return recording.startMs;
    try {
      return await reachOf(api, recording, call, `Looking at event ${recording.id}, which has no end`);
    } catch (error) {
      const isOfAll = error instanceof ClipError && (error.sessionExpired || error.code === 'EABORTED');
      if (isOfAll) throw error;
      return recording.startMs;
    }
  }
}

function many(name: string, values: string[]): string[] {
  return values.map((value) => `${name}[]:${value}`);
}

function cursorAt(after: string): string {
  return writeCursor('zoneminder', { after });
}

/** Behind the last event of a full page; else only as far as nothing can slip in between any more. */
function nextAfter(
  after: string,
  { events, isFull, nowMs }: { events: ZoneMinderEvent[]; isFull: boolean; nowMs: number },
  zone: string,
): string {
  if (isFull) return events.at(-1)?.id ?? after;
  const isSettled = (event: ZoneMinderEvent): boolean => {
    const [recording] = toRecordings([event], zone);
    return !recording || recording.startMs <= nowMs - settledMs;
  };
  const firstFresh = events.findIndex((event) => !isSettled(event));
  return (firstFresh < 0 ? events.at(-1) : events[firstFresh - 1])?.id ?? after;
}

function clipOf(event: ZoneMinderEvent, startMs: number, endMs: number | undefined): { clip?: ProviderClip } {
  if (endMs === undefined || endMs <= startMs || event.video === '') return {};
  const { id, camera } = event;
  const range = eventTimes(startMs, endMs) as { start: string; end: string };
  return { clip: { id, camera, ...range, status: 'finished', progress: 100, ref: { event: id, events: id } } };
}

/** Notes of detection hooks: `[a] detected:person:97%,car:88% Motion: Yard`. */
function labelsIn(notes = ''): string[] {
  const [, found = ''] = /\bdetected:\s*([\p{L}\w :,%.-]+)/u.exec(notes) ?? [];
  const labels = [...found.matchAll(/([\p{L}_][\p{L}\w-]*):\s*\d+(?:\.\d+)?%/gu)].map(([, label]) => label!);
  return [...new Set(labels)];
}

/** The word of ZoneMinder. Source: src/zm_monitor.h, MOTION_CAUSE and its neighbours */
function typeOf({ cause = '', alarmFrames = 0 }: ZoneMinderEvent, labels: string[]): EventType {
  const [label] = labels;
  if (label !== undefined) return typeOfLabel(label) ?? 'object';
  if (/motion/i.test(cause)) return 'motion';
  if (/signal/i.test(cause)) return 'system';
  if (/continuous/i.test(cause)) return alarmFrames > 0 ? 'motion' : 'footage';
  return /forced|linked|external|onvif|alarm/i.test(cause) ? 'alarm' : 'other';
}
