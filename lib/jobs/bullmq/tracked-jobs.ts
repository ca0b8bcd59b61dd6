// Tracks the jobs that this instance has added or run, and reports those that end elsewhere or are lost.
import { systemClock } from '../../async/clock';
import type { Job, JobHandler } from '../job';
import { isMatch } from '../stored-job';
import type { JobQueue } from './queue';
import type { Runs } from './runs';
import type { Cancellation } from './cancellation';
import type { Cluster, Ended, JobMessage } from './cluster';

interface Entry {
  job: Job;
  queue: JobQueue;
  /** A vendor asked not to be asked before. Epoch milliseconds. */
  restUntil: number;
  isStored: boolean;
  /** Not found when last looked for. */
  isMissing?: boolean;
  /** Not found after Redis had lost its data. */
  isLost?: boolean;
}

/** The jobs that were added in this instance or ran here last, while they wait or run elsewhere. */
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

  /** It runs here. */
  runsHere(job: Job, queue: JobQueue): void {
    const entry = this.#entries.get(job.id);
    this.#entries.set(job.id, { restUntil: 0, ...entry, job, queue, isStored: true });
  }

  waits(job: Job, queue: JobQueue, restUntil: number): void {
    this.#entries.set(job.id, { job, queue, restUntil, isStored: true });
  }

  forget(id: string): void {
    this.#entries.delete(id);
  }

  wake(matches: (job: Job) => boolean): void {
    for (const [id, { job, queue, restUntil }] of this.#entries) {
      if (!isMatch(matches, job)) continue;
      const run = this.runs.get(id);
      const runAt = Math.max(Date.now(), restUntil);
      if (run && !run.over) run.woken = true;
      else if (job.runAt > runAt) void queue.move(id, (job.runAt = runAt));
    }
  }

  /**
   * Forgets jobs that are gone without this instance hearing of it, and returns them. They must be missing twice, since the
   * message may be on its way, unless Redis has lost its data: then no message comes.
   */
  async sweepMissing(hasLostData = false): Promise<{ job: Job; isLost: boolean }[]> {
    const found: { job: Job; isLost: boolean }[] = [];
    const stored = [...this.#entries.values()].filter(({ isStored }) => isStored);
    for (const queue of new Set(stored.map((entry) => entry.queue))) {
      const entries = stored.filter((entry) => entry.queue === queue);
      const areGone = await queue.areGone(entries.map(({ job }) => job.id));
      entries.forEach((entry, index) => {
        const { job, isMissing } = entry;
        if (areGone[index] !== true || this.#entries.get(job.id) !== entry) return void (entry.isMissing = false);
        entry.isLost ||= hasLostData;
        // One that runs here ends first: it has lost its lock.
        if (this.runs.get(job.id)) return;
        entry.isMissing = true;
        if (!isMissing && !entry.isLost) return;
        this.#entries.delete(job.id);
        found.push({ job, isLost: entry.isLost });
      });
    }
    return found;
  }
}

const longestMs = 30_000;

/**
 * Nodes that have jobs but no handler here: they are on another instance, disabled, or about to start. Their jobs are deferred, and run
 * at once when a handler is registered.
 */
export class UnclaimedJobs {
  /** Nodes that have a handler on a live instance. */
  elsewhere: ReadonlySet<string> = new Set();
  readonly #nodeIds = new Map<string, { since: number; jobs: Map<string, JobQueue> }>();

  /** @param firstMs how long a job is left to the other instances at first */
  constructor(private readonly firstMs: number) {}

  /** The longer no handler comes, the less often its jobs are looked at: the node may be disabled for months. */
  deferMs({ id, nodeId }: Job, queue: JobQueue): number {
    const unclaimedJobs = this.#nodeIds.get(nodeId) ?? {
      since: systemClock.steadyNow(),
      jobs: new Map<string, JobQueue>(),
    };
    this.#nodeIds.set(nodeId, unclaimedJobs);
    unclaimedJobs.jobs.set(id, queue);
    // Next time, it may be that one's turn.
    if (this.elsewhere.has(nodeId)) return this.firstMs;
    return Math.min(longestMs, Math.max(this.firstMs, systemClock.steadyNow() - unclaimedJobs.since));
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

export interface JobEventsOptions {
  trackedJobs: TrackedJobs;
  unclaimedJobs: UnclaimedJobs;
  cancellation: Cancellation;
  cluster: Cluster;
  handlers: ReadonlyMap<string, JobHandler<unknown>>;
  /** Has Redis lost its data since the last call? */
  hasLostData(): Promise<boolean>;
  warn(text: string): void;
}

/**
 * Spreads what has become of jobs, here and to the other instances. BullMQ's `QueueEvents` would cost a blocking connection for
 * each queue, and knows neither the node of a job nor whether it was cancelled or removed.
 */
export class JobEvents {
  #hasLostData = false;

  constructor(private readonly options: JobEventsOptions) {}

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

  /** Looks for jobs that ended elsewhere while nothing could be heard of it, and for those that Redis has lost. */
  async catchUp(): Promise<void> {
    const { trackedJobs, handlers, cancellation, hasLostData, warn } = this.options;
    // Kept until a sweep has succeeded.
    this.#hasLostData = (await hasLostData()) || this.#hasLostData;
    const missing = await trackedJobs.sweepMissing(this.#hasLostData);
    this.#hasLostData = false;
    const lost = missing.filter(({ isLost }) => isLost);
    if (lost.length > 0) warn(`has lost ${lost.length} job(s) that were taken in here: they end as errors`);
    for (const { job, isLost } of missing) {
      if (isLost) await cancellation.endLost(job);
      else handlers.get(job.nodeId)?.onSettledRemotely?.(job.id);
    }
  }

  #gone(named: { id: string; nodeId: string }, how: Ended, job?: Job): void {
    const { unclaimedJobs, cancellation, trackedJobs } = this.options;
    trackedJobs.forget(named.id);
    unclaimedJobs.forget(named);
    cancellation.onEnded(named.id, how, job);
  }
}
