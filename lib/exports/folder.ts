// Chooses the folder of an export's files, and in it the work folder that is gone at the end.
import { constants } from 'node:fs';
import { access, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError } from '../files/errors';
import { expandFilename, expandText, rootFolder, type NamedClip } from '../files/filename';
import { deepestExisting } from '../files/folder';
import { ClipError, reasonFirst } from '../errors';
import { wholeRange, type CameraRange } from './plan';
import type { FilesJobData } from './work';

/** Template fields that differ between the cameras of an export, or that only clips have. */
const ofOneClip = /\{(camera|cameraName|title|event|label)\}/;

export interface NamedExport {
  id: string;
  provider: string;
  ranges: CameraRange[];
  /** Of local times; absent: that of this computer. */
  timeZone?: string;
}

/**
 * The absolute folder of an export, and the one that its placeholders can never leave. Times are those of all cameras.
 * @param folder absolute: where relative templates start
 * @throws EINVALID
 */
export function expandFolder(template: string, named: NamedExport, folder: string): { folder: string; root: string } {
  const clip = asClip(template, named);
  const file = join(template, 'file');
  return { folder: dirname(expandFilename(file, clip, { folder })), root: rootFolder(file, { folder }) };
}

/** A path on the server of a vendor. @throws EINVALID */
export function expandServerPath(template: string, named: NamedExport): string {
  return expandText(template, asClip(template, named)).trim();
}

function asClip(template: string, { id, provider, ranges, timeZone }: NamedExport): NamedClip {
  const [, wrong] = ofOneClip.exec(template) ?? [];
  if (wrong || template.trim() === '') {
    const why = wrong
      ? `{${wrong}} cannot be in the template: use {date} {time} {localDate} {localTime} {start} {end} {id} {provider}`
      : 'The template is empty';
    throw new ClipError('EINVALID', reasonFirst(why, 'Making a folder from the template'));
  }
  return { id, provider, camera: '', ...wholeRange(ranges), ...(timeZone ? { timeZone } : {}) };
}

/**
 * Can files be made in this folder, or it itself? Makes nothing.
 * @throws EINVALID
 */
export async function checkFolder(folder: string): Promise<void> {
  try {
    const existing = await deepestExisting(folder);
    if (!(await stat(existing)).isDirectory()) throw Object.assign(new Error(existing), { code: 'ENOTDIR' });
    await access(existing, constants.W_OK);
  } catch (thrown) {
    throw fileError(thrown, `Exporting to ${folder}`);
  }
}

type Place = Pick<FilesJobData, 'folder' | 'id'>;

/** Belongs to this export alone. */
export function workFolder({ folder, id }: Place): string {
  return join(folder, `.${id.slice(0, 8)}.parts`);
}

/** The folder of a camera's parts. @param camera its place in the export, from 0 */
export function cameraFolder(work: Place, camera: number): string {
  return join(workFolder(work), String(camera + 1));
}

/** @param part its place in the camera, from 0 */
export function partPath(work: Place & Pick<FilesJobData, 'cameras'>, camera: number, part: number): string {
  const { name = numberedName(part) } = work.cameras[camera]?.parts?.[part] ?? {};
  return join(cameraFolder(work, camera), `${name}.mp4`);
}

export function numberedName(part: number): string {
  return String(part + 1).padStart(5, '0');
}

/** Never rejects: what cannot be reached cannot be removed either. */
export async function removeWorkFolder(work: Place): Promise<void> {
  await rm(workFolder(work), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
}
