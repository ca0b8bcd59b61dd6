// Dispatches between exports to files and exports onto the vendor's storage, for the node.
import { randomUUID } from 'node:crypto';
import type { Connection } from '../connection/connection';
import { toClipError } from '../errors';
import type { JobResult, Job, RunContext } from '../jobs/job';
import type { ClipTransfer, Settings } from '../provider';
import { checkFolder, expandFolder, expandServerPath, removeWorkFolder } from './folder';
import { checkSize, wholeRange, type CameraRange } from './plan';
import { duplicateCamera } from './request';
import { cancelFilesExport, runFilesExport, type ExportOptions } from './run';
import {
  cancelServerExport,
  checkServerExport,
  runServerExport,
  serverExportWaiting,
  showServerExport,
  type ServerExportJobData,
} from './server';
import { newFilesJobData, showFilesExport, type FilesJobData } from './work';

export type ExportJobData = (FilesJobData | ServerExportJobData) & {
  /** Only while it goes on, for whoever looks. */
  transfer?: ClipTransfer;
  /** Names of its cameras by their ids, as far as they are known. */
  cameraNames?: Record<string, string>;
};

export interface ExportRequest {
  to: 'files' | 'server';
  ranges: CameraRange[];
  /** Template of the folder: here, or on the server of the vendor. */
  folder: string;
  /** For `files`, absolute: where relative folders start. */
  base: string;
  /** Of local times in the folder; absent: that of this computer. */
  timeZone?: string;
  join: boolean;
  /** Values of the provider's fields for clips. */
  options: Settings;
  /** For `server`: bytes per second, 0 for no limit. */
  bandwidth: number;
  /** Epoch milliseconds; absent: never. */
  giveUpAt?: number;
}

/**
 * The job of a request. Nothing is started, made or asked for yet.
 * @throws EINVALID, ELIMIT, EUNSUPPORTED: all that can be known to be wrong with it
 */
export async function newExport(request: ExportRequest, connection: Connection): Promise<ExportJobData> {
  const { to, ranges, folder, base, timeZone, join, options, bandwidth, giveUpAt } = request;
  const { definition, maxClipSeconds } = connection;
  const id = randomUUID();
  const named = { id, provider: definition.id, ranges, ...(timeZone ? { timeZone } : {}) };
  const common = { connection: connection.id, id, ...(giveUpAt === undefined ? {} : { giveUpAt }) };
  if (to === 'server') {
    const asked = { cameras: ranges, path: expandServerPath(folder, named), bandwidth };
    checkServerExport(asked, definition);
    return { ...common, ...serverExportWaiting, to, request: asked };
  }
  checkSize(ranges, maxClipSeconds);
  const place = expandFolder(folder, named, base);
  await checkFolder(place.folder);
  return newFilesJobData(ranges, { ...common, ...place, join, options });
}

export async function runExport(
  job: Job<ExportJobData>,
  connection: Connection,
  context: RunContext<ExportJobData>,
  options: ExportOptions,
): Promise<JobResult<ExportJobData>> {
  let known: ExportJobData;
  try {
    known = await withCameraIds(job.data, connection);
  } catch (thrown) {
    return { type: 'failed', error: toClipError(thrown) };
  }
  const named = { ...job, data: withCameraNames(known, connection) };
  return named.data.to === 'server'
    ? runServerExport(named as Job<ServerExportJobData>, connection, context, options.clock.steadyNow)
    : runFilesExport(named as Job<FilesJobData>, connection, context, options);
}

/** `msg.export`. */
export function showExport(work: ExportJobData) {
  const shown = work.to === 'server' ? showServerExport(work) : showFilesExport(work);
  const cameras = shown.cameras.map(({ camera, ...more }) => {
    const cameraName = work.cameraNames?.[camera];
    return { camera, ...(cameraName === undefined ? {} : { cameraName }), ...more };
  });
  return { ...shown, cameras, ...(work.transfer ? { transfer: work.transfer } : {}) };
}

/** Messages may give cameras by their names, until something is asked for. @throws EINVALID */
async function withCameraIds(work: ExportJobData, { cameras }: Connection): Promise<ExportJobData> {
  const isBegun = work.to === 'server' ? work.requestSent : work.cameras.some(({ parts }) => parts !== undefined);
  if (isBegun) return work;
  const ids: string[] = [];
  for (const { camera } of rangesOf(work)) {
    const id = await cameras.resolve(camera);
    if (ids.includes(id)) throw duplicateCamera(id);
    ids.push(id);
  }
  const withId = <T extends CameraRange>(range: T, index: number): T => ({ ...range, camera: ids[index]! });
  return work.to === 'server'
    ? { ...work, request: { ...work.request, cameras: work.request.cameras.map(withId) } }
    : { ...work, cameras: work.cameras.map(withId) };
}

function withCameraNames(work: ExportJobData, { cameras }: Connection): ExportJobData {
  const ids = rangesOf(work).map(({ camera }) => camera);
  const names = ids.flatMap((id): [string, string][] => {
    const name = cameras.nameOf(id);
    return name === undefined ? [] : [[id, name]];
  });
  return names.length === 0 ? work : { ...work, cameraNames: Object.fromEntries(names) };
}

function rangesOf(work: ExportJobData): CameraRange[] {
  return work.to === 'server' ? work.request.cameras : work.cameras;
}

/** Its subject in short: all cameras together. */
export function subjectOfExport(work: ExportJobData) {
  const ranges = rangesOf(work);
  const { start, end } = wholeRange(ranges);
  const camera = ranges[0]?.camera ?? '';
  return { camera, cameraName: work.cameraNames?.[camera] ?? '', cameras: ranges.length, start, end };
}

/** Its files here. `undefined`: none, as of every export to the server of a vendor. */
export function filesOfExport(work: ExportJobData) {
  if (work.to === 'server') return undefined;
  const { cameras, cameraNames = {}, folder, manifest } = work;
  const files = cameras.flatMap(({ camera, files: saved }) =>
    saved.map(({ path, size, start, end, duration, codec }) => ({
      ...{ path, size, camera, start, end },
      ...(cameraNames[camera] === undefined ? {} : { cameraName: cameraNames[camera] }),
      ...(duration === undefined ? {} : { duration }),
      ...(codec === undefined ? {} : { codec }),
    })),
  );
  return files.length === 0 ? undefined : { files, folder, ...(manifest ? { manifest: manifest.path } : {}) };
}

/** Cancels it at the vendor. @throws what the vendor says against it */
export function cancelExport(work: ExportJobData, connection: Connection, signal: AbortSignal): Promise<void> {
  return work.to === 'server'
    ? cancelServerExport(work, connection, signal)
    : cancelFilesExport(work, connection, signal);
}

/** Removes what an unfinished export has on disk. Never rejects. */
export async function discardExport(work: ExportJobData): Promise<void> {
  if (work.to === 'files') await removeWorkFolder(work);
}
