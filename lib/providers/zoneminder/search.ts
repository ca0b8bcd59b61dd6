// Searches the events of ranges, on the clock of the server, and finds out how far those reach that have no end.
import { ClipError, reasonFirst } from '../../errors';
import { readText } from '../../net/json';
import type { ProviderConfig } from '../../provider';
import type { TimeRange } from '../../time-range';
import type { Call, ZoneMinderApi } from './api';
import { reachOf } from './assembly';
import { findRecordings, hasLaterEvent, touchingOf } from './footage';
import type { Recording } from './timeline';
import { isZone } from './zone';

export interface CameraSpan extends TimeRange {
  camera: string;
}

export interface Found {
  /** Of all cameras asked about, also around the ranges. */
  recordings: Recording[];
  /** On the clock of the server. */
  nowMs: number;
}

export interface EventSearch {
  (spans: CameraSpan[], call: Call, action: string): Promise<Found>;
  /** The time zone of the times of events. */
  zone(call: Call): Promise<string>;
}

/** Files lag behind by up to half a minute; one that has stood still for longer has lost its recorder. */
const stalledMs = 120_000;

/** Ranges that lie further apart than this are not worth reading all that is between them. */
const nearMs = 3600_000;
/** Names of cameras stand in the address, which web servers limit to about 8 KB. */
const mostCameras = 100;

/** Ranges that are looked for by one search: mostly all, since clips are waited for right after their time. */
export function groupsOf(spans: CameraSpan[]): { cameras: string[]; span: TimeRange }[] {
  const groups: { cameras: Set<string>; span: TimeRange }[] = [];
  for (const { camera, start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = groups.at(-1);
    const isNear = last !== undefined && start <= last.span.end + nearMs;
    if (isNear && (last.cameras.has(camera) || last.cameras.size < mostCameras)) {
      last.cameras.add(camera);
      last.span.end = Math.max(last.span.end, end);
    } else groups.push({ cameras: new Set([camera]), span: { start, end } });
  }
  return groups.map(({ cameras, span }) => ({ cameras: [...cameras], span }));
}

export function createSearch(api: ZoneMinderApi, { settings, now }: ProviderConfig): EventSearch {
  const chosenZone = String(settings.timezone || '');
  const waitsForEnd = settings.running === 'wait';
  let toldZone: string | undefined;

  async function search(spans: CameraSpan[], call: Call, action: string): Promise<Found> {
    const timezone = await zone(call);
    const recordings: Recording[] = [];
    let nowMs: number | undefined;
    for (const group of groupsOf(spans)) {
      const { cameras, span } = group;
      const found = await findRecordings(api, { cameras, span, zone: timezone }, call, action);
      recordings.push(...found.recordings);
      nowMs ??= found.servedAtMs;
    }
    const servedAtMs = nowMs ?? now();
    const resolved = recordings.map(async (recording) => {
      if (recording.endMs !== undefined) return recording;
      const asking = spans.filter(
        (each) => each.camera === recording.camera && touchingOf(each, [recording]).length > 0,
      );
      return asking.length > 0 ? withReach(recording, asking, servedAtMs, timezone, call) : recording;
    });
    return { recordings: await Promise.all(resolved), nowMs: servedAtMs };
  }

  /** Of an event without an end: how far its file reaches, and whether anything is still coming. */
  async function withReach(
    recording: Recording,
    asking: TimeRange[],
    nowMs: number,
    timezone: string,
    call: Call,
  ): Promise<Recording> {
    const action = `Looking at event ${recording.id}, which has no end`;
    const isFollowed = recording.untilMs !== undefined || (await hasLaterEvent(api, recording, timezone, call, action));
    // Before the end of the range there is no need to look.
    const isEarly = asking.every(({ end }) => end > nowMs);
    if (!isFollowed && isEarly) return recording;
    const reachMs = await reach(recording, call, action);
    if (reachMs === undefined) return recording;
    if (isFollowed || nowMs - reachMs > stalledMs) return { ...recording, endMs: reachMs, isStopped: true };
    return waitsForEnd ? recording : { ...recording, reachMs };
  }

  /** `undefined`: it is not known now. */
  async function reach(recording: Recording, call: Call, action: string): Promise<number | undefined> {
    try {
      return await reachOf(api, recording, call, action);
    } catch (error) {
      if (!(error instanceof ClipError) || error.sessionExpired) throw error;
      if (error.code === 'EAUTH' || error.code === 'EFORBIDDEN' || error.code === 'EABORTED') throw error;
      return error.retryable ? undefined : recording.startMs;
    }
  }

  async function zone(call: Call): Promise<string> {
    if (chosenZone && !isZone(chosenZone)) {
      throw new ClipError('EINVALID', `The time zone "${chosenZone}" is not known. Enter one such as Europe/Amsterdam`);
    }
    toldZone ??= chosenZone || (await askForZone(call));
    return toldZone;
  }

  async function askForZone(call: Call): Promise<string> {
    const action = 'Asking for the time zone of the server';
    const { json } = await api.ask('host/getTimeZone.json', call, action);
    const serverZone = readText(json.tz) ?? '';
    if (isZone(serverZone)) return serverZone;
    const advice = 'Set the time zone of the connection, under Advanced';
    throw new ClipError('EPROTOCOL', reasonFirst('the answer names no time zone that is known', action, advice), {
      inconclusive: serverZone === '',
    });
  }

  return Object.assign(search, { zone });
}
