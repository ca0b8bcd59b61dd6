/** What becomes of a camera's parts once all of them are settled: files under their final names. */
import { dirname } from 'node:path';
import { isFile } from '../files/hash';
import { expandFilename } from '../files/filename';
import { makeFolder, type FreeBytes } from '../files/folder';
import { publish } from '../files/publish';
import { toClipError, type ClipError } from '../errors';
import { cameraFolder, partPath } from './folder';
import { inspect, type Inspection } from '../mp4/inspect';
import { joinParts } from './join';
import { judgeCamera } from './outcome';
import { lengthOf, type CameraJobData, type FilesJobData, type Part, type PartFile, type SavedFile } from './work';

export interface FinishOptions {
  /** Id of the provider. */
  provider: string;
  /** Path of the program. @throws EFFMPEG */
  findFfmpeg(): Promise<string>;
  freeBytes: FreeBytes;
  signal: AbortSignal;
  save(): Promise<void>;
  /** 0-1. */
  onJoining(done: number): void;
}

/** A part that is here, and in no file yet. */
interface Here extends Part {
  index: number;
  path: string;
  file: PartFile;
  inspection: Inspection;
}

/** A file that is about to get its name. */
interface Ready {
  at: string;
  facts: Omit<SavedFile, 'path'>;
}

/**
 * Leaves the camera with its files and, where something is missing, its error.
 * @throws EABORTED, or what keeps files from getting their names; another run goes on from there
 */
export async function finishCamera(work: FilesJobData, index: number, options: FinishOptions): Promise<void> {
  const camera = work.cameras[index]!;
  const { publishing } = camera;
  if (publishing && (await isFile(publishing.path, publishing.size, publishing.sha256))) camera.files.push(publishing);
  delete camera.publishing;
  const here = await partsHere(work, index);
  let failure: ClipError | undefined;
  if (work.join) failure = await saveJoined(work, camera, here, cameraFolder(work, index), options);
  else for (const part of here) await save(work, camera, asItIs(part), '{camera}/{start}.mp4', options);
  judgeCamera(camera, failure);
  await options.save();
}

async function partsHere(work: FilesJobData, camera: number): Promise<Here[]> {
  const { files, parts = [] } = work.cameras[camera]!;
  const found: Here[] = [];
  for (const [index, part] of parts.entries()) {
    const { file } = part;
    const isSaved = files.some(({ parts: [first, next] }) => index >= first && index < next);
    if (isSaved || !file) continue;
    const path = partPath(work, camera, index);
    found.push({ ...part, file, index, path, inspection: await inspect(path) });
  }
  return found;
}

/** Resolves to why parts were not joined that should have been: then they are kept as they are. */
async function saveJoined(
  work: FilesJobData,
  camera: CameraJobData,
  here: Here[],
  folder: string,
  options: FinishOptions,
): Promise<ClipError | undefined> {
  const groups = byParameters(here);
  const numbered = (): string => `{camera} {start} part ${camera.files.length + 1}.mp4`;
  const isSplit = camera.files.length + groups.length > 1;
  for (const [first] of groups.slice(1)) camera.problems.push(changeAt(first!));
  let failure: ClipError | undefined;
  for (const group of groups) {
    try {
      const ready = group.length === 1 ? asItIs(group[0]!) : await joined(group, here, folder, options);
      await save(work, camera, ready, isSplit ? numbered() : '{camera} {start}.mp4', options);
    } catch (thrown) {
      failure = toClipError(thrown);
      if (options.signal.aborted) throw failure;
      for (const part of group) await save(work, camera, asItIs(part), numbered(), options);
    }
  }
  return failure;
}

/** Runs of parts that one decoder can play: others cannot be put together without encoding them again. */
function byParameters(here: Here[]): Here[][] {
  const groups: Here[][] = [];
  for (const part of here) {
    const group = groups.at(-1);
    const isSame = group?.[0] && String(group[0].inspection.parameters) === String(part.inspection.parameters);
    if (isSame) group.push(part);
    else groups.push([part]);
  }
  return groups;
}

function changeAt({ start, inspection: { mp4 } }: Here): string {
  const now = `${mp4.codec ?? 'unknown'} ${mp4.width ?? '?'}x${mp4.height ?? '?'}`;
  return `the video changes at ${start} (now ${now}), so what follows is in a file of its own`;
}

function asItIs({ index, file, path, inspection: { mp4 } }: Here): Ready {
  const { start, end, size, sha256, problems } = file;
  const { duration, width, height, codec } = mp4;
  const facts = { size, sha256, start, end, duration, width, height, codec, problems };
  return { at: path, facts: { ...facts, parts: [index, index + 1] } };
}

async function joined(group: Here[], all: Here[], folder: string, options: FinishOptions): Promise<Ready> {
  const [first, last] = [group[0]!, group.at(-1)!];
  const secondsOf = (parts: Here[]): number => parts.reduce((sum, part) => sum + lengthOf(part), 0);
  const before = secondsOf(all.slice(0, all.indexOf(first)));
  const { path, size, sha256, mp4, problems } = await joinParts({
    ...options,
    parts: group,
    folder,
    name: `joined-${first.index + 1}.mp4`,
    ffmpeg: await options.findFfmpeg(),
    onProgress: (done) => options.onJoining((before + done * secondsOf(group)) / secondsOf(all)),
  });
  const { duration, width, height, codec } = mp4;
  const ofParts = group.flatMap(({ start, file }) => file.problems.map((problem) => `at ${start}: ${problem}`));
  const range = { start: first.file.start, end: last.file.end };
  const facts = { size, sha256, ...range, duration, width, height, codec, problems: [...ofParts, ...problems] };
  return { at: path, facts: { ...facts, parts: [first.index, last.index + 1] } };
}

/** Under a name that is not taken. A crash at any moment leaves it found by the next run, or not there. */
async function save(
  work: FilesJobData,
  camera: CameraJobData,
  { at, facts }: Ready,
  name: string,
  options: FinishOptions,
): Promise<void> {
  // Joined parts are named after the whole range, single ones after their own.
  const start = name.includes('/') ? facts.start : camera.start;
  const named = { id: work.id, provider: options.provider, camera: camera.camera, start, end: facts.end };
  const wanted = expandFilename(name, named, { folder: work.folder });
  await makeFolder(dirname(wanted), work.root);
  const path = await publish(at, wanted, 'rename', async (free) => {
    camera.publishing = { ...facts, path: free };
    await options.save();
  });
  camera.files.push({ ...facts, path });
  delete camera.publishing;
  await options.save();
}
