/** All that the simulated server remembers, and what passes over it when the clock moves. */
import { makeVideo, openMedia } from '../video';
import { recordedMs, type SenseDevice } from './devices';
import type { SenseEvent } from './events';
import type { ExportBook } from './exports';
import type { SenseOptions } from './options';
import { imageSize, runQueue, sweep, type ClipQueue, type SenseClip } from './queue';

export interface SenseSession {
  key: string;
  username: string;
  createdAt: number;
  lastUsedAt: number;
}

export interface SenseState {
  options: SenseOptions;
  now(): number;
  /** For shuffled answers. */
  random(): number;
  queue: ClipQueue;
  exports: ExportBook;
  events: SenseEvent[];
  /** By key. */
  sessions: Map<string, SenseSession>;
  nextSessionKey: number;
  logins: number;
  refusedLogins: number;
  /** Refusals in a row, by user name. */
  strikes: Map<string, number>;
}

export function findDevice(state: SenseState, serverid: string, deviceid: string): SenseDevice | undefined {
  return state.options.devices.find((device) => device.serverid === serverid && device.deviceid === deviceid);
}

export function isServer(state: SenseState, serverid: string): boolean {
  const { devices, managementServer } = state.options;
  return serverid === managementServer || devices.some((device) => device.serverid === serverid);
}

/** Moves the queue on to now, without making videos: a clip that is finished only now has no size yet. */
export function advanceQueue(state: SenseState): void {
  const { queue, partialFootage } = state.options;
  runQueue(state.queue, state.now(), {
    waitMs: (clip) => (typeof queue.waitMs === 'number' ? queue.waitMs : queue.waitMs(clip)),
    makeMs: (clip) => (typeof queue.makeMs === 'number' ? queue.makeMs : queue.makeMs(clip)),
    outcome(clip, at) {
      const failure = queue.fails(clip);
      const device = findDevice(state, clip.serverid, clip.deviceid);
      const videoMs = device ? recordedMs(device, clip.start, clip.end, at) : 0;
      if (failure !== undefined) return { failure };
      if (!device || videoMs === 0) return { failure: 'no recordings' };
      if (partialFootage === 'failed' && videoMs < clip.end - clip.start) return { failure: 'incomplete recordings' };
      return { videoMs, ...pixelsOf(state, device, clip) };
    },
  });
  sweep(state.queue, state.now(), state.options.retention);
}

/** Brings everything up to now: the queue, the videos of finished clips, and what retention takes away. */
export async function catchUp(state: SenseState): Promise<void> {
  advanceQueue(state);
  const { queue, options } = state;
  const finished = queue.clips.filter((clip) => clip.state === 'finished');
  await Promise.all(finished.map((clip) => prepareMedia(state, clip)));
  sweep(queue, state.now(), options.retention);
}

/** Makes the video of a finished clip, or makes it anew after `revision` has changed. */
async function prepareMedia(state: SenseState, clip: SenseClip): Promise<void> {
  const mark = clip.revision ? `revision ${clip.revision}` : '';
  if (clip.media && clip.mediaRevision === clip.revision) return;
  const device = findDevice(state, clip.serverid, clip.deviceid);
  // A test may have put this clip in as finished, without a run through the queue.
  clip.videoMs ??= clip.end - clip.start;
  if (!clip.width && device) Object.assign(clip, pixelsOf(state, device, clip));
  const file = await makeVideo({ seconds: clip.videoMs / 1000, width: clip.width || 640, height: clip.height || 360 });
  const { largeMedia } = state.options.download;
  const bytes = typeof largeMedia === 'number' ? largeMedia : largeMedia(clip);
  clip.media = await openMedia(file, { bytes, mark });
  clip.mediaRevision = clip.revision;
  clip.size = clip.media.size;
}

function pixelsOf(state: SenseState, device: SenseDevice, clip: SenseClip): { width: number; height: number } {
  const requested = { width: clip.requestedWidth, height: clip.requestedHeight };
  return (
    imageSize(requested, device, state.options.imageSizeOutOfRange) ?? { width: device.width, height: device.height }
  );
}
