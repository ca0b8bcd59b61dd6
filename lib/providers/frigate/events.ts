// Lists what Frigate has seen: review items by the time that they cover, tracked objects by their start.
import { ClipError } from '../../errors';
import { isObject, parseLongJson } from '../../net/json';
import { pathSegment } from '../../net/path-segment';
import type { EventPage, EventQuery, ProviderEvent } from '../../provider';
import {
  eventTimes,
  inOrder,
  oldestPage,
  placeAt,
  readCursor,
  readPlace,
  serverTime,
  writeCursor,
  writePlace,
  type Listed,
  type Window,
} from '../event-list';
import { readReview, readTrackedObject, typeOf, type Activity } from './activity';
import type { Call, FrigateApi } from './api';
import { strangeReply } from './errors';
import { readAll } from './types';

/** A row is written some seconds after what it tells; a review item ends with the last activity, 30-40 s before that is known. */
const overlapMs = 120_000;

const kinds = {
  review: { path: '/api/review', read: readReview, what: 'review items' },
  object: { path: '/api/events', read: readTrackedObject, what: 'tracked objects' },
};
type Kind = keyof typeof kinds;

const isKind = (kind: string): kind is Kind => Object.hasOwn(kinds, kind);

export function createEventList(api: FrigateApi, now: () => number) {
  return async (query: EventQuery, call: Call): Promise<EventPage> => {
    const { cursor, cameras, open } = query;
    const wanted = query.kinds.filter(isKind);
    const limit = Math.max(1, Math.floor(query.limit / Math.max(1, wanted.length)));
    const places = cursor === '' ? new URLSearchParams() : readCursor('frigate', cursor);
    const next: Record<string, string> = {};
    const events: ProviderEvent[] = [];
    let more = false;
    for (const kind of wanted) {
      const place = places.get(kind);
      if (place === null) {
        const { now: began } = await list(kind, { from: now() }, { cameras, limit: 1 }, call);
        next[kind] = writePlace(placeAt(began, began, overlapMs));
        continue;
      }
      const page = await oldestPage(readPlace(place), { limit, overlapMs }, (window, most) =>
        list(kind, window, { cameras, limit: most }, call),
      );
      events.push(...page.rows.map((row) => eventOf(kind, row)));
      next[kind] = writePlace(page.next);
      more ||= page.more;
    }
    // Objects are listed by their start, so that the end of a long one shows nowhere else.
    const unseen = more ? [] : open.filter((id) => !events.some((event) => event.id === id));
    const { found, gone } = await lookUp(unseen, wanted, call);
    return { events: inOrder([...events, ...found]), cursor: writeCursor('frigate', next), more, gone };
  };

  async function list(
    kind: Kind,
    { from, to }: Window,
    { cameras, limit }: { cameras: string[]; limit: number },
    call: Call,
  ): Promise<Listed<Activity>> {
    const { path, read, what } = kinds[kind];
    const action = `Asking for ${what}`;
    // One more than wanted tells whether there are more. Both bounds are exclusive.
    const asked = limit + 1;
    const query = new URLSearchParams({ after: seconds(from - 1), limit: String(asked) });
    if (to !== undefined) query.set('before', seconds(to));
    if (cameras.length > 0) query.set('cameras', cameras.join(','));
    if (kind === 'object') query.set('include_thumbnails', '0');
    const reply = await api.text(`${path}?${query.toString()}`, call, action, true);
    const rows = await parseLongJson(reply.text);
    if (!Array.isArray(rows) || (rows.length > 0 && !rows.some(isObject))) throw strangeReply(reply.text, action);
    const activities = readAll(rows, read);
    const inside = activities.filter(({ start }) => to === undefined || start <= to);
    // A server that does not keep to the bounds lists all that it has.
    const isCut = rows.length === asked && inside.length === activities.length;
    const isOfCamera = ({ camera }: Activity): boolean =>
      cameras.length === 0 || (camera !== undefined && cameras.includes(camera));
    return { rows: inside.filter(isOfCamera), now: serverTime(reply.headers, now), isCut };
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
