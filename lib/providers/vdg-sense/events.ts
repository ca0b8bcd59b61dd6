// Lists the events of a VDG Sense server. They come in the order of their times, in which the ids may run 1, 2, 3, 5, 4, 6.
// Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167405694/getEvents
import { ClipError, reasonFirst } from '../../errors';
import { findAll, type XmlElement } from '../../net/xml';
import type { CallOptions, EventPage, EventQuery } from '../../provider';
import { foreignCursor, inOrder, isOf, noEventList, readAll, readCursor, serverTime, writeCursor } from '../event-list';
import type { SenseApi } from './api';
import { compareIds, readEvent, readEventId, toEvent } from './event-rows';
import { offsetOf, type Seen } from './event-zone';
import { splitCamera, type SenseSession } from './types';

type Call = CallOptions<SenseSession | undefined>;

/** So long after its neighbours an event may be stored, and so long are the places of earlier looks kept. */
const settledMs = 60_000;
/** Looks that follow each other more closely share a place. */
const placesEveryMs = 5_000;
/** Length of a list where the limit is not heeded: one as long as this may go on. */
const usualLimit = 25;
/** Of a full page, so many are read again with the next one: what follows in time may have a lower id. */
const mostAgain = 25;

interface Place {
  /** Events with ids above this one come next. */
  after: string;
  seen: Seen[];
  /** By how much times are ahead of UTC, where that is known. */
  offsetMs?: number;
}

interface Listed {
  events: XmlElement[];
  lastId: string | undefined;
  nowMs: number;
}

export function createEventList(api: SenseApi, now: () => number) {
  const action = 'Asking for events';

  return async ({ cursor, kinds, cameras, open, limit }: EventQuery, call: Call): Promise<EventPage> => {
    const place = cursor === '' ? undefined : readPlace(cursor);
    if (!place) {
      const { lastId, nowMs } = await list({ startid: '0' }, call);
      if (lastId === undefined)
        throw new ClipError('EPROTOCOL', reasonFirst('the answer names no last event', action), { retryable: true });
      // Zero would mean from now on, also the next time.
      const after = lastId === '0' ? '1' : lastId;
      return { events: [], cursor: writePlace({ after, seen: [{ id: after, atMs: nowMs }] }), more: false, gone: open };
    }
    const one = cameras.length === 1 ? splitCamera(cameras[0]!) : undefined;
    const asked = {
      startid: place.after,
      types: kinds.join(','),
      limit: String(limit),
      ...(one ? { serverid: one.serverId, deviceid: one.deviceId } : {}),
    };
    const { events, lastId, nowMs } = await list(asked, call);
    const rows = readAll(events, readEvent, action);
    const ids = rows.map(({ id }) => id).toSorted(compareIds);
    const fresh = rows.filter(({ id }) => compareIds(id, place.after) > 0);
    const isFull = events.length >= Math.min(limit, usualLimit);
    const next = nextPlace(place, ids, { isFull, lastId, nowMs });
    const more = isFull && compareIds(next.after, place.after) > 0;
    next.offsetMs = offsetOf(fresh, place, nowMs);
    const found = fresh.map((row) => toEvent(row, kinds, next.offsetMs ?? 0)).filter((event) => isOf(event, cameras));
    return { events: inOrder(found), cursor: writePlace(next), more, gone: open };
  };

  async function list(parameters: Record<string, string>, call: Call): Promise<Listed> {
    const { root, headers } = await api.answer('getEvents', parameters, call, action, {
      items: { name: 'event' },
    });
    const [holder] = findAll(root, 'events');
    const lastId = readEventId(holder?.attributes.lasteventid);
    if (!holder && findAll(root, 'event').length === 0) {
      throw noEventList(action);
    }
    return { events: findAll(root, 'event'), lastId, nowMs: serverTime(headers, now) };
  }
}

/** Behind a full page; else at the last id of a look that is so old that nothing can slip in before it any more. */
function nextPlace(
  place: Place,
  ids: string[],
  { isFull, lastId, nowMs }: { isFull: boolean; lastId: string | undefined; nowMs: number },
): Place {
  if (isFull && ids.length > 0) {
    const again = Math.min(mostAgain, Math.floor(ids.length / 2));
    return { ...place, after: ids[ids.length - 1 - again]! };
  }
  const [last] = place.seen.slice(-1);
  const highest =
    [last?.id, lastId, ids.at(-1)]
      .filter((id) => id !== undefined)
      .toSorted(compareIds)
      .at(-1) ?? '0';
  // A clock that was set back must not keep places of the future.
  const known = place.seen.filter(({ atMs }) => atMs <= nowMs);
  const isDue = known.length === 0 || nowMs - known.at(-1)!.atMs >= placesEveryMs;
  const seen = isDue ? [...known, { id: highest, atMs: nowMs }] : known;
  const settled = seen.findLastIndex(({ atMs }) => atMs <= nowMs - settledMs);
  const kept = seen.slice(Math.max(0, settled));
  return { ...place, after: kept[0]!.id, seen: kept };
}

function writePlace({ after, seen, offsetMs }: Place): string {
  return writeCursor('vdg-sense', {
    after,
    seen: seen.map(({ id, atMs }) => `${id}@${atMs}`).join(' '),
    ...(offsetMs === undefined ? {} : { offset: String(offsetMs) }),
  });
}

/** @throws EINVALID */
function readPlace(cursor: string): Place {
  const fields = readCursor('vdg-sense', cursor);
  const [after, seen = '', offset] = ['after', 'seen', 'offset'].map((name) => fields.get(name) ?? undefined);
  const isWhole = /^\d{1,20}@\d{1,15}( \d{1,20}@\d{1,15}){0,40}$/.test(seen) && /^(-?\d{1,9})?$/.test(offset ?? '');
  if (!after || !/^\d{1,20}$/.test(after) || !isWhole) throw foreignCursor();
  const places = seen.split(' ').map((each): Seen => {
    const [id, atMs] = each.split('@');
    return { id: id!, atMs: Number(atMs) };
  });
  return { after, seen: places, ...(offset ? { offsetMs: Number(offset) } : {}) };
}
