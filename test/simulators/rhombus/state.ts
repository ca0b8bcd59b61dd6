/** All that the simulated cloud remembers. */
import type { RhombusAlert } from './alerts';
import { makeVideo, openMedia, sha256Of } from '../video';
import { clipUuid, isComplete, usualSteps, type RhombusClip } from './clips';
import type { RhombusCamera } from './cameras';
import type { RhombusOptions } from './options';

export interface RhombusState {
  options: RhombusOptions;
  now(): number;
  clips: RhombusClip[];
  /** Clips made so far; numbers the next one. */
  made: number;
  alerts: RhombusAlert[];
  /** Rate limit, by organisation. */
  buckets: Map<string, { tokens: number; at: number }>;
}

/** By bare id or facet. */
export function findCamera(state: RhombusState, device: string): RhombusCamera | undefined {
  const [uuid] = device.split('.');
  return state.options.cameras.find((camera) => camera.uuid === uuid);
}

export type NewClip = Pick<RhombusClip, 'deviceUuids' | 'startMs' | 'durationSec'> & Partial<RhombusClip>;

export function addClip(state: RhombusState, clip: NewClip): RhombusClip {
  const [device = ''] = clip.deviceUuids;
  const { width = 640, height = 360 } = findCamera(state, device) ?? {};
  const made: RhombusClip = {
    uuid: clipUuid(++state.made),
    organization: state.options.keys[0]?.organizations[0] ?? '',
    title: '',
    visibility: 'PRIVATE',
    audio: false,
    createdAt: state.now(),
    steps: usualSteps(),
    width,
    height,
    ...clip,
  };
  if (!clip.steps) made.steps = state.options.splice.steps(made);
  state.clips.push(made);
  return made;
}

/** Makes the videos of clips that are finished by now. Where there was no footage they hold filler frames (documented). */
export async function catchUp(state: RhombusState): Promise<void> {
  const now = state.now();
  await Promise.all(state.clips.filter((clip) => isComplete(clip, now)).map((clip) => prepareMedia(state, clip)));
}

async function prepareMedia(state: RhombusState, clip: RhombusClip): Promise<void> {
  if (clip.media) return;
  const { durationSec: seconds, width, height } = clip;
  // Marked, so that no two clips have the same bytes.
  const media = await openMedia(await makeVideo({ seconds, width, height }), {
    mark: clip.uuid,
    bytes: state.options.download.largeMedia,
  });
  clip.sha256 = await sha256Of(media);
  clip.media = media;
}
