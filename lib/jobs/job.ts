/** Unfinished work: what every engine stores, and the interface that nodes see. */
import type { ClipError } from '../errors';

export interface Job<Data = unknown> {
  id: string;
  /** Id of the node that accepted it. */
  owner: string;
  /** JSON. No secrets. */
  data: Data;
  /** Epoch milliseconds. */
  createdAt: number;
  /** Not to be run before. */
  runAt: number;
  /** Failures in a row so far. */
  failures: number;
}

/**
 * What a run of a job led to. `data` replaces the job's data where given; with `retry` that may be in memory only, so what
 * must survive a crash is saved by the run itself.
 */
export type Answer<Data> =
  | { type: 'done'; data: Data }
  | { type: 'failed'; error: ClipError; data?: Data }
  /** Run again later; `because` counts as a failure. */
  | { type: 'retry'; afterMs: number; data?: Data; because?: ClipError };

export interface RunContext<Data> {
  /** Fires on cancel, redeploy and shutdown. */
  signal: AbortSignal;
  /** Stores new data now, so that a crash after this moment finds it. */
  save(data: Data): Promise<void>;
}

/** The node's side of its jobs. */
export interface JobOwner<Data> {
  run(job: Job<Data>, context: RunContext<Data>): Promise<Answer<Data>>;
  /** Called for every run that ended in `retry`. */
  retrying(job: Job<Data>, answer: Extract<Answer<Data>, { type: 'retry' }>): void;
  /** Called once with the outcome; the job is forgotten after it. Again after a crash in between. */
  settled(job: Job<Data>, outcome: Exclude<Answer<Data>, { type: 'retry' }>): void | Promise<void>;
}

export interface JobEngine {
  /** Resolves once the job is stored: from then on it survives everything. */
  add<Data>(job: { owner: string; data: Data; runAt: number }): Promise<Job<Data>>;
  /** Runs the owner's jobs, stored ones included, until released. Releasing aborts running jobs but keeps them. */
  own<Data>(owner: string, handlers: JobOwner<Data>): () => Promise<void>;
  /** Ends jobs with `EABORTED`; resolves to them once their owners have been told. */
  cancel(matches: (job: Job) => boolean): Promise<Job[]>;
  /** Forgets jobs without telling anyone. */
  remove(matches: (job: Job) => boolean): Promise<Job[]>;
  list(): Job[];
}
