/** The index of an MP4 file: the `moov` box. Only the tables that answer a question are read. */
import { children, Damaged, entries, firstOf, head, unsigned, versioned } from './boxes';
import type { Box, BoxReader } from './boxes';

export interface Movie {
  /** Seconds, from the movie header. */
  seconds?: number;
  tracks: Track[];
  /** Does the index announce fragments? */
  fragmented: boolean;
  /** Seconds, announced for all fragments together. */
  fragmentSeconds?: number;
  /** Duration of a sample for which a fragment gives none, by track id, in the track's timescale. */
  defaultDurations: Map<number, number>;
}

export interface Track {
  id: number;
  /** Handler type: `vide`, `soun`, ... */
  handler: string;
  /** Units per second. */
  timescale: number;
  /** Seconds of the samples that the index lists. */
  sampleSeconds: number;
  /** Seconds, from the media header. */
  mediaSeconds?: number;
  /** Seconds that the edit list shows. */
  editedSeconds?: number;
  codec?: string;
  /** Pixels. */
  width?: number;
  height?: number;
  /** First byte after the last listed sample; missing when no samples are listed. */
  dataEnd?: number;
}

const maxTracks = 100;

const codecs: Record<string, string> = {
  avc1: 'h264',
  avc2: 'h264',
  avc3: 'h264',
  avc4: 'h264',
  hvc1: 'hevc',
  hev1: 'hevc',
  dvh1: 'hevc',
  dvhe: 'hevc',
  av01: 'av1',
  vp08: 'vp8',
  vp09: 'vp9',
  mp4v: 'mpeg4',
  jpeg: 'mjpeg',
  mjpa: 'mjpeg',
  mjpb: 'mjpeg',
  mp4a: 'aac',
  'ac-3': 'ac3',
  'ec-3': 'eac3',
  '.mp3': 'mp3',
  ulaw: 'pcm_mulaw',
  alaw: 'pcm_alaw',
};

/** @throws Damaged when the box holds nonsense; what is wrong with single tracks is reported and the others are kept. */
export async function readMovie(reader: BoxReader, moov: Box, report: (problem: Damaged) => void): Promise<Movie> {
  const boxes = await children(reader, moov);
  const movie: Movie = { tracks: [], fragmented: false, defaultDurations: new Map() };
  const header = firstOf(boxes, 'mvhd');
  const times = header && (await readTimes(reader, header));
  if (times) movie.seconds = seconds(times.duration, times.timescale);
  for (const trak of boxes.filter((box) => box.type === 'trak').slice(0, maxTracks)) {
    try {
      movie.tracks.push(await readTrack(reader, trak, times?.timescale ?? 0));
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
        movie.fragmentSeconds = seconds(unsigned(content, 4, wide), times?.timescale ?? 0);
      } else if (box.type === 'trex' && movie.defaultDurations.size < maxTracks) {
        const content = await head(reader, box, 16);
        movie.defaultDurations.set(content.readUInt32BE(4), content.readUInt32BE(12));
      }
    }
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
  const track: Track = {
    id: tkhd.content.readUInt32BE(tkhd.wide ? 20 : 12),
    handler,
    timescale: mdhd.timescale,
    mediaSeconds: seconds(mdhd.duration, mdhd.timescale),
    sampleSeconds: seconds(await samplesDuration(reader, stbl), mdhd.timescale) ?? 0,
    dataEnd: await dataEnd(reader, stbl),
    editedSeconds: seconds(await editedDuration(reader, boxes), movieTimescale),
  };
  const entry = await sampleEntry(reader, stbl);
  track.codec = entry && (codecs[entry.format] ?? (entry.format.toLowerCase().trim() || undefined));
  if (handler === 'vide') {
    // Fixed point 16.16, in the size it is shown in.
    const at = tkhd.wide ? 88 : 76;
    track.width = Math.round(tkhd.content.readUInt32BE(at) / 65536) || entry?.width;
    track.height = Math.round(tkhd.content.readUInt32BE(at + 4) / 65536) || entry?.height;
  }
  return track;
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

async function samplesDuration(reader: BoxReader, stbl: Box[]): Promise<number> {
  const stts = firstOf(stbl, 'stts');
  if (!stts) return 0;
  let duration = 0;
  const count = (await head(reader, stts, 8)).readUInt32BE(4);
  await entries(reader, stts, { skip: 8, entryBytes: 8, count }, (page, at) => {
    duration += page.readUInt32BE(at) * page.readUInt32BE(at + 4);
  });
  return duration;
}

/** In the movie's timescale. Empty edits only shift the track; an edit of length 0 means "all of it", so no limit. */
async function editedDuration(reader: BoxReader, trak: Box[]): Promise<number | undefined> {
  const edts = firstOf(trak, 'edts');
  const elst = edts && firstOf(await children(reader, edts), 'elst');
  if (!elst) return undefined;
  const { wide, content } = await versioned(reader, elst, 8, 8);
  let duration: number | undefined = 0;
  const table = { skip: 8, entryBytes: wide ? 20 : 12, count: content.readUInt32BE(4) };
  await entries(reader, elst, table, (page, at) => {
    const mediaTime = wide ? page.readBigInt64BE(at + 8) : page.readInt32BE(at + 4);
    if (mediaTime < 0) return;
    const length = unsigned(page, at, wide);
    duration = length && duration !== undefined ? duration + length : undefined;
  });
  return duration;
}

async function sampleEntry(
  reader: BoxReader,
  stbl: Box[],
): Promise<{ format: string; width?: number; height?: number } | undefined> {
  const stsd = firstOf(stbl, 'stsd');
  if (!stsd || stsd.end - stsd.body < 16) return undefined;
  const content = await head(reader, stsd, Math.min(44, stsd.end - stsd.body));
  const format = content.toString('latin1', 12, 16);
  if (content.readUInt32BE(4) === 0 || !/^[\x20-\x7e]{4}$/.test(format)) return undefined;
  if (content.length < 44) return { format };
  return { format, width: content.readUInt16BE(40) || undefined, height: content.readUInt16BE(42) || undefined };
}

/** Where the last chunk's samples end: finds missing data when `mdat` itself is declared to reach "to the end". */
async function dataEnd(reader: BoxReader, stbl: Box[]): Promise<number | undefined> {
  const offsets = firstOf(stbl, 'stco', 'co64');
  const chunks = offsets ? (await head(reader, offsets, 8)).readUInt32BE(4) : 0;
  if (!offsets || chunks === 0) return undefined;
  const wide = offsets.type === 'co64';
  const width = wide ? 8 : 4;
  const last = await head(reader, offsets, width, 8 + (chunks - 1) * width);
  const start = wide ? Number(last.readBigUInt64BE(0)) : last.readUInt32BE(0);

  const stsc = firstOf(stbl, 'stsc');
  const stsz = firstOf(stbl, 'stsz');
  const runs = stsc ? (await head(reader, stsc, 8)).readUInt32BE(4) : 0;
  if (!stsc || !stsz || runs === 0) return start;
  const perChunk = (await head(reader, stsc, 4, 8 + (runs - 1) * 12 + 4)).readUInt32BE(0);
  const sizes = await head(reader, stsz, 12);
  const samples = sizes.readUInt32BE(8);
  const count = Math.min(perChunk, samples);
  const commonSize = sizes.readUInt32BE(4);
  if (commonSize) return start + count * commonSize;
  let bytes = 0;
  await entries(reader, stsz, { skip: 12 + (samples - count) * 4, entryBytes: 4, count }, (page, at) => {
    bytes += page.readUInt32BE(at);
  });
  return start + bytes;
}
