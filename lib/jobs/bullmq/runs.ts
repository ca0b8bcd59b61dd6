// Runs jobs that BullMQ hands to this instance, each until it is put back, put off or settled.
import type * as BullMq from 'bullmq';
import { systemClock } from '../../async/clock';
import { cancelled, toClipError } from '../../errors';
import { runJob, settleJob, warnOnFailure } from '../call-handler';
import { applyResult, cancelledByMessage } from '../job';
import type { Job, JobHandler, JobOutcome, JobResult, JobRetry } from '../job';
import { jobOf, store, type JobQueue, type QueuedJob } from './queue';
import type { Ended, Stopped } from './cluster';

export interface Run {
  job: Job;
  handler: JobHandler<unknown>;
  queue: JobQueue;
  queued: QueuedJob;
  token: string;
  /** When its lock was set or renewed, by a clock that never jumps. */
  lockedAt: number;
  stop: AbortController;
  /** Set when it was stopped for good; otherwise a stopped job is kept for the next handler. */
  end?: Stopped;
  /** The outcome is being delivered to the handler: too late for anything else. */
  settling: boolean;
  /** Woken while it ran. */
  woken: boolean;
  over: boolean;
  /** The handler's part of it. Never rejects. */
  ran: Promise<void>;
  /** All of it. Never rejects. */
  ended: Promise<void>;
}

export interface RunsHost {
  handlerOf(job: Job): JobHandler<unknown> | undefined;
  /** For how long to defer a job whose node has no handler here, in milliseconds. */
  deferMs(job: Job, queue: JobQueue): number;
  /** A job that another one has led to is about to run. */
  begins(job: { id: string; parentJobId: string }): Promise<void>;
  /** The job runs here. */
  began(job: Job, queue: JobQueue): void;
  /** The job waits for its next run. A vendor asked for the pause until then. */
  waits(job: Job, queue: JobQueue, restUntil: number): void;
  /** Delivers an outcome; resolves when the jobs that it leads to are stored, to whether there are any. */
  deliver(id: string, call: () => Promise<void>): Promise<boolean>;
  /** The job is gone, and its outcome will not be delivered again. */
  forget(id: string): void;
  /** The job is over and gone. */
  ended(job: Job, how: Ended): void;
  /** Does the work once Redis can be used, and again after it has refused. */
  whileUsable<T>(work: () => Promise<T>): Promise<T>;
  /** Is this Redis' way to say that it takes nothing at the moment? */
  refuses(thrown: unknown): boolean;
  warn(text: string): void;
}

/** BullMQ renews locks when half of their time is over at the latest. */
const overdueAfter = 0.75;

export class Runs {
  readonly #runs = new Map<string, Run>();

  constructor(
    private readonly bullmq: typeof BullMq,
    private readonly lockMs: number,
    private readonly host: RunsHost,
  ) {}

