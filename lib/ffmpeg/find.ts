// Finds ffmpeg on this machine, and asks it for its version.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { ClipError } from '../errors';

export interface FfmpegSearch {
  /** A path, or a name to look for on `PATH`. Empty: not set. */
  setting?: string;
  env: NodeJS.ProcessEnv;
  platform?: NodeJS.Platform;
  isExecutable?(file: string): Promise<boolean>;
  /** The program that an installed npm package brought. */
  bundled?(): string | undefined;
}

const found = new Map<string, string>();

/**
 * The setting, then `FFMPEG_PATH`, then `PATH`, then the package `@ffmpeg-installer/ffmpeg` where it is installed. What was
 * set and is not there is an error: another ffmpeg is never taken silently.
 * @returns an absolute path; remembered while there is a program
 * @throws EFFMPEG
 */
export async function findFfmpeg(search: FfmpegSearch): Promise<string> {
  const { env, setting, platform = process.platform, isExecutable = canRun } = search;
  const key = JSON.stringify([platform, setting, env['FFMPEG_PATH'], folders(env)]);
  const known = found.get(key);
  if (known !== undefined && (await isExecutable(known))) return known;
  for (const file of candidates(search, platform)) {
    if (!(await isExecutable(file))) continue;
    found.set(key, file);
    return file;
  }
  throw notFound(search);
}

function* candidates({ env, setting, bundled = installedPackage }: FfmpegSearch, platform: NodeJS.Platform) {
  const { resolve, delimiter } = platform === 'win32' ? path.win32 : path.posix;
  const program = (name: string) => (platform === 'win32' && !/\.exe$/i.test(name) ? `${name}.exe` : name);
  const onPath = (name: string) =>
    folders(env)
      .split(delimiter)
      // Windows allows quotes around a folder.
      .map((folder) => folder.replace(/^"(.*)"$/, '$1'))
      .filter(Boolean)
      .map((folder) => resolve(folder, program(name)));

  const wanted = wantedIn({ env, setting });
  if (wanted) {
    yield* /[/\\]/.test(wanted.value) ? [resolve(program(wanted.value))] : onPath(wanted.value);
    return;
  }
  yield* onPath('ffmpeg');
  const file = bundled();
  if (file !== undefined) yield file;
}

function wantedIn({ env, setting }: FfmpegSearch): { value: string; from: string } | undefined {
  if (setting?.trim()) return { value: setting.trim(), from: 'the setting' };
  const variable = env['FFMPEG_PATH']?.trim();
  return variable ? { value: variable, from: 'FFMPEG_PATH' } : undefined;
}

function folders(env: NodeJS.ProcessEnv): string {
  return env['PATH'] ?? env['Path'] ?? '';
}

function notFound(search: FfmpegSearch): ClipError {
  const wanted = wantedIn(search);
  return new ClipError(
    'EFFMPEG',
    wanted
      ? `There is no ffmpeg that can be run at ${wanted.value}, where ${wanted.from} says it is. Correct the path`
      : 'ffmpeg was not found. Install it (for example with "apt install ffmpeg", or the npm package ' +
          '@ffmpeg-installer/ffmpeg), or set FFMPEG_PATH to where it is',
  );
}

async function canRun(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

function installedPackage(): string | undefined {
  try {
    const { path: file } = require('@ffmpeg-installer/ffmpeg') as { path?: unknown };
    return typeof file === 'string' ? file : undefined;
  } catch {
    // Not installed, or not made for this platform.
    return undefined;
  }
}

const longestMs = 5_000;

/**
 * As ffmpeg names itself: `7.1.1`, `N-109468-gd39b34123d`.
 * @param file absolute path
 * @throws EFFMPEG where the file cannot be run, or is another program
 */
export function ffmpegVersion(file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, ['-version'], { timeout: longestMs, windowsHide: true }, (error, stdout) => {
      const version = /^ffmpeg version (\S+)/.exec(stdout)?.[1];
      if (!error && version) return resolve(version);
      const reason = error ? (error.code ?? error.signal ?? 'unknown reason') : 'it is not ffmpeg';
      reject(new ClipError('EFFMPEG', `${file} was found, but does not run as ffmpeg (${reason}). Install it again`));
    });
  });
}
