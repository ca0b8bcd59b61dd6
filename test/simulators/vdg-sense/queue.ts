/**
 * The clip queue: plain data, moved on by the clock of whoever looks at it. Nothing here runs by itself.
 */
import type { Media } from '../video';

export type ClipState = 'pending' | 'busy' | 'finished' | 'failed';

export interface SenseClip {
  /** 64-bit decimal. */
  id: string;
  serverid: string;
  deviceid: string;
  /** Epoch milliseconds. */
  start: number;
  end: number;
  description: string;
  vca?: string;
  /** As asked for; 0 = not asked for. */
  requestedWidth: number;
  requestedHeight: number;
  /** Pixels of the video; 0 while they are not known. */
  width: number;
  height: number;
  state: ClipState;
  /** Text of the `description` attribute of `status`. */
  stateText: string;
  createdAt: number;
  startedAt?: number;
  endedAt?: number;
  /** Length of the footage that the clip found. */
  videoMs?: number;
  /** Bytes, once the video has been made. */
  size?: number;
  media?: Media;
  /** The revision that `media` is of. */
  mediaRevision?: number;
  /** Raise it to make the server replace the video by another one (another ETag, other bytes). */
  revision: number;
}

export interface ClipQueue {
  /** In the order in which they were asked for. */
  clips: SenseClip[];
  /** When the last making ended: one clip is made at a time (documented). */
  freeAt: number;
  nextId: bigint;
}

export interface QueueRules {
  waitMs(clip: SenseClip): number;
  makeMs(clip: SenseClip): number;
  /** What has become of a clip whose making ends at `at`. */
  outcome(clip: SenseClip, at: number): { videoMs: number; width: number; height: number } | { failure: string };
}

/** From here on neighbours are the same number once they are rounded to a double. */
export const FIRST_CLIP_ID = 8070450532247928832n;

export function emptyQueue(): ClipQueue {
  return { clips: [], freeAt: -Infinity, nextId: FIRST_CLIP_ID };
}

export type ClipRequest = Pick<SenseClip, 'serverid' | 'deviceid' | 'start' | 'end' | 'description'> &
  Partial<SenseClip>;

/** Puts a clip at the end of the queue. */
export function enqueue(queue: ClipQueue, request: ClipRequest, now: number): SenseClip {
  const clip: SenseClip = {
    id: String(queue.nextId++),
    requestedWidth: 0,
    requestedHeight: 0,
    width: 0,
    height: 0,
    state: 'pending',
    stateText: 'waiting',
    createdAt: now,
    revision: 0,
    ...request,
  };
  queue.clips.push(clip);
  return clip;
}

/** The clip that addClip returns again (documented key: neither `description` nor `vca` is part of it). */
export function findSame(queue: ClipQueue, request: ClipRequest): SenseClip | undefined {
  return queue.clips.find(
    (clip) =>
      clip.serverid === request.serverid &&
      clip.deviceid === request.deviceid &&
      clip.start === request.start &&
      clip.end === request.end &&
      clip.requestedWidth === (request.requestedWidth ?? 0) &&
      clip.requestedHeight === (request.requestedHeight ?? 0),
  );
}

/** Moves every clip on to where it is at `now`. States that a test has set by hand stay. */
export function runQueue(queue: ClipQueue, now: number, rules: QueueRules): void {
  for (const clip of queue.clips) {
    if (clip.state === 'finished' || clip.state === 'failed') continue;
    if (clip.state === 'pending') {
      const startAt = Math.max(queue.freeAt, clip.createdAt) + rules.waitMs(clip);
      if (startAt > now) return;
      clip.state = 'busy';
      clip.stateText = '';
      clip.startedAt = startAt;
    }
    const doneAt = (clip.startedAt ??= now) + rules.makeMs(clip);
    if (doneAt > now) return;
    queue.freeAt = doneAt;
    clip.endedAt = doneAt;
    const outcome = rules.outcome(clip, doneAt);
    if ('failure' in outcome) {
      clip.state = 'failed';
      clip.stateText = outcome.failure;
    } else {
      clip.state = 'finished';
      clip.stateText = '';
      Object.assign(clip, outcome);
    }
  }
}

/** Takes a clip out; if it was being made, the next one may start. */
export function removeClip(queue: ClipQueue, clip: SenseClip, now: number): void {
  const index = queue.clips.indexOf(clip);
  if (index < 0) return;
  queue.clips.splice(index, 1);
  if (clip.state === 'busy') queue.freeAt = now;
}

/** Clips go by age and by total size; oldest first is inferred, that failed ones age too is ours. */
export function sweep(queue: ClipQueue, now: number, limits: { ageMs: number; bytes: number }): void {
  const ended = queue.clips
    .filter((clip) => clip.state === 'finished' || clip.state === 'failed')
    .sort((a, b) => endOf(a) - endOf(b));
  let bytes = ended.reduce((sum, clip) => sum + (clip.size ?? 0), 0);
  for (const clip of ended) {
    if (now - endOf(clip) <= limits.ageMs && bytes <= limits.bytes) continue;
    // Failed clips hold no bytes: only their age can end them.
    if (now - endOf(clip) <= limits.ageMs && !clip.size) continue;
    bytes -= clip.size ?? 0;
    removeClip(queue, clip, now);
  }
}

function endOf(clip: SenseClip): number {
  return clip.endedAt ?? clip.createdAt;
}

/**
 * Pixels of a clip (documented: at least 128, a multiple of 16, at most the source; one value given keeps the ratio, both
 * give black bars). Undefined: out of range and not to be clamped. Rounding to the nearest multiple is ours.
 */
export function imageSize(
  requested: { width: number; height: number },
  source: { width: number; height: number },
  outOfRange: 'clamp' | 'refuse',
): { width: number; height: number } | undefined {
  const { width, height } = requested;
  if (!width && !height) return { width: source.width, height: source.height };
  const tooSmall = (width > 0 && width < 128) || (height > 0 && height < 128);
  if (outOfRange === 'refuse' && (tooSmall || width > source.width || height > source.height)) return undefined;
  return {
    width: fit(width || (height * source.width) / source.height, source.width),
    height: fit(height || (width * source.height) / source.width, source.height),
  };
}

function fit(pixels: number, most: number): number {
  const rounded = Math.round(pixels / 16) * 16;
  return Math.max(128, Math.min(rounded, Math.floor(most / 16) * 16));
}
