// Reads the index of an MP4 file: the `moov` box. Only the tables that answer a question are read.
import { children, Damaged, entries, firstOf, head, unsigned, versioned } from './boxes';
import type { Box, BoxReader } from './boxes';
import { countSamples } from './chunks';
import { codecOf, h264Profile } from './codecs';
import type { SampleDefaults } from './fragments';

export interface Movie {
  /** Seconds, from the movie header. */
  seconds?: number;
  /** Units per second of the movie header and of edit lists. */
  timescale: number;
  tracks: Track[];
  /** Does the index announce fragments? */
  fragmented: boolean;
  /** Seconds, announced for all fragments together: a guess of the writer, before it had them. */
  fragmentSeconds?: number;
  /** By track id. */
  defaults: Map<number, SampleDefaults>;
}

export interface Track {
  id: number;
  /** Handler type: `vide`, `soun`, ... */
  handler: string;
  /** Units per second. */
  timescale: number;
  /** Samples that the index lists. */
  samples: number;
  /** Seconds of the samples that the index lists. */
  sampleSeconds: number;
  /** Seconds of the one that lasts longest. */
  longestSeconds: number;
  /** Seconds, from the media header. */
  mediaSeconds?: number;
  /** Seconds that the edit list shows. */
  editedSeconds?: number;
  codec?: string;
  h264Profile?: number;
  /** Pixels, as shown: turned by the display matrix. */
  width?: number;
  height?: number;
  /** Children of its `trak` box, and its sample tables. */
  boxes: Box[];
  stbl: Box[];
}

const maxTracks = 100;

/** @throws Damaged when the box holds nonsense; what is wrong with single tracks is reported and the others are kept. */
export async function readMovie(reader: BoxReader, moov: Box, report: (problem: Damaged) => void): Promise<Movie> {
  const boxes = await children(reader, moov);
  const header = firstOf(boxes, 'mvhd');
  const times = header && (await readTimes(reader, header));
  const movie: Movie = { tracks: [], timescale: times?.timescale ?? 0, fragmented: false, defaults: new Map() };
  if (times) movie.seconds = seconds(times.duration, times.timescale);
  for (const trak of boxes.filter((box) => box.type === 'trak').slice(0, maxTracks)) {
    try {
      movie.tracks.push(await readTrack(reader, trak, movie.timescale));
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      report(error);
    }
  }
  const mvex = firstOf(boxes, 'mvex');
  if (mvex) {
    movie.fragmented = true;
    for (const box of await children(reader, mvex)) {
      if (box.type === 'mehd') {
        const { wide, content } = await versioned(reader, box, 8, 12);
        movie.fragmentSeconds = seconds(unsigned(content, 4, wide), movie.timescale);
      } else if (box.type === 'trex' && movie.defaults.size < maxTracks) {
        const content = await head(reader, box, 24);
        const [duration, size, flags] = [12, 16, 20].map((at) => content.readUInt32BE(at));
        movie.defaults.set(content.readUInt32BE(4), { duration: duration!, size: size!, flags: flags! });
      }
    }
  }
  for (const { id } of movie.tracks) {
    if (!movie.defaults.has(id)) movie.defaults.set(id, { duration: 0, size: 0, flags: 0 });
  }
  for (const id of movie.defaults.keys()) {
    if (!movie.tracks.some((track) => track.id === id)) movie.defaults.delete(id);
  }
  return movie;
}

async function readTrack(reader: BoxReader, trak: Box, movieTimescale: number): Promise<Track> {
  const boxes = await children(reader, trak);
  const mdia = await children(reader, required(boxes, 'mdia', trak));
  const mdhd = await readTimes(reader, required(mdia, 'mdhd', trak));
  const handler = (await head(reader, required(mdia, 'hdlr', trak), 4, 8)).toString('latin1');
  const stbl = await sampleTables(reader, mdia);
  const tkhd = await versioned(reader, required(boxes, 'tkhd', trak), 84, 96);
  const times = await sampleTimes(reader, stbl);
  const track: Track = {
    id: tkhd.content.readUInt32BE(tkhd.wide ? 20 : 12),
    handler,
    timescale: mdhd.timescale,
    samples: await countSamples(reader, stbl),
    mediaSeconds: seconds(mdhd.duration, mdhd.timescale),
    sampleSeconds: seconds(times.duration, mdhd.timescale) ?? 0,
    longestSeconds: seconds(times.longest, mdhd.timescale) ?? 0,
    editedSeconds: seconds(await editedDuration(reader, boxes), movieTimescale),
    boxes,
    stbl,
  };
  const entry = await sampleEntry(reader, stbl);
  track.codec = entry?.codec;
  track.h264Profile = track.codec === 'h264' ? entry?.h264Profile : undefined;
  if (handler === 'vide') {
    // Fixed point 16.16: the size that the picture is shown in, before it is turned.
    const at = tkhd.wide ? 88 : 76;
    const width = Math.round(tkhd.content.readUInt32BE(at) / 65536) || entry?.width;
    const height = Math.round(tkhd.content.readUInt32BE(at + 4) / 65536) || entry?.height;
    const isTurned = isQuarterTurn(tkhd.content.subarray(at - 36, at));
    [track.width, track.height] = isTurned ? [height, width] : [width, height];
  }
  return track;
}

