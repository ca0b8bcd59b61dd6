// Runs jobs out of a journal on disk: the job engine of one process.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../async/clock';
import { toClipError } from '../errors';
import { dueScheduler } from './scheduler';
import { runJob, settleJob, warnOnFailure } from './call-handler';
import { applyResult, cancelledByMessage, olderFirst } from './job';
import type { Job, JobDraft, JobEngine, JobHandler, JobOutcome } from './job';
import type { Journal } from './journal';
import { isDeliveryId, OutcomeDelivery, deliveryId, type Origin } from './delivery';
import { isMatch } from './stored-job';

/** Jobs that cannot be read are tried again this often. */
const retryMs = 5_000;

export class EmbeddedEngine implements JobEngine {
  readonly #entries = new Map<string, Entry>();
  readonly #handlers = new Map<string, JobHandler<unknown>>();
  readonly #deliveries = new OutcomeDelivery();
  readonly #startAfter: (entry: Entry, waitMs: number) => () => void;
  /** Jobs that a crash has left beside their parent, which will settle again. */
  #handedOver: Job[] = [];
  #loading: Promise<void> | undefined;

  constructor(
    private readonly journal: Journal,
    private readonly clock: Clock,
    private readonly warn: (text: string) => void,
  ) {
    this.#startAfter = dueScheduler(
      clock,
      (a, b) => olderFirst(a.job, b.job),
      (entry) => this.#start(entry),
    );
    journal.onLost(() => this.#lose());
    this.#load();
  }

  add<Data>(draft: JobDraft<Data>): Promise<Job<Data>> {
    return this.#deliveries.add(draft.nodeId, (from) => this.#add(draft, from));
  }

  accept<T>(work: () => Promise<T>): Promise<T> {
    return this.#deliveries.accept(work);
  }

  register<Data>(nodeId: string, handlers: JobHandler<Data>): () => Promise<void> {
    const handler = handlers as JobHandler<unknown>;
    this.#handlers.set(nodeId, handler);
    for (const entry of this.#of(nodeId)) this.#schedule(entry);
    return () => this.#release(nodeId, handler);
  }

  async cancel(matches: (job: Job) => boolean): Promise<Job[]> {
    const entries = (await this.#find(matches)).filter((entry) => !entry.ending);
    await Promise.all(entries.map((entry) => (entry.ending = this.#cancel(entry))));
    return entries.map((entry) => entry.job);
  }

  async remove(matches: (job: Job) => boolean): Promise<Job[]> {
    const found = await this.#find(matches);
    const entries = found.filter((entry) => !entry.ending);
    for (const entry of entries) entry.ending = stopRun(entry).then(() => this.#forget(entry));
    await Promise.all(found.map(async (entry) => entry.ending));
    return entries.map((entry) => entry.job);
  }

  wake(matches: (job: Job) => boolean): void {
    for (const entry of this.#entries.values()) {
      if (entry.ending || !isMatch(matches, entry.job)) continue;
      if (entry.running) entry.woken = true;
      else this.#wake(entry);
    }
  }

  removeOrphans(exists: (nodeId: string) => boolean): Promise<Job[]> {
    return this.remove(({ nodeId }) => !exists(nodeId));
  }

  async list(): Promise<Job[]> {
    return [...this.#entries.values()].flatMap(({ gone, job }) => (gone || job.unreadable !== undefined ? [] : [job]));
  }

  async has(id: string): Promise<boolean> {
    await this.#loaded();
    return this.#entries.has(id);
  }

  async deliver(id: string, call: () => void): Promise<() => void> {
    await this.#loaded();
    await this.#deliveries.deliver(deliveryId(id), async () => call());
    return () => undefined;
  }

  /** In one process the handlers themselves keep to the limit. */
  openQueue(): () => Promise<void> {
    return async () => undefined;
  }

  async #add<Data>({ id = randomUUID(), nodeId, data, runAt }: JobDraft<Data>, from?: Origin): Promise<Job<Data>> {
    await this.#loaded();
    const index = this.#handedOver.findIndex(
      (earlier) => earlier.parentJobId === from?.id && earlier.nodeId === nodeId,
    );
    if (index >= 0) return this.#handedOver.splice(index, 1)[0] as Job<Data>;
    const [createdAt, origin] = [this.clock.now(), from ? { parentJobId: from.id } : {}];
    const job: Job<Data> = { id, createdAt, failures: 0, nodeId, data, runAt, ...origin };
    await this.journal.write(job);
    this.#keep(job, true);
    return job;
  }

  /** Reads the journal once. After a failure the next call reads it again. */
  #loaded(): Promise<void> {
    this.#loading ??= this.journal.readAll().then(
      (jobs) => {
        const ids = new Set(jobs.map(({ id }) => id));
        const isOpen = (id: string): boolean => ids.has(id) || isDeliveryId(id);
        this.#handedOver = jobs.filter(({ parentJobId }) => parentJobId !== undefined && isOpen(parentJobId));
        for (const job of jobs) this.#keep(job, false);
      },
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }

  #load(): void {
    this.#loaded().catch((error: unknown) => {
      this.warn(`Stored jobs cannot go on: ${toClipError(error).message}`);
      this.clock.after(retryMs, () => this.#load());
    });
  }

  /** Another process has taken over the jobs: all runs here stop. */
  #lose(): void {
    this.warn('Another process has taken over the jobs of this one');
    for (const entry of this.#entries.values()) {
      entry.gone = true;
      entry.ending ??= stopRun(entry);
    }
    this.#entries.clear();
    this.#loading = undefined;
    this.#load();
  }

  #keep(job: Job, isNew: boolean): void {
    const dueAt = this.clock.steadyNow() + job.runAt - this.clock.now();
    const entry: Entry = { job, isNew, dueAt, restUntil: 0, endedChildren: [], stored: Promise.resolve() };
    this.#entries.set(job.id, entry);
    this.#schedule(entry);
  }

