// Cancels and removes jobs wherever they are: waiting, running here, or running in another instance.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { toClipError, type ClipError } from '../../errors';
import { cancelledByMessage, type Job, type JobHandler } from '../job';
import { jobOf, type JobQueue } from './queue';
import type { Cluster, Ended, Stopped } from './cluster';
import { lostJobError } from './lost-jobs';
import type { Run, Runs } from './runs';

export interface CancellationOptions {
  client: Redis;
  prefix: string;
  runs: Runs;
  closing: AbortSignal;
  cluster: Cluster;
  handlerOf(job: Job): JobHandler<unknown> | undefined;
  warn(text: string): void;
  /** A job that did not run is over. */
  ended(job: Job, how: Ended): void;
}

/** A message about an end may be missed: the job is looked for again after this. */
const checkMs = 1_000;
/** The instance that has claimed a waiting job has so long to end it. */
const claimMs = 60_000;
const atOnce = 100;

export class Cancellation {
  readonly #ending = new Map<string, Promise<unknown>>();
  readonly #listeners = new Map<string, Set<(how: Ended, job?: Job) => void>>();

  constructor(private readonly options: CancellationOptions) {}

  /** @returns those that these calls ended */
  async endAll(jobs: { job: Job; queue: JobQueue }[], how: Stopped): Promise<Job[]> {
    const ended: (Job | undefined)[] = [];
    for (let from = 0; from < jobs.length; from += atOnce) {
      const page = jobs.slice(from, from + atOnce);
      ended.push(...(await Promise.all(page.map(({ job, queue }) => this.#end(queue, job.id, how)))));
    }
    return ended.filter((job) => job !== undefined);
  }

  /** Another instance wants the job to end that may be running here. */
  stop(id: string, how: Stopped): void {
    const run = this.options.runs.get(id);
    if (run && !run.settling) stopRun(run, how);
  }

  /** The job is gone. */
  onEnded(id: string, how: Ended, job?: Job): void {
    for (const listener of [...(this.#listeners.get(id) ?? [])]) listener(how, job);
  }

  async #end(queue: JobQueue, id: string, how: Stopped): Promise<Job | undefined> {
    const before = this.#ending.get(id);
    if (before) return void (await before);
    const ending = this.#tryToEnd(queue, id, how);
    this.#ending.set(id, ending);
    return ending.finally(() => this.#ending.delete(id));
  }

  async #tryToEnd(queue: JobQueue, id: string, how: Stopped): Promise<Job | undefined> {
    const { runs, closing } = this.options;
    while (!closing.aborted) {
      const run = runs.get(id);
      if (run?.settling) {
        // Too late. A call from within `onSettled` must not wait for itself.
        if (how === 'removed') await run.ended;
        return undefined;
      }
      if (run?.over) {
        await run.ended;
        continue;
      }
      const end = this.#listen(id);
      try {
        if (run) stopRun(run, how);
        const taken = run ? 'requested' : await this.#tryToTake(queue, id, how);
        if (taken !== 'requested' && taken !== 'claimed') return taken;
        const found = await end.within(checkMs, closing);
        if (found) return found.how === how && taken === 'requested' ? found.job : undefined;
      } finally {
        end.stop();
      }
    }
    return undefined;
  }

  /** Ends a job that does not run. */
  async #tryToTake(queue: JobQueue, id: string, how: Stopped): Promise<Job | 'requested' | 'claimed' | undefined> {
    const { cluster, ended } = this.options;
    const [queued, state] = await Promise.all([queue.queue.getJob(id), queue.queue.getJobState(id)]);
    if (!queued) return undefined;
    const job = jobOf(queued);
    if (state === 'active') {
      cluster.send({ type: 'stop', id, nodeId: job.nodeId, how });
      return 'requested';
    }
    if (!(await this.#claim(id))) return 'claimed';
    try {
      await queued.remove();
    } catch {
      // Somebody runs it since.
      return 'requested';
    }
    if (how === 'cancelled') await this.#deliver(job, cancelledByMessage());
    ended(job, how);
    return job;
  }

  /** Redis has lost the job: one of the instances that know it raises that. */
  async endLost(job: Job): Promise<void> {
    if (!this.options.handlerOf(job) || !(await this.#claim(job.id))) return;
    await this.#deliver(job, lostJobError());
    this.options.ended(job, 'failed');
  }

  async #deliver(job: Job, error: ClipError): Promise<void> {
    try {
      await this.options.handlerOf(job)?.onSettled(job, { type: 'failed', error });
    } catch (thrown) {
      this.options.warn(toClipError(thrown).message);
    }
  }

  /** Several instances may be asked to end the same job: one of them does it. */
  async #claim(id: string): Promise<boolean> {
    const { client, prefix, cluster } = this.options;
    const key = `${prefix}:ending:${id}`;
    if ((await client.set(key, cluster.id, 'PX', claimMs, 'NX')) === 'OK') return true;
    return (await client.get(key)) === cluster.id;
  }

  #listen(id: string): { within(ms: number, signal: AbortSignal): Promise<Ending | undefined>; stop(): void } {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners);
    const stopped = new AbortController();
    let listener!: (how: Ended, job?: Job) => void;
    const onEnded = new Promise<Ending>(
      (resolve) => (listener = (how, job) => resolve({ how, ...(job ? { job } : {}) })),
    );
    listeners.add(listener);
    return {
      within(ms, signal) {
        const noLonger = AbortSignal.any([signal, stopped.signal]);
        return Promise.race([onEnded, sleep(ms, undefined, { signal: noLonger }).catch(() => undefined)]);
      },
      stop: () => {
        stopped.abort();
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(id);
      },
    };
  }
}

interface Ending {
  how: Ended;
  job?: Job;
}

function stopRun(run: Run, how: Stopped): void {
  run.end ??= how;
  run.stop.abort();
}
