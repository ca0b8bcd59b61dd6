// Opens one BullMQ queue and, for as long as this instance runs jobs out of it, its worker.
import type { Job as BullJob, Queue, Worker } from 'bullmq';
import type { Job } from '../job';
import { readJob, storedVersion } from '../stored-job';
import type { Redis } from './redis';

/** A job as BullMQ stores it, under its id. */
export type StoredJob = Omit<Job, 'id'> & { version: number };
export type QueuedJob = BullJob<StoredJob>;

/**
 * Differences from the job as it was added. A job holds its message, which may be large: that is written once, and what the
 * job reaches is written beside it.
 */
interface Reached extends Pick<Job, 'runAt' | 'failures'> {
  /** Of the data: values that are others now, and names that are gone. */
  changed: Record<string, unknown>;
  dropped: string[];
}

export interface QueueOptions {
  prefix: string;
  /** A job of an instance that was silent for so long is taken over, at the next check. */
  lockMs: number;
  takeoverCheckMs: number;
}

export interface QueueHost {
  /** Runs a job, and ends it or puts it elsewhere: in the end it throws what tells BullMQ that this is done. */
  process(queue: JobQueue, queued: QueuedJob, token: string): Promise<never>;
  /** The locks of these jobs have been renewed. */
  renewed(ids: string[]): void;
  /** Another instance may take these over, or has done so. */
  lost(ids: string[]): void;
  warn(text: string): void;
}

/** BullMQ's own events are not used: see `JobEvents`. */
const eventsKept = 100;
/** A crash takes the jobs of an instance with it as often as it happens: never a reason to give one up. */
const takeoversAtMost = 1e9;
const pageSize = 200;

export class JobQueue {
  #queue: Queue<StoredJob, unknown, 'job'> | undefined;
  #worker: Worker<StoredJob> | undefined;

  constructor(
    private readonly redis: Redis,
    readonly name: string,
    private readonly options: QueueOptions,
    private readonly host: QueueHost,
  ) {}

  /** Made on first use, which is after the server has been inspected: one that was refused at its start never works. */
  get queue(): Queue<StoredJob, unknown, 'job'> {
    if (!this.#queue) {
      this.#queue = new this.redis.bullmq.Queue(this.name, {
        connection: this.redis.client,
        prefix: this.options.prefix,
        streams: { events: { maxLen: eventsKept } },
        defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
      });
      this.#queue.on('error', (error) => this.#report(error));
    }
    return this.#queue;
  }

  /** Takes jobs, so many at once in this instance. */
  start(atOnce: number): void {
    if (this.#worker) {
      this.#worker.concurrency = atOnce;
      return;
    }
    const { prefix, lockMs, takeoverCheckMs } = this.options;
    const worker: Worker<StoredJob> = new this.redis.bullmq.Worker<StoredJob>(
      this.name,
      (queued, token = '') =>
        this.#worker === worker ? this.host.process(this, queued, token) : this.#giveBack(queued, token),
      {
        connection: this.redis.client,
        prefix,
        concurrency: atOnce,
        lockDuration: lockMs,
        stalledInterval: takeoverCheckMs,
        maxStalledCount: takeoversAtMost,
      },
    );
    worker.on('error', (error) => this.#report(error));
    worker.on('locksRenewed', ({ jobIds }) => this.host.renewed(jobIds));
    worker.on('lockRenewalFailed', (ids) => this.host.lost(ids));
    this.#worker = worker;
  }

  /** Takes no more jobs from now on. Resolves when those that run have ended, or Redis is away. Never rejects. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (!worker) return;
    await this.redis.unlessAway(this.#close(worker)).catch((error: Error) => this.#report(error));
  }

  /** All jobs. None is missed by being moved meanwhile: their ids are read in one step. */
  async jobs(): Promise<Job[]> {
    const ids = await this.queue.getRanges(['active', 'wait', 'delayed', 'prioritized'], 0, -1);
    const jobs: Job[] = [];
    for (let from = 0; from < ids.length; from += pageSize) {
      const page = await Promise.all(ids.slice(from, from + pageSize).map((id) => this.queue.getJob(id)));
      // An entry that is no job of ours fails as soon as it is taken.
      for (const queued of page) if (queued && isOurs(queued)) jobs.push(jobOf(queued));
    }
    return jobs;
  }

  /** Lets a waiting job run at that time. One that does not wait any more is left alone. */
  async move(id: string, runAt: number): Promise<void> {
    try {
      const queued = await this.queue.getJob(id);
      await queued?.changeDelay(Math.max(0, runAt - Date.now()));
    } catch {
      // It runs, or has run since.
    }
  }

  async areGone(ids: string[]): Promise<boolean[]> {
    const asked = this.redis.client.pipeline();
    for (const id of ids) asked.exists(this.queue.toKey(id));
    const answers = (await asked.exec()) ?? [];
    return ids.map((_, index) => answers[index]?.[1] === 0);
  }

  async #close(worker: Worker<StoredJob>): Promise<void> {
    // Takes effect at once.
    void worker.pause(true);
    const waiting = worker.getBackend().blockingClient;
    // Without its second connection, it would wait for it forever.
    await this.redis.unlessAway(waiting?.then(untilReady) ?? Promise.resolve());
    await worker.close(this.redis.isAway);
  }

  /** It came too late: another instance, or the next worker, has it at once. */
  async #giveBack(queued: QueuedJob, token: string): Promise<never> {
    await queued.moveToWait(token);
    throw new this.redis.bullmq.WaitingError();
  }

  /** BullMQ repeats at once what was refused, without end: that must be noticed first. The rest shows elsewhere. */
  #report(error: Error): void {
    if (
      this.redis.refuses(error) ||
      this.redis.isAway ||
      /Connection is closed|ECONN|EPIPE|lock for job|Socket timeout/.test(error.message)
    )
      return;
    this.host.warn(error.message);
  }
}

async function untilReady(client: {
  status: string;
  once(event: 'ready', listener: () => void): unknown;
}): Promise<void> {
  if (client.status !== 'ready') await new Promise<void>((resolve) => void client.once('ready', resolve));
}

function isOurs(queued: QueuedJob): boolean {
  try {
    return jobOf(queued) !== undefined;
  } catch {
    return false;
  }
}

export function jobOf({ id, data: added, progress }: QueuedJob): Job {
  return readJob({ ...(isReached(progress) ? jobAfter(added, progress) : added), id: id! }, id!);
}

/** Stores what the job has reached. Values of its data count as changed where they are not the very same. */
export async function store(queued: QueuedJob, { runAt, failures, data }: Job): Promise<void> {
  const before = queued.data.data as Record<string, unknown>;
  const now = data as Record<string, unknown>;
  const changed = Object.fromEntries(Object.entries(now).filter(([name, value]) => value !== before[name]));
  const dropped = Object.keys(before).filter((name) => !Object.hasOwn(now, name));
  await queued.updateProgress({ runAt, failures, changed, dropped } satisfies Reached);
}

function jobAfter({ parentJobId: _begun, ...added }: StoredJob, { changed, dropped, ...when }: Reached): StoredJob {
  const data: Record<string, unknown> = { ...(added.data as object), ...changed };
  for (const name of dropped) delete data[name];
  return { ...added, ...when, data };
}

/** BullMQ has 0 where nothing was stored. */
function isReached(progress: unknown): progress is Reached {
  return typeof progress === 'object' && progress !== null && 'changed' in progress;
}

export function storedJob({ id, unreadable, ...stored }: Job): StoredJob {
  return { version: storedVersion, ...stored };
}
