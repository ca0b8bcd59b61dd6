// Reads the fragments of an MP4 file: `moof` boxes, and the `sidx` boxes that list them.
import { children, entries, firstOf, head, versioned } from './boxes';
import type { Box, BoxReader } from './boxes';

/** Defaults of samples for which a fragment gives nothing (`trex`, then `tfhd`). */
export interface SampleDefaults {
  /** In the track's timescale. */
  duration: number;
  /** Bytes. */
  size: number;
  flags: number;
}

/** A fragment's share of one track. */
export interface TrackFragment {
  track: number;
  /** Decode time of the first sample in the track's timescale, where it is given. */
  time?: number;
  /** Number of the sample entry, from 1. */
  description: number;
  runs: Run[];
  defaults: SampleDefaults;
}

/** Samples that lie one behind the other in the file. */
export interface Run {
  /** Bytes from the start of the file. */
  offset: number;
  bytes: number;
  samples: number;
  /** In the track's timescale: of all samples, and of the one that lasts longest. */
  duration: number;
  longest: number;
  box: Box;
  flags: number;
}

const nonSyncFlag = 0x10000;
export const isSync = (flags: number): boolean => (flags & nonSyncFlag) === 0;

/**
 * The samples of one fragment by track, and the number that it bears. Tracks that `defaults` does not list are left out.
 * @throws Damaged
 */
export async function readFragment(
  reader: BoxReader,
  moof: Box,
  defaults: ReadonlyMap<number, SampleDefaults>,
): Promise<{ number: number | undefined; tracks: TrackFragment[] }> {
  const found: TrackFragment[] = [];
  let dataEnd = moof.offset;
  const inside = await children(reader, moof);
  const mfhd = firstOf(inside, 'mfhd');
  const number = mfhd && (await head(reader, mfhd, 8)).readUInt32BE(4);
  for (const traf of inside) {
    if (traf.type !== 'traf') continue;
    const boxes = await children(reader, traf);
    const tfhd = firstOf(boxes, 'tfhd');
    if (!tfhd) continue;
    const header = await readHeader(reader, tfhd, moof, dataEnd, defaults);
    const { defaults: ofFragment, description, track } = header;
    const fragment: TrackFragment = { track, description, runs: [], defaults: ofFragment };
    const tfdt = firstOf(boxes, 'tfdt');
    if (tfdt) fragment.time = await decodeTime(reader, tfdt);
    let next = header.base;
    for (const trun of boxes) {
      if (trun.type !== 'trun') continue;
      const run = await readRun(reader, trun, header, next);
      next = run.offset + run.bytes;
      fragment.runs.push(run);
    }
    dataEnd = next;
    if (defaults.has(header.track)) found.push(fragment);
  }
  return { number, tracks: found };
}

interface Header {
  track: number;
  description: number;
  /** Base of the offsets of runs. */
  base: number;
  defaults: SampleDefaults;
}

async function readHeader(
  reader: BoxReader,
  tfhd: Box,
  moof: Box,
  dataEnd: number,
  known: ReadonlyMap<number, SampleDefaults>,
): Promise<Header> {
  const fixed = await head(reader, tfhd, 8);
  const flags = fixed.readUInt32BE(0);
  const track = fixed.readUInt32BE(4);
  const defaults = { ...(known.get(track) ?? { duration: 0, size: 0, flags: 0 }) };
  let skip = 8;
  const next = async (): Promise<number> => {
    const value = (await head(reader, tfhd, 4, skip)).readUInt32BE(0);
    skip += 4;
    return value;
  };
  // Otherwise from the start of the fragment, or the end of the data of the track before (ISO/IEC 14496-12, 8.8.7).
  let base = flags & 0x20000 ? moof.offset : dataEnd;
  if (flags & 0x1) {
    base = Number((await head(reader, tfhd, 8, skip)).readBigUInt64BE(0));
    skip += 8;
  }
  const description = flags & 0x2 ? await next() : 1;
  if (flags & 0x8) defaults.duration = await next();
  if (flags & 0x10) defaults.size = await next();
  if (flags & 0x20) defaults.flags = await next();
  return { track, description, base, defaults };
}

