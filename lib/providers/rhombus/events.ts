// Lists the policy alerts of Rhombus. Some are processed late, and are listed then with the time at which they happened.
import { ClipError, reasonFirst } from '../../errors';
import { objectAt, readBoolean, readCount, readId, readText, readTexts, type JsonObject } from '../../net/json';
import type { EventPage, EventQuery, EventType, ProviderEvent } from '../../provider';
import {
  eventTimes,
  foreignCursor,
  inOrder,
  noEventList,
  oldestPage,
  placeAt,
  readAll,
  readCursor,
  readPlace,
  serverTime,
  writeCursor,
  writePlace,
  type Listed,
  type Window,
} from '../event-list';
import type { Call, RhombusApi } from './api';
import { bareOf, videoFacet } from './facets';
import { readList } from './types';

/** The delay of `delayedProcessing` alerts is not published. */
const overlapMs = 15 * 60_000;
/** The largest page is not published. */
const pageSize = 100;
/** A list as long as this may have been cut by the server, whatever was asked for. */
const suspectLength = 25;

/** Source: getPolicyAlerts in the OpenAPI document of the API */
export function createEventList(api: RhombusApi, now: () => number) {
  const action = 'Asking for alerts';

  return async ({ cursor, cameras, open, limit }: EventQuery, call: Call): Promise<EventPage> => {
    if (cursor === '') {
      const { now: began } = await ask({ maxResults: 1 }, call);
      return { events: [], cursor: cursorAt(writePlace(placeAt(began, began, overlapMs))), more: false };
    }
    const place = readCursor('rhombus', cursor).get('alerts');
    if (place === null) throw foreignCursor();
    const page = await oldestPage(readPlace(place), { limit: Math.min(limit, pageSize), overlapMs }, (window, most) =>
      list(window, { cameras, limit: most }, call),
    );
    const listed = page.rows.filter((row) => readBoolean(row.deleted) !== true);
    const events = readAll(listed, readAlert, action).filter((event) => isOf(event, cameras));
    const unseen = page.more ? [] : open.filter((id) => !events.some((event) => event.id === id));
    const gone: string[] = [];
    for (const id of unseen) {
      const event = await lookAt(id, call);
      if (event) events.push(event);
      else gone.push(id);
    }
    return { events: inOrder(events), cursor: cursorAt(writePlace(page.next)), more: page.more, gone };
  };

  async function list(
    { from, to }: Window,
    { cameras, limit }: { cameras: string[]; limit: number },
    call: Call,
  ): Promise<Listed<JsonObject>> {
    const asked = {
      // Whether the bounds are included is not published.
      afterTimestampMs: from - 1,
      ...(to === undefined ? {} : { beforeTimestampMs: to }),
      ...(cameras.length > 0 ? { deviceFilter: [...new Set(cameras.map(bareOf))] } : {}),
      maxResults: limit + 1,
    };
    const { alerts, now: servedAt } = await ask(asked, call);
    const rows = alerts.filter((row) => to === undefined || (readCount(row.timestampMs) ?? 0) <= to);
    const isPlain = rows.length === alerts.length;
    const isLong = alerts.length >= suspectLength && alerts.length <= limit;
    const isCut = isPlain && (alerts.length === limit + 1 || (isLong && (await goesOn(asked, alerts, call))));
    return { rows, now: servedAt, isCut };
  }

  /** Is there anything behind the last one that is listed? */
  async function goesOn(asked: JsonObject, alerts: JsonObject[], call: Call): Promise<boolean> {
    const last = alerts.at(-1)!;
    const behind = await ask({ ...asked, lastTimestampMs: last.timestampMs, lastUuid: last.uuid }, call);
    const known = new Set(alerts.map(({ uuid }) => uuid));
    return behind.alerts.some(({ uuid }) => !known.has(uuid));
  }

  async function ask(body: JsonObject, call: Call): Promise<{ alerts: JsonObject[]; now: number }> {
    const options = { mayPass: true, isList: true };
    const { json, headers } = await api.post('event/getPolicyAlerts', body, call, action, options);
    const alerts = readList(json, 'policyAlerts');
    if (alerts) return { alerts, now: serverTime(headers, now) };
    throw noEventList(action);
  }

  /** `undefined`: it is not there any more. */
  async function lookAt(policyAlertUuid: string, call: Call): Promise<ProviderEvent | undefined> {
    const looking = 'Looking at an alert that goes on';
    try {
      const options = { mayPass: true };
      const { json } = await api.post('event/getPolicyAlertDetails', { policyAlertUuid }, call, looking, options);
      const alert = readAlert(objectAt(json, 'policyAlert'));
      if (alert || json.policyAlert === null || objectAt(json, 'policyAlert').deleted === true) return alert;
    } catch (error) {
      if (error instanceof ClipError && error.code === 'ENOTFOUND' && !error.inconclusive) return undefined;
      throw error;
    }
    throw new ClipError('EPROTOCOL', reasonFirst('the answer holds no events', looking), { retryable: true });
  }
}

