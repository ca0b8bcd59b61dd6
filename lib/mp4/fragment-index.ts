// Reads where the fragments of an MP4 file begin, from the index that its writer put into it (`mfra` or `sidx`).
import {
  boxAt,
  boxReader,
  bufferSource,
  children,
  entries,
  head,
  unlessDamaged,
  type Box,
  type BoxReader,
  type Mp4Source,
} from './boxes';
import { readSidx } from './fragments';
import type { Track } from './movie';

/** One fragment, or several that follow each other, beginning with a key frame. */
export interface IndexEntry {
  /** Bytes from the start of the file. */
  offset: number;
  /** When its first picture is shown, in the time of the file: writers do not put decode times here. */
  seconds: number;
}

export interface FragmentIndex {
  /** In order. */
  entries: IndexEntry[];
  /** First byte after the last fragment. */
  end: number;
}

/** A day of one-second fragments takes 2 MB. */
const mostIndexBytes = 16 * 1024 * 1024;
const mfroBytes = 16;

/**
 * The index at the end of the file, of its video track. `undefined`: there is none that holds.
 * @param firstOffset where the first fragment begins
 */
export async function readFragmentIndex(
  source: Mp4Source,
  track: Track,
  firstOffset: number,
): Promise<FragmentIndex | undefined> {
  if (source.size < firstOffset + mfroBytes) return undefined;
  const mfro = await source.read(source.size - mfroBytes, mfroBytes);
  if (mfro.length < mfroBytes || mfro.toString('latin1', 4, 8) !== 'mfro') return undefined;
  const bytes = mfro.readUInt32BE(12);
  const end = source.size - bytes;
  if (bytes > mostIndexBytes || end < firstOffset) return undefined;
  const content = await source.read(end, bytes);
  return unlessDamaged(async () => {
    const reader = boxReader(bufferSource(content));
    const mfra = await boxAt(reader, 0, content.length, 'the index');
    if (mfra.type !== 'mfra') return undefined;
    for (const tfra of await children(reader, mfra)) {
      const found = tfra.type === 'tfra' ? await readTfra(reader, tfra, track) : undefined;
      if (found) return checked(found, firstOffset, end);
    }
    return undefined;
  });
}

/** ISO/IEC 14496-12, 8.8.10. `undefined` for the table of another track. */
async function readTfra(reader: BoxReader, tfra: Box, track: Track): Promise<IndexEntry[] | undefined> {
  const fixed = await head(reader, tfra, 16);
  if (fixed.readUInt32BE(4) !== track.id || !track.timescale) return undefined;
  const isWide = fixed[0] === 1;
  const lengths = fixed.readUInt32BE(8);
  const numberBytes = 3 + ((lengths >> 4) & 3) + ((lengths >> 2) & 3) + (lengths & 3);
  const table = { skip: 16, entryBytes: (isWide ? 16 : 8) + numberBytes, count: fixed.readUInt32BE(12) };
  const found: IndexEntry[] = [];
  await entries(reader, tfra, table, (page, at) => {
    const time = isWide ? Number(page.readBigUInt64BE(at)) : page.readUInt32BE(at);
    const offset = isWide ? Number(page.readBigUInt64BE(at + 8)) : page.readUInt32BE(at + 4);
    // Several key frames of one fragment have an entry each.
    if (found.at(-1)?.offset !== offset) found.push({ offset, seconds: time / track.timescale });
  });
  return found;
}

/** The index before the first fragment, of a file made for streaming. ISO/IEC 14496-12, 8.16.3. */
export async function readSegmentIndex(source: Mp4Source, sidx: Box): Promise<FragmentIndex | undefined> {
  return unlessDamaged(async () => {
    const reader = boxReader(source);
    const { timescale, firstTicks, firstOffset, table } = await readSidx(reader, sidx);
    if (!timescale) return undefined;
    let ticks = firstTicks;
    let offset = firstOffset;
    const found: IndexEntry[] = [];
    let isNested = false;
    await entries(reader, sidx, table, (page, at) => {
      const size = page.readUInt32BE(at);
      if (size & 0x80000000) isNested = true;
      found.push({ offset, seconds: ticks / timescale });
      offset += size & 0x7fffffff;
      ticks += page.readUInt32BE(at + 4);
    });
    return isNested || offset > source.size ? undefined : checked(found, firstOffset, offset);
  });
}

/** An index that is not in order is of no use. */
function checked(found: IndexEntry[], firstOffset: number, end: number): FragmentIndex | undefined {
  let last: IndexEntry = { offset: firstOffset - 1, seconds: -Infinity };
  for (const entry of found) {
    if (entry.offset <= last.offset || entry.offset >= end || entry.seconds < last.seconds) return undefined;
    last = entry;
  }
  return found.length > 0 ? { entries: found, end } : undefined;
}
