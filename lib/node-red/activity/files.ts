// Keeps track of the files of a row: only those that a job of ours has written, as they were when they were finished.
import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSameFile, recheckFile, recordFile, type WrittenFile } from '../../files/written-file';
import { longestText, type RowFileSummary } from './row';

/** Facts of a video, beside how it lies on the disk. */
interface FileFacts {
  camera?: string;
  cameraName?: string;
  /** ISO 8601 with `Z`. */
  start?: string;
  end?: string;
  /** Seconds. */
  duration?: number;
  codec?: string;
  problem?: string;
}

/** A video that a job says it has written. */
export interface TaskFile extends FileFacts {
  path: string;
  /** Bytes: another file that lies there by now is none of it. */
  size: number;
  thumbnail?: string;
  /** Its defects, in words. */
  problems?: string[];
}

export interface TaskFiles {
  files: TaskFile[];
  /** Of an export. */
  folder?: string;
  manifest?: string;
}

export interface RowFile extends FileFacts {
  /** Within its row. */
  id: number;
  video: WrittenFile;
  thumbnail?: WrittenFile;
}

export interface RowFiles {
  files: RowFile[];
  folder?: string;
  manifest?: string;
}

export type FileState = 'there' | 'gone' | 'changed';

/** More than that of one export are not offered. */
const mostFiles = 1_000;

/** `undefined`: none of them is there, as flows may move them at once. */
export async function recordFiles({ files, ...place }: TaskFiles): Promise<RowFiles | undefined> {
  const found: RowFile[] = [];
  for (const [id, file] of files.slice(0, mostFiles).entries()) {
    const { path, size, thumbnail, problems = [] } = file;
    const video = await recordFile(path);
    if (video?.size !== size) continue;
    const picture = thumbnail === undefined ? undefined : await recordFile(thumbnail);
    const problem = problems.join('; ').slice(0, longestText);
    found.push({
      id,
      ...factsOf(file),
      ...(problem ? { problem } : {}),
      video,
      ...(picture ? { thumbnail: picture } : {}),
    });
  }
  return found.length > 0 ? { ...place, files: found } : undefined;
}

/** Jobs know more of a file. */
function factsOf({ camera, cameraName, start, end, duration, codec }: TaskFile): FileFacts {
  const facts = Object.entries({ camera, cameraName, start, end, duration, codec });
  return Object.fromEntries(facts.filter(([, value]) => value !== undefined));
}

export function summaryOf({ files, folder }: RowFiles): RowFileSummary {
  const [first] = files;
  const size = files.reduce((sum, { video }) => sum + video.size, 0);
  if (files.length > 1) return { path: folder ?? dirname(first!.video.path), count: files.length, size };
  const { video, duration, codec, problem } = first!;
  return {
    path: video.path,
    count: 1,
    size,
    ...(duration === undefined ? {} : { duration }),
    ...(codec === undefined ? {} : { codec }),
    ...(problem === undefined ? {} : { problem }),
  };
}

export async function stateOf({ video }: RowFile): Promise<FileState> {
  const found = await recordFile(video.path);
  if (found) return isSameFile(video, found) ? 'there' : 'changed';
  // It may be no plain file any more.
  return (await exists(video.path)) ? 'changed' : 'gone';
}

/**
 * Removes a video and its picture; what has been changed stays.
 * @returns how the video was found
 * @throws what the file system says
 */
export async function removeFile(file: RowFile): Promise<FileState> {
  const state = await stateOf(file);
  if (state !== 'there') return state;
  await rm(file.video.path);
  const { thumbnail } = file;
  if (thumbnail && isSameFile(thumbnail, await recordFile(thumbnail.path))) await rm(thumbnail.path, { force: true });
  return 'there';
}

/** The files that are still as they were, after a restart. */
export async function recheckFiles({ files, ...place }: RowFiles): Promise<RowFiles | undefined> {
  const kept: RowFile[] = [];
  for (const { thumbnail, ...file } of files) {
    const video = await recheckFile(file.video);
    const picture = thumbnail && (await recheckFile(thumbnail));
    if (video) kept.push({ ...file, video, ...(picture ? { thumbnail: picture } : {}) });
  }
  return kept.length > 0 ? { ...place, files: kept } : undefined;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
