// Makes exports in the native format onto the server's own disks: many cameras at once, of any length, and not to be downloaded.
// Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9750675457/exportVideo
import { randomUUID } from 'node:crypto';
import { ClipError, reasonFirst } from '../../errors';
import { describeExport, type CallOptions, type ServerExport, type ServerExportRequest } from '../../provider';
import { escapeXml, findAll, valueOf, type XmlElement } from '../../net/xml';
import type { SenseApi, SenseProvider } from './api';
import { prolog } from './documents';
import { readExports, type SenseExport, type SenseExportDevice } from './export-status';
import { splitCamera, writeTime, type SenseSession } from './types';

type Call = CallOptions<SenseSession | undefined>;
type Exports = Required<Pick<SenseProvider, 'exportVideo' | 'findExport' | 'getExports' | 'cancelExport'>>;

/** Times may come back without milliseconds. */
const sameTimeMs = 1_000;

export function createExports(api: SenseApi): Exports {
  /** Stands for the session where there is no login. */
  const ownMark = randomUUID();

  /** Without a number, the command lists all exports, ended ones included. */
  async function list(call: Call, action: string): Promise<SenseExport[]> {
    return readExports(
      await api.command('getExportVideoStatus', {}, call, action, {
        items: { name: 'export' },
      }),
    );
  }

  function isOfSession(started: ServerExport, call: Call): boolean {
    return started.ref?.session === markOf(call);
  }

  function markOf({ session }: Call): string {
    return session?.mark ?? ownMark;
  }

  return {
    async exportVideo(request, call) {
      const action = `Starting the export of ${describeExport(request)}`;
      const send = ({ path }: { path: string }): Promise<XmlElement> =>
        api.command('exportVideo', {}, call, action, { method: 'POST', body: writeExport({ ...request, path }) });
      const root = await send(request)
        .catch((error: unknown) => {
          // A path that was refused has started nothing.
          if (!request.path.includes('&') || !isUnknownPath(error)) throw error;
          return send({ path: request.path.replaceAll('&', '%26') });
        })
        .catch((error: unknown) => {
          throw mayHaveStarted(error);
        });
      const id = [root, ...findAll(root, 'export')].map((element) => valueOf(element, 'exportid')).find(Boolean);
      if (!id)
        throw new ClipError(
          'EPROTOCOL',
          reasonFirst('the server accepted the export but returned no number for it', action),
        );
      const cameras = request.cameras.map((camera) => ({ ...camera, status: 'pending' as const, progress: 0 }));
      return { id, status: 'pending', progress: 0, path: request.path, cameras, ref: { session: markOf(call) } };
    },

    /** Of several that are alike any will do: they export the same to the same place. */
    async findExport(request, call) {
      const action = `Looking for the export of ${describeExport(request)}`;
      const found = (await list(call, action)).findLast((each) => each.status !== 'failed' && isAlike(each, request));
      return found && toExport(found, request, markOf(call));
    },

    async getExports(exports, call) {
      const listed = await list(call, 'Asking for the exports');
      return exports.map((started) => {
        const found = identify(started, listed, isOfSession(started, call));
        return found === undefined || found instanceof ClipError ? found : toExport(found, started, markOf(call));
      });
    },

    /** Documented for exports that are pending; what becomes of others is up to the server. */
    async cancelExport(started, call) {
      const action = `Cancelling the export of ${describeExport(started)}`;
      let exportid = started.id;
      // A number of an earlier session may name somebody else's export by now.
      if (!call.session || !isOfSession(started, call)) {
        const listed = await list(call, action);
        const found = identify(started, listed, isOfSession(started, call));
        if (found instanceof ClipError) throw found;
        if (!found || listed.filter(({ id }) => id === found.id).length > 1) throw unclear(started);
        exportid = found.id;
      }
      await api.command('exportVideo', { exportid }, call, action, { method: 'DELETE', mayBeEmpty: true });
    },
  };
}

/**
 * An ampersand is escaped as XML has it. The vendor's page only says that it cannot be sent as it is, and to encode it as in
 * an address, so that form is tried where the first one is no path to the server.
 */
