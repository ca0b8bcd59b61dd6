/** The commands of `/command`. A new one is one entry in the table at the end. */
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { addClip } from './add-clip';
import { refuseStranger, sessionKeyOf } from './auth';
import type { SenseDevice } from './devices';
import { downloadClip } from './download';
import { getEvents, streamEvents } from './events';
import { advanceExports, cancelExport, createExport, exportStatus } from './exports';
import { clipReply, clipsReply, devicesReply, leaf, Refusal, refusalReply, resultReply } from './replies';
import { removeClip, type SenseClip } from './queue';
import { catchUp, isServer, type SenseState } from './state';

export interface Call {
  request: RecordedRequest;
  /** By lower-case name; names are case-insensitive (documented). */
  parameters: Map<string, string>;
}

export interface Command {
  /** Methods that it takes. */
  methods(state: SenseState): string[];
  /** Version that brought it. */
  since?: string;
  /** May throw a `Refusal`. */
  run(state: SenseState, call: Call): Reply | Promise<Reply>;
}

export async function runCommand(state: SenseState, request: RecordedRequest): Promise<Reply> {
  const stranger = refuseStranger(state, request);
  if (stranger) return stranger;
  const parameters = parametersOf(request, state.options.plusIsBlank);
  if (!parameters) return htmlPage(400, 'Bad Request');
  const name = (parameters.get('command') ?? '').toLowerCase();
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (!command || !isSince(state, command.since ?? '0') || !isLicensed(state, name)) {
      throw new Refusal(-1, 'Not implemented');
    }
    if (!command.methods(state).includes(request.method)) throw new Refusal(-1, 'Not implemented');
    await catchUp(state);
    return await command.run(state, { request, parameters });
  } catch (error) {
    if (error instanceof Refusal) return refusalReply(state, error);
    throw error;
  }
}

/** Lower-case name of the command that a request gives, for any request. */
export function commandOf(request: RecordedRequest): string | undefined {
  return parametersOf(request, true)?.get('command')?.toLowerCase();
}

/** Undefined: broken percent-encoding. */
function parametersOf(request: RecordedRequest, plusIsBlank: boolean): Map<string, string> | undefined {
  const decode = (text: string): string => decodeURIComponent(plusIsBlank ? text.replace(/\+/g, ' ') : text);
  const mark = request.target.indexOf('?');
  const pairs = mark < 0 ? [] : request.target.slice(mark + 1).split('&');
  try {
    return new Map(
      pairs.filter(Boolean).map((pair) => {
        const [name = '', ...value] = pair.split('=');
        return [decode(name).toLowerCase(), decode(value.join('='))];
      }),
    );
  } catch {
    return undefined;
  }
}

