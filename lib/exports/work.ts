// Defines the data of the job of an export to files: all of it JSON.
import { mergeRanges, toRange, toTimeRange } from '../time-range';
import type { PartialFile } from '../clips/resume';
import type { ClipError } from '../errors';
import type { Clip, ClipStatus, Gap, Range, Settings } from '../provider';
import type { CameraRange } from './plan';

export interface FilesJobData {
  to: 'files';
  connection: string;
  /** Of the export in messages. */
  id: string;
  /** Absolute, and the folder that it must not leave. */
  folder: string;
  root: string;
  join: boolean;
  /** Values of the provider's fields for clips. */
  options: Settings;
  /** Epoch milliseconds; absent: never. */
  giveUpAt?: number;
  status: ClipStatus;
  /** 0-100. */
  progress: number;
  cameras: CameraJobData[];
  /** Files that are written last, with the names they got. */
  manifest?: Placed;
  sums?: Placed;
}

export interface CameraJobData extends CameraRange {
  status: ClipStatus;
  progress: number;
  /** Known beforehand to have no footage. */
  gaps: Gap[];
  /** Absent: not planned yet. */
  parts?: Part[];
  /** Parts and their outcomes, in order. */
  files: SavedFile[];
  /** A file and the name it is about to get: a restart looks there first. */
  publishing?: SavedFile;
  /** Remarks on the files, in words. */
  problems: string[];
  error?: Failure;
}

/** One clip on its way. */
export interface Part extends Range {
  /** Of its file in the work folder; absent: its number. */
  name?: string;
  /** Set before a vendor is asked that would make a second clip when asked twice. */
  requestSent?: boolean;
  clip?: Clip;
  /** Partial file of a transfer that broke off. */
  partial?: PartialFile;
  /** It is here. */
  file?: PartFile;
  /** The vendor has no footage for it, in its words. */
  empty?: string;
  /** It cannot be had. */
  error?: Failure;
}

export interface Placed {
  /** Absolute. */
  path: string;
  /** Bytes. */
  size: number;
  sha256: string;
}

export interface PartFile extends Omit<Placed, 'path'> {
  /** Range that the clip holds, in the vendor's words. ISO 8601 with `Z`. */
  start: string;
  end: string;
  /** Seconds. */
  duration?: number;
  gaps: Gap[];
  problems: string[];
  /** There is less in it than there should be. */
  isShort: boolean;
}

export interface SavedFile extends Placed {
  start: string;
  end: string;
  duration?: number;
  width?: number;
  height?: number;
  codec?: string;
  problems: string[];
  /** The parts in it: from the first up to, and without, the second. */
  parts: [number, number];
}

export interface Failure {
  code: ClipError['code'];
  message: string;
  retryable: boolean;
}

/** A part of a range that is not in any file, and why. */
export interface Missing extends Range, Failure {}

/** @param request all that the message and the dialog say */
export function newFilesJobData(
  ranges: CameraRange[],
  request: Pick<FilesJobData, 'connection' | 'id' | 'folder' | 'root' | 'join' | 'options' | 'giveUpAt'>,
): FilesJobData {
  const untouched = { status: 'pending', progress: 0 } as const;
  const cameras = ranges.map((range) => ({ ...range, ...untouched, gaps: [], files: [], problems: [] }));
  return { to: 'files', ...request, ...untouched, cameras };
}

export function failureOf({ code, message, retryable }: ClipError): Failure {
  return { code, message, retryable };
}

/** All of a camera's range that has no footage, in order. */
export function gapsOf({ gaps, parts = [] }: CameraJobData): Gap[] {
  const found = parts.flatMap((part) => (part.empty === undefined ? (part.file?.gaps ?? []) : [rangeOf(part)]));
  return mergeRanges([...gaps, ...found].map(toTimeRange)).map(toRange);
}

/** Missing ranges of a camera, without those that the vendor is known not to have; neighbours are merged. */
export function missingOf({ parts = [] }: CameraJobData): Missing[] {
  const missing: Missing[] = [];
  for (const part of parts) {
    const why =
      part.error ??
      (part.file?.isShort
        ? ({ code: 'EINCOMPLETE', message: part.file.problems.join('; '), retryable: false } as const)
        : undefined);
    if (!why) continue;
    const last = missing.at(-1);
    if (last?.end === part.start && last.code === why.code && part.error) last.end = part.end;
    else missing.push({ ...rangeOf(part), ...why });
  }
  return missing;
}

function rangeOf({ start, end }: Range): Range {
  return { start, end };
}

/** `msg.export` of an export to files. */
export function showFilesExport({ id, to, status, progress, cameras, folder, join, manifest }: FilesJobData) {
  return {
    id,
    to,
    status,
    progress,
    cameras: cameras.map((camera) => showCamera(camera, join)),
    folder,
    ...(manifest ? { manifest: manifest.path } : {}),
  };
}

function showCamera(work: CameraJobData, join: boolean) {
  const { camera, start, end, status, progress, files, problems, error } = work;
  const gaps = gapsOf(work);
  // What fails on the way may still be had.
  const missing = error ? missingOf(work) : [];
  const [only, ...others] = files;
  return {
    camera,
    start,
    end,
    status,
    progress,
    ...(only && others.length === 0 ? { path: only.path } : {}),
    ...(only && (others.length > 0 || !join) ? { parts: files.map(showFile) } : {}),
    ...(gaps.length > 0 ? { gaps } : {}),
    ...(missing.length > 0 ? { missing } : {}),
    ...(problems.length > 0 ? { problems } : {}),
    ...(error ? { error } : {}),
  };
}

function showFile({ path, start, end, size, sha256, duration }: SavedFile) {
  return { path, start, end, size, sha256, duration };
}