async function decodeTime(reader: BoxReader, tfdt: Box): Promise<number> {
  const { wide, content } = await versioned(reader, tfdt, 8, 12);
  return wide ? Number(content.readBigUInt64BE(4)) : content.readUInt32BE(4);
}

async function readRun(reader: BoxReader, trun: Box, { base, defaults }: Header, after: number): Promise<Run> {
  const header = await head(reader, trun, 8);
  const flags = header.readUInt32BE(0);
  const samples = header.readUInt32BE(4);
  const offset = flags & 0x1 ? base + (await head(reader, trun, 4, 8)).readInt32BE(0) : after;
  const run: Run = { offset, bytes: samples * defaults.size, samples, duration: 0, longest: 0, box: trun, flags };
  // Without entries of their own there is nothing to look up, however many samples are claimed.
  if (!(flags & 0x300)) {
    return { ...run, duration: samples * defaults.duration, longest: samples > 0 ? defaults.duration : 0 };
  }
  if (flags & 0x200) run.bytes = 0;
  await visitRun(reader, run, defaults, (sample) => {
    run.duration += sample.duration;
    run.longest = Math.max(run.longest, sample.duration);
    if (flags & 0x200) run.bytes += sample.size;
  });
  return run;
}

/** Calls `visit` with each sample of a run: always the same object. @throws Damaged */
export async function visitRun(
  reader: BoxReader,
  { box, flags, samples }: Run,
  defaults: SampleDefaults,
  visit: (sample: SampleDefaults & { shift: number }) => void,
): Promise<void> {
  const sample = { ...defaults, shift: 0 };
  const skip = 8 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);
  let firstFlags = flags & 0x4 ? (await head(reader, box, 4, skip - 4)).readUInt32BE(0) : undefined;
  const fields = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag);
  const one = (page?: Buffer, at = 0): void => {
    let from = at;
    for (const field of fields) {
      const value = page!.readUInt32BE(from);
      if (field === 0x100) sample.duration = value;
      else if (field === 0x200) sample.size = value;
      else if (field === 0x400) sample.flags = value;
      else sample.shift = value | 0;
      from += 4;
    }
    if (firstFlags !== undefined) sample.flags = firstFlags;
    visit(sample);
    if (firstFlags !== undefined) sample.flags = defaults.flags;
    firstFlags = undefined;
  };
  if (fields.length > 0) await entries(reader, box, { skip, entryBytes: 4 * fields.length, count: samples }, one);
  else for (let index = 0; index < samples; index += 1) one();
}

/** The head of a `sidx` box, and its table of sizes and durations (ISO/IEC 14496-12, 8.16.3). @throws Damaged */
export async function readSidx(reader: BoxReader, sidx: Box) {
  const { wide, content } = await versioned(reader, sidx, 24, 32);
  return {
    timescale: content.readUInt32BE(8),
    firstTicks: wide ? Number(content.readBigUInt64BE(12)) : content.readUInt32BE(12),
    firstOffset: sidx.end + (wide ? Number(content.readBigUInt64BE(20)) : content.readUInt32BE(16)),
    table: { skip: content.length, entryBytes: 12, count: content.readUInt16BE(content.length - 2) },
  };
}

/** The first byte after everything that a `sidx` box lists. @throws Damaged */
export async function indexedEnd(reader: BoxReader, sidx: Box): Promise<number> {
  const { firstOffset, table } = await readSidx(reader, sidx);
  let end = firstOffset;
  await entries(reader, sidx, table, (page, at) => {
    // The top bit says whether the entry is an index itself.
    end += page.readUInt32BE(at) & 0x7fffffff;
  });
  return end;
}
