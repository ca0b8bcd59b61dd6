// Lists what Frigate has seen: review items by the time that they cover, tracked objects by their start.
import { ClipError } from '../../errors';
import { isObject, parseLongJson } from '../../net/json';
import { pathSegment } from '../../net/path-segment';
import type { EventPage, EventQuery, ProviderEvent } from '../../provider';
import { eventTimes, inOrder, isOf, oldestOfKinds, serverTime, type Listed, type Window } from '../event-list';
import { readReview, readTrackedObject, typeOf, type Activity } from './activity';
import type { Call, FrigateApi } from './api';
import { strangeReply } from './errors';
import { readAll } from './types';

/**
 * A row is written some seconds after what it tells; a review item ends with the last activity, 30-40 s before that is known. An
 * object is written once it is sure to be one that is wanted, which may be long after its start.
 * Source: frigate/events/maintainer.py
 */
const kinds = {
  review: { path: '/api/review', read: readReview, what: 'review items', overlapMs: 120_000 },
  object: { path: '/api/events', read: readTrackedObject, what: 'tracked objects', overlapMs: 15 * 60_000 },
};
/** Objects that go on at the same time. */
const mostGoingOn = 200;
type Kind = keyof typeof kinds;

const isKind = (kind: string): kind is Kind => Object.hasOwn(kinds, kind);

export function createEventList(api: FrigateApi, now: () => number) {
  return async (query: EventQuery, call: Call): Promise<EventPage> => {
    const { cursor, cameras, open, limit } = query;
    const wanted = query.kinds.filter(isKind);
    const page = await oldestOfKinds(
      'frigate',
      { cursor, kinds: wanted, limit },
      { overlapMs: (kind) => kinds[kind].overlapMs, now },
      (kind, window, most) => list(kind, window, { cameras, limit: most }, call),
    );
    const events = page.rows.map(({ kind, row }) => eventOf(kind, row));
    if (page.more || cursor === '') return { events: inOrder(events), cursor: page.cursor, more: page.more };
    // Listed by their start, objects show nowhere else: one that goes on may be written late, and one that was open has ended.
    if (wanted.includes('object')) events.push(...(await listGoingOn(cameras, call)));
    const unseen = open.filter((id) => !events.some((event) => event.id === id));
    const { found, gone } = await lookUp(unseen, wanted, call);
    return { events: inOrder([...events, ...found]), cursor: page.cursor, more: false, gone };
  };

  async function list(
    kind: Kind,
    { from, to }: Window,
    { cameras, limit }: { cameras: string[]; limit: number },
    call: Call,
  ): Promise<Listed<Activity>> {
    // One more than wanted tells whether there are more. Both bounds are exclusive.
    const asked = limit + 1;
    const bounds = { after: seconds(from - 1), ...(to === undefined ? {} : { before: seconds(to) }) };
    const { rows, length, headers } = await ask(kind, { ...bounds, limit: String(asked) }, cameras, call);
    const inside = rows.filter(({ start }) => to === undefined || start <= to);
    // A server that does not keep to the bounds lists all that it has.
    const isCut = length === asked && inside.length === rows.length;
    return { rows: inside.filter((activity) => isOf(activity, cameras)), now: serverTime(headers, now), isCut };
  }

  async function listGoingOn(cameras: string[], call: Call): Promise<ProviderEvent[]> {
    const query = { after: '0', in_progress: '1', limit: String(mostGoingOn) };
    const { rows } = await ask('object', query, cameras, call);
    const isGoingOn = ({ end }: Activity): boolean => end === undefined;
    return rows
      .filter((activity) => isOf(activity, cameras))
      .filter(isGoingOn)
      .map((row) => eventOf('object', row));
  }

  async function ask(kind: Kind, asked: Record<string, string>, cameras: string[], call: Call) {
    const { path, read, what } = kinds[kind];
    const action = `Asking for ${what}`;
    const query = new URLSearchParams(asked);
    if (cameras.length > 0) query.set('cameras', cameras.join(','));
    if (kind === 'object') query.set('include_thumbnails', '0');
    const { text, headers } = await api.text(`${path}?${query.toString()}`, call, action, true);
    const rows = await parseLongJson(text);
    if (!Array.isArray(rows) || (rows.length > 0 && !rows.some(isObject))) throw strangeReply(text, action);
    return { rows: readAll(rows, read), length: rows.length, headers };
  }

  /** One by one: an id may be of either kind, and a list of ids is refused as a whole for one camera that may not be seen. */
  async function lookUp(
    ids: string[],
    wanted: Kind[],
    call: Call,
  ): Promise<{ found: ProviderEvent[]; gone: string[] }> {
    const found: ProviderEvent[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      const event = await one(id, wanted, call);
      if (event) found.push(event);
      else gone.push(id);
    }
    return { found, gone };
  }

  async function one(id: string, wanted: Kind[], call: Call): Promise<ProviderEvent | undefined> {
    for (const kind of wanted) {
      const { path, read, what } = kinds[kind];
      const action = `Looking at one of the ${what}`;
      try {
        const row = read(await api.object(`${path}/${pathSegment(id, 'The id')}`, call, action));
        if (!row) throw strangeReply('{}', action);
        return eventOf(kind, row);
      } catch (thrown) {
        if (!isGone(thrown)) throw thrown;
      }
    }
    return undefined;
  }
}

/** Deleted, or of a camera that the role may no more see. */
function isGone(thrown: unknown): boolean {
  return (
    thrown instanceof ClipError && !thrown.inconclusive && ['ENOTFOUND', 'EFORBIDDEN', 'EINVALID'].includes(thrown.code)
  );
}

function eventOf(kind: Kind, activity: Activity): ProviderEvent {
  const { id, camera, start, end, labels, subLabels, zones, severity, score, title } = activity;
  const [label] = labels;
  const all = [...new Set([...labels, ...subLabels])];
  return {
    id,
    kind,
    ...(camera === undefined ? {} : { camera }),
    ...eventTimes(start, end),
    ...(end === undefined ? { open: true } : {}),
    type: typeOf(activity),
    ...(label === undefined ? {} : { label, ref: { type: label } }),
    ...(all.length > 1 ? { labels: all } : {}),
    ...(score === undefined ? {} : { score }),
    ...(severity === undefined ? {} : { severity }),
    ...(zones.length > 0 ? { zones } : {}),
    ...(title === undefined ? {} : { text: title }),
  };
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);