/** @param matrix nine numbers, a b u c d v x y w: a point (p, q) is shown at (ap + cq + x, bp + dq + y) */
function isQuarterTurn(matrix: Buffer): boolean {
  const [a, b, c, d] = [0, 4, 12, 16].map((at) => Math.abs(matrix.readInt32BE(at)));
  return b! > a! && c! > d!;
}

function required(boxes: Box[], type: string, trak: Box): Box {
  const box = firstOf(boxes, type);
  if (!box) throw new Damaged(`the track at byte ${trak.offset} has no ${type} box`);
  return box;
}

/** `mvhd` and `mdhd` start alike. */
async function readTimes(reader: BoxReader, box: Box): Promise<{ timescale: number; duration: number | undefined }> {
  const { wide, content } = await versioned(reader, box, 20, 32);
  return { timescale: content.readUInt32BE(wide ? 20 : 12), duration: unsigned(content, wide ? 24 : 16, wide) };
}

/** Nothing positive is "unknown": writers leave 0 behind where they did not know. */
function seconds(duration: number | undefined, timescale: number): number | undefined {
  return duration && timescale ? duration / timescale : undefined;
}

async function sampleTables(reader: BoxReader, mdia: Box[]): Promise<Box[]> {
  const minf = firstOf(mdia, 'minf');
  const stbl = minf && firstOf(await children(reader, minf), 'stbl');
  return stbl ? children(reader, stbl) : [];
}

/** In the track's timescale. */
async function sampleTimes(reader: BoxReader, stbl: Box[]): Promise<{ duration: number; longest: number }> {
  const stts = firstOf(stbl, 'stts');
  let [duration, longest] = [0, 0];
  if (!stts) return { duration, longest };
  const count = (await head(reader, stts, 8)).readUInt32BE(4);
  await entries(reader, stts, { skip: 8, entryBytes: 8, count }, (page, at) => {
    const [samples, ticks] = [page.readUInt32BE(at), page.readUInt32BE(at + 4)];
    duration += samples * ticks;
    if (samples > 0) longest = Math.max(longest, ticks);
  });
  return { duration, longest };
}

/** One entry of an edit list (ISO/IEC 14496-12, 8.6.6). */
export interface Edit {
  /** In the movie's timescale; 0 or unknown: all of it. */
  length: number | undefined;
  /** Start within the track, in the track's timescale; -1: nothing is shown. */
  mediaTime: number;
  /** 1 is the usual pace. */
  rate: number;
}

const maxEdits = 10_000;

/** @throws Damaged */
export async function readEdits(reader: BoxReader, trak: Box[]): Promise<Edit[]> {
  const edts = firstOf(trak, 'edts');
  const elst = edts && firstOf(await children(reader, edts), 'elst');
  if (!elst) return [];
  const { wide, content } = await versioned(reader, elst, 8, 8);
  const table = { skip: 8, entryBytes: wide ? 20 : 12, count: content.readUInt32BE(4) };
  const found: Edit[] = [];
  await entries(reader, elst, table, (page, at) => {
    if (found.length === maxEdits) return;
    const mediaTime = wide ? Number(page.readBigInt64BE(at + 8)) : page.readInt32BE(at + 4);
    found.push({ length: unsigned(page, at, wide), mediaTime, rate: page.readInt32BE(at + (wide ? 16 : 8)) / 65536 });
  });
  return found;
}

/** In the movie's timescale. Empty edits only shift the track; an edit of length 0 means "all of it", so no limit. */
async function editedDuration(reader: BoxReader, trak: Box[]): Promise<number | undefined> {
  const edits = await readEdits(reader, trak);
  if (edits.length === 0) return undefined;
  const shown = edits.filter(({ mediaTime }) => mediaTime >= 0);
  return shown.reduce<number | undefined>(
    (sum, { length }) => (length && sum !== undefined ? sum + length : undefined),
    0,
  );
}

const entryBytes = 4096;

async function sampleEntry(reader: BoxReader, stbl: Box[]) {
  const stsd = firstOf(stbl, 'stsd');
  if (!stsd || stsd.end - stsd.body < 16) return undefined;
  const content = await head(reader, stsd, Math.min(entryBytes, stsd.end - stsd.body));
  const format = content.toString('latin1', 12, 16);
  if (content.readUInt32BE(4) === 0 || !/^[\x20-\x7e]{4}$/.test(format)) return undefined;
  const entry = content.subarray(8, 8 + Math.max(16, content.readUInt32BE(8)));
  const named = { codec: codecOf(format, entry), h264Profile: h264Profile(entry) };
  const size = (at: number): number | undefined =>
    content.length < at + 2 ? undefined : content.readUInt16BE(at) || undefined;
  return { ...named, width: size(40), height: size(42) };
}
