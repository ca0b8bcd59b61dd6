// Lists the cameras of an Aipix account.
import { ClipError } from '../../errors';
import type { Camera } from '../../provider';
import type { AipixApi, Call } from './api';
import { isObject, type JsonObject } from '../../net/json';
import { objectsOf } from './json';
import { eachPage } from './pages';
import { readCameras } from './types';

/**
 * The cameras that the account may see, each once. The plain list is not documented, so the trees are the next tries.
 * Sources: https://docs.aipix.ai/ru/start/aipix-23.12/-519 (flat tree),
 * https://docs.aipix.ai/en/start/aipix-23.09/getting-camera-tree (tree)
 */
export async function listCameras(api: AipixApi, call: Call): Promise<Camera[]> {
  const action = 'Asking for the camera list';
  let refusal: unknown;
  for (const list of [pages, flatTree, tree]) {
    try {
      const cameras = readCameras(await list(api, call, action));
      if (cameras.length > 0) return [...new Map(cameras.map((camera) => [camera.id, camera])).values()];
    } catch (error) {
      if (!isNotOffered(error)) throw error;
      refusal ??= error;
    }
  }
  if (refusal instanceof ClipError) {
    throw new ClipError(
      'EUNSUPPORTED',
      `${refusal.message}. This server does not list its cameras: type the camera id`,
      {
        vendorCode: refusal.vendorCode,
      },
    );
  }
  return [];
}

async function pages(api: AipixApi, call: Call, action: string): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  const ask = (page: number): Promise<unknown> =>
    api.request({ method: 'GET', path: `cameras?page=${page}`, action, isList: true }, call);
  for await (const items of eachPage(ask, action)) found.push(...items);
  return found;
}

async function flatTree(api: AipixApi, call: Call, action: string): Promise<JsonObject[]> {
  return objectsOf(await api.request({ method: 'GET', path: 'cameras/flat-tree', action, isList: true }, call)).flatMap(
    camerasBelow,
  );
}

async function tree(api: AipixApi, call: Call, action: string): Promise<JsonObject[]> {
  return objectsOf(await api.request({ method: 'GET', path: 'cameras/tree', action, isList: true }, call)).flatMap(
    camerasBelow,
  );
}

/** One tree has its cameras in lists of their own, the other one as leaves; where there are no folders, either is a list. */
function camerasBelow(item: JsonObject): JsonObject[] {
  if (!('cameras' in item || 'children' in item || 'main_name' in item)) return [item];
  const below = [item.cameras, item.children].flatMap((list) => (Array.isArray(list) ? list.filter(isObject) : []));
  return below.flatMap(camerasBelow);
}

function isNotOffered(error: unknown): boolean {
  return error instanceof ClipError && ['ENOTFOUND', 'EINVALID', 'EFORBIDDEN', 'EPROTOCOL'].includes(error.code);
}
