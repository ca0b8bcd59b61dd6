// Saves the settled parts of a camera under their final names: joined where they fit together.
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMissing } from '../files/errors';
import { isFile } from '../files/hash';
import { expandFittingFilename } from '../files/name-limit';
import { makeFolder, type FreeBytes } from '../files/folder';
import { publish } from '../files/publish';
import { toClipError } from '../errors';
import { cameraFolder, partPath } from './folder';
import { videoFacts } from '../mp4';
import { inspect } from '../mp4/inspect';
import { joinParts } from './join';
import { planJoins, type JoinPart, type JoinPlan } from './join-plan';
import { evaluateCamera } from './outcome';
import { secondsOf } from '../time-range';
import type { CameraJobData, Failure, FilesJobData, PartFile, SavedFile } from './work';

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
interface Here extends JoinPart {
  index: number;
  file: PartFile;
  /** As it was before it was inspected. */
  state: Stats;
}

/** A file that is about to get its name. */
interface Ready {
  at: string;
  /** As it was when it was looked at. */
  state: Stats;
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
  if (work.join) await saveJoined(work, camera, here, cameraFolder(work, index), options);
  else for (const part of here) await save(work, camera, asItIs(part), '{camera}/{start}.mp4', options);
  evaluateCamera(camera);
  await options.save();
}

const lost: Failure = {
  code: 'EINCOMPLETE',
  message: 'Another program has removed or changed what was downloaded before it got its name',
  retryable: true,
};

/** Is a part of the camera not here any more? Hours may lie between its transfer and its joining. */
export async function isAnyLost(work: FilesJobData, camera: number): Promise<boolean> {
  const { files, parts = [] } = work.cameras[camera]!;
  for (const [index, { file }] of parts.entries()) {
    if (!file || isSaved(files, index)) continue;
    if (!(await stateOfPart(partPath(work, camera, index), file))) return true;
  }
  return false;
}

function isSaved(files: SavedFile[], part: number): boolean {
  return files.some(({ parts: [first, next] }) => part >= first && part < next);
}

/** `undefined`: it is not there, or another one. */
async function stateOfPart(path: string, { size }: PartFile): Promise<Stats | undefined> {
  const state = await lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return state?.isFile() && state.size === size ? state : undefined;
}

async function partsHere(work: FilesJobData, camera: number): Promise<Here[]> {
  const { files, parts = [] } = work.cameras[camera]!;
  const found: Here[] = [];
  for (const [index, part] of parts.entries()) {
    const { file } = part;
    if (!file || isSaved(files, index)) continue;
    const path = partPath(work, camera, index);
    const { end, start } = part;
    const state = await stateOfPart(path, file);
    if (!state) {
      delete part.file;
      part.error = lost;
      continue;
    }
    found.push({ start, end, file, gaps: file.gaps, index, path, state, inspection: await inspect(path) });
  }
  return found;
}

/** Keeps parts that cannot be joined: all footage is here, so it is a problem and no failure. */
async function saveJoined(
  work: FilesJobData,
  camera: CameraJobData,
  here: Here[],
  folder: string,
  options: FinishOptions,
): Promise<void> {
  const plans = await planJoins(here);
  const numbered = (): string => `{camera} {start} part ${camera.files.length + 1}.mp4`;
  const isSplit = camera.files.length + plans.length > 1;
  let next = 0;
  for (const plan of plans) {
    const group = here.slice(next, (next += plan.parts.length));
    if (plan.reason) camera.problems.push(plan.reason);
    try {
      const ready = group.length === 1 ? asItIs(group[0]!) : await joined(plan, group, here, folder, options);
      await save(work, camera, ready, isSplit ? numbered() : '{camera} {start}.mp4', options);
    } catch (thrown) {
      const error = toClipError(thrown);
      if (options.signal.aborted || group.length === 1) throw error;
      camera.problems.push(`the clips from ${group[0]!.start} on are in files of their own. ${error.message}`);
      for (const part of group) await save(work, camera, asItIs(part), numbered(), options);
    }
  }
}

function asItIs({ index, file, path, state, inspection: { mp4 } }: Here): Ready {
  const { start, end, size, sha256, problems } = file;
  const facts = { size, sha256, start, end, ...videoFacts(mp4), problems };
  return { at: path, state, facts: { ...facts, parts: [index, index + 1] } };
}

async function joined(
  plan: JoinPlan,
  group: Here[],
  all: Here[],
  folder: string,
  options: FinishOptions,
): Promise<Ready> {
  const [first, last] = [group[0]!, group.at(-1)!];
  const totalSeconds = (parts: Here[]): number => parts.reduce((sum, part) => sum + secondsOf(part), 0);
  const before = totalSeconds(all.slice(0, all.indexOf(first)));
  const { path, size, sha256, mp4, problems } = await joinParts({
    ...options,
    plan,
    folder,
    name: `joined-${first.index + 1}.mp4`,
    onProgress: (done) => options.onJoining((before + done * totalSeconds(group)) / totalSeconds(all)),
  });
  const ofParts = group.flatMap(({ start, file }) => file.problems.map((problem) => `at ${start}: ${problem}`));
  const range = { start: first.file.start, end: last.file.end };
  const facts = { size, sha256, ...range, ...videoFacts(mp4), problems: [...ofParts, ...problems] };
  return { at: path, state: await lstat(path), facts: { ...facts, parts: [first.index, last.index + 1] } };
}

/** Under a name that is not taken. A crash at any moment leaves it found by the next run, or not there. */
async function save(
  work: FilesJobData,
  camera: CameraJobData,
  { at, state, facts }: Ready,
  name: string,
  options: FinishOptions,
): Promise<void> {
  // Joined parts are named after the whole range, single ones after their own.
  const start = name.includes('/') ? facts.start : camera.start;
  const named = { id: work.id, provider: options.provider, camera: camera.camera, start, end: facts.end };
  const wanted = await expandFittingFilename(name, named, { folder: work.folder });
  await makeFolder(dirname(wanted), work.root);
  const before = async (free: string): Promise<void> => {
    camera.publishing = { ...facts, path: free };
    await options.save();
  };
  const path = await publish(at, wanted, 'rename', before, { size: facts.size, sha256: facts.sha256, state });
  camera.files.push({ ...facts, path });
  delete camera.publishing;
  await options.save();
}
