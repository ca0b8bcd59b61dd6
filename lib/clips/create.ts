import type { Connection } from '../connection';
import { toClipError } from '../errors';
import type { Answer, Job, RunContext } from '../jobs/job';
import type { Clip, ClipRequest } from '../provider';
import { retryDelayMs } from '../retry';

/** The job of one create-clip message; its `runAt` is when the footage exists. */
export interface CreateWork {
  connection: string;
  request: ClipRequest;
  clip?: Clip;
}

/** Asks the vendor for the clip. Runs again after a redeploy find what an earlier run reached. */
export async function createClip(
  job: Job<CreateWork>,
  connection: Connection,
  context: RunContext<CreateWork>,
): Promise<Answer<CreateWork>> {
  const work = job.data;
  if (work.clip) return { type: 'done', data: work };
  try {
    const clip = await connection.createClip(work.request, context.signal);
    return { type: 'done', data: { ...work, clip } };
  } catch (thrown) {
    const error = toClipError(thrown);
    const afterMs = retryDelayMs(error, job.failures + 1);
    return afterMs === undefined ? { type: 'failed', error } : { type: 'retry', afterMs, because: error };
  }
}