  #of(nodeId: string): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.job.nodeId === nodeId);
  }

  /** Waits for jobs that are just being added: they were accepted before this call. */
  async #find(matches: (job: Job) => boolean): Promise<Entry[]> {
    await this.#loaded();
    await this.#deliveries.added();
    return [...this.#entries.values()].filter((entry) => isMatch(matches, entry.job));
  }

  /** Ends what these handlers run. Another handler of the same id may have come already: its runs are left alone. */
  async #release(nodeId: string, handler: JobHandler<unknown>): Promise<void> {
    const entries = this.#of(nodeId);
    if (this.#handlers.get(nodeId) === handler) {
      this.#handlers.delete(nodeId);
      for (const entry of entries) entry.unschedule?.();
    }
    const runs = entries.flatMap(({ running }) => (running?.handler === handler ? [running] : []));
    for (const run of runs) run.stop.abort();
    await Promise.all([...runs.map((run) => run.ended), ...entries.map((entry) => entry.ending)]);
  }

  #schedule(entry: Entry): void {
    entry.unschedule?.();
    if (!this.#handlers.has(entry.job.nodeId) || entry.running || entry.ending) return;
    const waitMs = Math.max(0, entry.dueAt - this.clock.steadyNow());
    entry.unschedule = this.#startAfter(entry, waitMs);
  }

  #start(entry: Entry): void {
    const handler = this.#handlers.get(entry.job.nodeId);
    if (!handler) return;
    const stop = new AbortController();
    entry.running = { handler, stop, ended: this.#run(entry, handler, stop.signal) };
  }

  async #run(entry: Entry, handler: JobHandler<unknown>, signal: AbortSignal): Promise<void> {
    const { job } = entry;
    const isFirst = entry.isNew;
    entry.isNew = false;
    const answer = await runJob(handler, job, { signal, save: (data) => this.#store(entry, data), isFirst });
    // Released: the job waits for the next handler, who delivers what was reached.
    if (signal.aborted && !entry.ending && answer.type === 'done') await this.#store(entry, answer.data);
    entry.running = undefined;
    if (entry.ending) {
      // `cancel` settles it, with the data that the run has reached.
      if (answer.data !== undefined) job.data = answer.data;
      return;
    }
    if (signal.aborted) return this.#schedule(entry);
    if (answer.type !== 'retry') {
      entry.ending = this.#settle(entry, handler, answer);
      return entry.ending;
    }
    const [now, steadyNow] = [this.clock.now(), this.clock.steadyNow()];
    const applied = applyResult(job, answer, now);
    Object.assign(job, applied.job);
    entry.dueAt = steadyNow + job.runAt - now;
    entry.restUntil = steadyNow + applied.restUntil - now;
    void warnOnFailure(() => handler.onRetry(job, answer), this.warn);
    if (entry.woken) this.#wake(entry);
    else this.#schedule(entry);
  }

  #wake(entry: Entry): void {
    entry.woken = false;
    const steadyNow = this.clock.steadyNow();
    entry.dueAt = Math.min(entry.dueAt, Math.max(steadyNow, entry.restUntil));
    entry.job.runAt = this.clock.now() + entry.dueAt - steadyNow;
    this.#schedule(entry);
  }

  async #cancel(entry: Entry): Promise<void> {
    const handler = this.#handlers.get(entry.job.nodeId) ?? entry.running?.handler;
    await stopRun(entry);
    await this.#settle(entry, handler, { type: 'failed', error: cancelledByMessage() });
  }

  async #settle(entry: Entry, handler: JobHandler<unknown> | undefined, outcome: JobOutcome<unknown>): Promise<void> {
    if (outcome.data !== undefined) entry.job.data = outcome.data;
    await this.#deliveries.deliver(entry.job.id, async () => {
      if (handler) await settleJob(handler, entry.job, outcome, this.warn);
      entry.gone = true;
    });
    // The next node's job is stored before this one is forgotten: a crash in between would lose what both are about.
    await this.#deliveries.added();
    await this.#forget(entry);
  }

  async #forget(entry: Entry): Promise<void> {
    entry.gone = true;
    await entry.stored;
    const parent = this.#entries.get(entry.job.parentJobId ?? '');
    // Until that one is gone, too, a crash would deliver its outcome again, and have this job done twice.
    if (parent) parent.endedChildren.push(entry);
    else await this.#erase(entry);
  }

  async #erase(entry: Entry): Promise<void> {
    await warnOnFailure(() => this.journal.remove(entry.job.id), this.warn);
    this.#entries.delete(entry.job.id);
    for (const child of entry.endedChildren) await this.#erase(child);
  }

  /** A failed write is a warning: the job goes on in memory. */
  #store(entry: Entry, data: unknown): Promise<void> {
    // A late save must not bring a file back.
    if (entry.gone) return entry.stored;
    entry.job.data = data;
    entry.stored = entry.stored.then(() => warnOnFailure(() => this.journal.write(entry.job), this.warn));
    return entry.stored;
  }
}

/** A job as the embedded engine knows it. */
interface Entry {
  job: Job;
  /** It was added here, and has not run yet. */
  isNew: boolean;
  /** When it runs next: `job.runAt` on a clock that never jumps. */
  dueAt: number;
  /** End of the pause that a vendor asked for, on the same clock. */
  restUntil: number;
  /** Cancels its next run. */
  unschedule?: () => void;
  running?: Run;
  /** Woken while it ran. */
  woken?: boolean;
  /** Set once nothing may run the job or end it in another way. Resolves when it is over; never rejects. */
  ending?: Promise<void>;
  /** It is over; only its file may still be there. */
  gone?: boolean;
  /** Jobs that its outcome has led to, and that are over before it is gone. */
  endedChildren: Entry[];
  /** Writes of one job happen in order. */
  stored: Promise<void>;
}

interface Run {
  handler: JobHandler<unknown>;
  stop: AbortController;
  /** Never rejects. */
  ended: Promise<void>;
}

/** Stops its run, and keeps it from running again. */
async function stopRun({ unschedule, running }: Entry): Promise<void> {
  unschedule?.();
  running?.stop.abort();
  await running?.ended;
}
