// Lists the cameras of the configuration that the user may see.
import { ClipError } from '../../errors';
import { isObject, readNumber, type JsonObject } from '../../net/json';
import type { Camera } from '../../provider';
import type { Call, FrigateApi } from './api';
import { strangeReply } from './errors';
import { readCameras, readProfile, type CameraConfig, type Profile } from './types';

/** Keys of the configuration. Source: REGEX_CAMERA_NAME in frigate/const.py */
const cameraPattern = /^[a-zA-Z0-9_-]+$/;

export function cameraProblem(camera: string): string | undefined {
  return cameraPattern.test(camera)
    ? undefined
    : 'a Frigate camera is its name in the configuration file, such as "front_door"';
}

/** The configuration lists all cameras, whoever asks: what the user may see is only in the profile (0.17 and later). */
export async function visibleCameras(
  api: FrigateApi,
  call: Call,
): Promise<{ cameras: CameraConfig[]; profile: Profile }> {
  const action = 'Asking for the cameras';
  const config = await api.object('/api/config', call, action);
  if (!isObject(config.cameras)) throw strangeReply('{}', action);
  const profile = readProfile(await extra(api, '/api/profile', call, 'Asking for the role of the user'));
  const cameras = readCameras(config).filter(
    ({ id }) => cameraPattern.test(id) && (profile.cameras?.includes(id) ?? true),
  );
  return { cameras, profile };
}

export async function listCameras(api: FrigateApi, call: Call): Promise<Camera[]> {
  const { cameras } = await visibleCameras(api, call);
  const stats = await extra(api, '/api/stats', call, 'Asking for the state of the cameras');
  return cameras.map(({ id, name, isEnabled }) => {
    const online = isEnabled ? isOnline(stats, id) : false;
    return { id, name: name ?? id, ...(online === undefined ? {} : { online }) };
  });
}

/** Optional facts, no reason to fail: they may be missing right after a start, and in old versions. */
async function extra(api: FrigateApi, path: string, call: Call, action: string): Promise<JsonObject> {
  try {
    return await api.object(path, call, action);
  } catch (thrown) {
    if (thrown instanceof ClipError && (thrown.code === 'EPROTOCOL' || thrown.code === 'ENOTFOUND')) return {};
    throw thrown;
  }
}

/** A camera that sends no frames is offline. Right after a start nothing is known. */
function isOnline(stats: unknown, camera: string): boolean | undefined {
  const cameras = isObject(stats) && isObject(stats.cameras) ? stats.cameras : {};
  const found = Object.hasOwn(cameras, camera) ? cameras[camera] : undefined;
  const fps = isObject(found) ? readNumber(found.camera_fps) : undefined;
  return fps === undefined ? undefined : fps > 0;
}
