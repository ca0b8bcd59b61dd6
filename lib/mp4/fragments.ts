/** Fragments of an MP4 file: `moof` boxes, and the `sidx` boxes that list them. */
import { children, entries, firstOf, head } from './boxes';
import type { Box, BoxReader } from './boxes';

/** What the fragments hold so far. */
export interface FragmentTotals {
  /** Duration by track id, in the track's timescale. */
  durations: Map<number, number>;
  samples: number;
}

/**
 * Adds the samples of one fragment. Tracks that `totals` does not list are left out.
 * @throws Damaged
 */
export async function addFragment(
  reader: BoxReader,
  moof: Box,
  defaultDurations: ReadonlyMap<number, number>,
  totals: FragmentTotals,
): Promise<void> {
  for (const traf of await children(reader, moof)) {
    if (traf.type !== 'traf') continue;
    const boxes = await children(reader, traf);
    const tfhd = firstOf(boxes, 'tfhd');
    if (!tfhd) continue;
    const header = await head(reader, tfhd, 8);
    const flags = header.readUInt32BE(0);
    const track = header.readUInt32BE(4);
    const known = totals.durations.get(track);
    if (known === undefined) continue;
    let defaultDuration = defaultDurations.get(track) ?? 0;
    if (flags & 0x8) {
      const skip = 8 + (flags & 0x1 ? 8 : 0) + (flags & 0x2 ? 4 : 0);
      defaultDuration = (await head(reader, tfhd, 4, skip)).readUInt32BE(0);
    }
    let duration = 0;
    for (const trun of boxes) {
      if (trun.type !== 'trun') continue;
      const run = await readRun(reader, trun, defaultDuration);
      duration += run.duration;
      totals.samples += run.samples;
    }
    totals.durations.set(track, known + duration);
  }
}

async function readRun(reader: BoxReader, trun: Box, defaultDuration: number) {
  const header = await head(reader, trun, 8);
  const flags = header.readUInt32BE(0);
  const samples = header.readUInt32BE(4);
  // Without durations of their own there is nothing to look up, however many samples are claimed.
  if (!(flags & 0x100)) return { samples, duration: samples * defaultDuration };
  const skip = 8 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);
  const entryBytes = [0x100, 0x200, 0x400, 0x800].reduce((bytes, flag) => bytes + (flags & flag ? 4 : 0), 0);
  let duration = 0;
  await entries(reader, trun, { skip, entryBytes, count: samples }, (page, at) => {
    duration += page.readUInt32BE(at);
  });
  return { samples, duration };
}

/** The first byte after everything that a `sidx` box lists. @throws Damaged */
export async function indexedEnd(reader: BoxReader, sidx: Box): Promise<number> {
  const wide = (await head(reader, sidx, 1))[0] === 1;
  const content = await head(reader, sidx, wide ? 32 : 24);
  let end = sidx.end + (wide ? Number(content.readBigUInt64BE(20)) : content.readUInt32BE(16));
  const table = { skip: content.length, entryBytes: 12, count: content.readUInt16BE(content.length - 2) };
  await entries(reader, sidx, table, (page, at) => {
    // The top bit tells whether the entry is an index itself.
    end += page.readUInt32BE(at) & 0x7fffffff;
  });
  return end;
}
