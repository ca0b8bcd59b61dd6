/** Is this file a whole MP4, and what is in it? Reads structure only: no media data, and never much memory. */
import { boxAt, boxReader, Damaged, TooMuch } from './boxes';
import type { Box, BoxReader, Mp4Source } from './boxes';
import { addFragment, indexedEnd } from './fragments';
import type { FragmentTotals } from './fragments';
import { readMovie } from './movie';
import type { Movie, Track } from './movie';

export { bufferSource, fileSource } from './boxes';
export type { Mp4Source } from './boxes';
export { mediaBytes, readParameters } from './parameters';
export { sniff } from './sniff';
export type { Content } from './sniff';

export interface Mp4Info {
  /** Is everything there that the file says it has? True exactly when there are no problems. */
  whole: boolean;
  /** In words; at most a dozen. */
  problems: string[];
  /** Seconds of the video track, or of the longest other track when there is no video. */
  duration?: number;
  /** Pixels. */
  width?: number;
  height?: number;
  /** `h264`, `hevc`, `av1`, `vp9`, `mpeg4`, ... or the file's own four-character code in lower case. */
  codec?: string;
  audioCodec?: string;
  fragmented: boolean;
  hasVideo: boolean;
}

const maxProblems = 10;

/** What a walk over the file found. */
interface Walk {
  movie?: Movie;
  totals: FragmentTotals;
  fragments: number;
  hasData: boolean;
  /** A fragment whose media data has not been seen yet. */
  waitingForData?: Box;
  /** Where the file would end if all that its `sidx` boxes list were there. */
  indexedEnd: number;
  /** Was the walk stopped before the end of the file? */
  stopped?: 'damaged' | 'too much';
}

/** Never rejects for what is in the file, only for what `source.read` rejects with. */
export async function readMp4(source: Mp4Source): Promise<Mp4Info> {
  const problems: string[] = [];
  const report = (problem: string) => {
    if (problems.includes(problem)) return;
    if (problems.length < maxProblems) problems.push(problem);
    else if (problems.length === maxProblems) problems.push('and more');
  };
  const walk = await walkFile(boxReader(source), report);
  const tracks = walk.movie?.tracks ?? [];
  const video = tracks.find((track) => track.handler === 'vide');
  const fragmented = walk.fragments > 0 || walk.movie?.fragmented === true;
  reportMissing(walk, fragmented, source.size, report);

  const info: Mp4Info = { whole: problems.length === 0, problems, fragmented, hasVideo: video !== undefined };
  const duration = fileSeconds(walk, video ? [video] : tracks, fragmented);
  if (duration !== undefined) info.duration = duration;
  if (video?.width) info.width = video.width;
  if (video?.height) info.height = video.height;
  if (video?.codec) info.codec = video.codec;
  const audio = tracks.find((track) => track.handler === 'soun');
  if (audio?.codec) info.audioCodec = audio.codec;
  return info;
}

async function walkFile(reader: BoxReader, report: (problem: string) => void): Promise<Walk> {
  const walk: Walk = { totals: { durations: new Map(), samples: 0 }, fragments: 0, hasData: false, indexedEnd: 0 };
  let offset = 0;
  try {
    while (offset < reader.size) {
      const box = await boxAt(reader, offset, reader.size, 'the file');
      try {
        await lookAt(reader, box, walk, report);
      } catch (error) {
        // A box that holds nonsense still has an end: what follows can be checked.
        if (!(error instanceof Damaged) || error instanceof TooMuch) throw error;
        report(error.message);
      }
      offset = box.end;
    }
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    report(error.message);
    walk.stopped = error instanceof TooMuch ? 'too much' : 'damaged';
  }
  return walk;
}

async function lookAt(reader: BoxReader, box: Box, walk: Walk, report: (problem: string) => void): Promise<void> {
  switch (box.type) {
    case 'moov':
      if (walk.movie) {
        // Players read only the first one. Fragmented files that were put together may repeat it, harmlessly.
        if (!walk.movie.fragmented) report('the file has a second index (moov): files were joined end to end');
        return;
      }
      walk.movie = await readMovie(reader, box, (problem) => report(problem.message));
      for (const track of walk.movie.tracks) walk.totals.durations.set(track.id, 0);
      return;
    case 'mdat':
      walk.hasData = true;
      walk.waitingForData = undefined;
      return;
    case 'moof': {
      walk.fragments++;
      const before = walk.totals.samples;
      await addFragment(reader, box, walk.movie?.defaultDurations ?? new Map(), walk.totals);
      if (walk.totals.samples > before) walk.waitingForData = box;
      return;
    }
    case 'sidx':
      walk.indexedEnd = Math.max(walk.indexedEnd, await indexedEnd(reader, box));
      return;
  }
}

/** What a walk that went well can still have missed. After a broken one this would only repeat what is known. */
function reportMissing(walk: Walk, fragmented: boolean, size: number, report: (problem: string) => void): void {
  const { movie } = walk;
  if (walk.stopped) return;
  if (size === 0) return report('the file is empty');
  if (!movie) return report('the file has no index (moov)');
  if (movie.tracks.length === 0) report('the index (moov) lists no tracks');
  if (!walk.hasData) report('the file has no media data (mdat)');
  if (walk.waitingForData) report(`the fragment at byte ${walk.waitingForData.offset} has no media data`);
  const end = Math.max(walk.indexedEnd, ...movie.tracks.map((track) => track.dataEnd ?? 0));
  if (end > size) report(`the index lists media data up to ${end - size} bytes past the end of the file`);
  if (!fragmented) {
    const empty = movie.tracks.some((track) => track.handler === 'vide' && track.dataEnd === undefined);
    if (empty) report('the video track is empty');
    return;
  }
  // Fragments may be missing without a trace, but for the announced duration. It is that of the longest track.
  const held = Math.max(0, ...movie.tracks.map((track) => fragmentedSeconds(track, walk)));
  const announced = movie.fragmentSeconds ?? 0;
  if (announced > held * 1.02 + 1) {
    report(`the fragments hold ${held.toFixed(1)} s of the ${announced.toFixed(1)} s that the index announces`);
  }
}

function fileSeconds(walk: Walk, tracks: Track[], fragmented: boolean): number | undefined {
  const { movie } = walk;
  if (!movie) return undefined;
  const announced = movie.fragmentSeconds ?? movie.seconds;
  const measured = Math.max(
    0,
    ...tracks.map((track) => (fragmented ? fragmentedSeconds(track, walk) : seconds(track))),
  );
  if (walk.stopped === 'too much' && fragmented) return announced ?? measured;
  if (measured > 0) return measured;
  return fragmented && walk.totals.samples === 0 ? 0 : announced;
}

function seconds(track: Track): number {
  // The samples are the truth; headers are what the writer hoped for.
  return Math.min(track.sampleSeconds || track.mediaSeconds || 0, track.editedSeconds ?? Infinity);
}

/** Edit lists are left aside: in fragmented files they say where to start, not how much there is. */
function fragmentedSeconds(track: Track, walk: Walk): number {
  if (!track.timescale) return 0;
  return track.sampleSeconds + (walk.totals.durations.get(track.id) ?? 0) / track.timescale;
}
