/** Takes the picture of a download at the moment that its node asks for. */
import type { Clip, ClipFile } from '../provider';
import type { DownloadJobData } from './download';
import { withThumbnail } from './postprocess';

/** The range's start, the instant that it was asked around, or the middle of the video. */
export type Snapshot = 'start' | 'instant' | 'middle';

export async function withPicture(
  { clip, exists, snapshot }: Pick<DownloadJobData, 'clip' | 'exists' | 'snapshot'>,
  file: ClipFile,
  findFfmpeg: () => Promise<string>,
  signal: AbortSignal,
): Promise<ClipFile> {
  const atSeconds = snapshot && snapshotSeconds(clip, file, snapshot);
  const pictured = await withThumbnail(file, exists, findFfmpeg, signal, atSeconds);
  return snapshot && pictured.thumbnail !== undefined ? { ...pictured, snapshot: pictured.thumbnail } : pictured;
}

/** At its very end a video has no picture any more. */
const lastPictureSeconds = 0.2;

/** Where a snapshot is, in seconds of the file; `undefined`: in its middle. */
export function snapshotSeconds(
  { start, time }: Pick<Clip, 'start' | 'time'>,
  { extraBefore = 0, missingBefore, duration = Infinity }: Pick<ClipFile, 'extraBefore' | 'missingBefore' | 'duration'>,
  snapshot: Snapshot,
): number | undefined {
  const instant = snapshot === 'start' ? start : snapshot === 'instant' ? time : undefined;
  if (instant === undefined) return undefined;
  const seconds = (Date.parse(instant) - Date.parse(start)) / 1000 + extraBefore - missingBefore;
  return Math.max(0, Math.min(seconds, duration - lastPictureSeconds));
}
