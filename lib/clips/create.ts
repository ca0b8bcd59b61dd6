import type { Connection } from '../connection';
import { toClipError } from '../errors';
import type { Answer, Job, RunContext } from '../jobs/job';
import type { Clip, ClipRequest } from '../provider';
import { retryDelayMs } from '../retry';

/** The job of one create-clip message; its `runAt` is when the footage exists. */
export interface CreateWork {
  connection: string;
  request: ClipRequest;
  /** Set before a vendor is asked that would make a second clip when asked twice. */
  asked?: boolean;
  clip?: Clip;
}

/** Asks the vendor for the clip. Runs again after a redeploy or crash find what an earlier run reached. */
export async function createClip(
  job: Job<CreateWork>,
  connection: Connection,
  context: RunContext<CreateWork>,
): Promise<Answer<CreateWork>> {
  const { clip: made, ...work } = job.data;
  if (made) return { type: 'done', data: job.data };
  const mayDouble = !connection.definition.idempotentCreate;
  try {
    const earlier = mayDouble && work.asked ? await connection.findClip(work.request, context.signal) : undefined;
    if (mayDouble && !work.asked) await context.save({ ...work, asked: true });
    const clip = earlier ?? (await connection.createClip(work.request, context.signal));
    return { type: 'done', data: { ...work, clip } };
  } catch (thrown) {
    const error = toClipError(thrown);
    const afterMs = retryDelayMs(error, job.failures + 1);
    return afterMs === undefined ? { type: 'failed', error } : { type: 'retry', afterMs, because: error };
  }
}
