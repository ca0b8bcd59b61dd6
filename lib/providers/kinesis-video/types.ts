// Reads replies of Kinesis Video Streams field by field: the SDK checks nothing, and missing, null and new fields occur.
import { ClipError, reasonFirst } from '../../errors';

export type TimestampType = 'PRODUCER_TIMESTAMP' | 'SERVER_TIMESTAMP';

export interface Fragment {
  /** Some 47 digits: text, never a number. */
  number: string;
  /** Epoch milliseconds: the clock of the camera, and of AWS on arrival. */
  producerMs?: number;
  serverMs?: number;
  /** As declared: 0 for whole streams in one report, short of the last frame in another. Milliseconds. */
  lengthMs: number;
  /** As stored, with overhead. */
  bytes: number;
}

export interface Stream {
  name: string;
  arn?: string;
  /** False while the stream is made, changed or deleted. */
  active: boolean;
  /** 0: nothing is kept. */
  retentionHours?: number;
}

/** Fragments of one page; a missing or null list is an empty one. */
export function readFragments(reply: unknown): Fragment[] {
  return listIn(reply, 'Fragments').map((entry) => ({
    number: textIn(entry, 'FragmentNumber') ?? '',
    producerMs: timeIn(entry, 'ProducerTimestamp'),
    serverMs: timeIn(entry, 'ServerTimestamp'),
    lengthMs: countIn(entry, 'FragmentLengthInMilliseconds') ?? 0,
    bytes: countIn(entry, 'FragmentSizeInBytes') ?? 0,
  }));
}

export function readStreams(reply: unknown): Stream[] {
  return listIn(reply, 'StreamInfoList').flatMap(readStream);
}

/** None where there is no name. */
export function readStream(info: unknown): Stream[] {
  const name = textIn(info, 'StreamName');
  if (!name) return [];
  const arn = textIn(info, 'StreamARN');
  const retentionHours = countIn(info, 'DataRetentionInHours');
  const status = textIn(info, 'Status') ?? 'ACTIVE';
  const retention = retentionHours === undefined ? {} : { retentionHours };
  return [{ name, ...(arn ? { arn } : {}), active: status === 'ACTIVE', ...retention }];
}

/** The address without a path of its own would get two slashes; without a scheme the SDK cannot read it. */
export function readEndpoint(reply: unknown, action: string): string {
  const text = (textIn(reply, 'DataEndpoint') ?? '').trim().replace(/\/+$/, '');
  const address = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  if (text === '' || !/^https?:/i.test(address) || !URL.canParse(address)) {
    throw new ClipError('EPROTOCOL', reasonFirst('AWS named no address for the footage of this stream', action));
  }
  return address;
}

export function textIn(value: unknown, name: string): string | undefined {
  const field = fieldIn(value, name);
  return typeof field === 'string' && field !== '' ? field : undefined;
}

export function fieldIn(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function listIn(value: unknown, name: string): unknown[] {
  const list = fieldIn(value, name);
  return Array.isArray(list) ? list : [];
}

function countIn(value: unknown, name: string): number | undefined {
  const field = fieldIn(value, name);
  return typeof field === 'number' && Number.isFinite(field) && field >= 0 ? field : undefined;
}

function timeIn(value: unknown, name: string): number | undefined {
  const field = fieldIn(value, name);
  return field instanceof Date && !Number.isNaN(field.getTime()) ? field.getTime() : undefined;
}
