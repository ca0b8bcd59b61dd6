// Reads the JSON of the ZoneMinder API tolerantly: numbers may be text, and any field may be null or missing.
import { objectAt, readBoolean, readCount, readId, readNumber, readText, type JsonObject } from '../../net/json';
import type { Camera } from '../../provider';

export interface ZoneMinderSession {
  /** Empty where the server has no login. */
  token: string;
  /** Renews the session before it ends. */
  refreshToken?: string;
  /** Epoch milliseconds: from then on it may end. Absent: it does not end. */
  renewAtMs?: number;
}

export interface Login {
  /** Absent where the server has its login switched off. */
  accessToken?: string;
  accessSeconds?: number;
  refreshToken?: string;
  refreshSeconds?: number;
}

/** One recorded event. Times are local to the server, "2026-11-29 21:00:55". */
export interface ZoneMinderEvent {
  id: string;
  camera: string;
  startText: string;
  /** Absent while it is being recorded, and for ever after a crash of the recorder. */
  endText?: string;
  /** May be stale while it is being recorded. */
  lengthSeconds?: number;
  /** Name of the video file; empty: there is none (yet). */
  video: string;
  /** Is it kept as single pictures? */
  hasPictures: boolean;
  /** Bytes of its folder, where known. */
  bytes?: number;
  /** Why it was recorded: `Motion`, `Continuous`. */
  cause?: string;
  /** Free text; detectors write into it what they have seen. */
  notes?: string;
  alarmFrames?: number;
  maxScore?: number;
}

export interface Monitor extends Camera {
  /** Keeps pictures and writes no video. */
  picturesOnly: boolean;
}

export function readLogin(json: JsonObject): Login {
  return {
    accessToken: readText(json.access_token),
    accessSeconds: readCount(json.access_token_expires),
    refreshToken: readText(json.refresh_token),
    refreshSeconds: readCount(json.refresh_token_expires),
  };
}

/** `undefined` where the answer holds no list: that does not mean that there are no events. */
export function readEvents(json: JsonObject): ZoneMinderEvent[] | undefined {
  if (!Array.isArray(json.events)) return undefined;
  return json.events.map(readEvent).filter((event) => event !== undefined);
}

function readEvent(entry: unknown): ZoneMinderEvent | undefined {
  const event = objectAt(entry, 'Event');
  const id = readNumbered(event.Id);
  const camera = readNumbered(event.MonitorId);
  const startText = readLocalTime(event.StartDateTime);
  if (!id || !camera || !startText) return undefined;
  return {
    id,
    camera,
    startText,
    endText: readLocalTime(event.EndDateTime),
    lengthSeconds: readPositive(event.Length),
    video: readText(event.DefaultVideo) ?? '',
    hasPictures: (readCount(event.SaveJPEGs) ?? 0) > 0,
    bytes: readCount(event.DiskSpace),
    cause: readText(event.Cause),
    notes: readText(event.Notes),
    alarmFrames: readCount(event.AlarmFrames),
    maxScore: readCount(event.MaxScore),
  };
}

/** Is there another page? Unknown: yes, if this one was full. */
export function hasNextPage(json: JsonObject, isFull: boolean): boolean {
  return isFull && (readBoolean(objectAt(json, 'pagination').nextPage) ?? true);
}

/** The addresses and passwords of cameras, which the answer holds as well, are left where they are. */
export function readMonitors(json: JsonObject): Monitor[] | undefined {
  if (!Array.isArray(json.monitors)) return undefined;
  return json.monitors.flatMap((entry: unknown) => {
    const monitor = objectAt(entry, 'Monitor');
    const id = readNumbered(monitor.Id);
    if (!id || readBoolean(monitor.Deleted)) return [];
    const state = readText(objectAt(entry, 'Monitor_Status').Status);
    return [
      {
        id,
        name: readText(monitor.Name) ?? id,
        ...(state === undefined ? {} : { online: state === 'Connected' }),
        picturesOnly: readNumber(monitor.VideoWriter) === 0,
      },
    ];
  });
}

function readPositive(value: unknown): number | undefined {
  const number = readNumber(value);
  return number !== undefined && number > 0 ? number : undefined;
}

/** PHP with an older database driver gives numbers as text. */
function readNumbered(value: unknown): string | undefined {
  const id = readId(value);
  return id !== undefined && /^[1-9]\d{0,19}$/.test(id) ? id : undefined;
}

function readLocalTime(value: unknown): string | undefined {
  const text = readText(value);
  return text && /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d/.test(text) ? text.slice(0, 19).replace('T', ' ') : undefined;
}