  get(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  all(matches: (run: Run) => boolean): Run[] {
    return [...this.#runs.values()].filter(matches);
  }

  renewed(ids: string[]): void {
    for (const id of ids) this.#locked(this.#runs.get(id));
  }

  /** Stops runs whose lock may be about to run out, for whatever reason: another instance may begin where they are. */
  stopOverdue(): void {
    const overdueAt = systemClock.steadyNow() - this.lockMs * overdueAfter;
    for (const run of this.#runs.values()) if (run.lockedAt < overdueAt) run.stop.abort();
  }

  /** BullMQ's processor. When Redis fails, the job is left to be taken over when its lock has run out. */
  async process(queue: JobQueue, queued: QueuedJob, token: string): Promise<never> {
    const job = jobOf(queued);
    try {
      // It was taken over from this very instance.
      for (let before = this.#runs.get(job.id); before; before = this.#runs.get(job.id)) {
        before.stop.abort();
        await before.ended;
      }
      const handler = this.host.handlerOf(job);
      const { id, parentJobId } = job;
      // Not known any more once it is stored again.
      delete job.parentJobId;
      if (handler && parentJobId !== undefined) await this.host.begins({ id, parentJobId });
      if (handler) return await this.#start(job, handler, queue, queued, token);
      await queued.moveToDelayed(Date.now() + this.host.deferMs(job, queue), token);
      throw new this.bullmq.DelayedError();
    } catch (thrown) {
      if (thrown instanceof this.bullmq.DelayedError || thrown instanceof this.bullmq.WaitingError) throw thrown;
      if (!this.host.refuses(thrown)) this.host.warn(`A job is taken up again later: ${toClipError(thrown).message}`);
      throw new this.bullmq.DelayedError();
    }
  }

  async #start(
    job: Job,
    handler: JobHandler<unknown>,
    queue: JobQueue,
    queued: QueuedJob,
    token: string,
  ): Promise<never> {
    const run: Run = {
      job,
      handler,
      queue,
      queued,
      token,
      lockedAt: systemClock.steadyNow(),
      stop: new AbortController(),
      settling: false,
      woken: false,
      over: false,
      ran: Promise.resolve(),
      ended: Promise.resolve(),
    };
    this.#runs.set(job.id, run);
    this.host.began(job, queue);
    const work = this.#run(run);
    run.ended = work.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await work;
    } finally {
      run.over = true;
      this.#runs.delete(job.id);
    }
  }

  async #run(run: Run): Promise<never> {
    const { job, handler, queued, stop } = run;
    const save = (data: unknown): Promise<void> => this.#save(run, data);
    const ran = runJob(handler, job, { signal: stop.signal, save, isFirst: queued.attemptsStarted === 1 });
    run.ran = ran.then(() => undefined);
    const answer = await ran;
    // Waits for as long as Redis is away.
    if (!(await this.#isOurs(run))) throw new this.bullmq.DelayedError();
    if (run.end === 'removed') return this.#finish(run, run.end);
    if (run.end === 'cancelled') {
      return this.#settle(run, { type: 'failed', error: cancelledByMessage(), data: answer.data });
    }
    if (stop.signal.aborted) return this.#putBack(run, answer);
    if (answer.type === 'retry') return this.#putOff(run, answer);
    return this.#settle(run, answer);
  }

  /** Is the job's lock still ours? Then it is for another while. */
  async #isOurs(run: Run): Promise<boolean> {
    const isOurs = (await run.queued.extendLock(run.token, this.lockMs)) === 1;
    if (isOurs) this.#locked(run);
    return isOurs;
  }

  #locked(run: Run | undefined): void {
    if (run) run.lockedAt = systemClock.steadyNow();
  }

  /** A failed write is a warning: the job goes on in memory. But never beside another instance that has taken it over. */
  async #save(run: Run, data: unknown): Promise<void> {
    if (run.over) return;
    run.job.data = data;
    let isOurs = true;
    try {
      isOurs = await this.#isOurs(run);
      if (isOurs) await store(run.queued, run.job);
    } catch (thrown) {
      if (!this.host.refuses(thrown)) this.host.warn(toClipError(thrown).message);
    }
    if (isOurs) return;
    run.stop.abort();
    throw cancelled('Another instance has taken over this job');
  }

  /** Stopped: the job waits for the next handler, who delivers what was reached. */
  async #putBack({ job, queued, token }: Run, answer: JobResult<unknown>): Promise<never> {
    if (answer.type === 'done') await store(queued, { ...job, data: answer.data });
    await queued.moveToWait(token);
    throw new this.bullmq.WaitingError();
  }

  async #putOff(run: Run, answer: JobRetry<unknown>): Promise<never> {
    const { job, queue, handler, queued, token } = run;
    const { job: next, restUntil } = applyResult(job, answer, Date.now());
    Object.assign(job, next);
    await warnOnFailure(() => handler.onRetry(job, answer), this.host.warn);
    await store(queued, job);
    this.host.waits(job, queue, restUntil);
    // From here on, waking it means to move it.
    run.over = true;
    const dueAt = run.woken ? Math.min(job.runAt, Math.max(Date.now(), restUntil)) : job.runAt;
    await queued.moveToDelayed(dueAt, token);
    throw new this.bullmq.DelayedError();
  }

  async #settle(run: Run, outcome: JobOutcome<unknown>): Promise<never> {
    const { job, handler } = run;
    run.settling = true;
    if (outcome.data !== undefined) job.data = outcome.data;
    const hasLedOn = await this.host.deliver(job.id, () => settleJob(handler, job, outcome, this.host.warn));
    return this.#finish(run, run.end ?? outcome.type, hasLedOn);
  }

  async #finish({ job, queued, token }: Run, how: Ended, hasLedOn = false): Promise<never> {
    const fetchNext = false;
    // The outcome has been delivered: without this, it would be once more.
    await this.host.whileUsable(() => queued.moveToCompleted(how, token, fetchNext));
    if (hasLedOn) this.host.forget(job.id);
    this.host.ended(job, how);
    // To BullMQ, this means that there is nothing left to do.
    throw new this.bullmq.DelayedError();
  }
}
