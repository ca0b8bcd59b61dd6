// Defines a job, its handler and the job engine: the interface between nodes and engines.
import { cancelled, type ClipError } from '../errors';
import type { LoginGuard } from '../connection/login-guard';
import type { StateStore } from './node-states';

export interface Job<Data = unknown> {
  id: string;
  /** Id of the node that accepted it. */
  nodeId: string;
  /** JSON. No secrets. */
  data: Data;
  /** Epoch milliseconds. */
  createdAt: number;
  /** Not to be run before. */
  runAt: number;
  /** Failures in a row so far. */
  failures: number;
  /** Id of the job whose outcome led to this one. */
  parentJobId?: string;
  /** Why it cannot run: it was stored by another version. Never stored itself. */
  unreadable?: string;
}

/** How jobs are ordered that are due together, such as all of those whose time came while Node-RED was down. */
export function olderFirst(a: Job, b: Job): number {
  return a.runAt - b.runAt || a.createdAt - b.createdAt;
}

/**
 * Result of a run. `data` replaces the job's data where given; with `retry` that may be in memory only, so what
 * must survive a crash is saved by the run itself.
 */
export type JobResult<Data> = JobOutcome<Data> | JobRetry<Data>;

export type JobOutcome<Data> = { type: 'done'; data: Data } | { type: 'failed'; error: ClipError; data?: Data };

/** Run again later; an `error` counts as a failure, unless nothing was sent. */
export interface JobRetry<Data> {
  type: 'retry';
  afterMs: number;
  data?: Data;
  error?: ClipError;
}

/** Error of a job that somebody has cancelled. */
export function cancelledByMessage(): ClipError {
  return cancelled('Cancelled by a message');
}

/** Between two runs, where a damaged job says no time that can be reckoned with. */
const damagedPauseMs = 60_000;

/**
 * The job after a run: its data, and for a retry its failures in a row and when it runs next. Nothing but a later run may
 * begin before `restUntil`: the vendor asked for a pause.
 * @param now epoch milliseconds
 */
export function applyResult<Data>(
  job: Job<Data>,
  result: JobResult<Data>,
  now: number,
): { job: Job<Data>; restUntil: number } {
  const data = result.data === undefined ? job.data : result.data;
  if (result.type !== 'retry') return { job: { ...job, data }, restUntil: 0 };
  const { error } = result;
  const failures = error ? job.failures + (error.notSent ? 0 : 1) : 0;
  return {
    job: { ...job, data, failures, runAt: now + (Number.isFinite(result.afterMs) ? result.afterMs : damagedPauseMs) },
    restUntil: now + (error?.retryAfterMs ?? 0),
  };
}

export interface RunContext<Data> {
  /** Fires on cancel, redeploy and shutdown. */
  signal: AbortSignal;
  /** Stores new data now, so that a crash after this moment finds it. What was changed in place may not be seen. */
  save(data: Data): Promise<void>;
  /** No run of this job has ever begun before, here or elsewhere: none has left anything behind. */
  isFirst?: boolean;
}

/** Work that a node hands over. */
export interface JobDraft<Data> {
  /** A UUID, where the node must know it before the job may run. */
  id?: string;
  nodeId: string;
  data: Data;
  runAt: number;
  /** Jobs of one queue share a limit: see `openQueue`. */
  queue?: string;
}

/** The node's side of its jobs. */
export interface JobHandler<Data> {
  run(job: Job<Data>, context: RunContext<Data>): Promise<JobResult<Data>>;
  /** Called for every run that ended in `retry`. */
  onRetry(job: Job<Data>, answer: JobRetry<Data>): void;
  /** Called once with the outcome; the job is forgotten after it. Again after a crash in between. */
  onSettled(job: Job<Data>, outcome: JobOutcome<Data>): void | Promise<void>;
  /**
   * Raises an error with what is there of the job's message: the job cannot be read, or its outcome could not be delivered.
   * Nothing of the job's data can be relied on.
   */
  onUndeliverable?(job: Job<Data>, error: ClipError): void;
  /**
   * The outcome of a job that was added or ran here was delivered to the same node of another instance. Without `how`, the
   * job is gone and its outcome is not known here.
   */
  onSettledRemotely?(id: string, how?: 'done' | 'failed'): void;
}

export interface JobEngine {
  /**
   * Resolves once the job is stored: from then on it survives everything. To another job than the draft's when an outcome
   * that had been stored already was delivered again after a crash.
   */
  add<Data>(job: JobDraft<Data>): Promise<Job<Data>>;
  /** Does what may end in adding a job. The outcome that is being delivered, and has led to it, is not forgotten before. */
  accept<T>(work: () => Promise<T>): Promise<T>;
  /** Runs the handler's jobs, stored ones included, until released. Releasing aborts running jobs but keeps them. */
  register<Data>(nodeId: string, handlers: JobHandler<Data>): () => Promise<void>;
  /** Ends jobs with `EABORTED`; resolves to them once their handlers have settled them. */
  cancel(matches: (job: Job) => boolean): Promise<Job[]>;
  /**
   * Runs jobs now that wait for their next run, and those that run at the moment once more. Only a pause that a vendor asked
   * for is kept.
   */
  wake(matches: (job: Job) => boolean): void;
  /** Forgets jobs; no handler settles them. */
  remove(matches: (job: Job) => boolean): Promise<Job[]>;
  /** Forgets jobs of handlers that exist no longer. */
  removeOrphans(exists: (nodeId: string) => boolean): Promise<Job[]>;
  list(): Promise<Job[]>;
  /** Is there an unfinished job of that id, among those that were added without a queue? */
  has(id: string): Promise<boolean>;
  /**
   * Delivers something that may lead to jobs, and resolves once these are stored. Delivered again after a crash, under the same
   * id, it leads to the same ones while they are unfinished. The returned function says that it will not come again.
   */
  deliver(id: string, call: () => void): Promise<() => void>;
  /**
   * Runs jobs of that queue, so many at once over all instances. Within one instance the handlers themselves keep to the limit.
   * The returned function ends it: running jobs are stopped and kept.
   */
  openQueue(name: string, atOnce: number): () => Promise<void>;
  /** Calls back when work pauses because the store of jobs is away, and when it goes on. */
  onPause?(listener: (isPaused: boolean) => void): () => void;
  /** The state of a login that all instances share. */
  loginGuard?(connection: string, login: unknown): LoginGuard;
  /** Store of states that all instances share. @throws where nothing can be kept */
  sharedStates?(): StateStore;
  /** Frees what the engine holds, for good. `undefined`: it is in use. */
  closeUnused?(): Promise<void> | undefined;
}
