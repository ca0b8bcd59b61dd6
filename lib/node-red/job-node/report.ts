// Reports the jobs of a node: by the status below it, and to the list of all work.
import { randomUUID } from 'node:crypto';
import type { ClipError } from '../../errors';
import { storeMessage } from '../../jobs/message';
import type { NodeControls } from '../activity/feed';
import type { Subject } from '../activity/row';
import { getConnection } from '../connections';
import type { Message, Node } from '../node-red';
import type { Runtime } from '../runtime';
import type { JobEvent, StatusWords } from './event';
import type { JobNodeOptions, Task, TaskSubject } from './options';
import { describeRefused } from './refused';
import { nodeStatus } from './status';

export interface ReportedJob<T> {
  id: string;
  createdAt?: number;
  /** Absent where only its id is known here. */
  task?: T;
  /** As it came in, if it did so here. */
  message?: Message;
  /** Its message as it is stored, to be tried again with after a failure. */
  stored?: Record<string, unknown>;
}

export interface JobReport<T> {
  report(job: ReportedJob<T>, event: JobEvent): void;
  /** A job that ended on another instance. */
  settledRemotely(jobId: string, how: 'done' | 'failed' | undefined): void;
  /** A message that did not become a job. */
  refused(message: Message, error: ClipError): void;
  knows(jobId: string): boolean;
  misconfigured(): void;
  pause(isPaused: boolean): void;
  close(): Promise<void>;
}

export function jobReport<T extends Task, Settings>(
  runtime: Runtime,
  node: Node,
  { subject, idOf, writtenFiles, status, connectionOf }: JobNodeOptions<T, Settings>,
  controls: NodeControls,
): JobReport<T> {
  const shown = nodeStatus(runtime, node);
  const feed = runtime.activity.join(node, controls);
  const finished: StatusWords = [status.finished];
  let lastRefused: { key: string; rowId: string } | undefined;

  function updateFeed({ id, createdAt, task, message, stored }: ReportedJob<T>, event: JobEvent): void {
    const clip = task && idOf(task);
    const rowId = feed.report(
      {
        id,
        ...(createdAt === undefined ? {} : { createdAt }),
        ...(task ? { subject: subjectOf(runtime, task.connection, subject(task)) } : {}),
        ...(task && clip !== undefined ? { clip: `${task.connection} ${clip}` } : {}),
      },
      event,
      message,
    );
    if (rowId === undefined) return;
    if (event.type === 'failed' && stored) feed.keep(rowId, stored);
    const isOver = event.type === 'finished' || event.type === 'failed';
    const written = task && isOver ? writtenFiles?.(task, event.type === 'failed') : undefined;
    if (written) feed.saved(rowId, written);
  }

  function report(job: ReportedJob<T>, event: JobEvent): void {
    shown.report(job.id, event);
    updateFeed(job, event);
  }

  return {
    report,
    settledRemotely(jobId, how) {
      if (!shown.knows(jobId)) return;
      report({ id: jobId }, how === 'done' ? { type: 'finished', words: finished } : gone(how));
    },
    refused(message, error) {
      const id = randomUUID();
      const event: JobEvent = { type: 'failed', error };
      shown.report(id, event);
      const { connection, clip, subject: about } = describeRefused(message, connectionOf, runtime.clock.now());
      const key = JSON.stringify([connection, about.camera, error.code, error.message]);
      const cameraName = about.cameraName || cameraNameOf(runtime, connection, about.camera);
      const subject = subjectOf(runtime, connection, { ...about, cameraName });
      const job = { id, subject, ...(clip ? { clip } : {}) };
      // A flow that sends nonsense may send it every second: that is one row.
      const rowId = feed.report(job, event, message, lastRefused?.key === key ? lastRefused.rowId : undefined);
      if (rowId === undefined) return;
      lastRefused = { key, rowId };
      const stored = storedOrNot(message);
      if (stored) feed.keep(rowId, stored);
    },
    knows: (jobId) => shown.knows(jobId),
    misconfigured: () => shown.misconfigured(),
    pause: (isPaused) => shown.pause(isPaused),
    async close() {
      shown.close();
      feed.leave();
      await runtime.activity.flush();
    },
  };
}

function gone(how: 'failed' | undefined): JobEvent {
  return { type: 'gone', hasFailed: how === 'failed' };
}

/** As the list of the connection has it; empty where it is not known, or there is no connection. */
function cameraNameOf(runtime: Runtime, connection: string, camera: string): string {
  try {
    return getConnection(runtime, connection).cameras.nameOf(camera) ?? '';
  } catch {
    return '';
  }
}

function subjectOf({ RED }: Runtime, connection: string, about: TaskSubject): Subject {
  const { camera, cameraName = '', cameras = 1, start, end, title = '' } = about;
  const connectionName = RED.nodes.getNode(connection)?.name ?? '';
  return { connection, connectionName, camera, cameraName, cameras, start, end, title };
}

/** Some messages cannot be read: then there is nothing to try again with. */
function storedOrNot(message: Message): Record<string, unknown> | undefined {
  try {
    return storeMessage(message).message;
  } catch {
    return undefined;
  }
}
