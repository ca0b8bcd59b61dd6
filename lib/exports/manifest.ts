// Writes `manifest.json` and `SHA256SUMS`, so that the files of an export can be handed on and checked.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { isFile } from '../files/hash';
import { publish } from '../files/publish';
import { syncFile } from '../files/sync';
import { workFolder } from './folder';
import { gapsOf, missingOf, type CameraJobData, type FilesJobData, type Placed, type SavedFile } from './work';

const manifestName = 'manifest.json';
const sumsName = 'SHA256SUMS';

/** Writes both beside the files, each under a name that is not taken; once only, over all runs. */
export async function writeManifest(
  work: FilesJobData,
  { provider, now, save }: { provider: string; now: number; save(): Promise<void> },
): Promise<void> {
  const files = work.cameras.flatMap((camera) => camera.files);
  if (files.length === 0) return;
  const manifest = await once(work, manifestName, work.manifest, `${JSON.stringify(manifestOf(work, provider, now), undefined, 2)}\n`, async (placed) => {
    work.manifest = placed;
    await save();
  }); // prettier-ignore
  await once(work, sumsName, work.sums, sumsOf(work.folder, [...files, manifest]), async (placed) => {
    work.sums = placed;
    await save();
  });
}

/** @param earlier what an earlier run has placed, or was about to */
async function once(
  work: FilesJobData,
  name: string,
  earlier: Placed | undefined,
  text: string,
  keep: (placed: Placed) => Promise<void>,
): Promise<Placed> {
  if (earlier && (await isFile(earlier.path, earlier.size, earlier.sha256))) return earlier;
  const part = join(workFolder(work), name);
  const handle = await open(part, 'w');
  try {
    await handle.writeFile(text);
    await syncFile(handle);
  } finally {
    await handle.close();
  }
  const facts = { size: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') };
  const path = await publish(part, join(work.folder, name), 'rename', (free) => keep({ ...facts, path: free }));
  return { ...facts, path };
}

function manifestOf(work: FilesJobData, provider: string, now: number): object {
  const { id, connection, join: isJoined, cameras, folder } = work;
  const { name, version } = require('@vms-nodes/node-red-video-clips/package.json') as Record<string, string>;
  return {
    export: id,
    written: new Date(now).toISOString(),
    tool: { name, version },
    request: {
      provider,
      connection,
      join: isJoined,
      cameras: cameras.map(({ camera, start, end }) => ({ camera, start, end })),
    },
    cameras: cameras.map((camera) => describeCamera(camera, folder)),
  };
}

function describeCamera(work: CameraJobData, folder: string): object {
  const { camera, start, end, files, problems, error } = work;
  return {
    camera,
    start,
    end,
    files: files.map((file) => describeFile(file, folder)),
    gaps: gapsOf(work),
    missing: missingOf(work),
    problems,
    ...(error ? { error } : {}),
  };
}

function describeFile({ path, parts: _parts, ...facts }: SavedFile, folder: string): object {
  return { file: nameIn(folder, path), ...facts };
}

/** As `sha256sum` writes them, and reads them with `-c`. */
export function sumsOf(folder: string, files: Placed[]): string {
  return files.map(({ path, sha256 }) => sumLine(nameIn(folder, path), sha256)).join('');
}

/** A name with a line break or a backslash is escaped, and a backslash at the start of the line says so. */
export function sumLine(name: string, sha256: string): string {
  const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };
  const escaped = name.replace(/[\\\n\r]/g, (character) => escapes[character]!);
  return `${escaped === name ? '' : '\\'}${sha256}  ${escaped}\n`;
}

/** Relative to the folder, with slashes. */
function nameIn(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/') || basename(path);
}
