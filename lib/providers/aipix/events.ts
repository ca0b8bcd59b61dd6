// Lists what Aipix knows of events: those of analytics, and marks. Which fields an event has, and by which of its times a list
// is filtered, is documented in part only.
// Sources: https://docs.aipix.ai/en/start/aipix-24.03/list-of-all-analytics-events, .../aipix-23.12/list-of-marks
import { ClipError, reasonFirst } from '../../errors';
import { objectAt, readId, readText, type JsonObject } from '../../net/json';
import type { EventPage, EventQuery, EventType, ProviderEvent } from '../../provider';
import { eventTimes, inOrder, isOf, oldestOfKinds, readAll, serverTime, type Listed, type Window } from '../event-list';
import type { AipixApi, Call } from './api';
import { readTime, writeTime } from './json';
import { expectList, isLastPage } from './pages';

/** The delay with which events of analytics are listed is not published. */
const overlapMs = 10 * 60_000;
/** Each may come with a picture in it. */
const perPage = 50;
const mostPages = 40;
/** More are refused. */
const mostCameras = 100;
/** Times go out in whole seconds, and whether bounds are included is not published. */
const marginMs = 1_000;
const dayMs = 86_400_000;

const kinds = {
  analytics: { path: 'analytic-case/events', action: 'Asking for events of analytics' },
  mark: { path: 'marks', action: 'Asking for marks' },
};
type Kind = keyof typeof kinds;

const isKind = (kind: string): kind is Kind => Object.hasOwn(kinds, kind);

interface Row {
  event: ProviderEvent;
  /** When it happened, and when it was stored. Epoch milliseconds. */
  times: number[];
}

export function createEventList(api: AipixApi, now: () => number) {
  /** Kinds whose list refuses a size and an order. */
  const plain = new Set<Kind>();

  return async ({ cursor, kinds: asked, cameras, open, limit }: EventQuery, call: Call): Promise<EventPage> => {
    if (api.isAdmin) throw new ClipError('EUNSUPPORTED', 'The admin API lists no events: use the client API');
    const page = await oldestOfKinds(
      'aipix',
      { cursor, kinds: asked.filter(isKind), limit },
      { overlapMs: () => overlapMs, now },
      (kind, window, most) => list(kind, window, { cameras, most }, call),
    );
    const events = page.rows.map(({ row }) => row.event);
    // None of them is known to go on.
    return { events: inOrder(events), cursor: page.cursor, more: page.more, gone: open };
  };

  /** Newest first, so that the end is found also where the bounds are not heeded. */
  async function list(
    kind: Kind,
    window: Window,
    { cameras, most }: { cameras: string[]; most: number },
    call: Call,
  ): Promise<Listed<Row>> {
    const { from, to = Infinity } = window;
    const found = new Map<string, Row>();
    const seen = new Set<string>();
    for (let page = 1; page <= mostPages; page += 1) {
      const { reply, items, servedAt } = await ask(kind, window, { cameras, page }, call);
      const rows = readAll(items, (item) => readRow(kind, item), kinds[kind].action);
      const known = seen.size;
      for (const row of rows) {
        seen.add(row.event.id);
        if (row.times.some((at) => at >= from && at <= to) && isOf(row.event, cameras)) found.set(row.event.id, row);
      }
      const isPast = !plain.has(kind) && rows.length > 0 && rows.every(({ times }) => times.every((at) => at < from));
      const isEnd = items.length === 0 || isLastPage(reply) || isPast || (rows.length > 0 && seen.size === known);
      if (isEnd || found.size > most) return { rows: [...found.values()], now: servedAt, isCut: found.size > most };
    }
    throw new ClipError('EPROTOCOL', reasonFirst('the list goes on without an end', kinds[kind].action), {
      retryable: true,
    });
  }

  async function ask(
    kind: Kind,
    { from, to }: Window,
    { cameras, page }: { cameras: string[]; page: number },
    call: Call,
  ): Promise<{ reply: unknown; items: JsonObject[]; servedAt: number }> {
    const { path, action } = kinds[kind];
    const isPlain = plain.has(kind);
    const query = new URLSearchParams({ page: String(page), from: writeTime(from - marginMs) });
    // Documented as a must, and left out by the vendor's own clients.
    const until = to === undefined ? (isPlain ? now() + dayMs : undefined) : to + 2 * marginMs;
    if (until !== undefined) query.set('to', writeTime(until));
    if (!isPlain) query.set('per_page', String(perPage));
    if (!isPlain) query.set('dir', 'desc');
    if (cameras.length <= mostCameras) for (const camera of cameras) query.append('cameras[]', camera);
    const { signal, session } = call;
    const reply = await api.send(
      { method: 'GET', path: `${path}?${query.toString()}`, action, isList: true },
      signal,
      session,
    );
    const problem = api.errorOf(reply, action, true);
    if (problem?.code === 'EINVALID' && !isPlain) {
      plain.add(kind);
      return ask(kind, { from, to }, { cameras, page: 1 }, call);
    }
    if (problem) throw problem;
    const json = await api.readJson(reply, action);
    return { reply: json, items: expectList(json, action), servedAt: serverTime(reply.headers, now) };
  }
}

/** Nearly every field may be missing. Pictures are left where they are. */
function readRow(kind: Kind, item: JsonObject): Row | undefined {
  const id = readId(item.uuid) ?? readId(item.id);
  const [start, stored, end] = [item.from, item.created_at, item.to].map(readTime);
  const startsAt = start ?? stored;
  if (!id || !startsAt) return undefined;
  const camera = objectAt(item, 'camera');
  const cameraId = readId(camera.id) ?? readId(item.camera_id);
  const cameraName = readText(camera.name) ?? readText(camera.pretty_name);
  const about = objectAt(item, 'event');
  const word = readText(item.type) ?? readText(item.case_type) ?? readText(about.analytic_type);
  const label = readText(about.name) ?? word;
  const codes = [item.license_plate, item.container_code].flatMap((code) => readText(code) ?? []);
  const text = readText(item.title);
  const epoch = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time));
  const event: ProviderEvent = {
    id,
    kind,
    ...(cameraId ? { camera: cameraId } : {}),
    ...(cameraId && cameraName ? { cameraName } : {}),
    ...eventTimes(Date.parse(startsAt), epoch(end)),
    type: typeOf(word ?? ''),
    ...(label && kind === 'analytics' ? { label } : {}),
    ...(codes.length > 0 ? { labels: [...(label ? [label] : []), ...codes] } : {}),
    ...(text ? { text } : {}),
    ...(word ? { ref: { type: word } } : {}),
  };
  return { event, times: [start, stored].flatMap((time) => epoch(time) ?? []) };
}

/** Types of analytics, written with hyphens or underscores. Source: https://github.com/aipix-dev/vms-mobile-sdk-android */
const words: [pattern: RegExp, type: EventType][] = [
  [/motion/, 'motion'],
  [/line/, 'line'],
  [/smoke|fire/, 'alarm'],
  [/sound/, 'sound'],
  [/obstacle/, 'tamper'],
  [/face/, 'face'],
  [/plate/, 'plate'],
  [/container/, 'object'],
  [/counting/, 'counting'],
];

function typeOf(word: string): EventType {
  const [, type] = words.find(([pattern]) => pattern.test(word.toLowerCase())) ?? [];
  return type ?? 'other';
}
