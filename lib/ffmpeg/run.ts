// Runs ffmpeg, and ends it when it hangs. The only user of fluent-ffmpeg, which is not maintained: its traps are dealt with
// here. It is loaded on first use, and nothing of ffprobe is used at all.
import type { ChildProcess } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { FfmpegCommand } from 'fluent-ffmpeg';
import { systemClock, type Clock } from '../async/clock';
import { cancelled, ClipError } from '../errors';
import { classifyStderr, isComplaint, plainLine } from './errors';

export { findFfmpeg } from './find';
export type { FfmpegSearch } from './find';
export { classifyStderr } from './errors';

export interface FfmpegRun {
  /** Absolute path of the program. */
  ffmpeg: string;
  /** Each with the name of its demuxer: ffmpeg must not guess from the name or content of a file. */
  inputs: { path: string; format: string; options?: string[] }[];
  /** Without a path nothing is written. An existing file is overwritten. */
  output: {
    path?: string;
    /** Name of the muxer: file names end in `.part`. */
    format: string;
    options?: string[];
    /** Keep the time of every video frame when encoding; by default ffmpeg fills MP4 files up to a constant rate. */
    keepFrameTimes?: boolean;
  };
  signal: AbortSignal;
  /** End of the output so far; only ever grows. */
  onProgress?(progress: { seconds: number }): void;
  clock?: Clock;
}

/** Warnings after which ffmpeg went on. */
export interface FfmpegReport {
  complaints: number;
  /** The first of them. */
  first?: string;
}

/**
 * Resolves when ffmpeg is done. Rejects only after the process is gone, so that its files can be removed. An ffmpeg that for
 * two minutes neither says anything nor writes to its file is ended.
 * @throws EABORTED, EFFMPEG, ENOSPACE
 */
export async function runFfmpeg(run: FfmpegRun): Promise<FfmpegReport> {
  if (!run.output.keepFrameTimes) return runOnce(run, []);
  try {
    return await runOnce(run, ['-fps_mode', 'vfr']);
  } catch (error) {
    // Before 5.1 it was `-vsync`, which 9 has no more. An unknown option fails before any file is touched.
    if (!(error instanceof ClipError && error.message.includes('"fps_mode"'))) throw error;
    return runOnce(run, ['-vsync', 'vfr']);
  }
}

/** Private members of fluent-ffmpeg that are overridden. */
interface Internals {
  _getArguments(): string[];
  _prepare(done: (error: null, args: string[]) => void): void;
  _getFfmpegPath(done: (error: null, file: string) => void): void;
  _spawnFfmpeg(args: string[], options: object, onProcess: OnProcess, onEnd: OnEnd): void;
}
interface Lines {
  get(): string;
}
type OnProcess = (child: ChildProcess, out: Lines, err: Lines) => void;
type OnEnd = (error: unknown, out?: Lines, err?: Lines) => void;

const noLines: Lines = { get: () => '' };
const patienceMs = 2000;
/** While it encodes, ffmpeg says twice a second how far it is; while it moves the index to the front, it only writes. */
const stallMs = 120_000;
const lookMs = 15_000;

