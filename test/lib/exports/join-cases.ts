// Makes parts of all kinds that cameras and recorders write, and says what a file of them all has to show.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from '../../support/ffmpeg';

/** How many seconds each part is about. */
export const partSeconds = 3;
const partCount = 3;

export interface JoinCase {
  name: string;
  /** Frames a second. */
  rate?: number;
  /** How pictures are encoded. */
  video?: string[];
  /** How sound is encoded; absent: none. */
  sound?: string[];
  /** How long the sound of each part is; absent: as long as the pictures. */
  soundSeconds?: number;
  /** How far from its place a beep may be found, in seconds; absent: 40 ms. */
  soundWithin?: number;
  /** Options of the container. */
  container?: string[];
  /** Ending of the files. */
  extension?: string;
  /** Options of the second part alone. */
  second?: string[];
  /** Encode all of it once and cut that: from so many seconds before each part, to so many after it. */
  cut?: { before: number; after: number; args?: string[] };
  /** A second run over each part: what is put in before the input, and behind it. */
  remux?: (index: number) => [before: string[], after: string[]] | undefined;
  /** The clock of fragments goes on from part to part, and begins here: seconds. */
  clock?: number;
  /** The part whose picture is turned by a quarter. */
  turned?: number;
  /** Parts that are to stay files of their own, and why. */
  apart?: RegExp;
  /** Tried in every run of the tests. */
  quick?: boolean;
}

const x264 = (...args: string[]) => ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-g', '25', ...args]; // prettier-ignore
const plain = x264('-bf', '0');
const reordered = x264('-bf', '2', '-x264-params', 'scenecut=0');
const openGop = x264('-bf', '2', '-x264-params', 'open-gop=1:scenecut=0');
const hevc = [
  '-c:v',
  'libx265',
  '-preset',
  'ultrafast',
  '-pix_fmt',
  'yuv420p',
  '-x265-params',
  'log-level=none:keyint=25',
];
const aac = ['-c:a', 'aac'];
const fragments = ['-movflags', '+frag_keyframe+empty_moov+default_base_moof'];
const streaming = ['-movflags', '+dash+frag_keyframe+global_sidx'];
const timescale = (value: number) => ['-video_track_timescale', String(value)];

