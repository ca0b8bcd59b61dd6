/**
 * The records of generated files: plain data, moved on by the clock of whoever looks at it, or by a timer where time is
 * real and somebody listens for pushes.
 */
import { randomBytes } from 'node:crypto';
import { makeVideo, openMedia, type Media } from '../video';
import { footageMs, footageSpan, type AipixCamera } from './cameras';
import { bareTime, isoTime, raw, type Json } from './replies';
import type { AipixSession, AipixState } from './state';

export interface AipixRecord {
  /** Digits. */
  id: string;
  camera: AipixCamera;
  /** Asked for; epoch milliseconds. */
  from: number;
  to: number;
  userId: string;
  /** Of the session that asked: the only one that is told. */
  tokenId: string;
  createdAt: number;
  updatedAt: number;
  state: 'making' | 'ready' | 'failed' | 'gone';
  /** When the making ends. */
  dueAt: number;
  /** Part of the file's address; changes when the file is made again. */
  fileName: string;
  revision: number;
  media?: Promise<Media>;
}

export function addRecord(
  state: AipixState,
  { camera, from, to }: Pick<AipixRecord, 'camera' | 'from' | 'to'>,
  session: Pick<AipixSession, 'tokenId' | 'user'>,
): AipixRecord {
  const now = state.now();
  const { wrongCamera } = state.options.record;
  const other = state.options.cameras.find(({ id }) => id !== camera.id);
  const record: AipixRecord = {
    id: String(state.nextRecordId++),
    camera: (wrongCamera ? other : undefined) ?? camera,
    from,
    to,
    userId: session.user.id,
    tokenId: session.tokenId,
    createdAt: now,
    updatedAt: now,
    state: 'making',
    dueAt: now,
    fileName: '',
    revision: 0,
  };
  start(state, record);
  state.records.push(record);
  return record;
}

/** Makes the file of a record, or makes it again. */
export function start(state: AipixState, record: AipixRecord): void {
  const { makeMs } = state.options.making;
  record.state = 'making';
  record.updatedAt = state.now();
  record.dueAt = state.now() + (typeof makeMs === 'number' ? makeMs : makeMs(record));
  record.revision++;
  record.fileName = `${randomBytes(12).toString('hex')}.mp4`;
  record.media = undefined;
}

/** Moves every record on to where it is now. */
export function catchUp(state: AipixState): void {
  const now = state.now();
  for (const record of state.records) {
    if (record.state === 'making' && record.dueAt <= now) finish(state, record);
  }
  const { keepMs, cleanUpEveryMs, records } = state.options.retention;
  const turn = Math.floor(now / cleanUpEveryMs) * cleanUpEveryMs;
  if (turn <= state.cleanedUpAt) return;
  state.cleanedUpAt = turn;
  for (const record of state.records) {
    if (record.state === 'ready' && turn - record.updatedAt >= keepMs) record.state = 'gone';
  }
  if (records === 'removed') state.records = state.records.filter((record) => record.state !== 'gone');
}

function finish(state: AipixState, record: AipixRecord): void {
  const { making } = state.options;
  const recorded = footageMs(state, record.camera, record.from, record.to);
  const isPartial = recorded < record.to - record.from;
  const fails = making.fails(record) || recorded === 0 || (isPartial && making.partial === 'fails');
  record.state = fails ? 'failed' : 'ready';
  record.updatedAt = Math.max(record.dueAt, record.createdAt);
  state.push.announce(record);
}

/** The bytes of a record's file: real video of as much as was recorded. */
export function mediaOf(state: AipixState, record: AipixRecord): Promise<Media> {
  record.media ??= (async () => {
    const milliseconds = footageMs(state, record.camera, record.from, record.to);
    const { width, height } = record.camera;
    const file = await makeVideo({ seconds: milliseconds / 1000, width, height });
    return openMedia(file, { bytes: state.options.media.largeMedia, mark: `${record.id}/${record.revision}` });
  })();
  return record.media;
}

/** Whatever stands in the way of a file is in the name: an address text, commas, blanks (documented). */
function fileTitle({ camera, from, to }: AipixRecord): string {
  const [start, end] = [bareTime(from), bareTime(to)].map((text) => text.replace(/[-:]/g, '').replace(' ', '-'));
  return `${camera.name}, file.${start}-${end!.slice(9)}.mp4`;
}

/** A record's address, once it has a file. Whoever has it may fetch the file. */
export function fileUrl(state: AipixState, record: AipixRecord): string | undefined {
  const { file, url: unmade } = state.options.record;
  if (record.state === 'failed' || (record.state === 'making' && unmade !== 'early')) return undefined;
  const paths = {
    s3: `/s3/vms-backend/archive/${record.fileName}`,
    storage: `/storage/${record.fileName}`,
    relative: `/storage/${record.fileName}`,
    signed: `/s3/vms-backend/archive/${record.fileName}?X-Amz-Expires=600&X-Amz-Signature=${record.fileName.slice(0, 16)}%2Fa%20b`,
    'plain text': `/storage/${record.camera.name}, ${record.fileName}`,
  };
  const url = file === 'relative' ? paths.relative : `${state.mediaUrl()}${paths[file]}`;
  state.secrets.add(record.fileName).add(url);
  return url;
}

/** As one of the lists shows it (`where`), or the answer to a request for it (`fresh`). */
export function recordJson(
  state: AipixState,
  record: AipixRecord,
  where: 'downloads' | 'users/downloads' | 'fresh' | 'push',
): Record<string, Json> {
  const { options } = state;
  const { created, exists, id, statusIn, url, words } = options.record;
  const time = created === 'iso' ? isoTime : bareTime;
  const hasFile = record.state === 'ready' || record.state === 'gone';
  const empty = { root: `${state.mediaUrl()}/storage/`, empty: '', null: null, early: null }[url];
  const span = options.making.tellsPart ? footageSpan(state, record.camera, record.from, record.to) : undefined;
  const part = hasFile && span ? span : record;
  const isGone = record.state === 'gone' && options.retention.flag;
  return {
    id: id === 'number' ? raw(record.id) : record.id,
    attributes: [],
    name: where === 'fresh' ? record.camera.name : fileTitle(record),
    type: 'mp4',
    url: fileUrl(state, record) ?? empty,
    from: bareTime(part.from),
    to: bareTime(part.to),
    created_at: time(record.createdAt),
    updated_at: time(record.updatedAt),
    ...(statusIn.some((family) => family === where) ? { status: words[record.state] } : {}),
    is_file_exists: hasFile ? !isGone : exists,
    user_id: raw(record.userId),
  };
}

/** The stream of a list's entry. Its address holds the password of the camera; administrators get to see it. */
export function streamJson({ camera }: AipixRecord, forAdmin: boolean): Json {
  return {
    id: 31,
    type: 'high',
    camera_id: raw(camera.id),
    status: 'active',
    has_sound: false,
    width: camera.width,
    height: camera.height,
    ...(forAdmin
      ? {
          url: rtspUrl,
          bitrate: 2048,
          ip: '192.0.2.31',
          is_enabled: true,
          camera: { id: raw(camera.id), name: camera.name, status: camera.status },
        }
      : {}),
  };
}

export const rtspPassword = 'rtsp-pa55word';
export const rtspUrl = `rtsp://camera-admin:${rtspPassword}@192.0.2.31:554/stream1`;
