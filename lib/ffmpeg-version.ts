/** Which ffmpeg it is. */
import { execFile } from 'node:child_process';
import { ClipError } from './errors';

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
