/** Streams and what is recorded of them. */
import type { KinesisOptions } from './options';

export type TimestampType = 'PRODUCER_TIMESTAMP' | 'SERVER_TIMESTAMP';

export interface SimFragment {
  /** Some 47 digits, growing with ingestion. */
  number: string;
  /** Epoch milliseconds; fractions are allowed (nobody knows how fine real ones are). */
  producerMs: number;
  serverMs: number;
  /** What is really in it. */
  durationMs: number;
  /** What ListFragments says of it: less, or 0, as in field reports. */
  declaredMs: number;
  bytes: number;
  /** A change of codec private data or of tracks within a clip fails the whole clip. */
  codecPrivateData: string;
  tracks: number;
}

export interface SimStream {
  name: string;
  arn: string;
  status: 'CREATING' | 'ACTIVE' | 'UPDATING' | 'DELETING';
  /** 0: nothing is kept. */
  retentionHours: number;
  mediaType: string;
  deviceName: string | null;
  width: number;
  height: number;
  /** In the order of ingestion. */
  fragments: SimFragment[];
}

export interface FootageSettings {
  /** Length of each fragment, or what cycles through. */
  fragmentMs?: number | number[];
  /** Taken off the declared length, as if the last frame were missing; `all` declares 0. */
  undeclaredMs?: number | 'all';
  bytes?: number;
  /** From the start of a fragment to its arrival. */
  arrivalMs?: number | ((index: number) => number);
  codecPrivateData?: string;
  tracks?: number;
}

let ingested = 0;

/** Fragments that fill a range, in the order in which they arrive. */
export function footage(start: number | string, end: number | string, settings: FootageSettings = {}): SimFragment[] {
  const { fragmentMs = 2000, undeclaredMs = 0, bytes = 20_000, arrivalMs = 1500 } = settings;
  const lengths = [fragmentMs].flat();
  const fragments: SimFragment[] = [];
  let at = epochOf(start);
  const endMs = epochOf(end);
  for (let index = 0; at < endMs; index++) {
    const durationMs = Math.min(lengths[index % lengths.length]!, endMs - at);
    ingested += 1;
    fragments.push({
      // 47 digits, and more than one of them changes.
      number: `91343852333181432392682062607743${String(ingested * 4096).padStart(15, '0')}`,
      producerMs: at,
      serverMs: at + (typeof arrivalMs === 'number' ? arrivalMs : arrivalMs(index)),
      durationMs,
      declaredMs: undeclaredMs === 'all' ? 0 : Math.max(0, durationMs - undeclaredMs),
      bytes,
      codecPrivateData: settings.codecPrivateData ?? 'avcC-1',
      tracks: settings.tracks ?? 1,
    });
    at += durationMs;
  }
  return fragments;
}

export function stream(
  name: string,
  settings: Partial<Omit<SimStream, 'name'>> & { region?: string; account?: string } = {},
): SimStream {
  const { region = 'eu-west-1', account = '111122223333', ...rest } = settings;
  return {
    name,
    arn: `arn:aws:kinesisvideo:${region}:${account}:stream/${name}/1700000000000`,
    status: 'ACTIVE',
    retentionHours: 87_600,
    mediaType: 'video/h264',
    deviceName: null,
    width: 320,
    height: 180,
    fragments: [],
    ...rest,
  };
}

/** What is still kept of a stream. */
export function keptFragments({ retentionHours, fragments }: SimStream, now: number): SimFragment[] {
  const oldest = now - retentionHours * 3600_000;
  return fragments.filter((fragment) => fragment.serverMs >= oldest && fragment.serverMs <= now);
}

export function timeOf(fragment: SimFragment, type: TimestampType): number {
  return type === 'PRODUCER_TIMESTAMP' ? fragment.producerMs : fragment.serverMs;
}

/** Fragments that start in a range, both ends included, in order. */
export function select(fragments: SimFragment[], type: TimestampType, startMs: number, endMs: number): SimFragment[] {
  return fragments
    .filter((fragment) => timeOf(fragment, type) >= startMs && timeOf(fragment, type) <= endMs)
    .sort((a, b) => timeOf(a, type) - timeOf(b, type));
}

/** Where footage was ingested more than once, only the oldest set counts. */
export function withoutRepeats(fragments: SimFragment[]): SimFragment[] {
  const byAge = [...fragments].sort((a, b) => (a.number < b.number ? -1 : 1));
  const kept: SimFragment[] = [];
  for (const fragment of byAge) {
    const end = fragment.producerMs + fragment.durationMs;
    const overlaps = kept.some(
      (other) => fragment.producerMs < other.producerMs + other.durationMs - 1 && end - 1 > other.producerMs,
    );
    if (!overlaps) kept.push(fragment);
  }
  return fragments.filter((fragment) => kept.includes(fragment));
}

/** What one clip may hold: the service leaves out the rest without a word. */
export function withinCap(fragments: SimFragment[], { maxFragments, maxBytes, crossing }: KinesisOptions['clip']) {
  const taken: SimFragment[] = [];
  let bytes = 0;
  for (const fragment of fragments.slice(0, maxFragments)) {
    bytes += fragment.bytes;
    if (bytes > maxBytes && (crossing === 'dropped' || bytes - fragment.bytes > maxBytes)) break;
    taken.push(fragment);
  }
  return taken;
}

export function epochOf(time: number | string): number {
  return typeof time === 'number' ? time : Date.parse(time);
}
