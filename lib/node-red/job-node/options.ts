/** What each working node says of itself; `jobNode` does the rest. */
import type { Connection } from '../../connection/connection';
import type { JobResult, Job, RunContext } from '../../jobs/job';
import type { StatusWords } from './event';
import type { WorkSubject } from './report';
import type { ClipFile } from '../../provider';
import type { Message } from '../runtime';

export interface Work {
  /** Id of the `clip-provider` node. */
  connection: string;
}

export interface JobNodeOptions<W extends Work, Settings> {
  /** Reads the dialog's values, once. @throws EINVALID */
  configure(): Settings;
  /** Turns a message into work without touching the network. @throws what the message lacks, named */
  accept(message: Message, settings: Settings): Promise<{ work: W; runAt?: number }>;
  run(job: Job<W>, connection: Connection, context: RunContext<W>, tools: RunTools<W>): Promise<JobResult<W>>;
  /** Puts what is known now into the message. */
  write(message: Message, work: W, jobId: string): void;
  /** Another instance has written it: frees what a run here may have left for that. */
  forget?(jobId: string): void;
  /** Output numbers, from 0. Without `failure` every failure is raised. */
  outputs: { finished: number; progress?: number; failure?: number };
  /** Words of its status. */
  status: {
    working(work: W): StatusWords;
    finished: string;
  };
  /** What the list of work shows of it. */
  subject(work: W): WorkSubject;
  /** The file that this very job has written: it may be played in the sidebar. */
  writtenFile?(work: W): ClipFile | undefined;
  /** The id that a cancel message names. */
  idOf(work: W): string | undefined;
  /** The id that messages still know a clip by which had to be made again. */
  previousIdOf?(work: W): string | undefined;
  /** Jobs of one queue share its limit over all instances. */
  queue?(work: W): string;
  /** Lets a waiting job run early when the vendor tells that the clip of that id has changed. */
  wakes?: boolean;
  /** Removes what an unfinished job has left on disk. */
  discard?(job: Job<W>): Promise<void>;
  /** Tells the vendor that a cancelled job's result is no longer wanted. */
  cancelAtVendor?(work: W, connection: Connection): Promise<void>;
}

export interface RunTools<W> {
  /** Sends a progress message and tells where the job is, at most once a second per job. */
  progress(work: W, words?: StatusWords): void;
}
