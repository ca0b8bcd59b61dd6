// Reads the clip of a message, and updates it with what a vendor says of it.
import { ClipError } from '../errors';
import type { Clip, ClipStatus, ProviderClip, Range } from '../provider';
import { parseInstant, rangeBetween, toIso, toRange } from '../time-range';
import { markClip, markOf } from './event-mark';

const statuses: ReadonlySet<unknown> = new Set<ClipStatus>(['pending', 'busy', 'finished', 'failed', 'expired']);
/** More than any vendor says of one property. */
const longestText = 100_000;
const mostGaps = 10_000;

type Check = (value: unknown, name: string) => unknown;

/** Readers of the properties that a message may give a clip. What only our own nodes may say, such as `file`, is not among them. */
const readers = {
  id: needed(text),
  connection: needed(text),
  provider: needed(text),
  camera: needed(text),
  cameraName: text,
  status,
  vendorStatus: text,
  progress: numberUpTo(100),
  title: text,
  size: numberUpTo(Number.MAX_SAFE_INTEGER),
  sha256,
  width: numberUpTo(Number.MAX_SAFE_INTEGER),
  height: numberUpTo(Number.MAX_SAFE_INTEGER),
  expires: text,
  reason: text,
  options: recordOf(['string', 'number', 'boolean'], 'text, numbers, true and false'),
  ref: recordOf(['string'], 'text'),
} satisfies Record<Exclude<keyof Clip, 'start' | 'end' | 'gaps' | 'footage' | 'time' | 'transfer' | 'file'>, Check>;

/**
 * Reads `msg.clip` as another node, a context store or MQTT gives it: a copy of the properties that a clip has, each checked.
 * @throws EINVALID naming the property that does not hold
 */
export function readClip(value: unknown, now: number): Clip {
  if (!isRecord(value)) throw new ClipError('EINVALID', 'msg.clip must be a clip, as create-clip makes it');
  const clip: Record<string, unknown> = {};
  for (const [name, read] of Object.entries<Check>(readers)) {
    const found = read(value[name], `msg.clip.${name}`);
    if (found !== undefined) clip[name] = found;
  }
  const { gaps, footage, time } = value;
  return {
    ...(clip as Omit<Clip, 'start' | 'end'>),
    ...readSpan(value, 'msg.clip', now),
    ...(isMissing(gaps) ? {} : { gaps: readGaps(gaps, now) }),
    ...(isMissing(time) ? {} : { time: toIso(parseInstant(time, 'msg.clip.time', now)) }),
    ...(isMissing(footage) ? {} : { footage: readSpan(footage, 'msg.clip.footage', now) }),
  };
}

/** Times in ISO 8601 with `Z`, however they were written. */
function readSpan(value: unknown, name: string, now: number): Range {
  if (!isRecord(value)) throw invalid(name, 'must have a start and an end');
  const start = parseInstant(value.start, `${name}.start`, now);
  const end = parseInstant(value.end, `${name}.end`, now);
  return toRange(rangeBetween({ start, end }));
}

function readGaps(value: unknown, now: number): Range[] {
  if (!Array.isArray(value) || value.length > mostGaps) throw invalid('msg.clip.gaps', 'must be a list of ranges');
  return value.map((gap, index) => readSpan(gap, `msg.clip.gaps[${index}]`, now));
}

/** Other nodes and stores write `null` for what is not there. */
function isMissing(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function needed(read: Check): Check {
  return (value, name) => {
    if (isMissing(value) || value === '') throw invalid(name, 'must be text, and not empty');
    return read(value, name);
  };
}

function text(value: unknown, name: string): string | undefined {
  if (isMissing(value)) return undefined;
  if (typeof value !== 'string' || value.length > longestText) throw invalid(name, 'must be text');
  // Half characters, which texts that were cut may hold, cannot be in an address.
  return value.toWellFormed();
}

function status(value: unknown, name: string): ClipStatus {
  if (!statuses.has(value)) throw invalid(name, `must be one of ${[...statuses].join(', ')}`);
  return value as ClipStatus;
}

function numberUpTo(most: number): Check {
  return (value, name) => {
    if (isMissing(value)) return undefined;
    if (typeof value !== 'number' || !(value >= 0 && value <= most))
      throw invalid(name, `must be a number, 0 to ${most}`);
    // JSON has no -0.
    return Math.abs(value);
  };
}

function sha256(value: unknown, name: string): string | undefined {
  if (isMissing(value)) return undefined;
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/i.test(value)) throw invalid(name, 'must be 64 hexadecimal digits');
  return value.toLowerCase();
}

function recordOf(types: string[], what: string): Check {
  return (value, name) => {
    if (isMissing(value)) return undefined;
    const isFitting = isRecord(value) && Object.values(value).every((entry) => types.includes(typeof entry));
    if (!isFitting) throw invalid(name, `must hold only ${what}`);
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [key, typeof entry === 'string' ? entry.toWellFormed() : entry]),
    );
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(name: string, what: string): ClipError {
  return new ClipError('EINVALID', `${name} ${what}`);
}

/** Merges the vendor's newest answer into the clip as known. Progress never runs backwards; a word for a state goes with it. */
export function updateClip({ vendorStatus: _earlier, ...known }: Clip, found: ProviderClip): Clip {
  const fresh = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  const updated: Clip = { ...known, ...fresh };
  const progress = Math.max(known.progress ?? 0, found.progress ?? 0);
  updated.progress = found.status === 'finished' ? 100 : Math.min(progress, 99);
  return markClip(updated, markOf(known));
}
