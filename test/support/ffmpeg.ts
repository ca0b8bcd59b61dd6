/** Real and fake ffmpegs for tests. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ClipError, type ErrorCode } from '../../lib/errors';
import { findFfmpeg } from '../../lib/ffmpeg/run';
import { fileSource, readMp4, type Mp4Info } from '../../lib/mp4';

/** The suite's tests are skipped, visibly, where there is no ffmpeg; in CI they fail. */
export function realFfmpeg(): () => string {
  let file = '';
  before(async function () {
    try {
      file = await findFfmpeg({ env: process.env });
    } catch (error) {
      if (process.env['CI']) throw error;
      this.skip();
    }
  });
  return () => file;
}

export interface Recipe {
  seconds: number;
  /** `width x height`. */
  size?: string;
  /** Pictures that are hard to make small. */
  noise?: boolean;
  audio?: boolean;
  /** Options of the output. */
  args: string[];
}

/** Makes a small MP4 (or, by its name, another) file at 10 pictures a second. */
export function makeSource(ffmpeg: string, file: string, recipe: Recipe): string {
  const { seconds, size = '128x96', noise, audio, args } = recipe;
  const picture = `testsrc=size=${size}:rate=10:duration=${seconds}${noise ? ',noise=alls=60:allf=t' : ''}`;
  const sound = audio ? ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`] : [];
  runQuietly(ffmpeg, ['-f', 'lavfi', '-i', picture, ...sound, ...args, '-y', file]);
  return file;
}

export function runQuietly(ffmpeg: string, args: string[]): string {
  return execFileSync(ffmpeg, ['-v', 'error', '-nostdin', ...args], { stdio: 'pipe', encoding: 'utf8' });
}

export async function infoOf(file: string): Promise<Mp4Info> {
  const handle = await open(file, 'r');
  try {
    return await readMp4(await fileSource(handle));
  } finally {
    await handle.close();
  }
}

/** A program made of these shell lines; `$args` is a file with the arguments of each start, one a line. */
export function fakeProgram(folder: string, name: string, lines: string): string {
  const file = join(folder, name);
  const notes = `printf '%s\\n' "$@" >>'${file}.args'; echo start >>'${file}.starts'; echo $$ >'${file}.pid'`;
  writeFileSync(file, `#!/bin/sh\nargs='${file}.args'\n${notes}\n${lines}\n`, { mode: 0o755 });
  return file;
}

export function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

/** A process that has ended and whose parent never asked for it does not count. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return process.platform !== 'linux';
  }
}

export async function failsWith(work: Promise<unknown>, code: ErrorCode, message?: RegExp): Promise<ClipError> {
  const error = await work.then(
    () => assert.fail('It did not fail'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ClipError, String(error));
  assert.equal(error.code, code, error.message);
  if (message) assert.match(error.message, message);
  return error;
}
