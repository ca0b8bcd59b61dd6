/** Small MP4 files for tests: real ones by ffmpeg, and boxes put together by hand. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { path as ffmpeg } from '@ffmpeg-installer/ffmpeg';
import { bufferSource, readMp4 } from '../../../lib/mp4';
import type { Mp4Info } from '../../../lib/mp4';

export const read = (buffer: Buffer) => readMp4(bufferSource(buffer));

/** ffmpeg arguments between the inputs and the file name. Sources: `video` 64x48, 10 pictures a second; `audio` mono. */
export interface Recipe {
  seconds: number;
  audio?: boolean;
  args: string[];
  extension?: string;
}

export function hasEncoder(name: string): boolean {
  return execFileSync(ffmpeg, ['-hide_banner', '-encoders'], { encoding: 'utf8' }).includes(` ${name} `);
}

/** Makes files in a folder of their own, until `remove` is called. */
export function mp4Factory() {
  let made: string | undefined;
  // Not before the first test needs it: suites are also loaded without being run.
  const folder = () => (made ??= mkdtempSync(path.join(tmpdir(), 'mp4-test-')));
  let count = 0;
  const run = (args: string[], extension = 'mp4') => {
    const file = path.join(folder(), `${count++}.${extension}`);
    execFileSync(ffmpeg, ['-v', 'error', '-nostdin', ...args, file], { stdio: 'pipe' });
    return file;
  };
  return {
    folder,
    make({ seconds, audio, args, extension }: Recipe): string {
      const video = ['-f', 'lavfi', '-i', `testsrc=size=64x48:rate=10:duration=${seconds}`];
      const sound = audio ? ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`] : [];
      return run([...video, ...sound, ...args], extension);
    },
    /** A file made from another one. */
    remake(from: string, before: string[], after: string[]): string {
      return run([...before, '-i', from, ...after]);
    },
    read: (file: string) => readFileSync(file),
    remove: () => made && rmSync(made, { recursive: true, force: true }),
  };
}

export function u32(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => buffer.writeUInt32BE(value, index * 4));
  return buffer;
}

export function u64(...values: bigint[]): Buffer {
  const buffer = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => buffer.writeBigUInt64BE(value, index * 8));
  return buffer;
}

export function box(type: string, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([u32(body.length + 8), Buffer.from(type, 'latin1'), body]);
}

/** What differs between the tracks of hand-made files; everything else is plausible. */
export interface TrackParts {
  id?: number;
  handler?: string;
  format?: string;
  /** Instead of the version 0 header with timescale 1000 and duration 0. */
  mdhd?: Buffer;
  tkhd?: Buffer;
  edts?: Buffer;
  /** Instead of sample tables without samples. */
  tables?: Buffer[];
}

export const ftyp = box('ftyp', Buffer.from('isom'), u32(0));
export const mvhd = (duration = 0) => box('mvhd', u32(0, 0, 0, 1000, duration), Buffer.alloc(80));
export const mdhd = (duration = 0) => box('mdhd', u32(0, 0, 0, 1000, duration, 0));
export const tkhd = (id = 1, width = 64, height = 48) =>
  box('tkhd', u32(0, 0, 0, id, 0, 0), Buffer.alloc(52), u32(width * 65536, height * 65536));
export const stts = (...runs: number[]) => box('stts', u32(0, runs.length / 2, ...runs));

export function stsd(format = 'avc1', width = 64, height = 48): Buffer {
  const entry = Buffer.alloc(78);
  entry.writeUInt16BE(width, 24);
  entry.writeUInt16BE(height, 26);
  return box('stsd', u32(0, 1), box(format, entry));
}

/** One chunk at byte `at` with samples of these sizes. */
export function chunk(at: number, ...sizes: number[]): Buffer[] {
  return [
    box('stsc', u32(0, 1, 1, sizes.length, 1)),
    box('stsz', u32(0, 0, sizes.length, ...sizes)),
    box('stco', u32(0, 1, at)),
  ];
}

export function trak(parts: TrackParts = {}): Buffer {
  const hdlr = box('hdlr', u32(0, 0), Buffer.from(parts.handler ?? 'vide', 'latin1'), Buffer.alloc(13));
  const tables = parts.tables ?? [stts(), box('stco', u32(0, 0))];
  const stbl = box('stbl', stsd(parts.format), ...tables);
  const mdia = box('mdia', parts.mdhd ?? mdhd(), hdlr, box('minf', stbl));
  return box('trak', parts.tkhd ?? tkhd(parts.id), parts.edts ?? Buffer.alloc(0), mdia);
}

export const trex = (id: number, duration: number, size = 0) => box('trex', u32(0, id, 1, duration, size, 0));
export const moof = (...content: Buffer[]) => box('moof', box('mfhd', u32(0, 1)), ...content);

/** Must hold for any content. */
export function assertSane(info: Mp4Info): void {
  assert.ok(info.whole || info.problems.length > 0);
  assert.ok(info.problems.length <= 12);
  for (const problem of info.problems) assert.ok(problem.length > 0 && problem.length < 200, problem);
  for (const value of [info.duration, info.width, info.height]) {
    assert.ok(value === undefined || (Number.isFinite(value) && value >= 0), String(value));
  }
  for (const codec of [info.codec, info.audioCodec])
    assert.ok(codec === undefined || /^[\x20-\x7e]{1,10}$/.test(codec));
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
