// Keeps all queues of an engine: those that other instances have jobs in, and those that this one takes jobs out of.
import { toClipError } from '../../errors';
import type { Job } from '../job';
import { JobQueue, type QueueHost, type QueueOptions } from './queue';
import type { Redis } from './redis';

/** The queue of jobs that have no queue. They mostly wait for their turn in the rounds of a connection. */
const mainQueue = 'jobs';
const mainAtOnce = 10_000;

export interface OpenQueue {
  queue: JobQueue;
  atOnce: number;
}

export class JobQueues {
  readonly #queues = new Map<string, JobQueue>();
  readonly #open = new Map<string, OpenQueue>();
  readonly #namesKey: string;
  #instances = 1;
  #isStarted = false;

  constructor(
    private readonly redis: Redis,
    private readonly options: QueueOptions,
    private readonly events: QueueHost,
  ) {
    this.#namesKey = `${options.prefix}:queues`;
    this.#open.set(mainQueue, { queue: this.get(), atOnce: mainAtOnce });
  }

  get(name = mainQueue): JobQueue {
    let queue = this.#queues.get(name);
    // BullMQ separates with colons.
    if (!queue)
      this.#queues.set(name, (queue = new JobQueue(this.redis, name.replaceAll(':', '.'), this.options, this.events)));
    return queue;
  }

  /** Lets other instances find the queue's jobs. */
  async announce(name: string): Promise<void> {
    await this.redis.client.sadd(this.#namesKey, name);
  }

  /** Is anything open but the main queue? */
  get isUsed(): boolean {
    return this.#open.size > 1;
  }

  open(name: string, atOnce: number): OpenQueue {
    const open: OpenQueue = { queue: this.get(name), atOnce };
    this.#open.set(name, open);
    void this.#limit(open);
    this.#start(open);
    return open;
  }

  /** Takes no more jobs out of it from now on. Resolves when those that run have ended. */
  async close(open: OpenQueue): Promise<void> {
    const [name] = [...this.#open].find(([, each]) => each === open) ?? [];
    // Opened again since: it goes on.
    if (name === undefined) return;
    this.#open.delete(name);
    await open.queue.stop();
  }

  /** Takes jobs out of the open queues. */
  start(): void {
    this.#isStarted = true;
    for (const open of this.#open.values()) this.#start(open);
  }

  /** Takes no more jobs from now on. Resolves when those that run have ended. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    await this.suspend();
  }

  /** Takes no more jobs for as long as Redis refuses. Never rejects. */
  async suspend(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.stop()));
  }

  /** Number of instances that share the queues. */
  share(instances: number): void {
    this.#instances = instances;
    if (this.#isStarted) this.start();
  }

  /** Redis can be used, perhaps after it has lost its memory. */
  resume(): void {
    for (const open of this.#open.values()) {
      void this.#limit(open);
      this.#start(open);
    }
  }

  async jobs(): Promise<{ job: Job; queue: JobQueue }[]> {
    const names = new Set([mainQueue, ...(await this.redis.client.smembers(this.#namesKey))]);
    const found = [...names].map(async (name) => {
      const queue = this.get(name);
      return (await queue.jobs()).map((job) => ({ job, queue }));
    });
    return (await Promise.all(found)).flat();
  }

  #start({ queue, atOnce }: OpenQueue): void {
    // BullMQ's workers spin on a server that refuses: they start when it has been found usable.
    if (!this.#isStarted || this.redis.isAway) return;
    // A fair share: a worker that ends a job fetches the next one, so the first instance would keep a whole queue to itself.
    queue.start(queue.name === mainQueue ? atOnce : Math.max(1, Math.ceil(atOnce / this.#instances)));
  }

  /** The limit over all instances. */
  async #limit({ queue, atOnce }: OpenQueue): Promise<void> {
    // Otherwise it is set as soon as Redis can be used.
    if (queue.name === mainQueue || this.redis.isAway) return;
    try {
      await queue.queue.setGlobalConcurrency(atOnce);
    } catch (thrown) {
      if (!this.redis.refuses(thrown)) this.events.warn(toClipError(thrown).message);
    }
  }
}
