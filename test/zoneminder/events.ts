// Puts recorded events into the test server, as its recorder leaves them: rows, and files where it looks for them.
import { chownSync, linkSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { picturesPerSecond } from './footage';
import { quote, type ZoneMinderServer } from './server';

export interface RecordedEvent {
  camera: string;
  /** Epoch milliseconds, whole seconds. */
  startMs: number;
  seconds: number;
  /** Its video, on the disk of the server. Absent: pictures only. */
  file?: string;
  /** It has no end: its recorder has crashed, or it is still being recorded. */
  open?: boolean;
  archived?: boolean;
}

const root = '/var/cache/zoneminder/events';

/** Gives their ids, in the same order. */
export function addEvents(server: ZoneMinderServer, events: RecordedEvent[]): string[] {
  const rows = server.query(`
    insert into Events (MonitorId, StorageId, Name, Cause, StartDateTime, EndDateTime, Width, Height, Length, Frames,
      AlarmFrames, DefaultVideo, SaveJPEGs, Archived, Videoed, Notes, StateId, Scheme) values
    ${events.map(valuesOf).join(', ')};
    select last_insert_id();`);
  const first = Number(rows[0]![0]);
  const ids = events.map((_, index) => String(first + index));
  const videos = ids.filter((_, index) => events[index]!.file);
  server.query(`
    update Events set Name = concat('Event-', Id) where EndDateTime is not null and Id >= ${first};
    ${videos.length > 0 ? `update Events set DefaultVideo = concat(Id, '-video.mp4') where Id in (${videos.join()})` : ''};`);
  for (const [index, { file }] of events.entries()) {
    const video = videoOf(server, ids[index]!);
    makeFolder(dirname(video), server.pathOf(root));
    if (file) linkSync(file, video);
  }
  return ids;
}

function valuesOf({ camera, startMs, seconds, file, open, archived }: RecordedEvent): string {
  const start = startMs / 1000;
  const values = [
    ...[camera, '1', quote('New Event'), quote('Continuous')],
    ...[`from_unixtime(${start})`, open ? 'null' : `from_unixtime(${start + seconds})`],
    // Of an event without an end, the length is not up to date.
    ...['320', '240', open ? '0' : String(seconds), String(seconds * picturesPerSecond), '0', quote('')],
    ...[file ? '0' : '3', archived ? '1' : '0', file ? '1' : '0', quote(''), '1', quote('Medium')],
  ];
  return `(${values.join(', ')})`;
}

export interface KeptEvent {
  id: string;
  /** Epoch milliseconds, whole seconds. */
  startMs: number;
  isEnded: boolean;
}

/** The events of a camera, oldest first. */
export function eventsOf(server: ZoneMinderServer, camera: string): KeptEvent[] {
  const columns = 'Id, unix_timestamp(StartDateTime), EndDateTime is not null';
  return server
    .query(`select ${columns} from Events where MonitorId = ${camera} order by Id`)
    .map(([id, start, isEnded]) => ({ id: id!, startMs: Number(start) * 1000, isEnded: isEnded === '1' }));
}

/** The path of an event's video, whether there is one or not. */
export function videoOf(server: ZoneMinderServer, event: string): string {
  const [row] = server.query(`select MonitorId, date(StartDateTime) from Events where Id = ${event}`);
  if (!row) throw new Error(`There is no event ${event}`);
  return server.pathOf(`${root}/${row.join('/')}/${event}/${event}-video.mp4`);
}

/** Removes events as the purge of the server does. */
export function removeEvents(server: ZoneMinderServer, ids: string[]): void {
  for (const id of ids) rmSync(dirname(videoOf(server, id)), { recursive: true });
  server.query(`delete from Events where Id in (${ids.join()})`);
}

/** The recorder must be able to write beside what is put there. */
function makeFolder(folder: string, top: string): void {
  const { uid, gid } = statSync(top);
  mkdirSync(folder, { recursive: true });
  for (let path = folder; path !== top; path = dirname(path)) chownSync(path, uid, gid);
}
