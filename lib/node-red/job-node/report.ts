/** What a node tells of its jobs: by the light below it, and to the list of all work. */
import { randomUUID } from 'node:crypto';
import type { ClipError } from '../../errors';
import type { ClipFile } from '../../provider';
import { activityFeed, type NodeControls } from '../activity/feed';
import type { Subject } from '../activity/row';
import type { JobEvent, StatusWords } from './event';
import type { Message, Node, NodeRed } from '../runtime';
import { nodeStatus } from './status';

/** What a job is about, as the list shows it. A clip is one of these. */
export interface WorkSubject {
  camera: string;
  cameraName?: string;
  /** More than one only for exports. */
  cameras?: number;
  /** ISO 8601 with `Z`. */
  start: string;
  end: string;
  title?: string;
}

export interface ReportedJob<W> {
  id: string;
  createdAt?: number;
  /** Absent where only its id is known here. */
  work?: W;
  /** As it came in, if it did so here. */
  message?: Message;
  /** Its message as it is stored, to be tried again with after a failure. */
  stored?: Record<string, unknown>;
}

export interface JobReport<W> {
  report(job: ReportedJob<W>, event: JobEvent): void;
  /** A job that ended on another instance. */
  tellElsewhere(jobId: string, how: 'done' | 'failed' | undefined): void;
  /** A message that did not become a job. */
  refused(error: ClipError): void;
  knows(jobId: string): boolean;
  misconfigured(): void;
  pause(isPaused: boolean): void;
  close(): void;
}

export interface JobReportOptions<W> {
  subject(work: W): WorkSubject;
  /** Of the clip or export, once there is one. */
  idOf(work: W): string | undefined;
  writtenFile?(work: W): ClipFile | undefined;
  status: { finished: string };
}

export function jobReport<W extends { connection: string }>(
  RED: NodeRed,
  node: Node,
  { subject, idOf, writtenFile, status }: JobReportOptions<W>,
  controls: NodeControls,
): JobReport<W> {
  const light = nodeStatus(RED, node);
  const feed = activityFeed(RED).join(node, controls);
  const finished: StatusWords = [status.finished];

  function tellFeed({ id, createdAt, work, message, stored }: ReportedJob<W>, event: JobEvent): void {
    const about = work && subject(work);
    const clip = work && idOf(work);
    const row = feed.report(
      {
        id,
        ...(createdAt === undefined ? {} : { createdAt }),
        ...(work && about ? { subject: subjectOf(RED, work.connection, about) } : {}),
        ...(work && clip !== undefined ? { clip: `${work.connection} ${clip}` } : {}),
      },
      event,
      message,
    );
    if (row === undefined) return;
    if (event.type === 'failed' && stored) feed.keep(row, stored);
    const file = event.type === 'finished' ? work && writtenFile?.(work) : undefined;
    if (file) feed.saved(row, file);
  }

  function reportEvent(job: ReportedJob<W>, event: JobEvent): void {
    light.report(job.id, event);
    tellFeed(job, event);
  }

  return {
    report: reportEvent,
    tellElsewhere(jobId, how) {
      if (!light.knows(jobId)) return;
      reportEvent({ id: jobId }, how === 'done' ? { type: 'finished', words: finished } : gone(how));
    },
    refused: (error) => light.report(randomUUID(), { type: 'failed', error }),
    knows: (jobId) => light.knows(jobId),
    misconfigured: () => light.misconfigured(),
    pause: (isPaused) => light.pause(isPaused),
    close() {
      light.close();
      feed.leave();
    },
  };
}

function gone(how: 'failed' | undefined): JobEvent {
  return { type: 'gone', hasFailed: how === 'failed' };
}

function subjectOf(RED: NodeRed, connection: string, about: WorkSubject): Subject {
  const { camera, cameraName = '', cameras = 1, start, end, title = '' } = about;
  const connectionName = RED.nodes.getNode(connection)?.name ?? '';
  return { connection, connectionName, camera, cameraName, cameras, start, end, title };
}
