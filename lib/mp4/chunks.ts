// Reads where in a file the samples of a track lie: the tables stsc, stsz (or stz2) and stco (or co64).
import { Damaged, entries, firstOf, head, wholeTable } from './boxes';
import type { Box, BoxReader } from './boxes';

/** Samples that lie one behind the other in the file. */
export interface Chunk {
  offset: number;
  bytes: number;
  samples: number;
  /** Number of the sample entry in stsd, from 1. */
  description: number;
}

/** Number of samples that the index of a track lists. @throws Damaged */
export async function countSamples(reader: BoxReader, stbl: Box[]): Promise<number> {
  const sizes = firstOf(stbl, 'stsz', 'stz2');
  return sizes ? (await head(reader, sizes, 12)).readUInt32BE(8) : 0;
}

/** Number of samples that have a decode time. @throws Damaged */
export async function countTimes(reader: BoxReader, stbl: Box[]): Promise<number> {
  const stts = firstOf(stbl, 'stts');
  if (!stts) return 0;
  let samples = 0;
  const count = (await head(reader, stts, 8)).readUInt32BE(4);
  await entries(reader, stts, { skip: 8, entryBytes: 8, count }, (page, at) => void (samples += page.readUInt32BE(at)));
  return samples;
}

/** Calls `visit` with the size of each sample, in order. @throws Damaged */
export async function visitSizes(reader: BoxReader, stbl: Box[], visit: (bytes: number) => void): Promise<void> {
  const sizes = firstOf(stbl, 'stsz', 'stz2');
  if (!sizes) return;
  const fixed = await head(reader, sizes, 12);
  const count = fixed.readUInt32BE(8);
  const common = sizes.type === 'stsz' ? fixed.readUInt32BE(4) : 0;
  for (let index = 0; common > 0 && index < count; index += 1) visit(common);
  if (common > 0) return;
  const bits = sizes.type === 'stz2' ? fixed[7]! : 32;
  if (bits === 4) {
    const table = { skip: 12, entryBytes: 1, count: Math.ceil(count / 2) };
    let left = count;
    await entries(reader, sizes, table, (page, at) => {
      visit(page[at]! >> 4);
      if (left > 1) visit(page[at]! & 15);
      left -= 2;
    });
    return;
  }
  if (![8, 16, 32].includes(bits)) throw new Damaged(`the stz2 box at byte ${sizes.offset} has sizes of ${bits} bits`);
  const entryBytes = bits / 8;
  await entries(reader, sizes, { skip: 12, entryBytes, count }, (page, at) => visit(page.readUIntBE(at, entryBytes)));
}

/**
 * Calls `visit` with each chunk of a track that has samples, in order.
 * @param visitSample called with the place of each sample; where all are of one size, with that of each chunk
 * @returns how many samples have a place in a chunk
 * @throws Damaged where the tables contradict one another
 */
export async function visitChunks(
  reader: BoxReader,
  stbl: Box[],
  visit: (chunk: Chunk) => void,
  visitSample?: (offset: number) => void,
): Promise<number> {
  const places = await chunkPlaces(reader, stbl);
  const sizes = firstOf(stbl, 'stsz', 'stz2');
  if (!places || !sizes) return 0;
  const fixed = await head(reader, sizes, 12);
  const common = sizes.type === 'stsz' ? fixed.readUInt32BE(4) : 0;
  const samples = fixed.readUInt32BE(8);
  let placed = 0;
  let next = 0;
  let chunk: Chunk | undefined;
  let left = 0;
  const open = (): boolean => {
    if (next === places.count) return false;
    const { offset, perChunk, description } = places.at(next);
    next += 1;
    left = Math.min(perChunk, samples - placed);
    chunk = { offset, bytes: 0, samples: left, description };
    return true;
  };
  if (common) {
    while (placed < samples && open()) {
      chunk!.bytes = left * common;
      placed += left;
      visitSample?.(chunk!.offset);
      visit(chunk!);
    }
    return placed;
  }
  await visitSizes(reader, stbl, (bytes) => {
    while (left === 0) if (!open()) return;
    if (bytes > 0) visitSample?.(chunk!.offset + chunk!.bytes);
    chunk!.bytes += bytes;
    placed += 1;
    left -= 1;
    if (left === 0) visit(chunk!);
  });
  return placed;
}

async function chunkPlaces(reader: BoxReader, stbl: Box[]) {
  const offsets = firstOf(stbl, 'stco', 'co64');
  const stsc = firstOf(stbl, 'stsc');
  if (!offsets || !stsc) return undefined;
  const count = (await head(reader, offsets, 8)).readUInt32BE(4);
  const runCount = (await head(reader, stsc, 8)).readUInt32BE(4);
  if (count === 0 || runCount === 0) return undefined;
  const isWide = offsets.type === 'co64';
  const starts = await wholeTable(reader, offsets, { skip: 8, entryBytes: isWide ? 8 : 4, count });
  const runs = await wholeTable(reader, stsc, { skip: 8, entryBytes: 12, count: runCount });
  const firstChunk = (run: number): number => (run < runCount ? runs.readUInt32BE(run * 12) : Infinity);
  for (let run = 0; run < runCount; run += 1) {
    if (run === 0 ? firstChunk(0) === 1 : firstChunk(run) > firstChunk(run - 1) && firstChunk(run) <= count) continue;
    throw new Damaged(`the stsc box at byte ${stsc.offset} contradicts the list of chunks`);
  }
  let run = 0;
  return {
    count,
    /** To be asked in ascending order. */
    at(index: number) {
      while (index + 1 >= firstChunk(run + 1)) run += 1;
      return {
        offset: isWide ? Number(starts.readBigUInt64BE(index * 8)) : starts.readUInt32BE(index * 4),
        perChunk: runs.readUInt32BE(run * 12 + 4),
        description: runs.readUInt32BE(run * 12 + 8),
      };
    },
  };
}
