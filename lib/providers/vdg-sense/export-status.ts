// Reads the status of exports. The status words and the unit of the progress are not published, so they are read as
// what is known of clips suggests, and whatever else comes counts as still under way.
// Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9750675486/getExportVideoStatus
import type { ClipStatus } from '../../provider';
import { findAll, valueOf, type XmlElement } from '../../net/xml';
import { statusOfWord } from '../status-words';
import { afterFailureWord, readTime, statusDescription } from './types';

export interface SenseExport {
  id: string;
  path?: string;
  status: ClipStatus;
  /** Percent. */
  progress?: number;
  reason?: string;
  devices: SenseExportDevice[];
}

export interface SenseExportDevice {
  /** As `serverid/deviceid`. */
  camera: string;
  start?: string;
  end?: string;
  status: ClipStatus;
  progress?: number;
}

type Said = Pick<SenseExport, 'progress' | 'reason'> & { status?: ClipStatus };

export function readExports(root: XmlElement): SenseExport[] {
  return findAll(root, 'export').flatMap((element) => {
    const id = valueOf(element, 'exportid');
    if (!id) return [];
    const devices = findAll(element, 'device');
    const said = devices.map(readSaid);
    const own = readSaid({ ...element, children: element.children.filter(({ name }) => name !== 'devices') });
    const status = statusOf(own, said);
    return {
      id,
      path: valueOf(element, 'path') || undefined,
      status,
      progress: own.progress ?? meanOf(said),
      reason: own.reason ?? said.find((each) => each.reason)?.reason,
      devices: devices.map((device, index) => readDevice(device, said[index]!, status)),
    };
  });
}

function readDevice(device: XmlElement, said: Said, ofExport: ClipStatus): SenseExportDevice {
  const status = said.status ?? (ofExport === 'pending' && said.progress ? 'busy' : ofExport);
  return {
    camera: `${valueOf(device, 'serverid') ?? ''}/${valueOf(device, 'deviceid') ?? ''}`,
    start: readTime(valueOf(device, 'starttime')),
    end: readTime(valueOf(device, 'endtime')),
    status,
    progress: status === 'finished' ? 100 : said.progress,
  };
}

/** Of an export or of one of its devices, from its own words alone. */
function readSaid(element: XmlElement): Said {
  const text = valueOf(element, 'status') ?? '';
  const progress = readPercent(valueOf(element, 'progress'));
  const status = statusOfWord(text);
  if (status !== 'failed') return { status: progress === 100 ? 'finished' : status, progress };
  return { status, progress, reason: statusDescription(element) ?? afterFailureWord(text) };
}

/** All devices at their end are the end of the export, whatever word stands beside it; one that failed fails it. */
function statusOf(own: Said, devices: Said[]): ClipStatus {
  const has = (status: ClipStatus): boolean => devices.some((device) => device.status === status);
  const ended = devices.length > 0 && devices.every(({ status }) => status === 'finished' || status === 'failed');
  if (own.status === 'failed') return 'failed';
  if (own.status === 'finished' || ended) return has('failed') ? 'failed' : 'finished';
  if (own.status) return own.status;
  const isPending = devices.length > 0 && devices.every(({ status }) => status === 'pending');
  return isPending ? 'pending' : 'busy';
}

/** More than 100 is no percentage: it may be bytes, of which nobody knows how many there will be. */
function readPercent(text = ''): number | undefined {
  const [, number] = /^(\d+(?:[.,]\d+)?)\s*%?$/.exec(text) ?? [];
  const percent = Math.floor(Number((number ?? '').replace(',', '.')));
  return number !== undefined && percent <= 100 ? percent : undefined;
}

function meanOf(devices: Said[]): number | undefined {
  const known = devices.flatMap(({ status, progress }) => (status === 'finished' ? 100 : (progress ?? [])));
  if (known.length < devices.length || known.length === 0) return undefined;
  return Math.floor(known.reduce((sum, percent) => sum + percent, 0) / known.length);
}
