// Makes exports, and what becomes of them as time goes by: threads up to 0.17, a queue since 0.18.
import { makeVideo, openMedia, type Media } from '../video';
import { contentOf, segmentsOf, type Segment } from './cameras';
import { findCamera, hasQueue, minorOf, type FrigateState } from './state';

export interface SimExport {
  id: string;
  camera: string;
  name: string;
  /** Epoch seconds, whole. */
  start: number;
  end: number;
  hasChapters: boolean;
  caseId?: string;
  createdAt: number;
  /** When ffmpeg starts; `Infinity` in the queue. */
  startsAt: number;
  endsAt: number;
  status: 'queued' | 'running' | 'success' | 'failed' | 'cancelled';
  /** Running, but for ever: its process died with a restart (0.16, 0.17). */
  isOrphan: boolean;
  /** The half of a file that a restart has left, taken for a whole one (0.18). */
  isHalf: boolean;
  /** Removed by somebody. */
  isDeleted: boolean;
  /** Where the footage in the file begins, and how much of it there is. */
  content: { from: number; seconds: number };
  media?: Media;
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Not for a test to guess: camera, an underline, six characters. */
export function exportId(camera: string, number: number): string {
  let rest = (number + 1) * 40_503_197;
  let text = '';
  for (let count = 0; count < 6; count += 1) {
    text += letters[rest % letters.length];
    rest = Math.floor(rest / letters.length);
  }
  return `${camera}_${text}`;
}

/** Name of the file: in the server's own time, which nobody should read. */
export function fileNameOf({ id, camera, start, end }: SimExport): string {
  const zoneMs = 2 * 3600_000;
  const local = (seconds: number): string =>
    new Date(seconds * 1000 + zoneMs).toISOString().replace(/[-:]/g, '').replace('T', '_').slice(0, 15);
  return `${camera}_${local(start)}-${local(end)}_${id.slice(-6)}.mp4`;
}

type NewExport = Pick<SimExport, 'camera' | 'name' | 'start' | 'end'> & Partial<SimExport>;

export function addExport(state: FrigateState, asked: NewExport): SimExport {
  const { options } = state;
  const now = state.now();
  const made: SimExport = {
    id: exportId(asked.camera, state.exports.length),
    hasChapters: false,
    createdAt: now,
    startsAt: hasQueue(state) ? Infinity : now + options.exports.rowDelayMs,
    endsAt: Infinity,
    status: hasQueue(state) ? 'queued' : 'running',
    isOrphan: false,
    isHalf: false,
    isDeleted: false,
    content: { from: asked.start * 1000, seconds: 0 },
    ...asked,
  };
  if (!hasQueue(state)) made.endsAt = made.startsAt + makeMsOf(state, made);
  state.exports.push(made);
  return made;
}

function makeMsOf({ options }: FrigateState, made: SimExport): number {
  const { makeMs } = options.exports;
  return typeof makeMs === 'number' ? makeMs : makeMs(made);
}

/** What is over by now ends, in its order, and makes room for the next in the queue. */
export async function catchUp(state: FrigateState): Promise<void> {
  const now = state.now();
  let changed = startQueued(state, now);
  for (;;) {
    const [next] = state.exports
      .filter((made) => made.status === 'running' && !made.isOrphan && made.endsAt <= now)
      .sort((a, b) => a.endsAt - b.endsAt);
    if (!next) break;
    next.status = state.options.exports.fails(next) || next.start >= next.end ? 'failed' : 'success';
    startQueued(state, next.endsAt);
    changed = true;
  }
  await Promise.all(
    state.exports.map(async (made) => {
      if (hasBegun(made, now) && !made.media && made.status !== 'cancelled') made.media = await mediaFor(state, made);
    }),
  );
  if (changed) state.push.announce();
}

function startQueued(state: FrigateState, at: number): boolean {
  if (!hasQueue(state)) return false;
  let free = state.options.exports.workers - state.exports.filter(({ status }) => status === 'running').length;
  const queued = state.exports.filter(({ status }) => status === 'queued');
  const started = queued.slice(0, Math.max(0, free));
  for (const made of started) {
    free -= 1;
    made.status = 'running';
    made.startsAt = Math.max(at, made.createdAt);
    made.endsAt = made.startsAt + makeMsOf(state, made);
  }
  return started.length > 0;
}

function hasBegun(made: SimExport, now: number): boolean {
  return made.startsAt <= now && made.status !== 'queued';
}

/** Made of what is recorded when it runs: less than was asked for is no error. */
async function mediaFor(state: FrigateState, made: SimExport): Promise<Media | undefined> {
  const camera = findCamera(state, made.camera);
  const range: Segment = { start: made.start * 1000, end: made.end * 1000 };
  if (!camera || range.start >= range.end) return undefined;
  const around: Segment = { start: range.start - 1_000, end: range.end };
  const segments = segmentsOf(camera, around, state.startedAt, state.now());
  made.content = contentOf(camera, segments, range, minorOf(state) === 16);
  const seconds = Math.max(1, made.content.seconds);
  const { width, height } = camera;
  const media = await openMedia(await makeVideo({ seconds, width, height }), {
    mark: made.id,
    bytes: state.options.largeMedia,
  });
  const etag = `${Math.floor(made.startsAt / 1000).toString(16)}-${media.size.toString(16)}`;
  return { ...media, etag };
}

/** Does the table of exports hold it? The row of a failed one is deleted. */
export function hasRow(made: SimExport, now: number): boolean {
  return !made.isDeleted && hasBegun(made, now) && (made.status === 'running' || made.status === 'success');
}

/** Bytes of its file on disk; `undefined`: there is none. */
export function fileSize(made: SimExport, now: number): number | undefined {
  if (!made.media || !hasRow(made, now)) return undefined;
  const { size } = made.media;
  if (made.status === 'success') return made.isHalf ? Math.floor(size / 2) : size;
  const share = made.isOrphan ? 0.5 : (now - made.startsAt) / Math.max(1, made.endsAt - made.startsAt);
  return Math.floor(size * Math.min(0.99, Number.isFinite(share) ? share : 0));
}

/** When its file changed last: it grows until it is whole. */
export function changedAt(made: SimExport, now: number): number {
  return made.isOrphan ? made.startsAt : Math.min(now, made.endsAt);
}

/** The server is started again in the middle of its work. */
export function restart(state: FrigateState): void {
  for (const made of state.exports) {
    if (made.status === 'queued') made.status = 'cancelled';
    if (made.status !== 'running') continue;
    if (!hasQueue(state)) made.isOrphan = true;
    else {
      made.status = 'success';
      made.isHalf = true;
      made.endsAt = -Infinity;
    }
  }
}
