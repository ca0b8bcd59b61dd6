// Settles jobs: their outcome becomes messages, statuses and errors.
import type { JobHandler, JobOutcome } from '../../jobs/job';
import { fail, failureOutput, reportEvent, taskJob, unsendable, type NodeContext } from './context';
import { sendTo, type LiveMessage } from './live-messages';
import type { StoredJobData, Task } from './options';

type Outcome<T> = JobOutcome<StoredJobData<T>>;

export function settler<T extends Task>(
  context: NodeContext<T>,
): Required<Pick<JobHandler<StoredJobData<T>>, 'onSettled' | 'onSettledRemotely' | 'onUndeliverable'>> {
  const { runtime, options, live, report, cancelling } = context;

  /** A cancelled job says by whom, where that is known. */
  function explained(jobId: string, outcome: Outcome<T>): Outcome<T> {
    const reason = cancelling.get(jobId);
    if (outcome.type !== 'failed' || outcome.error.code !== 'EABORTED' || reason === undefined) return outcome;
    return { ...outcome, error: outcome.error.withMessage(reason) };
  }

  /** The message as it will leave, by the output that followed its progress. */
  function completeProgress(target: LiveMessage): void {
    const { progress } = options.outputs;
    if (!options.completesProgress || progress === undefined) return;
    sendTo(progress, target, runtime.RED.util.cloneMessage(target.message));
  }

  return {
    async onSettled(job, settled) {
      const outcome = explained(job.id, settled);
      if (outcome.type === 'failed') await options.discard?.(taskJob(job));
      const target = live.of(job);
      if (outcome.type === 'done') {
        reportEvent(context, job, { type: 'finished', words: [options.status.finished] });
      } else {
        reportEvent(context, job, outcome);
      }
      live.take(job.id);
      try {
        options.write(target.message, job.data.task, job.id);
        if (outcome.type === 'failed') return fail(context, target, outcome.error);
        options.onFinished?.(job.data.task);
        completeProgress(target);
        // It may have come from a Catch node, to be tried again.
        delete target.message.clipError;
        sendTo(options.outputs.finished, target, target.message);
        target.done();
      } catch (thrown) {
        fail(context, target, outcome.type === 'failed' ? outcome.error : unsendable(thrown));
      }
    },
    onUndeliverable(job, error) {
      const target = live.of(job);
      live.take(job.id);
      fail(context, target, error);
    },
    /** Another instance has sent the message on. Here, only `done` of the message is left to be called. */
    onSettledRemotely(jobId, how) {
      const target = live.take(jobId);
      options.forget?.(jobId);
      report.settledRemotely(jobId, how);
      if (how === 'done' || (how === 'failed' && failureOutput(context) !== undefined)) target?.done();
    },
  };
}
