// The events of the simulated server: their files, and how its API tells of them.
import { openMedia, makeVideo, type Media } from '../video';
import type { SimMonitor, ZoneMinderOptions } from './options';
import { bytesMedia, makeRecording } from './recording';
import { localText } from './replies';

export interface SimEvent {
  id: number;
  monitorId: number;
  startMs: number;
  /** Whole seconds; of a running event, how long it will become. */
  seconds: number;
  /** `running`: still being recorded. `orphan`: its recorder died. Both have no end. */
  state: 'ended' | 'running' | 'orphan';
  /** What there is as video. `plain`: MP4 without fragments. `listed`: the name of a file that is not there. */
  video: 'fragmented' | 'plain' | 'mkv' | 'pictures' | 'none' | 'listed' | 'empty' | 'corrupt';
  /** Seconds before the start that are in the file as well: key frame and pre-event pictures. */
  preroll: number;
  /** Seconds that an orphan has in its file. */
  writtenSeconds: number;
  /** Each second of the file is filled up to so many bytes. */
  secondBytes: number;
  /** No list of fragments at the end of the file. */
  unindexed: boolean;
  /** Pixels of the pictures of a plain file: another size is another decoder. */
  width: number;
  /** Overrides of what the API says. */
  lengthText?: string;
  startText?: string;
  endText?: string;
  cause: string;
  notes: string;
  alarmFrames: number;
}

export function simEvent(event: Pick<SimEvent, 'id' | 'startMs' | 'seconds'> & Partial<SimEvent>): SimEvent {
  return {
    monitorId: 1,
    state: 'ended',
    video: 'fragmented',
    preroll: 0,
    writtenSeconds: 5,
    secondBytes: 0,
    unindexed: false,
    width: 160,
    cause: 'Continuous',
    notes: '',
    alarmFrames: 0,
    ...event,
  };
}

/** Files of running events grow in steps of this. */
const writtenStepBytes = 256 * 1024;
/** A file that has just been opened. */
const openedBytes = 36;

/** The video file; `undefined`: there is none. */
export async function mediaOf(event: SimEvent, options: ZoneMinderOptions, now: number): Promise<Media | undefined> {
  switch (event.video) {
    case 'pictures':
    case 'none':
    case 'listed':
      return undefined;
    case 'empty':
      return bytesMedia(Buffer.alloc(0));
    case 'corrupt':
      return bytesMedia(Buffer.from('not a video at all '.repeat(100)));
    case 'mkv':
      return bytesMedia(Buffer.concat([Buffer.from('1a45dfa3', 'hex'), Buffer.alloc(50_000, 7)]));
    case 'plain':
      return openMedia(await makeVideo({ seconds: event.seconds, width: event.width, height: 120 }), {
        mark: `event ${event.id}`,
      });
    case 'fragmented':
      return fragmentedFile(event, options, now);
  }
}

async function fragmentedFile(event: SimEvent, { version }: ZoneMinderOptions, now: number): Promise<Media> {
  const { startMs, seconds, preroll, state, secondBytes, unindexed, writtenSeconds } = event;
  const whole = await makeRecording({
    startSecond: Math.floor(startMs / 1000) - preroll,
    seconds: seconds + preroll,
    relative: version === '1.39.22',
    fragmentBytes: secondBytes,
    index: state === 'ended' && !unindexed,
  });
  if (state === 'ended') return whole;
  const second = state === 'orphan' ? writtenSeconds : Math.max(0, Math.floor((now - startMs) / 1000) + preroll);
  const reached = whole.offsets[Math.min(second, whole.offsets.length - 1)]!;
  // An orphan ends somewhere inside of a fragment.
  const bytes = state === 'orphan' ? reached + 100 : Math.floor(reached / writtenStepBytes) * writtenStepBytes;
  const size = Math.min(whole.size, Math.max(openedBytes, bytes));
  return { ...whole, size, read: (start = 0, end = size) => whole.read(start, Math.min(end, size)) };
}

export function isListed({ startMs }: SimEvent, now: number): boolean {
  return startMs <= now;
}

/** Name of its file as it is sent in a download; empty: none. */
export function fileNameOf(event: SimEvent, { version }: ZoneMinderOptions): string {
  if (event.video === 'pictures' || event.video === 'none') return '';
  const later = version !== '1.36.33';
  if (later && event.state === 'running') return version === '1.39.22' ? 'index.m3u8' : 'incomplete.h264.mp4';
  if (event.video === 'mkv') return `${event.id}-video.mkv`;
  return later ? `${event.id}-video.h264.mp4` : `${event.id}-video.mp4`;
}

/** A row of the list, with far more fields than anybody needs. */
export function eventRow(event: SimEvent, options: ZoneMinderOptions, monitor: SimMonitor, now: number): object {
  const { id, startMs, state } = event;
  const startZone = options.recorderZone || options.timezone;
  const endZone = options.databaseZone || startZone;
  const seconds = state === 'ended' ? event.seconds : 0;
  const number = (value: number): number | string => (options.numbersAsText ? String(value) : value);
  const start = event.startText ?? localText(startMs, startZone);
  const end = state === 'ended' ? (event.endText ?? localText(startMs + event.seconds * 1000, endZone)) : null;
  return {
    Id: number(id),
    MonitorId: number(event.monitorId),
    StorageId: number(1),
    SecondaryStorageId: number(0),
    Name: state === 'running' ? 'New Event' : `Event- ${id}`,
    Cause: event.cause,
    StartDateTime: start,
    EndDateTime: end,
    Width: number(monitor.width),
    Height: number(monitor.height),
    Length: event.lengthText ?? (state === 'running' ? staleLength(now - startMs) : seconds.toFixed(2)),
    Frames: number(Math.max(1, seconds * 5)),
    AlarmFrames: number(event.alarmFrames),
    DefaultVideo: fileNameOf(event, options),
    SaveJPEGs: number(event.video === 'pictures' ? 3 : 0),
    TotScore: number(event.alarmFrames * 30),
    MaxScore: number(event.alarmFrames > 0 ? 30 : 0),
    Archived: number(0),
    Videoed: number(1),
    Notes: event.notes,
    StateId: number(1),
    Orientation: 'ROTATE_0',
    DiskSpace: state === 'ended' ? number(event.seconds * 8000) : null,
    Scheme: 'Medium',
    Locked: number(0),
    FileSystemPath: `/var/cache/zoneminder/events/${event.monitorId}/${id}`,
    MaxScoreFrameId: null,
  };
}

/** Refreshed every hundred pictures or so. */
function staleLength(runningMs: number): string {
  const seconds = Math.max(0, Math.floor(runningMs / 20_000) * 20);
  return seconds.toFixed(2);
}