function writeExport({ cameras, path, bandwidth }: ServerExportRequest): string {
  const devices = cameras.map(({ camera, start, end }) => {
    const { serverId, deviceId } = splitCamera(camera);
    const ids = `<serverid>${escapeXml(serverId)}</serverid><deviceid>${escapeXml(deviceId)}</deviceid>`;
    const times = `<starttime>${writeTime(start, true)}</starttime><endtime>${writeTime(end, true)}</endtime>`;
    return `<device>${ids}${times}</device>`;
  });
  return `${prolog}<export><devices>${devices.join('')}</devices><path>${escapeXml(path)}</path><bandwidth>${bandwidth}</bandwidth></export>`;
}

function isUnknownPath(error: unknown): boolean {
  return error instanceof ClipError && error.vendorCode === '-58';
}

/**
 * An answer that makes no sense may hide an export that was started: to be looked for before the request is sent again,
 * which a fresh login would do at once.
 */
function mayHaveStarted(error: unknown): unknown {
  if (!(error instanceof ClipError) || error.code !== 'EPROTOCOL') return error;
  return new ClipError('EPROTOCOL', error.message, { retryable: true });
}

/**
 * Numbers begin at 1 in every session, so only those of this one can be trusted. Otherwise the export is the one that goes
 * to the same path with the same cameras and times, if there is just one.
 */
function identify(
  started: ServerExport,
  listed: SenseExport[],
  isOfSession: boolean,
): SenseExport | ClipError | undefined {
  const named = isOfSession ? listed.find((each) => each.id === started.id && mayBe(each, started)) : undefined;
  if (named) return named;
  const alike = listed.filter((each) => isAlike(each, started));
  if (alike.length === 1) return alike[0];
  return isOfSession && alike.length === 0 ? undefined : unclear(started);
}

function unclear(started: ServerExport): ClipError {
  return new ClipError(
    'EFAILED',
    reasonFirst(
      'the login under which the export was started has ended, and the server does not list it in a way that tells it from others now',
      `Asking for the export of ${describeExport(started)}`,
      'It may go on all the same: look into its folder',
    ),
  );
}

/** Without a login nobody tells when numbers begin anew: an export of other footage is another one. */
function mayBe({ devices }: SenseExport, { cameras }: ServerExport): boolean {
  const overlaps = (device: SenseExportDevice, asked: ServerExport['cameras'][number]): boolean =>
    device.camera === asked.camera && !(device.start! >= asked.end || device.end! <= asked.start);
  return devices.length === 0 || cameras.every((asked) => devices.some((device) => overlaps(device, asked)));
}

function isAlike({ path, devices }: SenseExport, asked: Pick<ServerExportRequest, 'path' | 'cameras'>): boolean {
  return (
    path !== undefined &&
    plainPath(path) === plainPath(asked.path) &&
    devices.length === asked.cameras.length &&
    asked.cameras.every((camera) => devices.some((device) => isSame(device, camera)))
  );
}

function isSame(device: SenseExportDevice, asked: ServerExportRequest['cameras'][number]): boolean {
  const isNear = (time: string | undefined, wanted: string): boolean =>
    Math.abs(Date.parse(time ?? '') - Date.parse(wanted)) < sameTimeMs;
  return device.camera === asked.camera && isNear(device.start, asked.start) && isNear(device.end, asked.end);
}

/** Paths of Windows; whether servers resolve the escaped ampersand is not known. */
function plainPath(path: string): string {
  const text = path
    .trim()
    .replace(/&amp;|%26/g, '&')
    .replace(/\//g, '\\');
  return text.replace(/\\+$/, '').toLowerCase();
}

function toExport(
  found: SenseExport,
  { cameras, path }: Pick<ServerExportRequest, 'cameras' | 'path'>,
  session: string,
): ServerExport {
  const { id, status, progress, reason } = found;
  return {
    id,
    status,
    progress,
    path: found.path ?? path,
    cameras: cameras.map(({ camera, start, end }, index) => {
      const own = found.devices.filter((device) => device.camera === camera);
      const device = own.find((each) => isSame(each, { camera, start, end })) ?? own[0] ?? found.devices[index];
      return { camera, start, end, status: device?.status ?? status, progress: device?.progress };
    }),
    ...(reason ? { reason } : {}),
    ref: { session },
  };
}
