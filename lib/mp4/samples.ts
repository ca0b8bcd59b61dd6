// Lists all pictures and all sound of a file: where each sample lies, and when it is decoded and shown.
import { boxAt, boxReader, Damaged, entries, firstOf, head, TooMuch } from './boxes';
import type { Box, BoxReader, Mp4Source } from './boxes';
import { visitChunks, visitSizes } from './chunks';
import { isSync, readFragment, visitRun, type SampleDefaults, type TrackFragment } from './fragments';
import { readEdits, readMovie, type Edit, type Movie, type Track } from './movie';
import { playable, readDisplay } from './parameters';

/** Encoded pictures or pieces of sound, in the order of decoding: one entry each in every list. */
export interface Samples {
  /** Bytes from the start of the file. */
  offset: number[];
  bytes: number[];
  /** When it is decoded, in the track's timescale. */
  time: number[];
  /** Delay after that until it is shown. */
  shift: number[];
  /** Can decoding begin here? */
  sync: boolean[];
  /** Number of the sample entry, from 1. */
  description: number[];
  /** When the last one is over. */
  end: number;
}

export interface MediaTrack {
  handler: 'vide' | 'soun';
  /** Units per second. */
  timescale: number;
  codec?: string;
  /** The `stsd` box. */
  stsd: Buffer;
  /** Display matrix, width and height, as in `tkhd`. */
  display: Buffer;
  samples: Samples;
  /** Span that is shown, in the track's timescale; everything where there is no edit list. */
  shown: Shown;
}

export interface Shown {
  from: number;
  /** Infinite: all that follows. */
  to: number;
  /** Seconds that nothing is shown before. */
  delay: number;
}

/** A day at 25 pictures a second has two million. */
const mostSamples = 5_000_000;

/**
 * The first video track with pictures, then the audio tracks with sound.
 * @param isListed are the samples of audio with this codec wanted? Uncompressed sound has thousands in a second.
 * @throws Damaged where that is not known, and what `source.read` rejects with
 */
export async function readTracks(
  source: Mp4Source,
  isListed: (codec: string | undefined) => boolean = () => true,
): Promise<MediaTrack[]> {
  const reader = boxReader(source);
  const { fragments, moov } = await findIndex(reader);
  if (!moov) throw new Damaged('the file has no index (moov)');
  const movie = await readMovie(reader, moov, (problem) => {
    throw problem;
  });
  const fragmented = movie.fragmented || fragments.length > 0;
  const lists = new Map<number, Samples>();
  for (const track of movie.tracks) {
    const isWanted = track.handler === 'vide' || (track.handler === 'soun' && isListed(track.codec));
    if (isWanted) lists.set(track.id, await indexedSamples(reader, track));
  }
  for (const moof of fragments) await addFragment(reader, moof, movie.defaults, lists);
  const countOf = ({ id, samples }: Track): number => lists.get(id)?.bytes.length ?? (fragmented ? 1 : samples);
  const found: MediaTrack[] = [];
  for (const track of playable(movie.tracks.map((each) => ({ ...each, samples: countOf(each) })))) {
    found.push(await mediaTrack(reader, track, lists.get(track.id) ?? noSamples(), movie, fragmented));
  }
  return found;
}

function noSamples(): Samples {
  return { offset: [], bytes: [], time: [], shift: [], sync: [], description: [], end: 0 };
}

async function findIndex(reader: BoxReader): Promise<{ moov?: Box; fragments: Box[] }> {
  const fragments: Box[] = [];
  let moov: Box | undefined;
  try {
    for (let offset = 0; offset < reader.size;) {
      const box = await boxAt(reader, offset, reader.size, 'the file');
      if (box.type === 'moov') moov ??= box;
      if (box.type === 'moof') fragments.push(box);
      offset = box.end;
    }
  } catch (error) {
    // Padding behind the last box is no part of it.
    if (!(error instanceof Damaged) || error instanceof TooMuch) throw error;
  }
  return { ...(moov ? { moov } : {}), fragments };
}

async function mediaTrack(
  reader: BoxReader,
  track: Track,
  samples: Samples,
  movie: Movie,
  fragmented: boolean,
): Promise<MediaTrack> {
  const { boxes, codec, handler, stbl, timescale } = track;
  const stsd = firstOf(stbl, 'stsd');
  if (!stsd || !timescale) throw new Damaged('a track has no sample entries or no timescale');
  return {
    handler: handler === 'vide' ? 'vide' : 'soun',
    timescale,
    ...(codec ? { codec } : {}),
    stsd: Buffer.from(await reader.bytes(stsd.offset, stsd.end - stsd.offset)),
    display: await readDisplay(reader, boxes),
    samples,
    shown: shownBy(await readEdits(reader, boxes), timescale, movie.timescale, fragmented),
  };
}

/**
 * Effect of an edit list. Edit lists of fragmented files say where to begin, not how much there is.
 * @throws Damaged for lists that do more than leave out the beginning and the end
 */
