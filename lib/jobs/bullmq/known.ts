/** The jobs that were added in this instance or ran here last, while they wait or run elsewhere. */
import type { Job } from '../job';
import type { Lane } from './lane';
import type { Runs } from './runs';

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
