import type { Job } from '../job';
import type { Lane } from './lane';

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
