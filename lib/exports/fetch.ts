// Fetches all clips of an export at once: as many as keep the vendor busy, oldest first.
import { isFile } from '../files/hash';
import type { Clock } from '../async/clock';
import type { Connection } from '../connection/connection';
import { cancelled, toClipError, type ErrorCode } from '../errors';
import type { Job, RunContext } from '../jobs/job';
import { numberedName, partPath } from './folder';
import { fetchPart } from './part';
import type { Progress } from './progress';
import { inParallel, pauses } from './steps';
import { secondsOf } from '../time-range';
import { failureOf, type CameraJobData, type Failure, type FilesJobData, type Part } from './work';

const late: Failure = { code: 'ETIMEOUT', message: 'the time for the export was over', retryable: true };

export interface FetchOptions {
  job: Job;
  connection: Connection;
  clock: Clock;
  signal: RunContext<never>['signal'];
  save(): Promise<void>;
  progress: Progress;
  pollMs: number;
}

/** Transfers wait for the vendor, and the vendor's queue for requests: twice as many keep both going. */
const windowsPerTransfer = 2;

/**
 * Settles every part: as a file, as a gap, or as a failure. Resolves to what ended it before its time, which also became the
 * failure of what was not here yet.
 * @throws EABORTED when the signal fires
 */
export async function fetchParts(work: FilesJobData, options: FetchOptions): Promise<Failure | undefined> {
  const { clock, connection, progress, signal } = options;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const { pause, stop: stopListening } = pauses(clock, connection, either);
  let ended: Failure | undefined;
  const end = (failure: Failure): void => {
    ended ??= failure;
    stop.abort();
  };
  const forgetTimeout = startTimeout(work, clock, () => end(late));
  const fetchOne = async ({ camera, cameraIndex, part }: Queued): Promise<void> => {
    if (either.aborted) return;
    const { start, end: partEnd } = part;
    const partIndex = camera.parts!.indexOf(part);
    const title = `Export ${work.id.slice(0, 8)}, ${partIndex + 1}/${camera.parts!.length}`;
    try {
      await fetchPart(part, {
        ...options,
        signal: either,
        pause,
        request: { camera: camera.camera, start, end: partEnd, title, options: work.options },
        path: partPath(work, cameraIndex, partIndex),
        root: work.root,
        onProgress: (done, bytes) => progress.part(part, done, bytes),
      });
      progress.part(part, 1);
    } catch (thrown) {
      if (!either.aborted) end(failureOf(toClipError(thrown)));
    }
  };
  const settle = async (queued: Queued): Promise<void> => {
    await fetchOne(queued);
    let failed: Part | undefined = queued.part;
    while (failed && !either.aborted) {
      const halves = halve(queued.camera, failed);
      if (!halves) return;
      await options.save();
      for (const half of halves) await fetchOne({ ...queued, part: half });
      // Two failed halves are not due to one instant.
      const [first, second] = halves.filter(({ error }) => error !== undefined);
      failed = second ? undefined : first;
    }
  };
  try {
    await inParallel(queueOf(work), windowsPerTransfer * connection.maxConcurrent, settle);
  } finally {
    forgetTimeout();
    stopListening();
  }
  if (signal.aborted || ended?.code === 'EABORTED') throw cancelled();
  if (ended) await settleRest(work, ended);
  return ended;
}

/** Failures that may be due to a single instant, or to the length. */
const mayHelp: ReadonlySet<ErrorCode> = new Set(['EFAILED', 'EINCOMPLETE', 'ELIMIT']);
/** Halves of less than two seconds are hardly ever clips. */
const leastSeconds = 4;

/**
 * Puts two halves in the place of a part that failed, and returns them: one bad instant must not cost minutes of good footage.
 * `undefined` where that is of no use.
 */
function halve(camera: CameraJobData, part: Part): [Part, Part] | undefined {
  const { parts = [] } = camera;
  if (!part.error || !mayHelp.has(part.error.code) || secondsOf(part) < leastSeconds) return undefined;
  // Files keep their names when others come in between.
  for (const [index, each] of parts.entries()) each.name ??= numberedName(index);
  const { end, name, start } = part;
  // Whole seconds, which every vendor can express.
  const middle = new Date(Math.round((Date.parse(start) + Date.parse(end)) / 2000) * 1000).toISOString();
  const halves: [Part, Part] = [
    { start, end: middle, name: `${name}a` },
    { start: middle, end, name: `${name}b` },
  ];
  parts.splice(parts.indexOf(part), 1, ...halves);
  return halves;
}

/** Parts of an earlier run may not have been verified again. */
async function settleRest(work: FilesJobData, ended: Failure): Promise<void> {
  for (const { cameraIndex, part, partIndex } of queueOf(work)) {
    if (part.file && (await isFile(partPath(work, cameraIndex, partIndex), part.file.size, undefined))) continue;
    delete part.file;
    part.error = ended;
  }
}

interface Queued {
  camera: CameraJobData;
  cameraIndex: number;
  part: Part;
  partIndex: number;
}

/** Parts to fetch, and parts of an earlier run that are to be verified again. */
function queueOf({ cameras }: FilesJobData): Queued[] {
  const isOpen = (camera: CameraJobData, part: Part, index: number): boolean =>
    !part.error &&
    part.empty === undefined &&
    !camera.files.some(({ parts: [first, next] }) => index >= first && index < next);
  return cameras
    .filter(({ status }) => status === 'busy')
    .flatMap((camera) =>
      (camera.parts ?? []).flatMap((part, partIndex) =>
        isOpen(camera, part, partIndex) ? [{ camera, cameraIndex: cameras.indexOf(camera), part, partIndex }] : [],
      ),
    )
    .sort((a, b) => Date.parse(a.part.start) - Date.parse(b.part.start));
}

function startTimeout({ giveUpAt }: FilesJobData, clock: Clock, call: () => void): () => void {
  return giveUpAt === undefined ? () => undefined : clock.after(Math.max(0, giveUpAt - clock.steadyNow()), call);
}
