// Reads the times that people and other nodes write, and reckons with the ranges made of them.
import { types } from 'node:util';
import { ClipError } from './errors';

/** A span of time. ISO 8601 with `Z`. */
export interface Range {
  start: string;
  end: string;
}

/** The same for reckoning: epoch milliseconds; `start` < `end`. */
export interface TimeRange {
  start: number;
  end: number;
}

const earliest = Date.UTC(2000, 0, 1);
const dayMs = 24 * 60 * 60 * 1000;
const latestDateMs = 8.64e15;
const shownCharacters = 40;
const example = '2025-03-01T08:50:00Z or 2025-03-01T09:50:00+01:00';

/**
 * Reads epoch milliseconds (number or digits), epoch seconds (10 digits, with or without a fraction), a `Date`, or an ISO 8601 date-time with a zone.
 * @param field what messages call the value, such as `msg.start`
 * @param now epoch milliseconds
 * @returns epoch milliseconds
 * @throws EINVALID
 */
export function parseInstant(value: unknown, field: string, now: number): number {
  const instant = read(value, field);
  if (instant < earliest) throw invalid(field, `is ${shown(value)}, which is before the year 2000`);
  if (instant > now + dayMs) throw invalid(field, `is ${shown(value)}, which is more than a day in the future`);
  return instant;
}

function read(value: unknown, field: string): number {
  // Function nodes run in a context of their own: their dates are no instances of our Date.
  if (types.isDate(value)) {
    const instant = Date.prototype.getTime.call(value);
    if (Number.isNaN(instant)) throw invalid(field, 'is an invalid date');
    return instant;
  }
  if (typeof value === 'number' && Number.isFinite(value)) return fromEpoch(value);
  if (typeof value === 'string') {
    const text = value.trim();
    if (/^\d{1,16}$/.test(text)) return fromEpoch(Number(text), text.length === 10);
    if (/^\d{10}\.\d{1,9}$/.test(text)) return fromEpoch(Number(text), true);
    const parsed = fromIso(text.replace(basicPattern, extended), value, field);
    if (parsed !== undefined) return parsed;
  }
  throw invalid(field, `must be a time such as ${example}, or epoch milliseconds; it is ${shown(value)}`);
}

/** Milliseconds with as few digits as seconds would lie in 1970, so nothing else can be meant by these. */
function fromEpoch(value: number, isSeconds = value >= 1e9 && value < 1e10): number {
  return isSeconds ? Math.round(value * 1000) : Math.trunc(value);
}

/** Brackets behind an offset (RFC 9557, as Java and Temporal write it) say where that comes from. */
const isoPattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)? ?(?:([Zz]|([+-])(\d\d)(?::?(\d\d))?)(?:\[[^[\]]{1,64}\])*)?)?$/;

/** ISO 8601 without dashes and colons, as the addresses of cameras have it: 20250301T085000Z. */
const basicPattern = /^(\d{4})(\d\d)(\d\d)[Tt](\d\d)(\d\d)(?:(\d\d)([.,]\d+)?)?(?=[Zz+-]|$)/;
const extended = (_: string, ...[year, month, day, hour, minute, second = '00', fraction = '']: string[]): string =>
  `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}`;

/** `undefined` when it is no ISO date at all. */
function fromIso(text: string, given: string, field: string): number | undefined {
  const match = isoPattern.exec(text);
  if (!match) return undefined;
  const digits = (group: number) => Number(match[group] ?? 0);
  const [year, month, day, hour, minute, second] = [digits(1), digits(2), digits(3), digits(4), digits(5), digits(6)];
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw invalid(field, `is ${shown(given)}, a day that does not exist`);
  }
  if (hour > 23 || minute > 59 || second > 59 || digits(10) > 23 || digits(11) > 59) {
    throw invalid(field, `is ${shown(given)}, a time of day that does not exist (00:00:00 to 23:59:59)`);
  }
  if (match[8] === undefined) {
    const what = match[4] === undefined ? 'is a date only: it needs a time and a zone' : 'needs a zone';
    throw invalid(field, `${what} (Z or an offset), as in ${example}; it is ${shown(given)}`);
  }
  const milliseconds = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const offsetMinutes = (digits(10) * 60 + digits(11)) * (match[9] === '-' ? -1 : 1);
  return Date.UTC(year, month - 1, day, hour, minute - offsetMinutes, second, milliseconds);
}

/**
 * The range around an instant (epoch milliseconds).
 * @throws EINVALID for a negative or endless pre- or post-roll, and when both are 0
 */
