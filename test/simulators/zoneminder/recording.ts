// Makes the files of a simulated recorder: fragmented MP4 of any length and size, computed while it is read.
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { boxesOf, findFfmpeg, type Media } from '../video';

export interface RecordingParameters {
  /** Epoch seconds of the first picture: the same second always has the same pictures. */
  startSecond: number;
  /** Whole seconds; each is one fragment that begins with a key frame. */
  seconds: number;
  /** Places are counted from the fragment (1.39) and not from the beginning of the file (1.36). */
  relative?: boolean;
  /** Each fragment is filled up to so many bytes. */
  fragmentBytes?: number;
  /** The list of fragments at the end. Absent while it is being recorded. */
  index?: boolean;
}

/** The file of an event, and where its fragments begin. */
export interface Recording extends Media {
  headBytes: number;
  /** Bytes from the start of the file, in order; the last is where the index begins. */
  offsets: number[];
}

const cache = path.join(os.tmpdir(), 'node-red-video-clips-test-videos');
const recipe = 1;
const patternSeconds = 64;
const picturesPerSecond = 5;
const timescale = 10_240;

interface Pattern {
  head: Buffer;
  fragments: Buffer[];
}

const patterns = new Map<boolean, Promise<Pattern>>();

export async function makeRecording(parameters: RecordingParameters): Promise<Recording> {
  const { startSecond, seconds, relative = false, fragmentBytes = 0, index = true } = parameters;
  const { head, fragments } = await patternOf(relative);
  const sourceOf = (second: number): Buffer => fragments[(startSecond + second) % patternSeconds]!;
  const sizeOf = (second: number): number => Math.max(sourceOf(second).length, fragmentBytes);
  const offsets = [head.length];
  for (let second = 0; second < seconds; second += 1) offsets.push(offsets[second]! + sizeOf(second));
  const tail = index ? indexOf(offsets.slice(0, -1)) : Buffer.alloc(0);
  const size = offsets.at(-1)! + tail.length;

  function* pieces(start: number, end: number): Generator<Buffer> {
    const part = (bytes: Buffer, at: number): Buffer =>
      bytes.subarray(Math.max(0, start - at), Math.max(0, Math.min(bytes.length, end - at)));
    if (start < head.length) yield part(head, 0);
    const first = Math.max(
      0,
      Math.min(
        seconds,
        offsets.findLastIndex((offset) => offset <= start),
      ),
    );
    for (let second = first; second < seconds && offsets[second]! < end; second += 1) {
      const bytes = part(
        fragmentOf(sourceOf(second), second, offsets[second]!, sizeOf(second), relative),
        offsets[second]!,
      );
      if (bytes.length > 0) yield bytes;
    }
    if (end > offsets.at(-1)!) yield part(tail, offsets.at(-1)!);
  }

  return {
    size,
    etag: createHash('sha1').update(JSON.stringify(parameters)).digest('hex').slice(0, 20),
    headBytes: head.length,
    offsets,
    async *read(start = 0, end = size) {
      yield* pieces(start, end);
    },
  };
}

/** One second of the pattern at another place: number, time and, where it has one, the place of its media data. */
function fragmentOf(source: Buffer, second: number, offset: number, size: number, relative: boolean): Buffer {
  const fragment = Buffer.alloc(size);
  source.copy(fragment);
  const [moof, mdat] = boxesOf(source);
  const inMoof = boxesOf(fragment, moof!.body, moof!.end);
  fragment.writeUInt32BE(second + 1, inMoof.find(({ type }) => type === 'mfhd')!.body + 4);
  const traf = inMoof.find(({ type }) => type === 'traf')!;
  for (const { type, body } of boxesOf(fragment, traf.body, traf.end)) {
    if (type === 'tfdt') fragment.writeBigUInt64BE(BigInt(second * timescale), body + 4);
    if (type === 'tfhd' && !relative) fragment.writeBigUInt64BE(BigInt(offset), body + 8);
  }
  // Filling belongs to the media data, where no picture refers to it.
  fragment.writeUInt32BE(size - mdat!.start, mdat!.start);
  return fragment;
}

/** `mfra`: one entry for each fragment, with 64-bit times and places. */
function indexOf(offsets: number[]): Buffer {
  const entryBytes = 19;
  const tfraBytes = 24 + offsets.length * entryBytes;
  const mfra = Buffer.alloc(8 + tfraBytes + 16);
  mfra.writeUInt32BE(mfra.length, 0);
  mfra.write('mfra', 4, 'latin1');
  mfra.writeUInt32BE(tfraBytes, 8);
  mfra.write('tfra', 12, 'latin1');
  mfra.writeUInt8(1, 16);
  mfra.writeUInt32BE(1, 20);
  mfra.writeUInt32BE(offsets.length, 28);
  for (const [index, offset] of offsets.entries()) {
    const at = 32 + index * entryBytes;
    mfra.writeBigUInt64BE(BigInt(index * timescale), at);
    mfra.writeBigUInt64BE(BigInt(offset), at + 8);
    mfra.fill(1, at + 16, at + 19);
  }
  const mfro = mfra.length - 16;
  mfra.writeUInt32BE(16, mfro);
  mfra.write('mfro', mfro + 4, 'latin1');
  mfra.writeUInt32BE(mfra.length, mfro + 12);
  return mfra;
}

function patternOf(relative: boolean): Promise<Pattern> {
  const known = patterns.get(relative);
  if (known) return known;
  const made = makePattern(relative);
  patterns.set(relative, made);
  return made;
}

async function makePattern(relative: boolean): Promise<Pattern> {
  const file = path.join(cache, `zoneminder-r${recipe}-${relative ? 'relative' : 'absolute'}.mp4`);
  const bytes = await readFile(file).catch(() => build(file, relative));
  const boxes = boxesOf(bytes);
  const moofs = boxes.filter(({ type }) => type === 'moof');
  const head = bytes.subarray(0, moofs[0]!.start);
  const fragments = moofs.map((moof) => {
    const mdat = boxes.find(({ start }) => start === moof.end)!;
    return bytes.subarray(moof.start, mdat.end);
  });
  if (fragments.length !== patternSeconds) throw new Error(`The pattern has ${fragments.length} fragments`);
  return { head, fragments };
}

async function build(file: string, relative: boolean): Promise<Buffer> {
  const flags = ['frag_keyframe', 'empty_moov', ...(relative ? ['default_base_moof'] : [])].join('+');
  await mkdir(cache, { recursive: true });
  const part = `${file}.${process.pid}.${randomUUID()}.part`;
  await run(await findFfmpeg(), [
    ...['-f', 'lavfi', '-i', `testsrc=size=160x120:rate=${picturesPerSecond}`, '-t', String(patternSeconds)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0', '-threads', '1'],
    ...['-g', String(picturesPerSecond), '-keyint_min', String(picturesPerSecond), '-sc_threshold', '0'],
    ...['-video_track_timescale', String(timescale), '-movflags', flags, '-f', 'mp4', '-y', part],
  ]);
  const bytes = await readFile(part);
  // Others may be making the same: the last whole one wins.
  await rename(part, file);
  return bytes;
}

async function run(program: string, args: string[]): Promise<void> {
  const child = spawn(program, ['-v', 'error', '-nostdin', ...args]);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said.trim()}`);
}

/** Keeps a file of any kind as media. */
export function bytesMedia(bytes: Buffer): Media {
  return {
    size: bytes.length,
    etag: createHash('sha1').update(bytes).digest('hex').slice(0, 20),
    async *read(start = 0, end = bytes.length) {
      yield bytes.subarray(start, end);
    },
  };
}
