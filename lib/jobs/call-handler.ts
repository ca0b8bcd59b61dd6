// Calls the handler of a job: what it throws becomes a failure of the job or a warning.
import { toClipError } from '../errors';
import type { Job, JobHandler, JobOutcome, JobResult, RunContext } from './job';
import { unreadableError } from './stored-job';

/** Never rejects. */
export async function runJob(
  handler: JobHandler<unknown>,
  job: Job,
  context: RunContext<unknown>,
): Promise<JobResult<unknown>> {
  try {
    if (job.unreadable !== undefined) return { type: 'failed', error: unreadableError(job.unreadable) };
    return await handler.run(job, context);
  } catch (thrown) {
    return { type: 'failed', error: toClipError(thrown) };
  }
}

/** Delivers an outcome to its handler. What goes wrong with that is raised there, with the message, and never lost. */
export async function settleJob(
  handler: JobHandler<unknown>,
  job: Job,
  outcome: JobOutcome<unknown>,
  warn: (text: string) => void,
): Promise<void> {
  try {
    if (job.unreadable === undefined || !handler.onUndeliverable) await handler.onSettled(job, outcome);
    else handler.onUndeliverable(job, unreadableError(job.unreadable));
  } catch (thrown) {
    const error = toClipError(thrown);
    warn(error.message);
    // The error of a failed job says more than why that could not be delivered.
    const cause = outcome.type === 'failed' ? outcome.error : error;
    await warnOnFailure(() => handler.onUndeliverable?.(job, cause), warn);
  }
}

export async function warnOnFailure(call: () => void | Promise<void>, warn: (text: string) => void): Promise<void> {
  try {
    await call();
  } catch (thrown) {
    warn(toClipError(thrown).message);
  }
}
