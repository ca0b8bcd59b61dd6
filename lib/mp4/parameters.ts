// Describes what the tracks of a file need of a player: files where it is the same can be put one behind the other.
import { boxAt, boxReader, children, Damaged, findMoov, firstOf, head, unlessDamaged } from './boxes';
import type { Box, BoxReader, Mp4Source } from './boxes';
import { afterLength, decoderConfigTag } from './codecs';
import { readMovie, type Track } from './movie';

/** Decoder parameters of one video or audio track. Equal texts, equal needs. */
export interface TrackParameters {
  handler: 'vide' | 'soun';
  /** Units per second. */
  timescale: number;
  /** Of the decoder. */
  decoder: string;
  /** Of the display: size, and how the picture is turned. */
  display: string;
}

/** Bytes before the first box inside of a sample entry (ISO/IEC 14496-12, 12.1.3 and 12.2.3). */
const videoEntryBytes = 86;
const audioEntryBytes = 36;
const mostEntryBytes = 1024 * 1024;
/** Of the bit rate: it differs from file to file and no decoder needs it. */
const ignored = new Set(['btrt']);

/**
 * The first video track with pictures, then the audio tracks with sound, in order. Empty where the file has no index.
 * @throws what `source.read` rejects with
 */
export async function readParameters(source: Mp4Source): Promise<TrackParameters[]> {
  const found = await unlessDamaged(async () => {
    const reader = boxReader(source);
    const moov = await findMoov(reader);
    if (!moov) return undefined;
    const { tracks, fragmented } = await readMovie(reader, moov, () => undefined);
    const described: TrackParameters[] = [];
    // The samples of a fragmented file are not listed in its index.
    for (const track of playable(fragmented ? tracks.map((track) => ({ ...track, samples: 1 })) : tracks))
      described.push(await describeTrack(reader, track));
    return described;
  });
  return found ?? [];
}

/** The first video track with pictures and all audio tracks with sound. */
export function playable(tracks: Track[]): Track[] {
  const filled = tracks.filter(({ samples }) => samples > 0);
  const video = filled.find(({ handler }) => handler === 'vide');
  return [...(video ? [video] : []), ...filled.filter(({ handler }) => handler === 'soun')];
}

async function describeTrack(reader: BoxReader, { boxes, handler, stbl, timescale }: Track): Promise<TrackParameters> {
  const isVideo = handler === 'vide';
  const stsd = firstOf(stbl, 'stsd');
  const decoder: string[] = [];
  const count = stsd ? (await head(reader, stsd, 8)).readUInt32BE(4) : 0;
  for (let offset = (stsd?.body ?? 0) + 8, index = 0; stsd && index < count && offset < stsd.end; index += 1) {
    const entry = await boxAt(reader, offset, stsd.end, 'the stsd box');
    decoder.push(await describeEntry(reader, entry, isVideo ? videoEntryBytes : audioEntryBytes));
    offset = entry.end;
  }
  const display = isVideo ? (await readDisplay(reader, boxes)).toString('hex') : '';
  return { handler: isVideo ? 'vide' : 'soun', timescale, decoder: decoder.join(' '), display };
}

/** The display matrix, width and height: 44 bytes, as they stand in the header of the track. */
export async function readDisplay(reader: BoxReader, trak: Box[]): Promise<Buffer> {
  const tkhd = firstOf(trak, 'tkhd');
  if (!tkhd) throw new Damaged('a track has no tkhd box');
  const isWide = (await head(reader, tkhd, 1))[0] === 1;
  return Buffer.from(await head(reader, tkhd, 44, isWide ? 52 : 40));
}

async function describeEntry(reader: BoxReader, entry: Box, fixedBytes: number): Promise<string> {
  const length = entry.end - entry.offset;
  if (length > mostEntryBytes || length < fixedBytes) throw new Damaged('a sample entry has an impossible size');
  // Past the size, the reserved bytes and the index of the data reference.
  const fixed = (await reader.bytes(entry.offset + 16, fixedBytes - 16)).toString('hex');
  const described = [entry.type, fixed];
  for (const box of await boxesInside(reader, { ...entry, body: entry.offset + fixedBytes })) {
    if (ignored.has(box.type)) continue;
    const content = Buffer.from(await reader.bytes(box.body, box.end - box.body));
    described.push(`${box.type}:${(box.type === 'esds' ? withoutRates(content) : content).toString('hex')}`);
  }
  return described.join(' ');
}

/** The boxes in a sample entry; where QuickTime has fields of its own before them, all of it counts as one. */
async function boxesInside(reader: BoxReader, entry: Box): Promise<Box[]> {
  try {
    return await children(reader, entry);
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    return [{ ...entry, type: 'rest' }];
  }
}

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
