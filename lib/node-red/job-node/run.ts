// Runs the jobs of a node with their connections, and reports on the way.
import type { Connection } from '../../connection/connection';
import type { Job, JobHandler, JobResult } from '../../jobs/job';
import { unreadableError } from '../../jobs/stored-job';
import { getConnection } from '../connections';
import { reportEvent, taskJob, type NodeContext } from './context';
import type { StatusWords } from './event';
import { sendTo } from './live-messages';
import type { StoredJobData, Task } from './options';

const progressEveryMs = 1_000;
/** A stored job whose connection is disabled looks for it this often. */
const connectionRetryMs = 60_000;

export interface JobRuns<T> extends Pick<JobHandler<StoredJobData<T>>, 'run' | 'onRetry'> {
  /** Listens no longer for clips that change. */
  close(): void;
}

export function jobRuns<T extends Task>(context: NodeContext<T>): JobRuns<T> {
  const { runtime, node, engine, options, live } = context;
  /** By connection id: the end of listening there. A connection that was deployed again is another object. */
  const listening = new Map<string, { connection: Connection; stop(): void }>();

  function progress(job: Job<StoredJobData<T>>, task: T, words: StatusWords = options.status.working(task)): void {
    const target = live.of(job);
    const now = runtime.clock.steadyNow();
    if (now - target.progressAt < progressEveryMs) return;
    target.progressAt = now;
    reportEvent(context, job, { type: 'working', words }, task);
    if (options.outputs.progress === undefined) return;
    try {
      const message = { ...target.message };
      options.write(message, task, job.id);
      const content = JSON.stringify([message.clip, message.export]);
      if (content === target.progressed) return;
      target.progressed = content;
      // Cloned last: what other nodes do to it must reach neither the message nor the job.
      sendTo(options.outputs.progress, target, runtime.RED.util.cloneMessage(message));
    } catch {
      // A message that cannot be copied: the job goes on, and its outcome says so.
    }
  }

  /** Stored jobs may be damaged, or be another program's. */
  function isWhole(task: T): boolean {
    try {
      const { camera, start, end } = options.subject(task);
      return [task.connection, camera, start, end].every((text) => typeof text === 'string');
    } catch {
      return false;
    }
  }

  function listenTo(connection: Connection): void {
    const { id } = connection;
    if (listening.get(id)?.connection === connection) return;
    listening.get(id)?.stop();
    const isConcerned = ({ task }: StoredJobData<T>, clipId?: string): boolean =>
      task.connection === id && (clipId === undefined || options.idOf(task) === clipId);
    const stop = connection.onClipChanged((clipId) =>
      engine.wake((job) => job.nodeId === node.id && isConcerned((job as Job<StoredJobData<T>>).data, clipId)),
    );
    listening.set(id, { connection, stop });
  }

  return {
    async run(job, { save, ...run }) {
      const { message, task } = job.data;
      if (!isWhole(task)) throw unreadableError('what is stored of it has another shape');
      const store = (changed: T): StoredJobData<T> => ({ message, task: changed });
      let connection: Connection;
      try {
        connection = getConnection(runtime, task.connection);
      } catch {
        reportEvent(context, job, { type: 'stuck' });
        return { type: 'retry', afterMs: connectionRetryMs, data: { ...job.data, isStuck: true } };
      }
      if (options.wakes) listenTo(connection);
      live.of(job);
      reportEvent(context, job, { type: 'working', words: options.status.working(task) });
      const result = await options.run(
        taskJob(job),
        connection,
        { ...run, save: (changed) => save(store(changed)) },
        { progress: (changed, words) => progress(job, changed, words) },
      );
      // For the names in what comes of it; nothing waits for them.
      if (result.type !== 'failed') connection.cameras.refresh();
      const { data } = result;
      return { ...result, ...(data === undefined ? {} : { data: store(data) }) } as JobResult<StoredJobData<T>>;
    },
    onRetry(job, { afterMs, error }) {
      if (!error) return progress(job, job.data.task);
      reportEvent(context, job, { type: 'retrying', until: runtime.clock.now() + afterMs, error });
      node.log(`${error.code}: ${error.message}. Next try in ${Math.ceil(afterMs / 1000)} s`);
    },
    close() {
      for (const { stop } of listening.values()) stop();
    },
  };
}