function cursorAt(alerts: string): string {
  return writeCursor('rhombus', { alerts });
}

function isOf({ camera }: ProviderEvent, cameras: string[]): boolean {
  return cameras.length === 0 || (camera !== undefined && cameras.some((each) => bareOf(each) === bareOf(camera)));
}

/** Later than any time that can be one. */
const latestMs = 8.64e15;

function readAlert(alert: JsonObject): ProviderEvent | undefined {
  const id = readId(alert.uuid);
  const startMs = readCount(alert.timestampMs);
  const seconds = readCount(alert.durationSec);
  if (!id || startMs === undefined || startMs + (seconds ?? 0) * 1000 > latestMs) return undefined;
  if (readBoolean(alert.deleted) === true) return undefined;
  const isOpen = readBoolean(alert.finalized) === false;
  const triggers = readTexts(alert.policyAlertTriggers);
  const device = readText(alert.deviceUuid);
  const isCamera = device !== undefined && /CAMERA|^$/i.test(readText(alert.deviceType) ?? '');
  const text = readText(alert.textDescription);
  const word = triggers[0] ?? readText(alert.type);
  const location = readText(alert.locationUuid);
  return {
    id,
    kind: 'alert',
    ...(isCamera ? { camera: videoFacet(device) } : {}),
    ...eventTimes(startMs, isOpen || seconds === undefined ? undefined : startMs + seconds * 1000),
    ...(isOpen ? { open: true } : {}),
    type: typeOf(triggers, readText(alert.type)),
    ...(triggers[0] ? { label: triggers[0] } : {}),
    ...(triggers.length > 1 ? { labels: triggers } : {}),
    ...(text ? { text } : {}),
    ref: {
      ...(word ? { type: word } : {}),
      ...(device && !isCamera ? { device } : {}),
      ...(location ? { location } : {}),
    },
  };
}

/** The words of some seventy activities, by what is in them; the first that fits counts. Source: the OpenAPI document */
const words: [pattern: RegExp, type: EventType][] = [
  [/HUMAN|PERSON|LOITER|FALL/, 'person'],
  [/LICENSE_?PLATE/, 'plate'],
  [/FACE/, 'face'],
  [/CAR\b|VEHICLE/, 'vehicle'],
  [/ANIMAL/, 'animal'],
  [/DOOR|ACCESS|BADGE/, 'door'],
  [/TAMPER|OBSTRUCT|CAMERA_MOVED/, 'tamper'],
  [/LINE_?CROSSING/, 'line'],
  [/COUNT|CROWD|OCCUPANCY/, 'counting'],
  [/SOUND|NOISE|AUDIO|GUNSHOT|GLASS/, 'sound'],
  [/MOTION|MOVEMENT/, 'motion'],
  [/CONNECT|OFFLINE|HEALTH|DIAGNOSTIC/, 'system'],
];

function typeOf(triggers: string[], kind = ''): EventType {
  const said = [...triggers, kind].map((word) => word.toUpperCase());
  for (const word of said) {
    const [, type] = words.find(([pattern]) => pattern.test(word)) ?? [];
    if (type) return type;
  }
  return 'alarm';
}
