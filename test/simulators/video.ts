/**
 * Tiny real H.264 videos for the simulators, and the bytes that a simulator serves for them.
 *
 * Videos are made once per set of parameters and kept in the system's temporary folder, so repeated test runs are fast.
 */
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

export interface VideoParameters {
  /** Exact to the millisecond. */
  seconds: number;
  /** Pixels, even numbers. */
  width: number;
  height: number;
  /** Nominal; the true rate is chosen so that a whole number of frames fills the duration exactly. */
  fps?: number;
}

/** The bytes of one downloadable file; never more than a chunk of it is in memory unless the file itself is small. */
export interface Media {
  size: number;
  /** Without quotes. */
  etag: string;
  /** Bytes `start` to `end` (exclusive). */
  read(start?: number, end?: number): AsyncIterable<Buffer>;
}

const CACHE = path.join(os.tmpdir(), 'node-red-video-clips-test-videos');
/** Part of every cached name: change it when the way videos are made changes. */
const RECIPE = 1;
/** Only this much is encoded; longer videos repeat it, which keeps five minutes of 1080p below a second of work. */
const PATTERN_SECONDS = 4;
const inProgress = new Map<string, Promise<string>>();

/** Makes an MP4 (H.264, yuv420p, a keyframe about each second, `moov` last) and returns the path of the cached file. */
export function makeVideo(parameters: VideoParameters): Promise<string> {
  const { seconds, width, height, fps = seconds > 60 ? 2 : 5 } = parameters;
  if (!(seconds > 0) || width % 2 !== 0 || height % 2 !== 0) {
    return Promise.reject(new RangeError(`No such video: ${JSON.stringify(parameters)}`));
  }
  const milliseconds = Math.max(1, Math.round(seconds * 1000));
  const file = path.join(CACHE, `r${RECIPE}-${width}x${height}-${fps}fps-${milliseconds}ms.mp4`);
  const running = inProgress.get(file);
  if (running) return running;
  const work = isFile(file)
    .then((cached) => (cached ? file : build(file, { milliseconds, width, height, fps })))
    .finally(() => inProgress.delete(file));
  inProgress.set(file, work);
  return work;
}

interface Build {
  milliseconds: number;
  width: number;
  height: number;
  fps: number;
}

