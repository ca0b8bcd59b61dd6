// Defines the options by which each working node declares what is special about it; `jobNode` does the rest.
import type { Connection } from '../../connection/connection';
import type { JobResult, Job, RunContext } from '../../jobs/job';
import type { TaskFiles } from '../activity/files';
import type { Message } from '../node-red';
import type { StatusWords } from './event';

/** Work of a node for one message: JSON, and no secrets. */
export interface Task {
  /** Id of the `clip-provider` node. */
  connection: string;
}

/** The data of a job as the engine stores it. */
export interface StoredJobData<T> {
  /** As `storeMessage` has made it. */
  message: Record<string, unknown>;
  task: T;
  /** Its connection was not there when it last ran. */
  isStuck?: boolean;
}

/** Subject of a task, as the list of work shows it. A clip is one of these. */
export interface TaskSubject {
  camera: string;
  cameraName?: string;
  /** More than one only for exports. */
  cameras?: number;
  /** ISO 8601 with `Z`. */
  start: string;
  end: string;
  title?: string;
}

export interface JobNodeOptions<T extends Task, Settings> {
  /** Reads the dialog's values, once. @throws EINVALID */
  configure(): Settings;
  /** Id of the `clip-provider` node for a message; empty: none is chosen. @throws EINVALID or ENOTFOUND */
  connectionOf(message: Message): string;
  /** Turns a message into a task without touching the network. @throws what the message lacks, named */
  accept(message: Message, settings: Settings): Promise<{ task: T; runAt?: number }>;
  run(job: Job<T>, connection: Connection, context: RunContext<T>, tools: RunTools<T>): Promise<JobResult<T>>;
  /** Puts what is known now into the message. */
  write(message: Message, task: T, jobId: string): void;
  /** Called once when a job of this instance has finished, before its message is sent. */
  onFinished?(task: T): void;
  /** Another instance has written it: frees what a run here may have left for that. */
  forget?(jobId: string): void;
  /** Output numbers, from 0. Without `failure` every failure is raised. */
  outputs: { finished: number; progress?: number; failure?: number };
  /** Sends a last progress message when a job has finished. */
  completesProgress?: boolean;
  /** Words of its status. */
  status: {
    working(task: T): StatusWords;
    finished: string;
  };
  subject(task: T): TaskSubject;
  /** The files that this very job has written: they may be played in the sidebar. */
  writtenFiles?(task: T, hasFailed: boolean): TaskFiles | undefined;
  /** The id that a cancel message names. */
  idOf(task: T): string | undefined;
  /** The id that messages still know a clip by which had to be made again. */
  previousIdOf?(task: T): string | undefined;
  /** Key of equal requests: while one of them is unfinished, further ones are dropped. */
  sameAs?(message: Message, task: T): string | undefined;
  /** Jobs of one queue share its limit over all instances. */
  queue?(task: T): string;
  /** Lets a waiting job run early when the vendor says that the clip of that id has changed. */
  wakes?: boolean;
  /** Removes what an unfinished job has left on disk. */
  discard?(job: Job<T>): Promise<void>;
  /** Lets the vendor know that a cancelled job's result is no longer wanted. */
  cancelAtVendor?(task: T, connection: Connection, signal: AbortSignal): Promise<void>;
}

export interface RunTools<T> {
  /** Sends a progress message and reports where the job is, at most once a second per job. */
  progress(task: T, words?: StatusWords): void;
}
