// Makes, lists, opens and deletes clips on a VDG Sense server.
import { ClipError, reasonFirst } from '../../errors';
import {
  describeClip,
  noFootage,
  type CallOptions,
  type Camera,
  type Clip,
  type ClipRequest,
  type ConnectionCheck,
  type Provider,
  type ProviderClip,
  type ProviderConfig,
} from '../../provider';
import { systemClock } from '../../async/clock';
import { forEachYielding } from '../../async/yielding';
import { valueOf } from '../../net/xml';
import { createSenseApi } from './api';
import { clipWarnings, licenceWarnings, settingWarnings } from './check';
import { createEventList } from './events';
import { createExports } from './exports';
import {
  findClips,
  readCameras,
  readClip,
  readTime,
  splitCamera,
  writeTime,
  type SenseClip,
  type SenseSession,
} from './types';
import { watchEvents } from './watch';

type Session = SenseSession | undefined;
type Call = CallOptions<Session>;

/** Opens the provider: the commands of VDG Sense in terms of clips. */
export function openSense(config: ProviderConfig): Provider<Session> {
  const api = createSenseApi(config);
  const milliseconds = config.settings.milliseconds !== false;

  return {
    login: api.login,

    /** Source: https://tkhsecurity.com/api-docs/functions/addclip/ */
    async createClip(request, call) {
      const { serverId, deviceId } = splitCamera(request.camera);
      const { start, end } = milliseconds ? request : wholeSeconds(request);
      const { imageWidth, imageHeight, vca } = request.options;
      const parameters = {
        serverid: serverId,
        deviceid: deviceId,
        description: request.title,
        startdate: writeTime(start, milliseconds),
        enddate: writeTime(end, milliseconds),
        imagewidth: imageWidth === undefined ? undefined : String(imageWidth),
        imageheight: imageHeight === undefined ? undefined : String(imageHeight),
        vca: vca ? String(vca) : undefined,
      };
      const action = `Creating the clip of ${describeClip(request)}`;
      const add = async (): Promise<SenseClip> => {
        const root = await api.command('addClip', parameters, call, action);
        const clip = findClips(root).flatMap((each) => readClip(each) ?? [])[0] ?? (await findAdded(request, call));
        if (clip) return clip;
        throw new ClipError(
          'EPROTOCOL',
          reasonFirst('the server accepted the clip but neither returns nor lists it', action),
        );
      };
      let clip = await add();
      // A repeated request gets the first clip again, also one that has failed: only without it a new one is made.
      if (clip.status === 'failed') {
        await deleteClip({ ...toClip(clip, request), camera: request.camera }, call);
        clip = await add();
      }
      if (isWithoutFootage(clip)) throw noFootage(request, clip.reason);
      return { ...toClip(clip, request), start, end, title: clip.title ?? request.title };
    },

    getClips,

    /** The page of this command is not public: parameters as for updateClip, errors as XML in place of the video. */
    async openClip(clip, call) {
      const action = `Downloading the clip of ${describeClip(clip)}`;
      try {
        return await api.media('downloadClip', parametersOf(clip), call, action);
      } catch (error) {
        // It was finished once, so it has been removed since.
        if (error instanceof ClipError && error.code === 'ENOTFOUND' && clip.status === 'finished') {
          throw new ClipError('EEXPIRED', error.message, error);
        }
        throw error;
      }
    },

    deleteClip,

    /** There is no command to cancel; whether deleting stops a clip that is being made is not published. */
    cancelClip: deleteClip,

    listCameras,

    listEvents: createEventList(api, config.now),

    ...(config.settings.push === false ? {} : { watchEvents: watchEvents(api, systemClock) }),

    ...createExports(api),

    async check(call) {
      const info = await api.info(call);
      const cameras = await listCameras(call);
      const version = info && valueOf(info, 'version');
      const utc = readTime(info && valueOf(info, 'utc'));
      const check: ConnectionCheck = {
        name: 'VDG Sense',
        cameras: cameras.length,
        warnings: [
          ...settingWarnings(config, version, call.session),
          ...(await clipWarnings(() => listClips(undefined, call))),
          ...(await licenceWarnings(api, call)),
        ],
      };
      if (version) check.version = version;
      if (utc) check.clockSkewMs = Date.parse(utc) - config.now();
      return check;
    },

    async close() {
      api.close();
    },
  };

  /** The newest clip of the camera and range that addClip takes for the same. Image size counts, too, but is not always said. */
  async function findAdded(request: ClipRequest, call: Call): Promise<SenseClip | undefined> {
    const { serverId, deviceId } = splitCamera(request.camera);
    const list = await listClips(serverId, call);
    const isNear = (time: string | undefined, wanted: string): boolean =>
      Math.abs(Date.parse(time ?? '') - Date.parse(wanted)) <= 1_000;
    return [...list.values()].findLast(
      (clip) => clip.deviceId === deviceId && isNear(clip.start, request.start) && isNear(clip.end, request.end),
    );
  }

  /** Parameters that name a clip, by analogy with other commands: these pages are not public. */
  function parametersOf(clip: Pick<Clip, 'id' | 'camera'>): Record<string, string> {
    const { clipIdName, serverIdName } = config.settings;
    return {
      [String(clipIdName || 'id')]: clip.id,
      [String(serverIdName || 'serverid')]: splitCamera(clip.camera).serverId,
    };
  }

  async function deleteClip(clip: Pick<Clip, 'id' | 'camera' | 'start' | 'end'>, call: Call): Promise<void> {
    const method = config.settings.deleteMethod === 'DELETE' ? 'DELETE' : 'GET';
    try {
      const action = `Deleting the clip of ${describeClip(clip)}`;
      await api.command('deleteClip', parametersOf(clip), call, action, { method, mayBeEmpty: true });
    } catch (error) {
      if (!(error instanceof ClipError && error.vendorCode === '-40')) throw error;
    }
  }

  async function listCameras(call: Call): Promise<Camera[]> {
    return readCameras(
      await api.command('getDeviceList', {}, call, 'Asking for the camera list', {
        items: { name: 'device' },
      }),
    );
  }

  /** By id, oldest first. @param wanted ids: the others may be left out */
  async function listClips(
    serverid: string | undefined,
    call: Call,
    wanted?: ReadonlySet<string>,
  ): Promise<Map<string, SenseClip>> {
    const action = serverid ? `Asking for the clips of server ${serverid}` : 'Asking for the clips';
    const root = await api.command('getClips', { serverid }, call, action, { items: { name: 'clip', wanted } });
    const list = new Map<string, SenseClip>();
    await forEachYielding(findClips(root), (element) => {
      const clip = readClip(element);
      const isOwn = !serverid || clip?.serverId === undefined || clip.serverId === serverid;
      if (clip && isOwn) list.set(clip.id, clip);
    });
    return list;
  }

  /**
   * The command has no filter by clip. Without a server id it may list only the clips of the management server, so each
   * server is asked once. Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167406026/getClips
   */
  async function getClips(clips: Clip[], call: Call): Promise<(ProviderClip | ClipError | undefined)[]> {
    const servers = new Set(clips.map((clip) => splitCamera(clip.camera).serverId));
    const wanted = new Set(clips.map(({ id }) => id));
    const lists = new Map<string, Map<string, SenseClip> | ClipError>();
    await Promise.all(
      [...servers].map(async (serverid) => {
        try {
          lists.set(serverid, await listClips(serverid, call, wanted));
        } catch (error) {
          if (!(error instanceof ClipError)) throw error;
          // A list that cannot be had says nothing about any clip in it.
          const { code, message, sessionExpired } = error;
          lists.set(serverid, new ClipError(code, message, { ...error, sessionExpired, inconclusive: true }));
        }
      }),
    );
    return clips.map((clip) => {
      const list = lists.get(splitCamera(clip.camera).serverId);
      if (list instanceof ClipError) return list;
      const found = list?.get(clip.id);
      return found && outcomeOf(found, clip);
    });
  }
}

/** The words are not published; these are the ones that the pages of other commands use. */
function isWithoutFootage({ status, reason = '' }: SenseClip): boolean {
  return status === 'failed' && /\bno\b.{0,20}\b(recording|footage|video|image|data)/i.test(reason);
}

function outcomeOf(found: SenseClip, clip: Clip): ProviderClip | ClipError {
  return isWithoutFootage(found) ? noFootage(clip, found.reason) : toClip(found, clip);
}

function toClip(found: SenseClip, asked: { camera: string; start: string; end: string }): ProviderClip {
  const { serverId, deviceId, ...clip } = found;
  return { ...clip, camera: asked.camera, start: asked.start, end: asked.end };
}

/** Outwards, so that nothing asked for is cut off; but never past the longest clip that the server makes. */
function wholeSeconds({ start, end }: ClipRequest): { start: string; end: string } {
  const startSeconds = Math.floor(Date.parse(start) / 1000);
  const endSeconds = Math.min(Math.ceil(Date.parse(end) / 1000), startSeconds + 300);
  return { start: new Date(startSeconds * 1000).toISOString(), end: new Date(endSeconds * 1000).toISOString() };
}
