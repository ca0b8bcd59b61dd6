// Reads and moves single fragments of an MP4 file: the times and places in a `moof` box.
import {
  boxAt,
  boxReader,
  bufferSource,
  children,
  Damaged,
  firstOf,
  head,
  unlessDamaged,
  type Box,
  type BoxReader,
} from './boxes';
import { isSync, readFragment, visitRun, type TrackFragment } from './fragments';
import type { Movie } from './movie';

/** Of the pictures and sound of one track in one fragment, in the units of the track. */
interface TrackTime {
  start: number;
  end: number;
}

export interface Fragment {
  /** Bytes from the start of the file: where its `moof` box begins, and where its media data ends. */
  offset: number;
  end: number;
  /** First byte of its media data, behind the header of the box. */
  mediaOffset: number;
  /** As its writer counted. */
  number: number;
  /** Decode time of its earliest track, and the end of its latest one. */
  startSeconds: number;
  endSeconds: number;
  /** Does it begin with a picture that needs no other one? */
  isKey: boolean;
}

const mostBoxesBefore = 8;

/**
 * The first fragment at or behind `offset`, where a box must begin. `undefined`: it is not there as a whole, or what is there
 * is none.
 */
export async function fragmentAt(reader: BoxReader, movie: Movie, offset: number): Promise<Fragment | undefined> {
  return unlessDamaged(async () => {
    let moof = await boxAt(reader, offset, reader.size, 'the file');
    // Types of segments and times of producers come before it.
    for (let skipped = 0; moof.type !== 'moof' && moof.type !== 'mfra' && skipped < mostBoxesBefore; skipped += 1) {
      moof = await boxAt(reader, moof.end, reader.size, 'the file');
    }
    if (moof.type !== 'moof') return undefined;
    const { number = 0, tracks } = await readFragment(reader, moof, movie.defaults);
    const mdat = await boxAt(reader, moof.end, reader.size, 'the file');
    const times = timesOf(tracks);
    const video = movie.tracks.find(({ handler }) => handler === 'vide')?.id;
    const leading = tracks.find(({ track }) => track === video) ?? tracks[0];
    if (mdat.type !== 'mdat' || times.size === 0) return undefined;
    const seconds = (which: keyof TrackTime): number[] =>
      movie.tracks.flatMap(({ id, timescale }) =>
        times.has(id) && timescale ? times.get(id)![which] / timescale : [],
      );
    const startSeconds = Math.min(...seconds('start'));
    const endSeconds = Math.max(...seconds('end'));
    if (!Number.isFinite(startSeconds) || !Number.isFinite(endSeconds)) return undefined;
    const isKey = leading !== undefined && (await beginsWithKey(reader, leading));
    return { offset, end: mdat.end, mediaOffset: mdat.body, number, startSeconds, endSeconds, isKey };
  });
}

async function beginsWithKey(reader: BoxReader, { runs, defaults }: TrackFragment): Promise<boolean> {
  const [run] = runs.filter(({ samples }) => samples > 0);
  let isKey: boolean | undefined;
  if (run) await visitRun(reader, run, defaults, ({ flags }) => (isKey ??= isSync(flags)));
  return isKey === true;
}

/** By track id. Tracks whose fragment holds no decode time are left out. */
function timesOf(tracks: TrackFragment[]): Map<number, TrackTime> {
  const times = new Map<number, TrackTime>();
  for (const { track, time, runs } of tracks) {
    if (time !== undefined) times.set(track, { start: time, end: runs.reduce((at, run) => at + run.duration, time) });
  }
  return times;
}

/** By what the places, numbers and times of a fragment change when it moves to another file. */
export interface Move {
  bytes: number;
  number: number;
  /** By track id, in the units of the track. */
  ticks: Map<number, number>;
}

/** Changes a whole `moof` box in place; its size stays the same. @throws Damaged where that is not possible */
export async function moveFragment(bytes: Buffer, { bytes: by, number, ticks }: Move): Promise<void> {
  const reader = boxReader(bufferSource(bytes));
  const moof = await boxAt(reader, 0, bytes.length, 'the fragment');
  for (const box of await children(reader, moof)) {
    if (box.type === 'mfhd' && box.end - box.body >= 8) {
      bytes.writeUInt32BE((bytes.readUInt32BE(box.body + 4) + number) >>> 0, box.body + 4);
    }
    if (box.type !== 'traf') continue;
    const boxes = await children(reader, box);
    const tfhd = firstOf(boxes, 'tfhd');
    const tfdt = firstOf(boxes, 'tfdt');
    if (!tfhd) continue;
    const fixed = await head(reader, tfhd, 8);
    const track = fixed.readUInt32BE(4);
    if (fixed.readUInt32BE(0) & 0x1) {
      if (tfhd.end - tfhd.body < 16) throw new Damaged('a fragment has no room for its place');
      bytes.writeBigUInt64BE(BigInt.asUintN(64, bytes.readBigUInt64BE(tfhd.body + 8) + BigInt(by)), tfhd.body + 8);
    }
    if (tfdt) writeTime(bytes, tfdt, ticks.get(track) ?? 0);
  }
}

function readTime(content: Buffer, at: number): number {
  return content[at] === 1 ? Number(content.readBigUInt64BE(at + 4)) : content.readUInt32BE(at + 4);
}

function writeTime(bytes: Buffer, tfdt: Box, ticks: number): void {
  const time = Math.max(0, readTime(bytes, tfdt.body) + ticks);
  if (bytes[tfdt.body] === 1) bytes.writeBigUInt64BE(BigInt(time), tfdt.body + 4);
  else if (time <= 0xffffffff) bytes.writeUInt32BE(time, tfdt.body + 4);
  else throw new Damaged('a time does not fit into its fragment');
}
