/**
 * exportVideo and getExportVideoStatus. Documented: the fields, the codes, and that an exportid only holds in the session that
 * made it and begins at 1 there. How an export goes on and what is said of it is ours, with a switch for each guess.
 */
import { XMLParser } from 'fast-xml-parser';
import type { RecordedRequest, Reply } from '../http-server';
import { recordedMs } from './devices';
import type { ClipState } from './queue';
import { exportsReply, leaf, parseTimestamp, Refusal, resultReply, timestampOf, type XmlNode } from './replies';
import { findDevice, isServer, type SenseState } from './state';

export interface SenseExport {
  /** Key of the session that made it; empty where nobody has to log in. */
  session: string;
  devices: { serverid: string; deviceid: string; start: number; end: number }[];
  path: string;
  bandwidth: number;
  state: ClipState | 'cancelled';
  /** Why it failed. */
  stateText: string;
  createdAt: number;
  startedAt?: number;
  endedAt?: number;
}

/** All exports of the server, and by session those that have a number there: the first one has number 1. */
export interface ExportBook {
  all: SenseExport[];
  numbered: Map<string, SenseExport[]>;
}

export function createExport(state: SenseState, session: string, request: RecordedRequest): Reply {
  const { exports } = state.options;
  if (exports.refusal !== undefined) throw new Refusal(exports.refusal, 'Refused');
  const asked = parseExport(request.body.toString('utf8'), exports.unescapes);
  const devices = asked.devices.map((device) => readDevice(state, device));
  if (devices.length === 0) throw new Refusal(-34, 'No deviceid parameter');
  const [drive = ''] = asked.path.split(/[\\/]/);
  if (!exports.drives.includes(drive.toUpperCase())) throw new Refusal(-58, 'Path does not exist');
  if (exports.diskFull) throw new Refusal(-60, 'Not enough disk space');
  if (exports.readOnly) throw new Refusal(-61, 'Cannot create directory');
  const made: SenseExport = {
    ...{ session, devices, path: asked.path, bandwidth: asked.bandwidth },
    ...{ state: 'pending', stateText: '', createdAt: state.now() },
  };
  state.exports.all.push(made);
  const id = numberOf(state.exports, session, made);
  return resultReply(state, 0, [{ tag: 'export', children: [leaf('exportid', id)] }]);
}

export function exportStatus(state: SenseState, session: string, id: string | undefined): Reply {
  const { all } = state.exports;
  const { foreign } = state.options.exports;
  const listed = all.filter((each) => each.session === session || foreign !== 'hidden');
  const nodes = listed.map((each) => ({ id: idOf(state, session, each), each }));
  const wanted = id ? nodes.filter((node) => node.id === id) : nodes;
  if (id && wanted.length === 0) throw new Refusal(state.options.exports.unknownCode, 'No such export');
  return exportsReply(
    state,
    wanted.map((node) => exportNode(state, node.each, node.id)),
  );
}

export function cancelExport(state: SenseState, session: string, id: string | undefined): Reply {
  const { exports } = state.options;
  if (!id) throw new Refusal(-57, 'No exportid');
  const found = state.exports.numbered.get(session)?.[Number(id) - 1];
  if (!found || !state.exports.all.includes(found)) throw new Refusal(exports.unknownCode, 'No such export');
  const isOver = found.state !== 'pending' && found.state !== 'busy';
  if (isOver || (found.state === 'busy' && exports.cancelBusy === 'refuse')) {
    throw new Refusal(exports.cancelCode, 'Export is not pending');
  }
  found.state = 'cancelled';
  found.endedAt = state.now();
  if (exports.cancelled === 'gone') state.exports.all = state.exports.all.filter((each) => each !== found);
  if (exports.cancelBody === 'empty') return { headers: { 'content-type': 'text/xml' }, body: '' };
  return resultReply(state, 0, [leaf('description', 'Ok')]);
}

/** Moves every export on to now: one at a time, in the order in which they were asked for. */
export function advanceExports(state: SenseState): void {
  const { waitMs, makeMs, fails } = state.options.exports;
  let freeAt = -Infinity;
  for (const each of state.exports.all) {
    if (each.state === 'pending') {
      const startAt = Math.max(freeAt, each.createdAt) + waitMs;
      if (startAt > state.now()) return;
      each.state = 'busy';
      each.startedAt = startAt;
    }
    if (each.state === 'busy') {
      const endAt = (each.startedAt ??= state.now()) + makeMs;
      if (endAt > state.now()) return;
      const failure = fails(each);
      each.state = failure === undefined ? 'finished' : 'failed';
      each.stateText = failure ?? '';
      each.endedAt = endAt;
    }
    freeAt = Math.max(freeAt, each.endedAt ?? -Infinity);
  }
}

