// Finds out what "Test connection" shows.
import type { ConnectionCheck } from '../../provider';
import type { Call, FrigateApi } from './api';
import { visibleCameras } from './cameras';
import { listSegments } from './footage';
import type { CameraConfig, Profile } from './types';
import type { Version, VersionOf } from './version';

const hourMs = 3600_000;
/** Cameras whose recordings are looked at. */
const sampledCameras = 5;
const namedCameras = 3;

export async function check(
  api: FrigateApi,
  { versionOf, now }: { versionOf: VersionOf; now(): number },
  call: Call,
): Promise<ConnectionCheck> {
  versionOf.forget();
  const version = await versionOf(call);
  const { cameras, profile } = await visibleCameras(api, call);
  const records = await hasRecordings(api, cameras, now(), call);
  return {
    name: 'Frigate',
    version: version.text,
    cameras: cameras.length,
    ...(version.clockSkewMs === undefined ? {} : { clockSkewMs: version.clockSkewMs }),
    warnings: warnings(api, version, cameras, profile, records),
  };
}

/** Has any of the first cameras that record a recording of the last hour? */
async function hasRecordings(api: FrigateApi, cameras: CameraConfig[], now: number, call: Call): Promise<boolean> {
  const recording = cameras.filter(({ isRecording }) => isRecording).slice(0, sampledCameras);
  for (const { id } of recording) {
    const segments = await listSegments(api, id, { start: now - hourMs, end: now }, call);
    if (segments.length > 0) return true;
  }
  return recording.length === 0;
}

function warnings(
  { access, baseUrl }: FrigateApi,
  { isSupported, startsLate, text }: Version,
  cameras: CameraConfig[],
  { role }: Profile,
  records: boolean,
): string[] {
  const off = cameras.filter(({ isEnabled, isRecording }) => isEnabled && !isRecording);
  const lossy = cameras.filter(({ isRecording, keepsAll }) => isRecording && keepsAll === false);
  return [
    !isSupported && `Frigate ${text} is too old: clips need version 0.16 or later`,
    startsLate && 'Frigate 0.16 begins clips up to one key-frame interval late: clips are asked for 2 s earlier',
    role !== undefined &&
      role !== 'admin' &&
      `The role "${role}" may not delete clips after their download, and Frigate never deletes them by itself`,
    off.length > 0 && `Recording is turned off for ${namesOf(off)}`,
    lossy.length > 0 && `Frigate keeps only recordings with activity of ${namesOf(lossy)}`,
    !records && 'There is no recording of the last hour',
    access === 'login' && /^http:/i.test(baseUrl) && 'The password travels over http without encryption',
  ].filter((warning) => warning !== false);
}

function namesOf(cameras: CameraConfig[]): string {
  const named = cameras.slice(0, namedCameras).map(({ name, id }) => name ?? id);
  const rest = cameras.length - named.length;
  return rest > 0 ? `${named.join(', ')} and ${rest} more` : named.join(', ');
}
