/** What became of jobs, for all that keep track of them: here, and in the other instances. */
import type { Job, JobOwner } from '../job';
import type { AbsentOwners } from './absent';
import type { Ends } from './ends';
import type { KnownJobs } from './known';
import type { Ended, JobNote } from './notes';
import type { Others } from './others';

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