/** The number under which a session knows an export; it gets the next one where it has none. */
function numberOf({ numbered }: ExportBook, session: string, wanted: SenseExport): string {
  const known = numbered.get(session) ?? [];
  numbered.set(session, known);
  if (!known.includes(wanted)) known.push(wanted);
  return String(known.indexOf(wanted) + 1);
}

function idOf(state: SenseState, session: string, each: SenseExport): string {
  const isForeign = each.session !== session && state.options.exports.foreign === 'same-number';
  return numberOf(state.exports, isForeign ? each.session : session, each);
}

function exportNode(state: SenseState, each: SenseExport, id: string): XmlNode {
  const { options } = state;
  const { words, progress, deviceStatus } = options.exports;
  const status = leaf('status', words[each.state], each.stateText ? { description: each.stateText } : undefined);
  const done = doneShare(state, each);
  const time = (epochMs: number): string => timestampOf(epochMs, options.replies.milliseconds);
  const devices = each.devices.map(({ serverid, deviceid, start, end }) => ({
    tag: 'device',
    children: [
      leaf('serverid', serverid),
      leaf('deviceid', deviceid),
      leaf('starttime', time(start)),
      leaf('endtime', time(end)),
      // Half a megabyte for each second.
      leaf('progress', Math.floor(progress === 'percent' ? done * 100 : done * (end - start) * 500)),
      ...(deviceStatus ? [status] : []),
    ],
  }));
  const fields = [leaf('exportid', id), leaf('path', each.path), status, leaf('bandwidth', each.bandwidth)];
  return { tag: 'export', children: [...fields, { tag: 'devices', children: devices }] };
}

function doneShare(state: SenseState, each: SenseExport): number {
  if (each.state === 'finished') return 1;
  if (each.startedAt === undefined) return 0;
  return Math.min(0.99, ((each.endedAt ?? state.now()) - each.startedAt) / state.options.exports.makeMs);
}

type Fields = Record<string, unknown>;

/** Tag names in requests are case-insensitive (documented). */
function parseExport(body: string, unescapes: boolean): { devices: Fields[]; path: string; bandwidth: number } {
  const options = { parseTagValue: false, trimValues: true, ignoreDeclaration: true, processEntities: unescapes };
  const parser = new XMLParser({
    ...options,
    transformTagName: (name: string) => name.toLowerCase(),
    isArray: (name) => name === 'device',
  });
  try {
    const { export: root } = parser.parse(body, true) as { export?: Fields };
    const devices = (root?.devices as { device?: Fields[] } | undefined)?.device ?? [];
    return { devices, path: String(root?.path ?? ''), bandwidth: Number(root?.bandwidth ?? 0) };
  } catch {
    throw new Refusal(-10, 'Not enough parameters');
  }
}

/** The checks are documented, their order is ours, and so is the code for a time that is missing. */
function readDevice(state: SenseState, device: Fields): SenseExport['devices'][number] {
  const [serverid, deviceid] = [String(device.serverid ?? ''), String(device.deviceid ?? '')];
  if (!serverid) throw new Refusal(-33, 'No serverid parameter');
  if (!deviceid) throw new Refusal(-34, 'No deviceid parameter');
  const start = parseTimestamp(String(device.starttime ?? ''), 'milliseconds');
  const end = parseTimestamp(String(device.endtime ?? ''), 'milliseconds');
  if (start === undefined || end === undefined) throw new Refusal(-4, 'Invalid timestamp format');
  if (end <= start) throw new Refusal(-37, 'End date is before start date');
  if (!isServer(state, serverid)) throw new Refusal(-17, 'No such server');
  const found = findDevice(state, serverid, deviceid);
  if (!found || found.type !== 'camera') throw new Refusal(-2, 'No such device');
  if (recordedMs(found, start, end, state.now()) === 0) throw new Refusal(-48, 'No video data');
  return { serverid, deviceid, start, end };
}
