// Lists the cameras of an organisation, and knows which of them have sound.
import { ClipError, reasonFirst } from '../../errors';
import { readObjects, readText, readTexts, type JsonObject } from '../../net/json';
import type { Camera } from '../../provider';
import { camerasPath, type Call, type RhombusApi } from './api';
import { audioFacet, bareOf } from './facets';
import { warningIn } from './errors';
import { readCamera, readList } from './types';

/** Doorbells and cameras of other makers have lists of their own, which are in the OpenAPI document. */
const otherCameraPaths = [
  'doorbellcamera/getMinimalDoorbellCameraStateList',
  'relay/getMinimalThirdPartyCameraStateList',
];

export interface ListedCameras {
  cameras: Camera[];
  warning?: string;
  /** The server's clock, epoch milliseconds. */
  servedAt?: number;
}

export function createCameras(api: RhombusApi) {
  /** Sources of a device (`v0`, `a0` ...) by its id; `undefined`: the vendor does not tell. */
  const facets = new Map<string, string[] | undefined>();

  /** The first list in the answer, whatever it is called; nothing where the organisation has none, or the key may not ask. */
  async function askForOthers(path: string, call: Call): Promise<unknown> {
    const json = await askIfAllowed(path, 'Asking for further cameras', call);
    return Object.values(json).find((value) => readObjects(value).some((each) => readText(each.uuid)));
  }

  /** Names by id, where there is more than one: two docks of two sites have the same name. */
  async function askForLocations(call: Call): Promise<Map<string, string>> {
    const json = await askIfAllowed('location/getLocations', 'Asking for the locations', call);
    const named = readObjects(json.locations).map(({ uuid, name }) => [readText(uuid), readText(name)] as const);
    const locations = named.filter((pair): pair is [string, string] => pair[0] !== undefined && pair[1] !== undefined);
    return new Map(locations.length > 1 ? locations : []);
  }

  async function askIfAllowed(path: string, action: string, call: Call): Promise<JsonObject> {
    try {
      return (await api.post(path, {}, call, action, { isList: true })).json;
    } catch (error) {
      if (isAboutAll(error)) throw error;
      return {};
    }
  }

  async function list(call: Call): Promise<ListedCameras> {
    const action = 'Asking for the camera list';
    const { json, headers } = await api.post(camerasPath, {}, call, action, { mayPass: true, isList: true });
    const own = readList(json, 'cameraStates');
    if (!own) throw new ClipError('EPROTOCOL', reasonFirst('the answer holds no list of cameras', action));
    const servedAt = Date.parse(headers.date ?? '');
    const [locations, ...others] = await Promise.all([
      askForLocations(call),
      ...otherCameraPaths.map((path) => askForOthers(path, call)),
    ]);
    const devices = [own, ...others.map(readObjects)].flat();
    for (const device of devices) noteFacets(device);
    return {
      cameras: devices.flatMap((camera) => readCamera(camera, locations)),
      warning: warningIn(json),
      ...(Number.isNaN(servedAt) ? {} : { servedAt }),
    };
  }

  function noteFacets(device: JsonObject): void {
    const uuid = bareOf(readText(device.uuid) ?? '');
    const told = readTexts(device.supportedFacets);
    if (uuid) facets.set(uuid, told.length > 0 ? told : undefined);
  }

  return {
    list,

    /**
     * The source of a device's sound; `undefined`: it has none, and the vendor refuses a clip that is to have it. Where
     * nobody tells, the one that the vendor's own client takes.
     */
    async audioOf(camera: string, call: Call): Promise<string | undefined> {
      const device = bareOf(camera);
      if (!facets.has(device)) {
        facets.set(device, undefined);
        await list(call).catch((error: unknown) => {
          facets.delete(device);
          if (isAboutAll(error)) throw error;
        });
      }
      const known = facets.get(device);
      if (!known) return audioFacet(camera);
      const audio = known.filter((facet) => /^a\d+$/.test(facet)).sort()[0];
      return audio && `${device}.${audio}`;
    },
  };
}

/** The key, or whoever asked: no other request would fare better. */
function isAboutAll(error: unknown): boolean {
  return error instanceof ClipError && (error.code === 'EAUTH' || error.code === 'EABORTED');
}