export function isSince(state: SenseState, version: string): boolean {
  const [have, want] = [state.options.version, version].map((text) => text.split('.').map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (have?.[part] ?? 0) - (want?.[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function isLicensed(state: SenseState, command: string): boolean {
  const { withoutLicence } = state.options;
  return withoutLicence !== 'all' && !withoutLicence.some((name) => name.toLowerCase() === command);
}

/** The server that a command means: left out, it is the management server (documented). */
function serverOf(state: SenseState, { parameters }: Call, name = 'serverid'): string {
  const serverid = parameters.get(name.toLowerCase()) || state.options.managementServer;
  if (!isServer(state, serverid)) throw new Refusal(-17, 'No such server');
  return serverid;
}

function requireClip(state: SenseState, call: Call, parameter: string, serverParameter?: string): SenseClip {
  const id = call.parameters.get(parameter.toLowerCase());
  if (!id) throw new Refusal(-10, 'Not enough parameters');
  const serverid = serverOf(state, call, serverParameter);
  const clip = state.queue.clips.find((candidate) => candidate.id === id && candidate.serverid === serverid);
  if (!clip) throw new Refusal(-40, 'Clip not found');
  return clip;
}

function getDeviceList(state: SenseState): Reply {
  const names: (keyof SenseDevice)[] = [
    'name',
    'serverid',
    'deviceid',
    'status',
    'type',
    'brand',
    'location',
    'ptztype',
  ];
  const fields: (keyof SenseDevice)[] = isSince(state, '2.7.2') ? [...names, 'ipaddress', 'port'] : names;
  const { devices } = state.options;
  const sorted = devices.toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
  return devicesReply(state, isSince(state, '2.3.18') ? sorted : devices, fields);
}

/** Documented in all but how the entries of its lists are wrapped, which are left out here. */
function getServerStatus(state: SenseState): Reply {
  const { apiLicence, version } = state.options;
  const licence = [leaf('issenselicense', 'true'), leaf('productversion', version), leaf('api', apiLicence)];
  const children = [
    { tag: 'license', children: licence },
    { tag: 'devicestatuslist', attributes: { count: '0' } },
  ];
  return resultReply(state, 0, [{ tag: 'systemstatus', children }]);
}

function getClips(state: SenseState, call: Call): Reply {
  const { clips } = state.queue;
  if (!call.parameters.get('serverid') && state.options.omittedServer === 'all') return clipsReply(state, clips);
  const serverid = serverOf(state, call);
  return clipsReply(
    state,
    clips.filter((clip) => clip.serverid === serverid),
  );
}

function updateClip(state: SenseState, call: Call): Reply {
  const clip = requireClip(state, call, 'id');
  clip.description = call.parameters.get('description') ?? clip.description;
  return clipReply(state, clip);
}

/** By parameters whose names are inferred: the vendor's pages could not be read. */
function requireNamedClip(state: SenseState, call: Call): SenseClip {
  return requireClip(state, call, state.options.clipIdParameter, state.options.clipServerParameter);
}

/** All inferred: the vendor's page could not be read. */
function deleteClip(state: SenseState, call: Call): Reply {
  const clip = requireNamedClip(state, call);
  const unfinished = clip.state === 'pending' || clip.state === 'busy';
  if (unfinished && state.options.deleteUnfinished === 'refuse') throw new Refusal(-18, 'Clip is not finished');
  removeClip(state.queue, clip, state.now());
  return resultReply(state, 0, [leaf('description', 'Ok')]);
}

/** Made with POST, cancelled with DELETE (documented). */
function exportVideo(state: SenseState, { request, parameters }: Call): Reply {
  advanceExports(state);
  const session = sessionKeyOf(state, request);
  if (request.method === 'DELETE') return cancelExport(state, session, parameters.get('exportid'));
  return createExport(state, session, request);
}

function getExportVideoStatus(state: SenseState, { request, parameters }: Call): Reply {
  advanceExports(state);
  return exportStatus(state, sessionKeyOf(state, request), parameters.get('exportid'));
}

const get = (): string[] => ['GET'];

/** By lower-case name. */
const commands: Record<string, Command | undefined> = {
  getdevicelist: { methods: get, run: getDeviceList },
  getserverstatus: { methods: get, run: getServerStatus },
  addclip: {
    methods: get,
    since: '2.5.4',
    run: (state, call) => addClip(state, call.parameters, isSince(state, '2.5.8')),
  },
  getevents: { methods: get, run: getEvents },
  streamevents: { methods: get, run: streamEvents },
  getclips: { methods: get, since: '2.5.4', run: getClips },
  updateclip: { methods: get, since: '2.5.4', run: updateClip },
  downloadclip: {
    methods: () => ['GET', 'HEAD'],
    since: '2.5.4',
    run: (state, call) => downloadClip(state, call.request, requireNamedClip(state, call)),
  },
  deleteclip: { methods: (state) => state.options.deleteMethods, since: '2.5.4', run: deleteClip },
  exportvideo: { methods: () => ['POST', 'DELETE'], since: '2.7.3', run: exportVideo },
  getexportvideostatus: { methods: get, since: '2.7.3', run: getExportVideoStatus },
};
