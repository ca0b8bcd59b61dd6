// Lays out a joined file: the tables of its tracks, and which bytes of which part go where.
import { ClipError } from '../errors';
import { isAudioForMp4, lengthOf, readTracks, shownAt, withFile, type MediaTrack } from '../mp4';
import { TrackWriter, type Piece } from '../mp4/write';
import type { PlannedPart } from './join-plan';
import type { SoundSpan } from './sound';

/** Pictures, then sound; samples of sound that MP4 cannot hold are not listed. */
export function tracksOf(path: string): Promise<MediaTrack[]> {
  return withFile(path, (source) => readTracks(source, isAudioForMp4));
}

export interface Layout {
  tracks: TrackWriter[];
  /** In the order of the new file. */
  pieces: Piece[];
  /** The files that pieces come from, by number. */
  sources: string[];
}

/** @param encoded files with sound that was encoded, by audio track; without one, that of the parts is taken */
export async function layOut(parts: PlannedPart[], encoded: (string | undefined)[]): Promise<Layout> {
  const sources = parts.map(({ part }) => part.path);
  const end = parts.at(-1)!.end;
  const writers: TrackWriter[] = [];
  for (const [index, head] of (await tracksOf(sources[0]!)).entries()) {
    const file = encoded[index - 1];
    const writer =
      file === undefined ? new TrackWriter(head, timescaleOf(parts, index)) : await encodedTrack(file, sources, end);
    writers.push(writer);
  }
  const pieces: Piece[] = [];
  const soundEnds = writers.map(() => end);
  for (const [source, planned] of parts.entries()) {
    const counts = writers.map((writer) => writer.pieces.length);
    const tracks = await tracksOf(planned.part.path);
    addPictures(writers[0]!, tracks[0]!, source, planned);
    for (const [index, span] of planned.sound.entries()) {
      const track = tracks[index + 1];
      if (!track || encoded[index] !== undefined || span.from === span.to) continue;
      soundEnds[index + 1] = addSound(writers[index + 1]!, track, source, span);
    }
    const added = writers.flatMap((writer, index) => writer.pieces.slice(counts[index]));
    pieces.push(...added.sort((a, b) => a.offset - b.offset));
  }
  writers.forEach((writer, index) => writer.finish(index === 0 ? end : Math.min(end, soundEnds[index]!)));
  const apart = writers.flatMap((writer) => writer.pieces.filter(({ source }) => source >= parts.length));
  const ordered = apart.length > 0 ? [...pieces, ...apart].sort((a, b) => a.at - b.at) : pieces;
  let target = 0;
  for (const piece of ordered) {
    piece.target = target;
    target += piece.bytes;
  }
  return { tracks: writers.filter(({ samples }) => samples > 0), pieces: ordered, sources };
}

/** Units per second in which the times of all parts are whole numbers, where players take so many. */
function timescaleOf(parts: PlannedPart[], index: number): number {
  const timescales = parts.map(({ part }) => part.inspection.parameters[index]?.timescale ?? 1);
  const common = [...new Set(timescales)].reduce((one, other) => (one / greatestDivisor(one, other)) * other);
  return common <= mostTimescale ? common : usualTimescale;
}

/** Durations of pictures have 32 bits: with more, a picture could not last an hour. */
const mostTimescale = 1_000_000;
/** Of MPEG. */
const usualTimescale = 90_000;

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other);
}

function addPictures(writer: TrackWriter, track: MediaTrack, source: number, { pictures, shift }: PlannedPart): void {
  const { samples, timescale } = track;
  for (let index = pictures.from; index < pictures.to; index += 1) {
    if (pictures.without.has(index)) continue;
    const at = shownAt(track, index) + shift;
    writer.add({
      ...placeOf(track, index, source),
      shownAt: at,
      decodedAt: at - samples.shift[index]! / timescale,
      length: lengthOf(track, index),
    });
  }
}

/** @returns when it is over, in seconds on the new time line */
function addSound(writer: TrackWriter, track: MediaTrack, source: number, span: SoundSpan): number {
  const shift = span.at - shownAt(track, span.from);
  let end = span.at;
  for (let index = span.from; index < span.to; index += 1) {
    const at = shownAt(track, index) + shift;
    const length = lengthOf(track, index);
    writer.add({ ...placeOf(track, index, source), shownAt: at, decodedAt: at, length });
    end = at + length;
  }
  return end;
}

function placeOf({ samples }: MediaTrack, index: number, source: number) {
  return {
    source,
    offset: samples.offset[index]!,
    bytes: samples.bytes[index]!,
    description: samples.description[index]!,
    sync: samples.sync[index]!,
  };
}

/** A track that ffmpeg made for the whole of the new file. */
async function encodedTrack(file: string, sources: string[], end: number): Promise<TrackWriter> {
  const [track] = await tracksOf(file);
  if (!track) throw new ClipError('EFFMPEG', 'ffmpeg reported success and wrote no sound');
  const writer = new TrackWriter(track, track.timescale);
  const source = sources.push(file) - 1;
  const count = track.samples.bytes.length;
  let to = 0;
  while (to < count && shownAt(track, to) < end) to += 1;
  addSound(writer, track, source, { from: 0, to, at: shownAt(track, 0) });
  return writer;
}

const usualType = Buffer.from('0000001c667479706d703432000002006d70343269736f6d69736f32', 'hex');
const mostTypeBytes = 1024;

/** QuickTime has sample entries of its own, which are only understood in a file of its type. */
export async function fileType(path: string): Promise<Buffer> {
  const bytes = await withFile(path, (source) => source.read(0, mostTypeBytes));
  const size = bytes.length >= 12 ? bytes.readUInt32BE(0) : 0;
  const isQuickTime = bytes.toString('latin1', 4, 12) === 'ftypqt  ' && size <= bytes.length;
  return isQuickTime ? bytes.subarray(0, size) : usualType;
}
