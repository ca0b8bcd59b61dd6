// Takes one picture out of a video, as a JPEG.
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { cancelled, ClipError, reasonFirst } from '../errors';
import { runFfmpeg } from './run';

export interface Thumbnail {
  /** The video. */
  path: string;
  /** Its duration, where known. */
  seconds: number | undefined;
  /** Seconds into the video; default: the middle. */
  atSeconds?: number;
  /** Path of the JPEG; a file of this name is replaced. */
  output: string;
  /** Path of the program. */
  ffmpeg: string;
  signal: AbortSignal;
}

/** At most 640 pixels wide, never larger than the video; pixels that are not square are made so. */
const scale = "scale=w='min(640,iw*sar)':h='ow/dar',setsar=1";

/**
 * One picture of a video, or its first where there is none at that moment, under its name only when it is whole.
 * @throws EABORTED, EFFMPEG, ENOSPACE
 */
export async function makeThumbnail({
  path,
  seconds = 0,
  atSeconds = seconds / 2,
  output,
  ffmpeg,
  signal,
}: Thumbnail): Promise<void> {
  const part = `${output}.part`;
  // Raw MJPEG is a JPEG; ffmpeg's writer of image files would look for patterns in the name.
  const options = ['-map', '0:V:0', '-frames:v', '1', '-vf', scale, '-q:v', '4'];
  const take = async (atSeconds: number): Promise<boolean> => {
    const inputs = [{ path, format: 'mp4', options: ['-ss', atSeconds.toFixed(3)] }];
    await runFfmpeg({ ffmpeg, inputs, output: { path: part, format: 'mjpeg', options }, signal });
    return isJpeg(part);
  };
  try {
    // Beyond the last picture ffmpeg succeeds, with an empty file.
    if (!(await take(atSeconds)) && !(atSeconds > 0 && (await take(0)))) {
      throw new ClipError('EFFMPEG', 'there is no picture that can be decoded');
    }
    if (signal.aborted) throw cancelled();
    await rename(part, output);
  } catch (error) {
    await rm(part, { force: true });
    const isFailure = error instanceof ClipError && error.code !== 'EABORTED';
    throw isFailure ? error.withMessage(reasonFirst(error.message, 'Making the thumbnail')) : error;
  }
}

async function isJpeg(file: string): Promise<boolean> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r+');
    const { size } = await handle.stat();
    const ends = Buffer.alloc(4);
    await handle.read(ends, 0, 2, 0);
    await handle.read(ends, 2, 2, Math.max(0, size - 2));
    await handle.sync();
    return ends.toString('hex') === 'ffd8ffd9';
  } catch {
    return false;
  } finally {
    await handle?.close();
  }
}
