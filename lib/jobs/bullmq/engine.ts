// Runs jobs on BullMQ and Redis or Valkey, shared by all instances that run the same flows.
import { randomUUID } from 'node:crypto';
import { ClipError, toClipError } from '../../errors';
import type { LoginGuard } from '../../connection/login-guard';
import type { Job, JobDraft, JobEngine, JobHandler } from '../job';
import { OutcomeDelivery, deliveryId, type Origin } from '../delivery';
import { limitedLog } from '../limited-log';
import type { StateStore } from '../node-states';
import { isMatch } from '../stored-job';
import { Cancellation } from './cancellation';
import { lossDetector } from './lost-jobs';
import { handOver, type HandOver } from './hand-over';
import { storedJob, type JobQueue } from './queue';
import { JobQueues } from './queues';
import { JobEvents, TrackedJobs, UnclaimedJobs } from './tracked-jobs';
import { joinCluster, type Cluster, type Stopped } from './cluster';
import { connectRedis, loadPackages, type Redis } from './redis';
import { readRedisSettings } from './settings';
import { redisStates } from './node-states';
import { redisLoginGuard } from './login-guard';
import { Runs, type Run } from './runs';

export interface BullOptions {
  /** An address, or options of ioredis. */
  redis: unknown;
  warn(text: string): void;
  load?(name: string): unknown;
  /** A job of an instance that was silent for so long is taken over, at the next check. */
  lockMs?: number;
  takeoverCheckMs?: number;
  /** A job whose handler is not here is left to the others for so long, at first. */
  absentMs?: number;
  /** The instances hear of one another this often. */
  heartbeatMs?: number;
  /** The states that an instance works with are another one's when it was silent for so long. */
  leaseMs?: number;
}

export class BullEngine implements JobEngine {
  readonly #prefix: string;
  readonly #redis: Redis;
  readonly #queues: JobQueues;
  readonly #runs: Runs;
  readonly #trackedJobs: TrackedJobs;
  readonly #cancellation: Cancellation;
  readonly #deliveries = new OutcomeDelivery();
  readonly #handOver: HandOver;
  readonly #cluster: Cluster;
  readonly #jobEvents: JobEvents;
  readonly #handlers = new Map<string, JobHandler<unknown>>();
  readonly #unclaimedJobs: UnclaimedJobs;
  /** Connections that this process has had. */
  readonly #connections = new Set<string>();
  readonly #closing = new AbortController();
  readonly #watch: NodeJS.Timeout;
  readonly #states: StateStore;

