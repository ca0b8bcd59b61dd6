// Reads the shapes of Frigate's answers tolerantly: fields may be missing, new, or of another type than usual.
import { isObject, parseJson, parseLongJson, readBoolean, readNumber, readText } from '../../net/json';

/** Result of a login; absent where Frigate says that it needs none. */
export interface FrigateSession {
  token?: string;
  /** Epoch milliseconds on our clock after which the token is not used any more. */
  usableUntil?: number;
}

/** A row of the exports: it is there from the start of the making on. */
export interface ExportRow {
  id: string;
  camera: string;
  name: string;
  /** Start of the footage, epoch seconds. */
  startSeconds?: number;
  /** Name of the file in the folder of exports. */
  file?: string;
  isRunning: boolean;
}

/** An entry of the queue of exports (0.18 and later). */
export interface ExportJob {
  id: string;
  camera: string;
  name: string;
  /** `queued`, `running`, `success`, `failed`, `cancelled`. */
  status: string;
  step: string;
  /** 0-100 within the step. */
  percent: number;
  startSeconds?: number;
  endSeconds?: number;
  problem?: string;
}

/** A file in the listing of the folder of exports. */
export interface StoredFile {
  name: string;
  size?: number;
  /** Epoch milliseconds. */
  modifiedAt?: number;
}

/** A camera of the configuration. */
export interface CameraConfig {
  id: string;
  name?: string;
  isEnabled: boolean;
  isRecording: boolean;
  /** Are recordings kept without activity, too? Absent: not known. */
  keepsAll?: boolean;
}

export interface Profile {
  role?: string;
  /** Absent: all. */
  cameras?: string[];
}

export function readExport(value: unknown): ExportRow | undefined {
  if (!isObject(value)) return undefined;
  const id = readText(value.id);
  if (!id) return undefined;
  return {
    id,
    camera: readText(value.camera) ?? '',
    name: readText(value.name) ?? '',
    startSeconds: readSeconds(value.date),
    file: readFileName(value.video_path),
    isRunning: readBoolean(value.in_progress) ?? true,
  };
}

export function readJob(value: unknown): ExportJob | undefined {
  if (!isObject(value)) return undefined;
  const id = readText(value.id);
  if (!id) return undefined;
  return {
    id,
    camera: readText(value.camera) ?? '',
    name: readText(value.name) ?? '',
    status: (readText(value.status) ?? '').toLowerCase(),
    step: (readText(value.current_step) ?? '').toLowerCase(),
    percent: Math.min(100, Math.max(0, readNumber(value.progress_percent) ?? 0)),
    startSeconds: readSeconds(value.request_start_time) ?? readSeconds(value.start_time),
    endSeconds: readSeconds(value.request_end_time) ?? readSeconds(value.end_time),
    problem: readText(value.error_message),
  };
}

export function readStoredFile(value: unknown): StoredFile | undefined {
  if (!isObject(value)) return undefined;
  const name = readText(value.name);
  if (!name) return undefined;
  const size = readNumber(value.size);
  const modifiedAt = Date.parse(readText(value.mtime) ?? '');
  return {
    name,
    ...(size !== undefined && Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
    ...(Number.isNaN(modifiedAt) ? {} : { modifiedAt }),
  };
}

/** A stretch of recorded video, epoch milliseconds. */
export function readSegment(value: unknown): { start: number; end: number } | undefined {
  if (!isObject(value)) return undefined;
  const start = readSeconds(value.start_time);
  const end = readSeconds(value.end_time);
  if (start === undefined || end === undefined || !(start < end)) return undefined;
  return { start: Math.round(start * 1000), end: Math.round(end * 1000) };
}

/** Debug replays are cameras of a passing kind. Source: frigate/const.py of 0.18 */
const replayPrefix = '_replay_';

export function readCameras(config: unknown): CameraConfig[] {
  const cameras = isObject(config) && isObject(config.cameras) ? config.cameras : {};
  return Object.entries(cameras).flatMap(([id, camera]) => {
    if (id === '' || id.startsWith(replayPrefix) || !isObject(camera)) return [];
    const record = isObject(camera.record) ? camera.record : {};
    // `retain` up to 0.16, `continuous` since.
    const kept = isObject(record.continuous) ? record.continuous : isObject(record.retain) ? record.retain : {};
    const keptDays = readNumber(kept.days);
    return [
      {
        id,
        name: readText(camera.friendly_name),
        isEnabled: readBoolean(camera.enabled) ?? true,
        isRecording: readBoolean(record.enabled) ?? true,
        ...(keptDays === undefined ? {} : { keepsAll: keptDays > 0 }),
      },
    ];
  });
}

export function readProfile(value: unknown): Profile {
  if (!isObject(value)) return {};
  const cameras = Array.isArray(value.allowed_cameras) ? value.allowed_cameras.map(readText) : undefined;
  return {
    role: readText(value.role),
    ...(cameras ? { cameras: cameras.filter((camera) => camera !== undefined) } : {}),
  };
}

/** The ids in a `job_state` message of the WebSocket; `undefined` for any other message. */
export async function readActiveJobs(text: string): Promise<string[] | undefined> {
  const message = await parseLongJson(text);
  if (!isObject(message) || message.topic !== 'job_state') return undefined;
  const payload = typeof message.payload === 'string' ? await parseLongJson(message.payload) : message.payload;
  const exports = isObject(payload) ? payload.export : undefined;
  const results = isObject(exports) ? exports.results : undefined;
  if (!isObject(results) || !Array.isArray(results.jobs)) return undefined;
  return readAll(results.jobs, readJob).map(({ id }) => id);
}

/** The claims of a token that are needed here; `undefined` for what is no JSON Web Token. */
export function readToken(token: string): { expiresAt?: number } | undefined {
  const parts = token.split('.');
  if (parts.length !== 3 || parts.some((part) => !/^[\w-]+$/.test(part))) return undefined;
  const claims = parseJson(Buffer.from(parts[1]!, 'base64url').toString('utf8'));
  if (!isObject(claims)) return undefined;
  const seconds = readSeconds(claims.exp);
  return seconds === undefined ? {} : { expiresAt: seconds * 1000 };
}

/** Every entry that can be read; an answer that is no list has none. */
export function readAll<T>(value: unknown, read: (entry: unknown) => T | undefined): T[] {
  return Array.isArray(value) ? value.map(read).filter((entry) => entry !== undefined) : [];
}

/** Beyond this, no time in milliseconds is a date. */
const mostSeconds = 8.64e12;

export function readSeconds(value: unknown): number | undefined {
  const seconds = readNumber(value);
  return seconds !== undefined && Math.abs(seconds) < mostSeconds ? seconds : undefined;
}

/** The last part of a path; nothing that could lead out of the folder of exports. */
function readFileName(path: unknown): string | undefined {
  const name = readText(path)?.split('/').at(-1);
  return name && !/^\.+$/.test(name) && !/[\p{C}\\]/u.test(name) ? name : undefined;
}