async function build(file: string, { milliseconds, width, height, fps }: Build): Promise<string> {
  const ffmpeg = await findFfmpeg();
  const frames = Math.max(1, Math.round((milliseconds / 1000) * fps));
  const patternFrames = Math.min(frames, Math.max(1, Math.round(PATTERN_SECONDS * fps)));
  const pattern = await run(ffmpeg, [
    ...['-f', 'lavfi', '-i', `testsrc=size=${width}x${height}:rate=${fps}`, '-frames:v', String(patternFrames)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0', '-threads', '1'],
    ...['-g', String(Math.max(1, Math.round(fps))), '-f', 'h264', 'pipe:1'],
  ]);
  await mkdir(CACHE, { recursive: true });
  const part = `${file}.${process.pid}.${randomUUID()}.part`;
  try {
    const repeats = Math.ceil(frames / patternFrames);
    await run(
      ffmpeg,
      [
        ...['-f', 'h264', '-framerate', String(fps), '-i', 'pipe:0', '-c', 'copy', '-frames:v', String(frames)],
        ...['-f', 'mp4', '-y', part],
      ],
      Buffer.concat(Array.from({ length: repeats }, () => pattern)),
    );
    const video = await readFile(part);
    retime(video, milliseconds);
    await writeFile(part, video);
    // Other processes may be making the same file: the last complete one wins, a half one is never seen.
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
  return file;
}

/** `FFMPEG_PATH`, else the one on `PATH`, else the one that the npm package brought. */
export async function findFfmpeg(): Promise<string> {
  if (process.env['FFMPEG_PATH']) return process.env['FFMPEG_PATH'];
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const candidate = path.join(folder, name);
    if (folder && (await isFile(candidate)) && (await canRun(candidate))) return candidate;
  }
  return (await import('@ffmpeg-installer/ffmpeg')).path;
}

async function run(ffmpeg: string, args: string[], input?: Buffer): Promise<Buffer> {
  const child = spawn(ffmpeg, ['-v', 'error', ...(input ? [] : ['-nostdin']), ...args]);
  const out: Buffer[] = [];
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  // ffmpeg may stop reading once it has all the frames that it was asked for; its exit code says whether that was fine.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${complaint.trim()}`);
  return Buffer.concat(out);
}

interface Box {
  type: string;
  start: number;
  /** Where the content starts. */
  body: number;
  end: number;
}

/** The boxes of an MP4 between two offsets. */
export function boxesOf(video: Buffer, start = 0, end = video.length): Box[] {
  const boxes: Box[] = [];
  for (let at = start; at + 8 <= end;) {
    const short = video.readUInt32BE(at);
    const size = short === 1 ? Number(video.readBigUInt64BE(at + 8)) : short === 0 ? end - at : short;
    if (size < 8) throw new Error(`Broken MP4 box at ${at}`);
    const type = video.toString('latin1', at + 4, at + 8);
    boxes.push({ type, start: at, body: at + (short === 1 ? 16 : 8), end: at + size });
    at += size;
  }
  return boxes;
}

function boxAt(video: Buffer, ...types: string[]): Box {
  let box: Box = { type: '', start: 0, body: 0, end: video.length };
  for (const type of types) {
    const next = boxesOf(video, box.body, box.end).find((candidate) => candidate.type === type);
    if (!next) throw new Error(`The MP4 has no ${types.join('/')}`);
    box = next;
  }
  return box;
}

/**
 * Gives each frame the same share of an exact duration. Done here and not by ffmpeg, whose versions round an unusual frame
 * rate differently (4.1 makes 90.000 s out of 90.123 s). Offsets are those of version 0 boxes, which ffmpeg writes.
 */
function retime(video: Buffer, milliseconds: number): void {
  const track = ['moov', 'trak'];
  const stts = boxAt(video, ...track, 'mdia', 'minf', 'stbl', 'stts').body;
  const entries = Array.from({ length: video.readUInt32BE(stts + 4) }, (_, index) => stts + 8 + index * 8);
  const frames = entries.reduce((sum, entry) => sum + video.readUInt32BE(entry), 0);
  const divisor = greatestCommonDivisor(frames * 1000, milliseconds);
  let [timescale, frameTicks] = [(frames * 1000) / divisor, milliseconds / divisor];
  // As ffmpeg does: a coarse clock would make later remuxing imprecise.
  while (timescale < 10_000) [timescale, frameTicks] = [timescale * 2, frameTicks * 2];
  for (const entry of entries) video.writeUInt32BE(frameTicks, entry + 4);

  const mdhd = boxAt(video, ...track, 'mdia', 'mdhd').body;
  video.writeUInt32BE(timescale, mdhd + 12);
  video.writeUInt32BE(frames * frameTicks, mdhd + 16);
  const mvhd = boxAt(video, 'moov', 'mvhd').body;
  const inMovieTime = Math.round((milliseconds / 1000) * video.readUInt32BE(mvhd + 12));
  video.writeUInt32BE(inMovieTime, mvhd + 16);
  video.writeUInt32BE(inMovieTime, boxAt(video, ...track, 'tkhd').body + 20);
  // One edit, of the whole track: there are no B-frames, so nothing is shifted.
  video.writeUInt32BE(inMovieTime, boxAt(video, ...track, 'edts', 'elst').body + 8);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** A stretch of a file that is served; nothing of it is kept in memory but what `bytesPiece` holds. */
interface Piece {
  size: number;
  read(start: number, end: number): AsyncIterable<Buffer> | Iterable<Buffer>;
}

/**
 * A video as media. With `bytes` it is blown up to exactly that size, on the fly: the `mdat` box is said to be longer than
 * its frames, `moov` comes after it, so offsets stay right and every player still plays it. `mark` makes another file of it.
 */
export async function openMedia(file: string, { bytes = 0, mark = '' } = {}): Promise<Media> {
  const video = await readFile(file);
  const mdat = boxAt(video, 'mdat');
  const trailer = mark ? freeBox(Buffer.from(mark)) : Buffer.alloc(0);
  const fill = Math.max(0, bytes - video.length - trailer.length);
  const head = Buffer.from(video.subarray(0, mdat.body));
  if (fill > 0) growMdat(head, mdat, fill);
  const pieces = [
    bytesPiece(head),
    filePiece(file, mdat.body, mdat.end),
    { size: fill, read: filler },
    filePiece(file, mdat.end, video.length),
    bytesPiece(trailer),
  ];
  const size = pieces.reduce((sum, piece) => sum + piece.size, 0);
  return {
    size,
    etag: createHash('sha1').update(video).update(trailer).update(String(size)).digest('hex').slice(0, 20),
    async *read(start = 0, end = size) {
      let from = 0;
      for (const piece of pieces) {
        const [first, last] = [Math.max(0, start - from), Math.min(piece.size, end - from)];
        if (first < last) yield* piece.read(first, last);
        from += piece.size;
      }
    },
  };
}

function bytesPiece(bytes: Buffer): Piece {
  return { size: bytes.length, read: (start, end) => [bytes.subarray(start, end)] };
}

function filePiece(file: string, offset: number, stop: number): Piece {
  return {
    size: stop - offset,
    read: (start, end) =>
      createReadStream(file, { start: offset + start, end: offset + end - 1 }) as AsyncIterable<Buffer>,
  };
}

function growMdat(head: Buffer, mdat: Box, fill: number): void {
  const size = mdat.end - mdat.start + fill;
  if (size < 2 ** 32) {
    head.writeUInt32BE(size, mdat.start);
    return;
  }
  // ffmpeg leaves an empty `free` box before `mdat` for exactly this: together they hold a 64-bit header.
  const header = mdat.start - 8;
  if (head.toString('latin1', header + 4, header + 8) !== 'free') throw new Error('No room for a 64-bit mdat header');
  head.writeUInt32BE(1, header);
  head.write('mdat', header + 4, 'latin1');
  head.writeBigUInt64BE(BigInt(size + 8), header + 8);
}

function freeBox(content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + content.length);
  header.write('free', 4, 'latin1');
  return Buffer.concat([header, content]);
}

const BLOCK = Buffer.alloc(256 * 1024);
for (let at = 0, word = 1; at < BLOCK.length; at += 4) {
  word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
  BLOCK.writeUInt32LE(word, at);
}

/** Filling whose bytes depend on their position (each block starts with its number), so a wrong splice shows. */
function* filler(start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end;) {
    const index = Math.floor(at / BLOCK.length);
    const offset = at % BLOCK.length;
    const stop = Math.min(BLOCK.length, offset + end - at);
    if (offset < 8) {
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(BigInt(index));
      yield stamp.subarray(offset, Math.min(8, stop));
    }
    if (stop > 8) yield BLOCK.subarray(Math.max(8, offset), stop);
    at = index * BLOCK.length + stop;
  }
}

/** Lower-case hex of all bytes, read as a stream. */
export async function sha256Of(media: Media): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of media.read()) hash.update(chunk);
  return hash.digest('hex');
}

async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && found.isFile();
}

async function canRun(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