export function rangeAround(range: { time: number; beforeSeconds: number; afterSeconds: number }): TimeRange {
  const [before, after] = [milliseconds(range.beforeSeconds, 'before'), milliseconds(range.afterSeconds, 'after')];
  if (before + after === 0) throw new ClipError('EINVALID', 'before and after are both 0: there is nothing to cut');
  return rangeBetween({ start: range.time - before, end: range.time + after });
}

function milliseconds(seconds: number, field: string): number {
  if (!Number.isFinite(seconds) || seconds < 0) {
    throw invalid(field, `must be a number of seconds, 0 or more; it is ${shown(seconds)}`);
  }
  return Math.round(seconds * 1000);
}

/** @throws EINVALID unless `start` is before `end`, both epoch milliseconds */
export function rangeBetween({ start, end }: TimeRange): TimeRange {
  for (const [field, instant] of Object.entries({ start, end })) {
    if (!isInstant(instant)) throw invalid(field, `must be a time; it is ${shown(instant)}`);
  }
  if (start === end) throw new ClipError('EINVALID', `The start must be before the end: both are ${toIso(start)}`);
  if (start > end) {
    throw new ClipError('EINVALID', `The start (${toIso(start)}) must be before the end (${toIso(end)})`);
  }
  return { start, end };
}

/**
 * @param maxSeconds `undefined`: there is no limit
 * @throws ELIMIT when the range is longer
 */
export function checkLength(range: TimeRange, maxSeconds: number | undefined, field = 'range'): void {
  const ms = range.end - range.start;
  if (maxSeconds === undefined || ms <= maxSeconds * 1000) return;
  throw new ClipError('ELIMIT', `${field} is ${ms / 1000} s long; the limit is ${maxSeconds} s`);
}

/** The same span as epoch milliseconds. */
export function toTimeRange({ start, end }: Range): TimeRange {
  return { start: Date.parse(start), end: Date.parse(end) };
}

/** The same span as ISO 8601 with `Z`. */
export function toRange({ start, end }: TimeRange): Range {
  return { start: toIso(start), end: toIso(end) };
}

export function secondsOf({ start, end }: Range): number {
  return (Date.parse(end) - Date.parse(start)) / 1000;
}

/** In order; those that overlap or touch become one. */
export function mergeRanges(ranges: readonly TimeRange[]): TimeRange[] {
  const merged: TimeRange[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (start >= end) continue;
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** The parts of the ranges that lie within the whole, in order and merged. */
export function intersectRanges(whole: TimeRange, ranges: readonly TimeRange[]): TimeRange[] {
  return mergeRanges(
    ranges.map(({ start, end }) => ({ start: Math.max(start, whole.start), end: Math.min(end, whole.end) })),
  );
}

/** The rest of the whole once the ranges are taken out, in order. */
export function complementRanges(whole: TimeRange, ranges: readonly TimeRange[]): TimeRange[] {
  const taken = intersectRanges(whole, ranges);
  const starts = [whole.start, ...taken.map(({ end }) => end)];
  const ends = [...taken.map(({ start }) => start), whole.end];
  return starts.map((start, index) => ({ start, end: ends[index]! })).filter(({ start, end }) => start < end);
}

/** Epoch milliseconds as ISO 8601 with `Z`. @throws EINVALID for what no date can hold */
export function toIso(ms: number): string {
  if (!isInstant(ms)) throw new ClipError('EINVALID', `Not a time: ${shown(ms)}`);
  return new Date(ms).toISOString();
}

const [earliestSane, latestSane] = [Date.UTC(1900, 0, 1), Date.UTC(2100, 0, 1)];

/** The same for what a vendor tells: whatever number that is, it becomes an instant from 1900 to 2100. */
export function toSaneIso(ms: number): string {
  return new Date(Number.isNaN(ms) ? 0 : Math.min(Math.max(earliestSane, ms), latestSane)).toISOString();
}

function isInstant(ms: number): boolean {
  return Math.abs(ms) <= latestDateMs;
}

function invalid(field: string, what: string): ClipError {
  return new ClipError('EINVALID', `${field} ${what}`);
}

/** The given value as text, in at most 40 characters and on one line; of an object only that it is one. */
function shown(value: unknown): string {
  if (typeof value === 'string') {
    const text = value.length > shownCharacters ? `${value.slice(0, shownCharacters - 1)}…` : value;
    return `"${text.replace(/[\p{C}\p{Z}]/gu, ' ')}"`;
  }
  if (types.isDate(value)) return new Date(Date.prototype.getTime.call(value)).toISOString();
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  if (value === undefined) return 'missing';
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  return String(value).slice(0, shownCharacters);
}
