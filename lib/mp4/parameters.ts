/** What the tracks of a file need of a decoder: files where it is the same can be put one behind the other. */
import { boxAt, boxReader, children, Damaged, firstOf, head } from './boxes';
import type { Box, BoxReader, Mp4Source } from './boxes';

/** Bytes before the first box inside of a sample entry (ISO/IEC 14496-12, 12.1.3 and 12.2.3). */
const videoEntryBytes = 86;
const audioEntryBytes = 36;
const mostEntryBytes = 1024 * 1024;
/** Of the bit rate: it differs from file to file and no decoder needs it. */
const ignored = new Set(['btrt']);

/**
 * One text per video and audio track, in order: equal texts, equal parameters. Empty where the file has no index.
 * @throws what `source.read` rejects with
 */
export async function readParameters(source: Mp4Source): Promise<string[]> {
  const reader = boxReader(source);
  try {
    const moov = await findMoov(reader);
    const tracks: string[] = [];
    for (const trak of moov ? await children(reader, moov) : []) {
      const found = trak.type === 'trak' && (await parametersOf(reader, trak));
      if (found) tracks.push(found);
    }
    return tracks;
  } catch (error) {
    if (error instanceof Damaged) return [];
    throw error;
  }
}

/** Bytes in all media data boxes, as far as the file can be read. @throws what `source.read` rejects with */
export async function mediaBytes(source: Mp4Source): Promise<number> {
  let bytes = 0;
  try {
    for await (const box of topLevel(boxReader(source))) if (box.type === 'mdat') bytes += box.end - box.body;
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
  }
  return bytes;
}

async function* topLevel(reader: BoxReader): AsyncGenerator<Box> {
  for (let offset = 0; offset < reader.size;) {
    const box = await boxAt(reader, offset, reader.size, 'the file');
    yield box;
    offset = box.end;
  }
}

async function findMoov(reader: BoxReader): Promise<Box | undefined> {
  for await (const box of topLevel(reader)) if (box.type === 'moov') return box;
  return undefined;
}

async function parametersOf(reader: BoxReader, trak: Box): Promise<string | undefined> {
  const mdia = await childrenOf(reader, trak, 'mdia');
  const hdlr = firstOf(mdia, 'hdlr');
  const handler = hdlr && (await head(reader, hdlr, 4, 8)).toString('latin1');
  if (handler !== 'vide' && handler !== 'soun') return undefined;
  const minf = firstOf(mdia, 'minf');
  const stsd = minf && firstOf(await childrenOf(reader, minf, 'stbl'), 'stsd');
  if (!stsd) return undefined;
  const parameters = [handler];
  const count = (await head(reader, stsd, 8)).readUInt32BE(4);
  for (let offset = stsd.body + 8, index = 0; index < count && offset < stsd.end; index += 1) {
    const entry = await boxAt(reader, offset, stsd.end, 'the stsd box');
    parameters.push(await describeEntry(reader, entry, handler === 'vide' ? videoEntryBytes : audioEntryBytes));
    offset = entry.end;
  }
  return parameters.join(' ');
}

async function childrenOf(reader: BoxReader, parent: Box, type: string): Promise<Box[]> {
  const box = firstOf(await children(reader, parent), type);
  return box ? children(reader, box) : [];
}

async function describeEntry(reader: BoxReader, entry: Box, fixedBytes: number): Promise<string> {
  const length = entry.end - entry.offset;
  if (length > mostEntryBytes || length < fixedBytes) throw new Damaged('a sample entry has an impossible size');
  // Past the size, the reserved bytes and the index of the data reference.
  const fixed = (await reader.bytes(entry.offset + 16, fixedBytes - 16)).toString('hex');
  const boxes = [entry.type, fixed];
  const inside = { ...entry, body: entry.offset + fixedBytes };
  for (const box of await children(reader, inside)) {
    if (ignored.has(box.type)) continue;
    const content = Buffer.from(await reader.bytes(box.body, box.end - box.body));
    boxes.push(`${box.type}:${(box.type === 'esds' ? withoutRates(content) : content).toString('hex')}`);
  }
  return boxes.join(' ');
}

const decoderConfigTag = 0x04;
/** Type of object and stream come first, then buffer size, highest and average bit rate. */
const ratesAt = 2;
const ratesBytes = 11;

/** The description of an audio stream (ISO/IEC 14496-1, 7.2.6) says how many bits a second it has. */
function withoutRates(esds: Buffer): Buffer {
  // Version and flags, then the outermost descriptor: its tag and length, an id, and flags that announce more fields.
  const outer = afterLength(esds, 5);
  const flags = esds[outer + 2] ?? 0;
  if (flags & 0xe0) return esds;
  const config = outer + 3;
  if (esds[config] !== decoderConfigTag) return esds;
  const rates = afterLength(esds, config + 1) + ratesAt;
  return esds.fill(0, Math.min(rates, esds.length), Math.min(rates + ratesBytes, esds.length));
}

/** Lengths take one to four bytes; all but the last have their top bit set. */
function afterLength(bytes: Buffer, at: number): number {
  let next = at;
  while (next < at + 3 && (bytes[next] ?? 0) & 0x80) next += 1;
  return next + 1;
}
