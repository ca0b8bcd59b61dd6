// Builds the index of a new MP4 file out of samples that lie in other files: no media data passes through here.
import { box, fullBox, i64, u32, u64, wideBox } from './make-box';
import type { MediaTrack } from './samples';

/** A list of unsigned 32-bit numbers that takes 4 bytes for each. */
class NumberList {
  #numbers = new Uint32Array(1024);
  length = 0;

  push(...values: number[]): void {
    for (const value of values) {
      if (this.length === this.#numbers.length) {
        const larger = new Uint32Array(2 * this.length);
        larger.set(this.#numbers);
        this.#numbers = larger;
      }
      this.#numbers[this.length] = value;
      this.length += 1;
    }
  }

  at(index: number): number {
    return this.#numbers[index < 0 ? this.length + index : index]!;
  }

  set(index: number, value: number): void {
    this.#numbers[index < 0 ? this.length + index : index] = value;
  }

  bytes(): Buffer {
    const bytes = Buffer.allocUnsafe(this.length * 4);
    for (let index = 0; index < this.length; index += 1) bytes.writeUInt32BE(this.#numbers[index]!, index * 4);
    return bytes;
  }
}

/** Samples of a track that lie one behind the other, in the file that they come from and in the new one. */
export interface Piece {
  /** Number of the file. */
  source: number;
  /** Bytes from the start of that file. */
  offset: number;
  bytes: number;
  samples: number;
  description: number;
  /** Seconds on the new time line. */
  at: number;
  /** Bytes from the start of the new media data, once the order of all pieces is known. */
  target: number;
}

/** One sample: times are seconds on the new time line. */
export interface NewSample extends Pick<Piece, 'source' | 'offset' | 'bytes' | 'description'> {
  decodedAt: number;
  shownAt: number;
  length: number;
  /** Can decoding begin here? */
  sync: boolean;
}

/** Pictures and sound take turns in a file at least as often as this. */
const mostPieceSeconds = 1;

/** A track of the new file. */
export class TrackWriter {
  readonly pieces: Piece[] = [];
  readonly timescale: number;
  readonly #head: Pick<MediaTrack, 'display' | 'handler' | 'stsd'>;
  readonly #sizes = new NumberList();
  readonly #syncs = new NumberList();
  /** Counts and values by turns. */
  readonly #durations = new NumberList();
  readonly #shifts = new NumberList();
  #first: number | undefined;
  #last = 0;
  #lowestShift = 0;
  #lastEnd = 0;
  #samples = 0;
  #end = 0;

  constructor(head: Pick<MediaTrack, 'display' | 'handler' | 'stsd'>, timescale: number) {
    this.#head = { ...head, stsd: withAppleTag(head.stsd) };
    this.timescale = timescale;
  }

  get samples(): number {
    return this.#samples;
  }

  /** The next sample in the order of decoding, which goes on by at least one unit of the timescale, whatever the times say. */
  add(sample: NewSample): void {
    const { bytes, decodedAt, length, shownAt, sync } = sample;
    let time = Math.round(decodedAt * this.timescale);
    if (this.#first === undefined) this.#first = time;
    else {
      time = Math.max(time, this.#last + 1);
      addRun(this.#durations, time - this.#last);
    }
    this.#last = time;
    this.#lastEnd = Math.max(time + 1, Math.round((decodedAt + length) * this.timescale));
    this.#samples += 1;
    const shift = Math.round(shownAt * this.timescale) - time;
    this.#lowestShift = Math.min(this.#lowestShift, shift);
    addRun(this.#shifts, shift >>> 0);
    this.#sizes.push(bytes);
    if (sync) this.#syncs.push(this.#samples);
    this.#place(sample);
  }

  #place({ bytes, decodedAt, description, offset, source }: NewSample): void {
    const last = this.pieces.at(-1);
    const goesOn =
      last?.source === source &&
      last.offset + last.bytes === offset &&
      last.description === description &&
      decodedAt - last.at < mostPieceSeconds;
    if (goesOn) {
      last.bytes += bytes;
      last.samples += 1;
    } else this.pieces.push({ source, offset, bytes, samples: 1, description, at: decodedAt, target: 0 });
  }

  /** @param end of what is shown, in seconds on the new time line */
  finish(end: number): void {
    if (this.#samples > 0) addRun(this.#durations, this.#lastEnd - this.#last);
    this.#end = end;
  }

  /**
   * The `trak` box.
   * @param mediaOffset where in the new file its media data begins
   */
  box(id: number, movieTimescale: number, mediaOffset: number): { trak: Buffer; end: number } {
    const { display, handler } = this.#head;
    const isVideo = handler === 'vide';
    const shift = -this.#lowestShift;
    /** Start of the new time line on the track's own clock. */
    const zero = shift - (this.#first ?? 0);
    const end = this.#end;
    const late = zero < 0 ? -zero / this.timescale : 0;
    const ticks = (seconds: number): number => Math.ceil(seconds * movieTimescale - 1e-6);
    const edits = [
      ...(zero < 0 ? [[ticks(late), -1]] : []),
      ...(zero < 0 || zero > 0 ? [[ticks(end - late), Math.max(0, zero)]] : []),
    ];
    const mediaDuration = this.#lastEnd - (this.#first ?? 0);
    const tkhd = wideBox('tkhd', 3, [0, 0, u32(id, 0), ticks(end)], [
      u32(0, 0, 0, isVideo ? 0 : 0x01000000),
      display,
    ]); // prettier-ignore
    const mdhd = wideBox('mdhd', 0, [0, 0, u32(this.timescale), mediaDuration], [u32(0x55c40000)]);
    const name = isVideo ? 'VideoHandler' : 'SoundHandler';
    const hdlr = fullBox('hdlr', 0, u32(0), Buffer.from(`${handler}${'\0'.repeat(12)}${name}\0`, 'latin1'));
    const header = isVideo ? fullBox('vmhd', 1, u32(0, 0)) : fullBox('smhd', 0, u32(0));
    const dinf = box('dinf', fullBox('dref', 0, u32(1), fullBox('url ', 1)));
    const minf = box('minf', header, dinf, box('stbl', ...this.#tables(shift, mediaOffset)));
    const edts = edits.length > 0 ? [box('edts', editList(edits))] : [];
    return { trak: box('trak', tkhd, ...edts, box('mdia', mdhd, hdlr, minf)), end };
  }

  #tables(shift: number, mediaOffset: number): Buffer[] {
    const runs = new NumberList();
    for (const [index, { description, samples }] of this.pieces.entries()) {
      const isSame = runs.length > 0 && runs.at(-2) === samples && runs.at(-1) === description;
      if (!isSame) runs.push(index + 1, samples, description);
    }
    const isWide = this.pieces.some(({ target }) => mediaOffset + target > 0xffffffff);
    const offsets = Buffer.alloc(this.pieces.length * (isWide ? 8 : 4));
    for (const [index, { target }] of this.pieces.entries()) {
      if (isWide) offsets.writeBigUInt64BE(BigInt(mediaOffset + target), index * 8);
      else offsets.writeUInt32BE(mediaOffset + target, index * 4);
    }
    const isShifted = !(this.#shifts.length === 2 && this.#shifts.at(1) === 0);
    const shifts = this.#shifts.bytes();
    for (let at = 4; shift > 0 && at < shifts.length; at += 8) {
      shifts.writeUInt32BE((shifts.readUInt32BE(at) + shift) >>> 0, at);
    }
    return [
      this.#head.stsd,
      fullBox('stts', 0, u32(this.#durations.length / 2), this.#durations.bytes()),
      ...(isShifted ? [fullBox('ctts', 0, u32(shifts.length / 8), shifts)] : []),
      ...(this.#syncs.length < this.#samples ? [fullBox('stss', 0, u32(this.#syncs.length), this.#syncs.bytes())] : []),
      fullBox('stsc', 0, u32(runs.length / 3), runs.bytes()),
      fullBox('stsz', 0, u32(0, this.#samples), this.#sizes.bytes()),
      fullBox(isWide ? 'co64' : 'stco', 0, u32(this.pieces.length), offsets),
    ];
  }
}

/**
 * HEVC whose parameter sets all stand in the index may be called `hvc1` instead of `hev1`: Apple's players take no other
 * (Apple, HLS Authoring Specification, 1.10).
 */
function withAppleTag(stsd: Buffer): Buffer {
  const tagged = Buffer.from(stsd);
  for (let at = 16; at + 8 <= tagged.length;) {
    const size = tagged.readUInt32BE(at);
    const config = tagged.indexOf('hvcC', at, 'latin1');
    const isAllThere = config > 0 && config < at + size && (tagged[config + 4 + parameterSetsAt] ?? 0) >= 3;
    if (tagged.toString('latin1', at + 4, at + 8) === 'hev1' && isAllThere) tagged.write('hvc1', at + 4, 'latin1');
    at += Math.max(8, size);
  }
  return tagged;
}

/** Number of kinds of parameter sets in an HEVC configuration (ISO/IEC 14496-15, 8.3.3.1.2): video, sequence, picture. */
const parameterSetsAt = 22;

/** One more sample with this value, of which a table holds 32 bits. */
function addRun(runs: NumberList, number: number): void {
  const value = Math.min(number, 0xffffffff);
  if (runs.length > 0 && runs.at(-1) === value) runs.set(-2, runs.at(-2) + 1);
  else runs.push(1, value);
}

/**
 * All of a file that comes before its media data: type, index, and the head of the media data.
 * @param ftyp of a file like it
 */
export function fileHead(ftyp: Buffer, tracks: TrackWriter[], movieTimescale: number, mediaBytes: number): Buffer {
  const mdat = mediaBytes + 8 > 0xffffffff ? Buffer.alloc(16) : Buffer.alloc(8);
  mdat.write('mdat', 4, 'latin1');
  if (mdat.length === 8) mdat.writeUInt32BE(mediaBytes + 8, 0);
  else {
    mdat.writeUInt32BE(1, 0);
    mdat.writeBigUInt64BE(BigInt(mediaBytes + 16), 8);
  }
  // The length of the index depends on the place of the media data by the width of offsets alone.
  let head = Buffer.alloc(0);
  for (let offset = -1; offset !== head.length;) {
    offset = head.length;
    head = Buffer.concat([ftyp, movieBox(tracks, movieTimescale, offset), mdat]);
  }
  return head;
}

function movieBox(tracks: TrackWriter[], timescale: number, mediaOffset: number): Buffer {
  const made = tracks.map((track, index) => track.box(index + 1, timescale, mediaOffset));
  const duration = Math.max(...made.map(({ end }) => Math.ceil(end * timescale - 1e-6)));
  const unity = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
  const mvhd = wideBox('mvhd', 0, [0, 0, u32(timescale), duration], [
    u32(0x10000, 0x01000000, 0, 0), unity, Buffer.alloc(24), u32(tracks.length + 1),
  ]); // prettier-ignore
  return box('moov', mvhd, ...made.map(({ trak }) => trak));
}

function editList(edits: number[][]): Buffer {
  const content = edits.flatMap(([length, mediaTime]) => [u64(length!), i64(mediaTime!), u32(0x10000)]);
  return box('elst', u32(0x01000000, edits.length), ...content);
}
