// Runs an export to files: plan, fetch, join, manifest. Any number of cameras, any length, as one job.
import { fileError } from '../files/errors';
import { freeBytes, makeFolder, type FreeBytes } from '../files/folder';
import type { Clock } from '../async/clock';
import type { Connection } from '../connection/connection';
import { cancelled, ClipError, toClipError } from '../errors';
import type { ClipTransfer } from '../provider';
import type { JobResult, Job, RunContext } from '../jobs/job';
import { fetchParts } from './fetch';
import { finishCamera, isAnyLost } from './finish';
import { checkFolder, removeWorkFolder, workFolder } from './folder';
import { writeManifest } from './manifest';
import { checkCount, planParts } from './plan';
import { progressOf } from './progress';
import { inParallel, oneAtATime, pauses, withRetries } from './steps';
import { evaluateCamera, evaluateExport } from './outcome';
import { failureOf, type CameraJobData, type FilesJobData } from './work';

export interface ExportOptions {
  clock: Clock;
  /** Path of the program, which only sound that has to be encoded needs. @throws EFFMPEG */
  findFfmpeg(): Promise<string>;
  freeBytes?: FreeBytes;
  /** First wait for a clip. */
  pollMs?: number;
  /** Called now and then while the work goes on. */
  onProgress(work: FilesJobData, transfer: ClipTransfer): void;
}

const defaultPollMs = 2_000;
const surveysAtOnce = 4;
/** The connection is being deployed again: whoever comes next goes on. */
const goOnAfterMs = 1_000;

/**
 * Runs until the whole export is over. What it has reached is stored on the way, so that a run after a crash, a redeploy or
 * on another instance goes on from there.
 */
export async function runFilesExport(
  job: Job<FilesJobData>,
  connection: Connection,
  context: RunContext<FilesJobData>,
  options: ExportOptions,
): Promise<JobResult<FilesJobData>> {
  const work = structuredClone(job.data);
  const { signal } = context;
  const { clock } = options;
  const save = oneAtATime(() => context.save(work));
  const progress = progressOf(work, clock, (transfer) => options.onProgress(work, transfer));
  try {
    work.status = 'busy';
    await prepare(work);
    await plan(work, connection, signal, options);
    await save();
    progress.report();
    const { pollMs = defaultPollMs } = options;
    const fetching = { job, connection, clock, signal, save, progress, pollMs };
    let ended = await fetchParts(work, fetching);
    await save();
    for (const [index, { status }] of work.cameras.entries()) {
      if (status !== 'busy') continue;
      if (await isAnyLost(work, index)) ended = (await fetchParts(work, fetching)) ?? ended;
      await finishCamera(work, index, {
        provider: connection.definition.id,
        findFfmpeg: options.findFfmpeg,
        freeBytes: options.freeBytes ?? freeBytes,
        signal,
        save,
        onJoining: (done) => progress.joining(index, done),
      });
      progress.report();
    }
    await writeManifest(work, { provider: connection.definition.id, now: clock.now(), save });
    const error = evaluateExport(work, ended);
    await removeWorkFolder(work);
    if (error) return { type: 'failed', error, data: { ...work, status: 'failed' } };
    return { type: 'done', data: { ...work, status: 'finished', progress: 100 } };
  } catch (thrown) {
    const error = fileError(thrown, `Exporting to ${work.folder}`);
    if (error.code === 'EABORTED' && !signal.aborted) return { type: 'retry', afterMs: goOnAfterMs, data: work };
    return { type: 'failed', error, data: { ...work, status: 'failed' } };
  }
}

/** Local preconditions are checked before the vendor is asked for anything. */
async function prepare(work: FilesJobData): Promise<void> {
  await checkFolder(work.folder);
  await makeFolder(workFolder(work), work.root);
}

async function plan(
  work: FilesJobData,
  connection: Connection,
  signal: AbortSignal,
  { clock }: ExportOptions,
): Promise<void> {
  const open = work.cameras.filter(({ parts }) => parts === undefined);
  const { pause, stop } = pauses(clock, connection, signal);
  const planOne = async (camera: CameraJobData): Promise<void> => {
    try {
      const survey = () => connection.surveyFootage(camera.camera, { start: camera.start, end: camera.end }, signal);
      Object.assign(camera, planParts(camera, await withRetries(survey, pause)), { status: 'busy' });
    } catch (thrown) {
      const error = toClipError(thrown);
      if (error.code === 'EABORTED' || error.code === 'EAUTH') throw error;
      Object.assign(camera, { parts: [], status: 'failed', error: failureOf(error) });
    }
    // Nothing to wait for: all of it is a gap.
    if (camera.status === 'busy' && camera.parts?.length === 0) evaluateCamera(camera);
  };
  try {
    await inParallel(open, surveysAtOnce, planOne);
  } finally {
    stop();
  }
  const counts = work.cameras.map(({ parts = [] }) => parts.length);
  checkCount(
    counts.reduce((sum, count) => sum + count, 0),
    work.cameras.length,
    connection.maxClipSeconds,
  );
  if (signal.aborted) throw cancelled();
}

/**
 * Cancels at the vendor the clips of a cancelled export that are still being made.
 * @throws the first refusal, once all have been cancelled
 */
export async function cancelFilesExport(
  work: FilesJobData,
  connection: Connection,
  signal: AbortSignal,
): Promise<void> {
  const clips = work.cameras.flatMap(({ parts = [] }) => parts.flatMap(({ clip }) => (clip ? [clip] : [])));
  const unfinished = clips.filter(({ status }) => status === 'pending' || status === 'busy');
  let refusal: ClipError | undefined;
  for (const clip of unfinished) {
    try {
      await connection.cancelClip(clip, signal);
    } catch (thrown) {
      refusal ??= toClipError(thrown);
    }
  }
  if (refusal) throw refusal;
}
