// Asks a vendor for a clip: the job of one create-clip message.
import type { Connection } from '../connection/connection';
import { toClipError } from '../errors';
import type { JobResult, Job, RunContext } from '../jobs/job';
import type { Clip, ClipRequest, ProviderDefinition } from '../provider';
import { retryDelayMs } from '../async/retry';
import { markClip, type EventMark } from './event-mark';

/** The job of one create-clip message; its `runAt` is when the footage exists. */
export interface CreateJobData {
  connection: string;
  request: ClipRequest;
  /** Set before a vendor is asked that would make a second clip when asked twice. */
  requestSent?: boolean;
  /** The instant that it is asked around. ISO 8601 with `Z`. */
  time?: string;
  /** Its purpose. */
  event?: EventMark;
  clip?: Clip;
}

/** Asks the vendor for the clip. Runs again after a redeploy or crash find what an earlier run reached. */
export async function createClip(
  job: Job<CreateJobData>,
  connection: Connection,
  context: RunContext<CreateJobData>,
): Promise<JobResult<CreateJobData>> {
  const { clip: made, ...asked } = job.data;
  if (made) return { type: 'done', data: job.data };
  try {
    const work = asked.requestSent ? asked : await withCameraId(asked, connection);
    return { type: 'done', data: { ...work, clip: await askForClip(work, connection, context) } };
  } catch (thrown) {
    const error = toClipError(thrown);
    const afterMs = retryDelayMs(error, job.failures + 1, connection);
    return afterMs === undefined ? { type: 'failed', error } : { type: 'retry', afterMs, error };
  }
}

/** Messages may give a camera by its name. */
async function withCameraId(work: CreateJobData, { cameras }: Connection): Promise<CreateJobData> {
  const { request } = work;
  return { ...work, request: { ...request, camera: await cameras.resolve(request.camera) } };
}

/** Asks once, so that a run after a crash does not make a second clip. */
export async function askForClip(
  work: CreateJobData,
  connection: Connection,
  { signal, save }: RunContext<CreateJobData>,
): Promise<Clip> {
  const { definition } = connection;
  const mayDouble = !definition.idempotentCreate;
  const earlier = mayDouble && work.requestSent ? await connection.findClip(work.request, signal) : undefined;
  if (mayDouble && !work.requestSent) await save({ ...work, requestSent: true });
  const clip = earlier ?? (await connection.createClip(work.request, signal));
  const { time, event } = work;
  const more = { ...(time === undefined ? {} : { time }), ...chosenOptions(work.request, definition) };
  return markClip({ ...clip, ...more }, event);
}

/** Only what was chosen: other providers, and most messages, have none. */
function chosenOptions({ options }: ClipRequest, { clipOptions }: ProviderDefinition): Pick<Clip, 'options'> {
  const chosen = Object.entries(options).filter(
    ([name, value]) => clipOptions.find((field) => field.name === name)?.default !== value,
  );
  return chosen.length > 0 ? { options: Object.fromEntries(chosen) } : {};
}
