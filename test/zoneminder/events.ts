// Puts recorded events into the test server, as its recorder leaves them: rows, and files where it looks for them.
import { chown, link, mkdir, rm, stat } from 'node:fs/promises';
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
export async function addEvents(server: ZoneMinderServer, events: RecordedEvent[]): Promise<string[]> {
  const rows = await server.query(`
    insert into Events (MonitorId, StorageId, Name, Cause, StartDateTime, EndDateTime, Width, Height, Length, Frames,
      AlarmFrames, DefaultVideo, SaveJPEGs, Archived, Videoed, Notes, StateId, Scheme) values
    ${events.map(valuesOf).join(', ')};
    select last_insert_id();`);
  const first = Number(rows[0]![0]);
  const ids = events.map((_, index) => String(first + index));
  const videos = ids.filter((_, index) => events[index]!.file);
  await server.query(`
    update Events set Name = concat('Event-', Id) where EndDateTime is not null and Id >= ${first};
    ${videos.length > 0 ? `update Events set DefaultVideo = concat(Id, '-video.mp4') where Id in (${videos.join()})` : ''};`);
  for (const [index, { file }] of events.entries()) {
    const video = await videoOf(server, ids[index]!);
    await makeFolder(dirname(video), server.pathOf(root));
    if (file) await link(file, video);
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

/** The path of an event's video, whether there is one or not. */
export async function videoOf(server: ZoneMinderServer, event: string): Promise<string> {
  const [row] = await server.query(`select MonitorId, date(StartDateTime) from Events where Id = ${event}`);
  if (!row) throw new Error(`There is no event ${event}`);
  return server.pathOf(`${root}/${row.join('/')}/${event}/${event}-video.mp4`);
}

/** Removes events as the purge of the server does. */
export async function removeEvents(server: ZoneMinderServer, ids: string[]): Promise<void> {
  for (const id of ids) await rm(dirname(await videoOf(server, id)), { recursive: true });
  await server.query(`delete from Events where Id in (${ids.join()})`);
}

/** The recorder must be able to write beside what is put there. */
async function makeFolder(folder: string, top: string): Promise<void> {
  const { uid, gid } = await stat(top);
  await mkdir(folder, { recursive: true });
  for (let path = folder; path !== top; path = dirname(path)) await chown(path, uid, gid);
}
