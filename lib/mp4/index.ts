// Checks whether a file is a whole MP4, and describes what is in it. Reads structure only: no media data, and never much memory.
import { boxReader } from './boxes';
import type { Mp4Source } from './boxes';
import { reportMissing, reportStill, reportTimes } from './check';
import type { Track } from './movie';
import { walkFile, type Report, type Walk } from './walk';

export { bufferSource, fileSource, withFile } from './boxes';
export { isAudioForMp4 } from './codecs';
export type { Mp4Source } from './boxes';
export { beginsAnew } from './nal';
export { readParameters, type TrackParameters } from './parameters';
export { lengthOf, readTracks, shownAt, type MediaTrack } from './samples';
export { sniff } from './sniff';
export type { Content } from './sniff';

export interface Mp4Info {
  /** Is everything there that the file says it has? What is only unusual about it is in `problems` alone. */
  whole: boolean;
  /** In words; at most a dozen. */
  problems: string[];
  /** Seconds of the video track, or of the longest other track when there is no video. */
  duration?: number;
  /** Pixels, as shown: turned by the display matrix. */
  width?: number;
  height?: number;
  /** `h264`, `hevc`, `av1`, `vp9`, `mpeg4`, ... or the file's own four-character code in lower case. */
  codec?: string;
  /** As H.264 counts them: 66, 77 and 100 are baseline, main and high; others need decoders that not every player has. */
  h264Profile?: number;
  audioCodec?: string;
  /** Pictures of the video track. */
  pictures?: number;
  fragmented: boolean;
  hasVideo: boolean;
  /** All tracks, in order. */
  tracks: { handler: string; codec?: string; samples: number }[];
}

/** Facts of a file that messages carry. */
export function videoFacts({ duration, width, height, codec }: Mp4Info) {
  return { duration, width, height, codec };
}

const maxProblems = 10;

/** Never rejects for what is in the file, only for what `source.read` rejects with. */
export async function readMp4(source: Mp4Source): Promise<Mp4Info> {
  const problems: string[] = [];
  let whole = true;
  const remark = (problem: string): void => {
    if (problems.includes(problem)) return;
    if (problems.length < maxProblems) problems.push(problem);
    else if (problems.length === maxProblems) problems.push('and more');
  };
  const damage = (problem: string): void => {
    whole = false;
    remark(problem);
  };
  const report: Report = { damage, remark };
  const reader = boxReader(source);
  const walk = await walkFile(reader, report);
  const tracks = walk.movie?.tracks ?? [];
  const video = mainTrack(tracks, 'vide', walk);
  const fragmented = walk.fragments > 0 || walk.movie?.fragmented === true;
  await reportMissing(reader, walk, fragmented, report);
  if (fragmented && video) reportTimes(video, walk, report);
  if (video) reportStill(video, walk, report);

  const samplesOf = (track: Track): number => track.samples + walk.times.samples(track.id);
  const info: Mp4Info = {
    whole,
    problems,
    fragmented,
    hasVideo: video !== undefined,
    tracks: tracks.map((track) => ({
      handler: track.handler,
      ...(track.codec ? { codec: track.codec } : {}),
      samples: samplesOf(track),
    })),
  };
  const duration = fileSeconds(walk, video ? [video] : tracks, fragmented);
  if (duration !== undefined) info.duration = duration;
  if (video?.width) info.width = video.width;
  if (video?.height) info.height = video.height;
  if (video?.codec) info.codec = video.codec;
  if (video?.h264Profile !== undefined) info.h264Profile = video.h264Profile;
  if (video) info.pictures = samplesOf(video);
  const audio = mainTrack(tracks, 'soun', walk);
  if (audio?.codec) info.audioCodec = audio.codec;
  return info;
}

/** The first that has anything in it: some writers announce tracks that stay empty. */
function mainTrack(tracks: Track[], handler: string, { times }: Walk): Track | undefined {
  const found = tracks.filter((track) => track.handler === handler);
  return found.find(({ id, samples }) => samples > 0 || times.samples(id) > 0) ?? found[0];
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
  const samples = tracks.reduce((sum, { id }) => sum + walk.times.samples(id), 0);
  return fragmented && samples === 0 ? 0 : announced;
}

function seconds(track: Track): number {
  // The samples are the truth; headers are what the writer hoped for.
  return Math.min(track.sampleSeconds || track.mediaSeconds || 0, track.editedSeconds ?? Infinity);
}

/** Edit lists are left aside: in fragmented files they say where to start, not how much there is. */
function fragmentedSeconds(track: Track, walk: Walk): number {
  if (!track.timescale) return 0;
  return track.sampleSeconds + walk.times.duration(track.id) / track.timescale;
}
