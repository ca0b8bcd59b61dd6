import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock';
import { ClipError, toClipError } from '../errors';
import type { Answer, Job, JobEngine, JobOwner } from './job';
import type { Journal } from './journal';

interface Entry {
  job: Job;
  cancelTimer?: () => void;
  running?: { stop: AbortController; ended: Promise<void> };
  /** Set when the job must end, whatever its run answers. */
  cancelled?: boolean;
  /** The owner is being told: too late to cancel. */
  settling?: boolean;
  /** Writes of one job happen in order. */
  stored: Promise<void>;
}

/** Runs jobs in this process, out of a journal on disk. */
export class EmbeddedEngine implements JobEngine {
  readonly #entries = new Map<string, Entry>();
  readonly #owners = new Map<string, JobOwner<never>>();
  readonly #loaded: Promise<void>;

  constructor(
    private readonly journal: Journal,
    private readonly clock: Clock,
    private readonly warn: (text: string) => void,
  ) {
    this.#loaded = this.#load();
    this.#loaded.catch(() => undefined);
  }

  async add<Data>(draft: { owner: string; data: Data; runAt: number }): Promise<Job<Data>> {
    await this.#loaded;
    const job: Job<Data> = { id: randomUUID(), createdAt: this.clock.now(), failures: 0, ...draft };
    await this.journal.write(job);
    const entry: Entry = { job, stored: Promise.resolve() };
    this.#entries.set(job.id, entry);
    this.#schedule(entry);
    return job;
  }

  own<Data>(owner: string, handlers: JobOwner<Data>): () => Promise<void> {
    this.#owners.set(owner, handlers as JobOwner<never>);
    for (const entry of this.#of(owner)) this.#schedule(entry);
    return async () => {
      if (this.#owners.get(owner) !== (handlers as JobOwner<never>)) return;
      this.#owners.delete(owner);
      const entries = this.#of(owner);
      for (const entry of entries) {
        entry.cancelTimer?.();
        entry.running?.stop.abort();
      }
      for (const entry of entries) await entry.running?.ended;
    };
  }

  async cancel(matches: (job: Job) => boolean): Promise<Job[]> {
    await this.#loaded;
    const entries = [...this.#entries.values()].filter((entry) => !entry.settling && matches(entry.job));
    await Promise.all(entries.map((entry) => this.#cancel(entry)));
    return entries.map((entry) => entry.job);
  }

  async remove(matches: (job: Job) => boolean): Promise<Job[]> {
    await this.#loaded;
    const entries = [...this.#entries.values()].filter((entry) => matches(entry.job));
    await Promise.all(
      entries.map(async (entry) => {
        entry.cancelTimer?.();
        entry.running?.stop.abort();
        await entry.running?.ended;
        await this.#forget(entry);
      }),
    );
    return entries.map((entry) => entry.job);
  }

  list(): Job[] {
    return [...this.#entries.values()].map((entry) => entry.job);
  }

  async #load(): Promise<void> {
    for (const job of await this.journal.readAll()) {
      const entry: Entry = { job, stored: Promise.resolve() };
      this.#entries.set(job.id, entry);
      this.#schedule(entry);
    }
  }

  #of(owner: string): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.job.owner === owner);
  }

  #schedule(entry: Entry): void {
    entry.cancelTimer?.();
    if (!this.#owners.has(entry.job.owner) || entry.running || entry.cancelled) return;
    const waitMs = Math.max(0, entry.job.runAt - this.clock.now());
    entry.cancelTimer = this.clock.after(waitMs, () => {
      const stop = new AbortController();
      entry.running = { stop, ended: this.#run(entry, stop.signal) };
    });
  }

  async #run(entry: Entry, signal: AbortSignal): Promise<void> {
    const owner = this.#owners.get(entry.job.owner) as JobOwner<unknown> | undefined;
    if (!owner) return;
    const save = (data: unknown): Promise<void> => this.#store(entry, { data });
    const answer: Answer<unknown> = await owner
      .run(entry.job, { signal, save })
      .catch((thrown: unknown) => ({ type: 'failed', error: toClipError(thrown) }));
    entry.running = undefined;
    // Cancelled: `#cancel` tells the owner. Released: the job waits for the next owner, who delivers what was reached.
    if (entry.cancelled) return;
    if (signal.aborted) {
      if (answer.type === 'done') await this.#store(entry, { data: answer.data });
      return this.#schedule(entry);
    }
    if (answer.type !== 'retry') return this.#settle(entry, owner, answer);
    const { job } = entry;
    job.failures = answer.because ? job.failures + 1 : 0;
    job.runAt = this.clock.now() + answer.afterMs;
    if (answer.data !== undefined) job.data = answer.data;
    void this.#tell(() => owner.retrying(job, answer));
    this.#schedule(entry);
  }

  async #cancel(entry: Entry): Promise<void> {
    entry.cancelled = true;
    entry.cancelTimer?.();
    entry.running?.stop.abort();
    await entry.running?.ended;
    const owner = this.#owners.get(entry.job.owner) as JobOwner<unknown> | undefined;
    await this.#settle(entry, owner, { type: 'failed', error: new ClipError('EABORTED', 'Cancelled by a message') });
  }

  async #settle(
    entry: Entry,
    owner: JobOwner<unknown> | undefined,
    outcome: Exclude<Answer<unknown>, { type: 'retry' }>,
  ): Promise<void> {
    entry.settling = true;
    if (outcome.data !== undefined) entry.job.data = outcome.data;
    await this.#tell(() => owner?.settled(entry.job, outcome));
    await this.#forget(entry);
  }

  async #forget(entry: Entry): Promise<void> {
    this.#entries.delete(entry.job.id);
    await entry.stored;
    await this.journal.remove(entry.job.id).catch((error: Error) => this.warn(error.message));
  }

  /** A failed write is a warning: the job goes on in memory. */
  #store(entry: Entry, change: { data: unknown }): Promise<void> {
    Object.assign(entry.job, change);
    entry.stored = entry.stored
      .then(() => this.journal.write(entry.job))
      .catch((error: Error) => this.warn(`A job could not be stored: ${error.message}`));
    return entry.stored;
  }

  async #tell(call: () => void | Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.warn((error as Error).message);
    }
  }
}
