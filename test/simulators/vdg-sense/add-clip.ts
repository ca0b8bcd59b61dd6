import type { Reply } from '../http-server';
import { clipReply, parseTimestamp, Refusal } from './replies';
import { enqueue, findSame, imageSize } from './queue';
import { findDevice, isServer, type SenseState } from './state';

const VCA = ['none', 'alarms', 'objects', 'all'];

/** The checks are documented, their order is ours. */
export function addClip(state: SenseState, parameters: Map<string, string>, knowsVca: boolean): Reply {
  const { options } = state;
  const required = (name: string, code: number): string => {
    const value = parameters.get(name);
    if (!value) throw new Refusal(code, `No ${name} parameter`);
    return value;
  };
  const serverid = required('serverid', -33);
  const deviceid = required('deviceid', -34);
  const startdate = required('startdate', -35);
  const enddate = required('enddate', -36);
  const start = parseTimestamp(startdate, options.timestamps);
  const end = parseTimestamp(enddate, options.timestamps);
  if (start === undefined || end === undefined) throw new Refusal(-4, 'Invalid timestamp format');
  // That an empty range counts as "before" is ours.
  if (end <= start) throw new Refusal(-37, 'End date is before start date');
  if (end - start > options.maxClipMs) throw new Refusal(-38, 'Clip time too long');
  if (!isServer(state, serverid)) throw new Refusal(-17, 'No such server');
  const device = findDevice(state, serverid, deviceid);
  // That other devices than cameras are "no such device" is ours.
  if (!device || device.type !== 'camera') throw new Refusal(-2, 'No such device');

  const requestedWidth = pixels(parameters.get('imagewidth'));
  const requestedHeight = pixels(parameters.get('imageheight'));
  const size = imageSize({ width: requestedWidth, height: requestedHeight }, device, options.imageSizeOutOfRange);
  if (!size) throw new Refusal(-22, 'Value out of range');
  const vca = parameters.get('vca')?.toLowerCase();
  // Before 2.5.8 it is one of the unknown parameters, which servers seem to overlook (inferred).
  if (knowsVca && vca && !VCA.includes(vca)) throw new Refusal(-22, 'Value out of range');

  const request = {
    ...{ serverid, deviceid, start, end, requestedWidth, requestedHeight },
    description: parameters.get('description') ?? '',
    ...(knowsVca && vca ? { vca } : {}),
    ...(requestedWidth || requestedHeight ? size : {}),
  };
  const clip = findSame(state.queue, request) ?? enqueue(state.queue, request, state.now());
  return clipReply(state, clip);
}

/** 0: not asked for. */
function pixels(text: string | undefined): number {
  if (!text) return 0;
  if (!/^\d{1,5}$/.test(text)) throw new Refusal(-22, 'Value out of range');
  return Number(text);
}