  /** @throws EINVALID for settings that do not say where, EUNSUPPORTED for a cluster or when a package is not installed */
  constructor(options: BullOptions) {
    const { lockMs = 10_000, takeoverCheckMs = 5_000 } = options;
    const warn = limitedLog(options.warn);
    const settings = readRedisSettings(options.redis);
    const { prefix } = settings;
    const redis = connectRedis(settings, loadPackages(options.load), warn);
    const { client, bullmq } = redis;
    this.#redis = redis;
    this.#prefix = prefix;
    this.#unclaimedJobs = new UnclaimedJobs(options.absentMs ?? 1_000);
    this.#handOver = handOver(client, prefix);
    this.#states = redisStates(redis, prefix, options.leaseMs ?? 15_000);
    this.#cluster = joinCluster(redis, {
      prefix,
      heartbeatMs: options.heartbeatMs ?? 15_000,
      nodeIds: () => (this.#closing.signal.aborted ? [] : [...this.#handlers.keys()]),
      onMessage: (message) => this.#jobEvents.onMessage(message),
      onMembership: ({ instances, nodeIds }) => {
        this.#queues.share(instances);
        this.#unclaimedJobs.elsewhere = nodeIds;
      },
      onHeartbeat: () => this.#jobEvents.catchUp(),
    });
    this.#runs = new Runs(bullmq, lockMs, {
      handlerOf: ({ nodeId }) => this.#handlers.get(nodeId),
      begins: (job) => this.#handOver.began(job),
      deferMs: (job, queue) => this.#unclaimedJobs.deferMs(job, queue),
      began: (job, queue) => this.#trackedJobs.runsHere(job, queue),
      waits: (job, queue, restUntil) => this.#trackedJobs.waits(job, queue, restUntil),
      deliver: (id, call) => this.#deliveries.deliver(id, call),
      forget: (id) => this.#handOver.forget(id),
      ended: (job, how) => this.#jobEvents.ended(job, how),
      whileUsable: (work) => redis.whileUsable(work),
      refuses: (thrown) => redis.refuses(thrown),
      warn,
    });
    this.#trackedJobs = new TrackedJobs(this.#runs);
    this.#cancellation = new Cancellation({
      client,
      prefix,
      runs: this.#runs,
      closing: this.#closing.signal,
      cluster: this.#cluster,
      handlerOf: ({ nodeId }) => this.#handlers.get(nodeId),
      warn,
      ended: (job, how) => this.#jobEvents.ended(job, how),
    });
    this.#jobEvents = new JobEvents({
      trackedJobs: this.#trackedJobs,
      unclaimedJobs: this.#unclaimedJobs,
      cancellation: this.#cancellation,
      cluster: this.#cluster,
      handlers: this.#handlers,
      hasLostData: lossDetector(client, prefix),
      warn: (text) => warn(`${redis.name} ${text}. Switch its persistence on (appendonly yes)`),
    });
    this.#queues = new JobQueues(
      redis,
      { prefix, lockMs, takeoverCheckMs },
      {
        process: (queue, queued, token) => this.#runs.process(queue, queued, token),
        renewed: (ids) => this.#runs.renewed(ids),
        lost: (ids) => ids.forEach((id) => this.#runs.get(id)?.stop.abort()),
        warn,
      },
    );
    redis.onInspected((isUsable) => {
      if (!isUsable) return void this.#queues.suspend();
      this.#queues.resume();
      this.#cluster.announce();
    });
    this.#watch = setInterval(() => this.#runs.stopOverdue(), lockMs / 8).unref();
  }

  add<Data>(draft: JobDraft<Data>): Promise<Job<Data>> {
    return this.#deliveries.add(draft.nodeId, (from) => this.#add(draft, from));
  }

  accept<T>(work: () => Promise<T>): Promise<T> {
    return this.#deliveries.accept(work);
  }

  register<Data>(nodeId: string, handlers: JobHandler<Data>): () => Promise<void> {
    const handler = handlers as JobHandler<unknown>;
    // When the other handlers of this start have come, too.
    if (this.#handlers.size === 0) setImmediate(this.#cluster.announce);
    this.#handlers.set(nodeId, handler);
    if (!this.#closing.signal.aborted) this.#queues.start();
    this.#unclaimedJobs.claimed(nodeId);
    return () => this.#release(nodeId, handler);
  }

  cancel(matches: (job: Job) => boolean): Promise<Job[]> {
    return this.#endAll(matches, 'cancelled');
  }

  remove(matches: (job: Job) => boolean): Promise<Job[]> {
    return this.#endAll(matches, 'removed');
  }

  /** Instances are deployed one after the other: a handler that one of them had of late may exist. */
  async removeOrphans(exists: (nodeId: string) => boolean): Promise<Job[]> {
    const nodeIds = await this.#redis.whileUsable(() => this.#cluster.nodeIds());
    return this.remove(({ nodeId }) => !exists(nodeId) && !nodeIds.has(nodeId));
  }

  /** Each instance hears the vendor's news itself: it wakes the jobs that ran there last. */
  wake(matches: (job: Job) => boolean): void {
    this.#trackedJobs.wake(matches);
  }

  async list(): Promise<Job[]> {
    return (await this.#stored()).map(({ job }) => job).filter(({ unreadable }) => unreadable === undefined);
  }

  has(id: string): Promise<boolean> {
    return this.#redis.whileUsable(async () => !(await this.#queues.get().areGone([id]))[0]);
  }

  async deliver(id: string, call: () => void): Promise<() => void> {
    await this.#deliveries.deliver(deliveryId(id), async () => call());
    return () => this.#handOver.forget(deliveryId(id));
  }

  sharedStates(): StateStore {
    return this.#states;
  }

  openQueue(name: string, atOnce: number): () => Promise<void> {
    const open = this.#queues.open(name, atOnce);
    return () => {
      const closed = this.#queues.close(open);
      return this.#stop(({ queue }) => queue === open.queue, closed);
    };
  }

  onPause(listener: (isPaused: boolean) => void): () => void {
    return this.#redis.onChange(listener);
  }

  loginGuard(connection: string, login: unknown): LoginGuard {
    const isDeploy = this.#connections.has(connection);
    this.#connections.add(connection);
    return redisLoginGuard(this.#redis.client, this.#prefix, connection, login, isDeploy);
  }

  closeUnused(): Promise<void> | undefined {
    const isUsed = this.#handlers.size > 0 || this.#queues.isUsed || this.#deliveries.isAdding;
    return isUsed ? undefined : this.close();
  }

  /** Ends everything here; jobs are kept for other instances and the next start. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#cluster.stop();
    clearInterval(this.#watch);
    this.#handlers.clear();
    const stopped = this.#leave();
    await this.#stop(() => true, stopped);
    this.#redis.close();
  }

  async #add<Data>(
    { id = randomUUID(), queue: name, ...draft }: JobDraft<Data>,
    from: Origin | undefined,
  ): Promise<Job<Data>> {
    const origin = from ? { parentJobId: from.id } : {};
    const job: Job<Data> = { id, createdAt: Date.now(), failures: 0, ...origin, ...draft };
    const queue = this.#queues.get(name);
    const added = this.#trackedJobs.adding(job, queue);
    const store = async (jobId: string): Promise<void> => {
      await queue.queue.waitUntilReady();
      if (name !== undefined) await this.#queues.announce(name);
      // Should a command be repeated after Redis was away, it is still one job.
      await queue.queue.add('job', storedJob(job), { jobId, delay: Math.max(0, job.runAt - Date.now()) });
    };
    try {
      const storedId = await this.#redis.whileUsable(async () => {
        if (from) return this.#handOver.addOnce(from, job, store);
        await store(id);
        return id;
      });
      added(storedId === id);
      return { ...job, id: storedId };
    } catch (thrown) {
      added(false);
      throw new ClipError('EFAILED', `${toClipError(thrown).message}: unfinished work cannot be kept in Redis`);
    }
  }

  /** Stops these runs; their jobs are kept. Where `stopped`, none of them comes back to this instance. */
  async #stop(matches: (run: Run) => boolean, stopped?: Promise<void>): Promise<void> {
    const runs = this.#runs.all(matches);
    for (const run of runs) run.stop.abort();
    await Promise.all(runs.map((run) => run.ran));
    await this.#redis.unlessAway(Promise.all(runs.map((run) => run.ended)));
    await stopped;
  }

  /** Ends what these handlers run. Another handler of the same id may have come already: its runs are left alone. */
  #release(nodeId: string, handler: JobHandler<unknown>): Promise<void> {
    if (this.#handlers.get(nodeId) === handler) this.#handlers.delete(nodeId);
    const stopped = this.#handlers.size === 0 ? this.#leave() : undefined;
    return this.#stop((run) => run.handler === handler, stopped);
  }

  /** The jobs are for the others now. */
  async #leave(): Promise<void> {
    await this.#queues.stop();
    await this.#redis.unlessAway(this.#cluster.leave());
  }

  async #stored(): Promise<{ job: Job; queue: JobQueue }[]> {
    const stored = await this.#redis.whileUsable(() => this.#queues.jobs());
    // The state of a job that runs here is newer than the stored one.
    return stored.map(({ job, queue }) => ({ job: this.#runs.get(job.id)?.job ?? job, queue }));
  }

  async #endAll(matches: (job: Job) => boolean, how: Stopped): Promise<Job[]> {
    // Jobs that are just being added were accepted before this call.
    await this.#deliveries.added();
    const found = (await this.#stored()).filter(({ job }) => isMatch(matches, job));
    return this.#redis.whileUsable(() => this.#cancellation.endAll(found, how));
  }
}