function runOnce(run: FfmpegRun, moreOptions: string[]): Promise<FfmpegReport> {
  const { signal, onProgress, clock = systemClock } = run;
  if (signal.aborted) return Promise.reject(cancelled());
  return new Promise((resolve, reject) => {
    const command = prepare(run, moreOptions);
    let child: ChildProcess | undefined;
    let forgetKill: () => void = () => undefined;
    let seconds = 0;
    let hung = false;
    const report: FfmpegReport = { complaints: 0 };

    // fluent-ffmpeg starts the process some time after `run()`, and `kill()` does nothing until then. As it has nothing
    // to prepare here, it starts at once: there is no moment at which an abort finds no process.
    const spawn = command._spawnFfmpeg.bind(command);
    command._spawnFfmpeg = (args, options, onProcess, onEnd) => {
      // Without lines of output its own handler throws where nobody can catch it.
      const end: OnEnd = (error, out = noLines, err = noLines) => onEnd(error, out, err);
      const keep: OnProcess = (started, out, err) => onProcess((child = started), out, err);
      try {
        // A group of its own: where ffmpeg is a script, what it started is stopped with it.
        spawn(args, { ...options, detached: process.platform !== 'win32' }, keep, end);
      } catch (error) {
        // With no file handles left it stumbles over missing pipes; the true reason arrives in the next tick.
        setImmediate(end, error);
      }
    };
    const stop = (): void => {
      watchdog.stop();
      kill(child, 'SIGTERM');
      forgetKill = clock.after(patienceMs, () => {
        kill(child, 'SIGKILL');
        // Other processes may hold the other ends: nothing more is read from them.
        child?.stdout?.destroy();
        child?.stderr?.destroy();
      });
    };
    const watchdog = watch(clock, run.output.path, () => {
      hung = true;
      stop();
    });
    const settle = (error?: unknown, stderr = ''): void => {
      signal.removeEventListener('abort', stop);
      forgetKill();
      watchdog.stop();
      if (signal.aborted) reject(cancelled());
      else if (hung) reject(new ClipError('EFFMPEG', 'ffmpeg did nothing for two minutes and was ended'));
      else if (error) reject(failure(error, stderr, run.ffmpeg, child));
      else resolve(report);
    };
    signal.addEventListener('abort', stop, { once: true });
    // Not its `progress` event: a listener makes it run ffprobe.
    command.on('stderr', (line: string) => {
      watchdog.feed();
      const at = progressSeconds(line);
      if (at !== undefined && at > seconds) onProgress?.({ seconds: (seconds = at) });
      if (!isComplaint(line)) return;
      report.complaints += 1;
      report.first ??= plainLine(line);
    });
    command.on('error', (error: unknown, _stdout: unknown, stderr?: string | null) => settle(error, stderr ?? ''));
    command.on('end', () => settle());
    command.run();
  });
}

/** Calls back once nothing has been fed for two minutes, and the file has not changed either. */
function watch(clock: Clock, path: string | undefined, onHung: () => void) {
  let quietLooks = 0;
  let isOver = false;
  let lastChange: number | undefined;
  let cancel = clock.after(lookMs, () => void look());
  async function look(): Promise<void> {
    quietLooks += 1;
    const found = path === undefined ? undefined : await stat(path).catch(() => undefined);
    if (isOver) return;
    if (found?.mtimeMs !== lastChange) quietLooks = 0;
    lastChange = found?.mtimeMs;
    if (quietLooks * lookMs >= stallMs) onHung();
    else cancel = clock.after(lookMs, () => void look());
  }
  return {
    feed: () => void (quietLooks = 0),
    stop(): void {
      isOver = true;
      cancel();
    },
  };
}

function prepare({ ffmpeg, inputs, output }: FfmpegRun, moreOptions: string[]): FfmpegCommand & Internals {
  const create = require('fluent-ffmpeg') as typeof import('fluent-ffmpeg');
  const command = create() as FfmpegCommand & Internals;
  // It would ask ffmpeg for its formats and encoders first: two more processes, kept as true for every other ffmpeg.
  command._prepare = (done) => done(null, command._getArguments());
  // `setFfmpegPath` sets it for all commands, also for those that are about to start.
  command._getFfmpegPath = (done) => done(null, ffmpeg);
  // Options given as one array would be split at spaces; each call has several, so none is.
  inputs.forEach((input, index) => {
    const general = index === 0 ? ['-nostdin', '-hide_banner', '-y', '-v', 'error', '-stats'] : [];
    const options = [...(input.options ?? []), '-protocol_whitelist', 'file', '-f', input.format];
    command.input(fileUrl(input.path)).inputOptions(...general, ...options);
  });
  command
    .output(output.path === undefined ? '-' : fileUrl(output.path))
    .outputOptions(...(output.options ?? []), ...moreOptions, '-f', output.format);
  return command;
}

/** No file name can be taken for an option, a protocol or `-` this way. */
function fileUrl(file: string): string {
  return `file:${path.resolve(file)}`;
}

/** Position of the output in `time=00:01:02.50`; `undefined` for other lines, `N/A` and times before the start. */
function progressSeconds(line: string): number | undefined {
  const [, hours, minutes, seconds] = /\btime=(\d+):(\d\d):(\d\d(?:\.\d+)?)/.exec(line) ?? [];
  return seconds === undefined ? undefined : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

function kill(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}

function failure(error: unknown, stderr: string, ffmpeg: string, child: ChildProcess | undefined): ClipError {
  const exit = child?.signalCode ?? child?.exitCode ?? null;
  // A negative one is Node's, for a process that never was.
  if (typeof exit === 'string' || (exit !== null && exit > 0)) return classifyStderr(stderr, exit);
  const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
  const retryable = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(code);
  return new ClipError('EFFMPEG', `${ffmpeg} could not be started (${code})`, { retryable });
}