function shownBy(edits: Edit[], timescale: number, movieTimescale: number, fragmented: boolean): Shown {
  const shown: Shown = { from: 0, to: Infinity, delay: 0 };
  let isOpen = false;
  for (const { length = 0, mediaTime, rate } of edits) {
    if (mediaTime < 0 && !isOpen) {
      shown.delay += movieTimescale ? length / movieTimescale : 0;
      continue;
    }
    // Rounding: lengths are in the movie's timescale, which may be coarse.
    const goesOn = isOpen && Math.abs(mediaTime - shown.to) <= timescale / Math.max(1, movieTimescale) + 1;
    if (rate !== 1 || (isOpen && !goesOn)) throw new Damaged('the edit list rearranges the track');
    if (!isOpen) shown.from = mediaTime;
    shown.to = length > 0 && movieTimescale ? mediaTime + (length / movieTimescale) * timescale : Infinity;
    isOpen = true;
  }
  return fragmented ? { ...shown, to: Infinity } : shown;
}

async function indexedSamples(reader: BoxReader, { samples, stbl }: Track): Promise<Samples> {
  const list = noSamples();
  if (samples === 0) return list;
  if (samples > mostSamples) throw tooMany();
  await visitSizes(reader, stbl, (bytes) => void list.bytes.push(bytes));
  await visitChunks(reader, stbl, (chunk) => {
    let { offset } = chunk;
    for (let index = 0; index < chunk.samples; index += 1) {
      list.description.push(chunk.description);
      offset += list.bytes[list.offset.push(offset) - 1]!;
    }
  });
  await fillRuns(reader, firstOf(stbl, 'stts'), samples, (duration) => {
    list.time.push(list.end);
    list.end += duration;
  });
  await fillRuns(reader, firstOf(stbl, 'ctts'), samples, (shift) => void list.shift.push(shift | 0));
  while (list.shift.length < samples) list.shift.push(0);
  const stss = firstOf(stbl, 'stss');
  for (let index = 0; index < samples; index += 1) list.sync.push(!stss);
  if (stss) {
    const count = (await head(reader, stss, 8)).readUInt32BE(4);
    await entries(reader, stss, { skip: 8, entryBytes: 4, count }, (page, at) => {
      const index = page.readUInt32BE(at) - 1;
      if (index >= 0 && index < samples) list.sync[index] = true;
    });
  }
  const isConsistent = [list.bytes, list.offset, list.time].every(({ length }) => length === samples);
  if (!isConsistent) throw new Damaged('the tables of a track contradict one another');
  return list;
}

/** Tables of a count and a value, for as many samples as there are. */
async function fillRuns(
  reader: BoxReader,
  box: Box | undefined,
  samples: number,
  add: (value: number) => void,
): Promise<void> {
  if (!box) return;
  let left = samples;
  const count = (await head(reader, box, 8)).readUInt32BE(4);
  await entries(reader, box, { skip: 8, entryBytes: 8, count }, (page, at) => {
    const value = page.readUInt32BE(at + 4);
    for (let run = Math.min(left, page.readUInt32BE(at)); run > 0; run -= 1) {
      add(value);
      left -= 1;
    }
  });
}

async function addFragment(
  reader: BoxReader,
  moof: Box,
  defaults: ReadonlyMap<number, SampleDefaults>,
  lists: ReadonlyMap<number, Samples>,
): Promise<void> {
  const { tracks } = await readFragment(reader, moof, defaults);
  for (const fragment of tracks) {
    const list = lists.get(fragment.track);
    if (list) await addRuns(reader, fragment, list);
  }
}

async function addRuns(reader: BoxReader, fragment: TrackFragment, list: Samples): Promise<void> {
  const { defaults, runs, time = list.end } = fragment;
  // Clips out of a recording have its clock, and what comes twice is the second time left out.
  const start = list.bytes.length === 0 ? time : Math.max(list.end, time);
  if (time < list.end - 1 && list.bytes.length > 0) {
    const length = runs.reduce((sum, run) => sum + run.duration, 0);
    if (time + length <= list.end) return;
  }
  list.end = start;
  for (const run of runs) {
    let { offset } = run;
    if (list.bytes.length + run.samples > mostSamples) throw tooMany();
    await visitRun(reader, run, defaults, (sample) => {
      list.offset.push(offset);
      list.bytes.push(sample.size);
      list.time.push(list.end);
      list.shift.push(sample.shift);
      list.sync.push(isSync(sample.flags));
      list.description.push(fragment.description);
      offset += sample.size;
      list.end += sample.duration;
    });
  }
}

function tooMany(): TooMuch {
  return new TooMuch(`the file has more than ${mostSamples} pictures or pieces of sound`);
}

/** Seconds on the time line of the file. */
export function shownAt({ samples, shown, timescale }: MediaTrack, index: number): number {
  return (samples.time[index]! + samples.shift[index]! - shown.from) / timescale + shown.delay;
}

/** Seconds for which a sample lasts in the order of decoding. */
export function lengthOf({ samples, timescale }: MediaTrack, index: number): number {
  return ((samples.time[index + 1] ?? samples.end) - samples.time[index]!) / timescale;
}
