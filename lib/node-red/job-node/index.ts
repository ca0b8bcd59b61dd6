// Makes a working node: messages become jobs, and the outcomes of jobs become messages, statuses and errors.
import { ClipError, toClipError } from '../../errors';
import type { Job } from '../../jobs/job';
import type { Node } from '../node-red';
import type { Runtime } from '../runtime';
import { acceptor } from './accept';
import { cancelJobs, namedBy } from './cancel';
import { fail, idleEvent, reportEvent, taskJob, type NodeContext } from './context';
import { liveMessages } from './live-messages';
import type { JobNodeOptions, StoredJobData, Task } from './options';
import { jobReport } from './report';
import { jobRuns } from './run';
import { settler } from './settle';

export function jobNode<T extends Task, Settings>(
  runtime: Runtime,
  node: Node,
  options: JobNodeOptions<T, Settings>,
): void {
  const { engine } = runtime;
  const report = jobReport(runtime, node, options, {
    cancel: (jobId) => cancelJobs(context, ({ id }) => id === jobId, 'Cancelled in the sidebar'),
    restore: (job) => reportEvent(context, job as StoredJob, idleEvent(context, job as StoredJob)),
  });
  const live = liveMessages(node);
  const context: NodeContext<T, Settings> = { runtime, node, engine, options, live, report, cancelling: new Map() };
  const runs = jobRuns(context);
  const { run, onRetry } = runs;
  const settling = settler(context);
  let release: (() => Promise<void>) | undefined;
  let settings: Settings | ClipError;

  type StoredJob = Job<StoredJobData<T>>;

  function register(): void {
    release ??= engine.register<StoredJobData<T>>(node.id, { run, onRetry, ...settling });
  }
  const accept = acceptor(context, register);

  async function close(removed: boolean): Promise<void> {
    runs.close();
    await release?.();
    live.clear();
    if (removed) await dropJobs();
    await report.close();
  }

  async function dropJobs(): Promise<void> {
    const dropped = (await engine.remove((job) => job.nodeId === node.id)) as StoredJob[];
    for (const job of dropped) {
      reportEvent(context, job, { type: 'gone', hasFailed: false });
      await options.discard?.(taskJob(job));
    }
    if (dropped.length > 0) node.log(`Dropped ${dropped.length} unfinished job(s) with the node`);
  }

  try {
    settings = options.configure();
  } catch (thrown) {
    settings = toClipError(thrown);
    report.misconfigured();
  }
  const stopListening = engine.onPause?.((isPaused) => report.pause(isPaused));
  const stopWaiting = runtime.whenFlowsStarted(() => {
    // Stored jobs go on when all nodes exist: what is sent earlier would be lost.
    register();
    engine.wake((job) => job.nodeId === node.id && (job as StoredJob).data.isStuck === true);
    runtime.activity.restore();
  });

  node.on('input', (message, send, done) => {
    const handle = async (): Promise<void> => {
      // Before anything else: a job that is cancelled is settled by this node.
      register();
      if (message.cancel === true) {
        await cancelJobs(context, namedBy(message, options), 'Cancelled by a message');
        return done();
      }
      if (settings instanceof ClipError) throw settings;
      await engine.accept(() => accept(message, send, done, settings));
    };
    handle().catch((thrown: unknown) => {
      const error = toClipError(thrown);
      try {
        report.refused(message, error);
      } catch (failure) {
        // Thrown out of here, it would end Node-RED.
        node.warn(toClipError(failure).message);
      }
      fail(context, { message, send, done, progressAt: 0 }, error);
    });
  });

  node.on('close', (removed, done) => {
    stopWaiting();
    stopListening?.();
    close(removed)
      .catch((thrown: unknown) => node.warn(toClipError(thrown).message))
      .finally(done);
  });
}
