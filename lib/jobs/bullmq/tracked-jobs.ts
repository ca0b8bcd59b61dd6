import type { Job, JobOwner } from '../job';
import type { Lane } from './queue';
import type { Runs } from './runs';
import type { Ends } from './cancellation';
import type { Ended, JobNote } from './cluster';
import type { Others } from './cluster';

/** The jobs that were added in this instance or ran here last, while they wait or run elsewhere. */

interface Entry {
  job: Job;
  lane: Lane;
  /** A vendor asked not to be asked before. Epoch milliseconds. */
  restUntil: number;
  isStored: boolean;
  /** Not found when last looked for. */
  isMissing?: boolean;
}

export class KnownJobs {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly runs: Runs) {}

  /** On its way to Redis. Afterwards the returned function is called with whether it got there. */
  adding(job: Job, lane: Lane): (isStored: boolean) => void {
    const entry: Entry = { job, lane, restUntil: 0, isStored: false };
    this.#entries.set(job.id, entry);
    return (isStored) => {
      entry.isStored = isStored;
      if (!isStored) this.#entries.delete(job.id);
    };
  }

  waits(job: Job, lane: Lane, restUntil: number): void {
    this.#entries.set(job.id, { job, lane, restUntil, isStored: true });
  }

  forget(id: string): void {
    this.#entries.delete(id);
  }

  wake(matches: (job: Job) => boolean): void {
    for (const [id, { job, lane, restUntil }] of this.#entries) {
      if (!matches(job)) continue;
      const run = this.runs.get(id);
      const runAt = Math.max(Date.now(), restUntil);
      if (run && !run.over) run.woken = true;
      else if (job.runAt > runAt) void lane.move(id, (job.runAt = runAt));
    }
  }

  /**
   * Forgets jobs that ended elsewhere without this instance hearing of it, and returns them. They must be missing twice: the
   * news may be on its way.
   */
  async takeGone(): Promise<Job[]> {
    const found: Job[] = [];
    const waiting = [...this.#entries.values()].filter(({ job, isStored }) => isStored && !this.runs.get(job.id));
    for (const lane of new Set(waiting.map((entry) => entry.lane))) {
      const entries = waiting.filter((entry) => entry.lane === lane);
      const areGone = await lane.areGone(entries.map(({ job }) => job.id));
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
export class AbsentOwners {
  /** Owners that live instances have. */
  elsewhere: ReadonlySet<string> = new Set();
  readonly #owners = new Map<string, { since: number; jobs: Map<string, Lane> }>();

  /** @param firstMs how long a job is left to the other instances at first */
  constructor(private readonly firstMs: number) {}

  /** For how long? The longer nobody has the owner, the less often its jobs are looked at: it may be disabled for months. */
  putOffMs({ id, owner }: Job, lane: Lane): number {
    const absent = this.#owners.get(owner) ?? { since: Date.now(), jobs: new Map<string, Lane>() };
    this.#owners.set(owner, absent);
    absent.jobs.set(id, lane);
    // Next time, it may be that one's turn.
    if (this.elsewhere.has(owner)) return this.firstMs;
    return Math.min(longestMs, Math.max(this.firstMs, Date.now() - absent.since));
  }

  came(owner: string): void {
    const absent = this.#owners.get(owner);
    this.#owners.delete(owner);
    for (const [id, lane] of absent?.jobs ?? []) void lane.move(id, 0);
  }

  forget({ id, owner }: { id: string; owner: string }): void {
    this.#owners.get(owner)?.jobs.delete(id);
  }
}

/** What became of jobs, for all that keep track of them: here, and in the other instances. */

export interface NewsOptions {
  known: KnownJobs;
  absent: AbsentOwners;
  ends: Ends;
  others: Others;
  owners: ReadonlyMap<string, JobOwner<unknown>>;
}

export class News {
  constructor(private readonly options: NewsOptions) {}

  /** A job has ended here. */
  ended(job: Job, how: Ended): void {
    const { id, owner } = job;
    this.#gone(job, how, job);
    const wasStopped = how === 'cancelled' || how === 'removed';
    this.options.others.tell({ type: 'ended', id, owner, how, ...(wasStopped ? { job } : {}) });
  }

  /** Another instance tells of a job. */
  hear(note: JobNote): void {
    const { id, owner } = note;
    if (note.type === 'stop') return this.options.ends.stop(id, note.how);
    this.#gone(note, note.how, note.job);
    const how = note.how === 'cancelled' ? 'failed' : note.how;
    this.options.owners.get(owner)?.settledElsewhere?.(id, how === 'removed' ? undefined : how);
  }

  /** Looks for jobs that ended elsewhere while nothing could be heard of it. */
  async catchUp(): Promise<void> {
    const { known, owners } = this.options;
    for (const { id, owner } of await known.takeGone()) owners.get(owner)?.settledElsewhere?.(id);
  }

  #gone(named: { id: string; owner: string }, how: Ended, job?: Job): void {
    const { absent, ends, known } = this.options;
    known.forget(named.id);
    absent.forget(named);
    ends.heard(named.id, how, job);
  }
}