export const joinCases: JoinCase[] = [
  { name: 'H.264 without B-frames', video: plain, quick: true },
  { name: 'H.264 with B-frames', video: reordered, quick: true },
  { name: 'H.264 with open groups', video: openGop },
  { name: 'HEVC', video: hevc },
  { name: 'HEVC tagged hvc1', video: [...hevc, '-tag:v', 'hvc1'] },
  { name: 'MPEG-4 part 2', video: ['-c:v', 'mpeg4', '-g', '25', '-q:v', '3'] },
  { name: 'MPEG-4 part 2 with B-frames', video: ['-c:v', 'mpeg4', '-g', '25', '-bf', '2', '-q:v', '3'] },
  { name: 'MJPEG', video: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-q:v', '3'] },
  { name: 'VP9', video: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '25'] },
  { name: 'AV1', video: ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-g', '25'] },
  { name: '10 pictures a second', video: plain, rate: 10 },
  { name: '12 pictures a second with B-frames', video: reordered, rate: 12 },
  { name: '29.97 pictures a second', video: reordered, rate: 30000 / 1001 },
  { name: '60 pictures a second', video: reordered, rate: 60 },
  { name: 'one picture a second', video: x264('-bf', '0', '-g', '1'), rate: 1 },
  { name: 'index first', video: reordered, sound: aac, container: ['-movflags', '+faststart'] },
  { name: 'QuickTime', video: reordered, sound: aac, extension: 'mov' },
  {
    name: 'QuickTime with time code',
    video: plain,
    sound: aac,
    extension: 'mov',
    container: ['-timecode', '10:00:00:00'],
  },
  { name: 'QuickTime with uncompressed sound', video: plain, sound: ['-c:a', 'pcm_s16le'], extension: 'mov' },
  { name: 'fragments', video: plain, container: fragments, quick: true },
  { name: 'fragments with B-frames', video: reordered, container: fragments, quick: true },
  { name: 'fragments with B-frames and sound', video: reordered, sound: aac, container: fragments },
  { name: 'fragments with an index of all', video: reordered, sound: aac, container: streaming },
  { name: 'fragments of 200 ms', video: reordered, sound: aac, container: [...fragments, '-frag_duration', '200000'] },
  { name: 'fragments whose clock goes on', video: plain, container: fragments, clock: 0, quick: true },
  { name: 'fragments whose clock goes on, with sound', video: reordered, sound: aac, container: fragments, clock: 0 },
  { name: 'fragments whose clock goes on, with B-frames', video: reordered, container: fragments, clock: 0 },
  {
    name: 'fragments an hour into a recording',
    video: reordered,
    sound: aac,
    container: fragments,
    clock: 3600,
  },
  { name: 'one part with another time scale', video: plain, second: timescale(90_000), quick: true },
  { name: 'one part with an odd time scale and B-frames', video: reordered, second: timescale(187_000) },
  { name: 'one part with a coarse time scale', video: reordered, second: timescale(1000) },
  { name: 'one part with another time scale, and sound', video: plain, sound: aac, second: timescale(15_360) },
  { name: 'one part in fragments', video: reordered, sound: aac, second: fragments },
  { name: 'AAC', video: plain, sound: aac, quick: true },
  { name: 'AAC with B-frames', video: reordered, sound: aac },
  { name: 'AAC that is 0.5 s longer', video: plain, sound: aac, soundSeconds: 3.5, quick: true },
  { name: 'AAC that is 0.5 s shorter', video: plain, sound: aac, soundSeconds: 2.5, quick: true },
  { name: 'AAC that is 0.3 s longer, with B-frames', video: reordered, sound: aac, soundSeconds: 3.3 },
  {
    name: 'AAC that is 0.1 s shorter, in fragments',
    video: reordered,
    sound: aac,
    soundSeconds: 2.9,
    container: fragments,
  },
  { name: 'AAC of 48 kHz in stereo', video: plain, sound: [...aac, '-ar', '48000', '-ac', '2'] },
  // One piece lasts 128 ms, over which the encoder smears a beep.
  { name: 'AAC of 8 kHz', video: plain, sound: [...aac, '-ar', '8000'], soundWithin: 0.1 },
  { name: 'Opus', video: plain, sound: ['-c:a', 'libopus', '-strict', '-2'] },
  { name: 'MP3', video: plain, sound: ['-c:a', 'libmp3lame'] },
  { name: 'AC-3', video: reordered, sound: ['-c:a', 'ac3'] },
  { name: 'FLAC', video: plain, sound: ['-c:a', 'flac', '-strict', '-2'] },
  { name: 'G.711', video: plain, sound: ['-c:a', 'pcm_mulaw', '-ar', '8000'], extension: 'mov', quick: true },
  { name: 'G.711 with B-frames', video: reordered, sound: ['-c:a', 'pcm_alaw', '-ar', '8000'], extension: 'mov' },
  { name: 'parts that begin at the key frame before', video: plain, cut: { before: 1, after: 0 } },
  { name: 'parts that end at the key frame after', video: plain, cut: { before: 0, after: 1 } },
  { name: 'parts that reach out on both sides', video: plain, sound: aac, cut: { before: 1, after: 1 } },
  { name: 'cuts at key frames of open groups', video: openGop, cut: { before: 0, after: 0 } },
  { name: 'cuts at key frames of HEVC', video: hevc, cut: { before: 0, after: 0 } },
  { name: 'overlaps with open groups', video: openGop, cut: { before: 1, after: 1 } },
  { name: 'overlaps with B-frames', video: reordered, cut: { before: 1, after: 1 }, quick: true },
  { name: 'overlaps with B-frames and sound', video: reordered, sound: aac, cut: { before: 1, after: 1 } },
  { name: 'overlaps of HEVC', video: hevc, cut: { before: 1, after: 1 } },
  { name: 'overlaps in fragments', video: plain, cut: { before: 1, after: 0, args: fragments } },
  {
    name: 'cuts between key frames, hidden by edit lists',
    video: plain,
    cut: { before: 0.4, after: 0.4, args: ['keep'] },
    quick: true,
  },
  { name: 'cuts between key frames with B-frames', video: reordered, cut: { before: 0.4, after: 0.4, args: ['keep'] } },
  {
    name: 'first pictures that come late',
    video: plain,
    sound: aac,
    remux: () => [
      ['-itsoffset', '1'],
      ['-c', 'copy'],
    ],
    quick: true,
  },
  {
    name: 'subtitles that are longer than the pictures',
    video: plain,
    container: ['-map', '0:v', '-map', '1:s', '-c:s', 'mov_text'],
    quick: true,
  },
  {
    name: 'a part that is turned',
    video: plain,
    turned: 1,
    apart: /the picture is shown in another way/,
    quick: true,
  },
  { name: 'a part of another size', video: plain, second: ['-s', '64x48'], apart: /the video changes/, quick: true },
  { name: 'a part without sound', video: plain, sound: aac, second: ['-an'], apart: /the sound changes/, quick: true },
  { name: 'a part with other sound', video: plain, sound: aac, second: ['-ar', '22050'], apart: /the sound changes/ },
];

/** Each picture is another one, and each second has its beep. */
const seconds = partSeconds * partCount + 2;
const picture = (rate: number) =>
  `testsrc2=size=96x64:rate=${rate}:duration=${seconds},noise=alls=20:allf=t:all_seed=7`;
const beeps = `aevalsrc=exprs=0.8*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.04):sample_rate=44100:duration=${seconds}`;
const subtitles = '1\n00:00:00,000 --> 00:00:07,000\nMuch longer\n';

export interface MadeParts {
  paths: string[];
  /** One file of which all parts were cut. */
  master?: string;
}

/** @param write puts a text into a file and returns its path */
export function makeParts(ffmpeg: string, folder: string, made: JoinCase, write: (text: string) => string): MadeParts {
  const { container = [], cut, extension = 'mp4', rate = 25, remux, second = [], sound, video = [] } = made;
  const subtitle = container.includes('mov_text') ? ['-i', write(subtitles)] : [];
  const inputs = ['-f', 'lavfi', '-i', picture(rate), ...(sound ? ['-f', 'lavfi', '-i', beeps] : subtitle)];
  const coded = [...video, ...(sound ?? ['-an'])];
  const name = (text: string): string => join(folder, `${text}.${extension}`);
  if (cut) {
    const master = name('master');
    runQuietly(ffmpeg, [...inputs, '-t', String(partSeconds * partCount), ...coded, '-y', master]);
    return { master, paths: parts((index) => cutOut(ffmpeg, master, name(String(index)), index, cut)) };
  }
  const paths = parts((index) => {
    const path = name(String(index));
    const start = String(index * partSeconds);
    const length = made.soundSeconds ?? partSeconds;
    const trims = [
      '-filter:v', `trim=start=${start}:duration=${partSeconds},setpts=PTS-STARTPTS`,
      ...(sound ? ['-filter:a', `atrim=start=${start}:duration=${length},asetpts=PTS-STARTPTS`] : []),
    ]; // prettier-ignore
    const more = index === 1 ? second : [];
    runQuietly(ffmpeg, [...inputs, ...trims, ...coded, ...container, ...more, '-y', path]);
    if (index === made.turned) turn(path);
    if (made.clock !== undefined) moveClock(path, made.clock + index * partSeconds);
    const again = remux?.(index);
    if (!again) return path;
    const other = name(`${index}-again`);
    runQuietly(ffmpeg, [...again[0], '-i', path, ...again[1], '-y', other]);
    return other;
  });
  return { paths };
}

/** Adds to the decode time of all fragments, as recorders write that cut clips out of a stream. */
function moveClock(path: string, seconds: number): void {
  const bytes = readFileSync(path);
  const every = function* (type: string): Generator<number> {
    for (let at = bytes.indexOf(type); at >= 0; at = bytes.indexOf(type, at + 4)) yield at + 4;
  };
  const timescales = [...every('mdhd')].map((at) => bytes.readUInt32BE(at + 12));
  const tracks = [...every('tfhd')].map((at) => bytes.readUInt32BE(at + 4));
  [...every('tfdt')].forEach((at, index) => {
    const ticks = BigInt(Math.round(seconds * timescales[tracks[index]! - 1]!));
    bytes.writeBigUInt64BE(bytes.readBigUInt64BE(at + 4) + ticks, at + 4);
  });
  writeFileSync(path, bytes);
}

/** Writes a display matrix of 90 degrees into the header of the track. */
function turn(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf('tkhd') + 44;
  [0, 0x10000, 0, -0x10000, 0].forEach((value, index) => bytes.writeInt32BE(value, at + index * 4));
  writeFileSync(path, bytes);
}

function parts(make: (index: number) => string): string[] {
  return Array.from({ length: partCount }, (_, index) => make(index));
}

function cutOut(
  ffmpeg: string,
  master: string,
  path: string,
  index: number,
  { after, args = [], before }: NonNullable<JoinCase['cut']>,
): string {
  const start = Math.max(0, index * partSeconds - before);
  const end = (index + 1) * partSeconds + after;
  const hides = args.includes('keep');
  const rest = hides ? [] : ['-avoid_negative_ts', 'make_zero', ...args];
  const span = ['-ss', start.toFixed(3), '-i', master, '-t', (end - start).toFixed(3)];
  runQuietly(ffmpeg, [...span, '-c', 'copy', ...rest, '-y', path]);
  return path;
}
