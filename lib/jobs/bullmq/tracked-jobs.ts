import type { Job, JobHandler } from '../job';
import type { JobQueue } from './queue';
import type { Runs } from './runs';
import type { Cancellation } from './cancellation';
import type { Ended, JobMessage } from './cluster';
import type { Cluster } from './cluster';

/** The jobs that were added in this instance or ran here last, while they wait or run elsewhere. */

interface Entry {
  job: Job;
  queue: JobQueue;
  /** A vendor asked not to be asked before. Epoch milliseconds. */
  restUntil: number;
  isStored: boolean;
  /** Not found when last looked for. */
  isMissing?: boolean;
}

export class TrackedJobs {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly runs: Runs) {}

  /** On its way to Redis. Afterwards the returned function is called with whether it got there. */
  adding(job: Job, queue: JobQueue): (isStored: boolean) => void {
    const entry: Entry = { job, queue, restUntil: 0, isStored: false };
    this.#entries.set(job.id, entry);
    return (isStored) => {
      entry.isStored = isStored;
      if (!isStored) this.#entries.delete(job.id);
    };
  }

  waits(job: Job, queue: JobQueue, restUntil: number): void {
    this.#entries.set(job.id, { job, queue, restUntil, isStored: true });
  }

  forget(id: string): void {
    this.#entries.delete(id);
  }

  wake(matches: (job: Job) => boolean): void {
    for (const [id, { job, queue, restUntil }] of this.#entries) {
      if (!matches(job)) continue;
      const run = this.runs.get(id);
      const runAt = Math.max(Date.now(), restUntil);
      if (run && !run.over) run.woken = true;
      else if (job.runAt > runAt) void queue.move(id, (job.runAt = runAt));
    }
  }

  /**
   * Forgets jobs that ended elsewhere without this instance hearing of it, and returns them. They must be missing twice: the
   * news may be on its way.
   */
  async sweepMissing(): Promise<Job[]> {
    const found: Job[] = [];
    const waiting = [...this.#entries.values()].filter(({ job, isStored }) => isStored && !this.runs.get(job.id));
    for (const queue of new Set(waiting.map((entry) => entry.queue))) {
      const entries = waiting.filter((entry) => entry.queue === queue);
      const areGone = await queue.areGone(entries.map(({ job }) => job.id));
      entries.forEach((entry, index) => {
        const { id } = entry.job;
        const isGone = areGone[index] === true;
        if (isGone && entry.isMissing && this.#entries.get(id) === entry) {
          this.#entries.delete(id);
          found.push(entry.job);
        }
        entry.isMissing = isGone;
      });
    }
    return found;
  }
}

const longestMs = 30_000;

/**
 * Owners that have jobs but are not here: on another instance, disabled, or about to come. Their jobs are put off, and run
 * at once when they come.
 */
export class UnclaimedJobs {
  /** Owners that live instances have. */
  elsewhere: ReadonlySet<string> = new Set();
  readonly #nodeIds = new Map<string, { since: number; jobs: Map<string, JobQueue> }>();

  /** @param firstMs how long a job is left to the other instances at first */
  constructor(private readonly firstMs: number) {}

  /** For how long? The longer nobody has the handler, the less often its jobs are looked at: it may be disabled for months. */
  deferMs({ id, nodeId }: Job, queue: JobQueue): number {
    const unclaimedJobs = this.#nodeIds.get(nodeId) ?? { since: Date.now(), jobs: new Map<string, JobQueue>() };
    this.#nodeIds.set(nodeId, unclaimedJobs);
    unclaimedJobs.jobs.set(id, queue);
    // Next time, it may be that one's turn.
    if (this.elsewhere.has(nodeId)) return this.firstMs;
    return Math.min(longestMs, Math.max(this.firstMs, Date.now() - unclaimedJobs.since));
  }

  claimed(nodeId: string): void {
    const unclaimedJobs = this.#nodeIds.get(nodeId);
    this.#nodeIds.delete(nodeId);
    for (const [id, queue] of unclaimedJobs?.jobs ?? []) void queue.move(id, 0);
  }

  forget({ id, nodeId }: { id: string; nodeId: string }): void {
    this.#nodeIds.get(nodeId)?.jobs.delete(id);
  }
}

/** What became of jobs, for all that keep track of them: here, and in the other instances. */

export interface NewsOptions {
  trackedJobs: TrackedJobs;
  unclaimedJobs: UnclaimedJobs;
  cancellation: Cancellation;
  cluster: Cluster;
  handlers: ReadonlyMap<string, JobHandler<unknown>>;
}

export class JobEvents {
  constructor(private readonly options: NewsOptions) {}

  /** A job has ended here. */
  ended(job: Job, how: Ended): void {
    const { id, nodeId } = job;
    this.#gone(job, how, job);
    const wasStopped = how === 'cancelled' || how === 'removed';
    this.options.cluster.send({ type: 'ended', id, nodeId, how, ...(wasStopped ? { job } : {}) });
  }

  /** Another instance tells of a job. */
  onMessage(message: JobMessage): void {
    const { id, nodeId } = message;
    if (message.type === 'stop') return this.options.cancellation.stop(id, message.how);
    this.#gone(message, message.how, message.job);
    const how = message.how === 'cancelled' ? 'failed' : message.how;
    this.options.handlers.get(nodeId)?.onSettledRemotely?.(id, how === 'removed' ? undefined : how);
  }

  /** Looks for jobs that ended elsewhere while nothing could be heard of it. */
  async catchUp(): Promise<void> {
    const { trackedJobs, handlers } = this.options;
    for (const { id, nodeId } of await trackedJobs.sweepMissing()) handlers.get(nodeId)?.onSettledRemotely?.(id);
  }

  #gone(named: { id: string; nodeId: string }, how: Ended, job?: Job): void {
    const { unclaimedJobs, cancellation, trackedJobs } = this.options;
    trackedJobs.forget(named.id);
    unclaimedJobs.forget(named);
    cancellation.onEnded(named.id, how, job);
  }
}
