// Makes the rows of the list of work: one clip or export each, as its jobs have reported it last.
import { plainText } from '../../errors';
import type { JobEvent } from '../job-node/event';

export type Stage =
  | 'waiting'
  | 'requesting'
  | 'created'
  | 'polling'
  | 'ready'
  | 'queued'
  | 'downloading'
  | 'converting'
  | 'working'
  | 'retrying'
  | 'stuck'
  | 'saved'
  | 'failed'
  | 'cancelled'
  | 'expired';

/** The clip or export that the work is about. */
export interface Subject {
  /** Id and name of the `clip-provider` node. */
  connection: string;
  connectionName: string;
  camera: string;
  cameraName: string;
  /** More than one only for exports. */
  cameras: number;
  /** ISO 8601 with `Z`. */
  start: string;
  end: string;
  title: string;
}

/** The node that has it now, or had it last. */
export interface RowNode {
  node: string;
  nodeName: string;
  nodeType: string;
  /** Its tab, or instance of a subflow. */
  flow: string;
}

/** The one file of a row, or all of them together. */
export interface RowFileSummary {
  /** Of more than one: their folder. */
  path: string;
  count: number;
  /** Bytes of all. */
  size: number;
  /** Seconds, where known. */
  duration?: number;
  codec?: string;
  /** Defects of a file that is here. */
  problem?: string;
}

/** All that the editor receives. Nothing else of a message or a job may get in here. */
export interface ActivityRow extends Subject, RowNode {
  /** Random. */
  id: string;
  stage: Stage;
  /** 0-100. */
  progress?: number;
  /** Of a transfer, with the seconds that are left of it. */
  bytesPerSecond?: number;
  etaSeconds?: number;
  /** When it goes on. Instants are epoch milliseconds. */
  until?: number;
  error?: { code: string; message: string };
  /** Files of its job. */
  file?: RowFileSummary;
  isRunning: boolean;
  canRetry: boolean;
  createdAt: number;
  updatedAt: number;
}

/** Titles and vendors' words may be of any length. */
export const longestText = 500;

/** Stages by the words of the nodes' statuses. */
const stages: Record<string, Stage> = {
  requesting: 'requesting',
  created: 'created',
  pending: 'polling',
  busy: 'polling',
  busyPercent: 'polling',
  finished: 'ready',
  queued: 'queued',
  downloading: 'downloading',
  downloadingBytes: 'downloading',
  converting: 'converting',
  saved: 'saved',
  exported: 'saved',
};
const failures: Record<string, Stage> = { EABORTED: 'cancelled', EEXPIRED: 'expired' };

/** The row after an event: of its subject all that was known stays, of its state only what the event says. */
export function nextRow(row: ActivityRow, node: RowNode, subject: Subject | undefined, event: JobEvent): ActivityRow {
  const known = Object.entries(subject ?? {}).filter(([, value]) => value !== '');
  const about = known.map(([name, value]): [string, unknown] => [
    name,
    typeof value === 'string' ? plainText(value, longestText) : value,
  ]);
  const state = { ...stateless, ...stateAfter(row, event) };
  return { ...row, ...(Object.fromEntries(about) as Partial<Subject>), ...node, ...state };
}

const stateless = {
  progress: undefined,
  bytesPerSecond: undefined,
  etaSeconds: undefined,
  until: undefined,
  error: undefined,
};

function stateAfter(row: ActivityRow, event: JobEvent): Partial<ActivityRow> & { stage: Stage } {
  switch (event.type) {
    case 'waiting':
      return { stage: 'waiting', until: event.until };
    case 'working':
      return {
        stage: stages[event.words[0]] ?? 'working',
        progress: numberIn(event.words[1], 'percent'),
        bytesPerSecond: numberIn(event.words[1], 'bytesPerSecond'),
        etaSeconds: numberIn(event.words[1], 'etaSeconds'),
      };
    case 'retrying':
      return { stage: 'retrying', until: event.until, progress: row.progress, error: errorOf(event.error) };
    case 'stuck':
      return { stage: 'stuck' };
    case 'finished':
      return { stage: stages[event.words[0]] ?? 'saved' };
    case 'failed':
      return { stage: failures[event.error.code] ?? 'failed', error: errorOf(event.error) };
    case 'gone':
      return { stage: event.hasFailed ? 'failed' : 'cancelled' };
  }
}

function numberIn(values: Record<string, unknown> | undefined, name: string): number | undefined {
  const value = values?.[name];
  return typeof value === 'number' ? value : undefined;
}

function errorOf({ code, message }: { code: string; message: string }): ActivityRow['error'] {
  return { code, message: plainText(message, longestText) };
}

/** Do two rows show the same? */
export function isSameRow(one: ActivityRow, other: ActivityRow): boolean {
  const { error, ...rest } = { ...one, ...other };
  if (error?.code !== one.error?.code || error?.message !== one.error?.message) return false;
  return (Object.keys(rest) as (keyof typeof rest)[]).every((name) => one[name] === other[name]);
}
