/** Jobs in BullMQ on Redis or Valkey, shared by all instances that run the same flows. */
import { randomUUID } from 'node:crypto';
import { ClipError, toClipError } from '../../errors';
import type { Refusals } from '../../connection/login-guard';
import type { Job, JobDraft, JobEngine, JobOwner } from '../job';
import { Tellings, type Origin } from '../delivery';
import { AbsentOwners } from './tracked-jobs';
import { Ends } from './cancellation';
import { handOver, type HandOver } from './hand-over';
import { KnownJobs } from './tracked-jobs';
import { storedJob, type Lane } from './queue';
import { Lanes } from './queues';
import { News } from './tracked-jobs';
import type { Stopped } from './cluster';
import { meetOthers, type Others } from './cluster';
import { checkRedisUrl, connectRedis, loadPackages, type Redis } from './redis';
import { redisRefusals } from './login-guard';
import { Runs, type Run } from './runs';

export interface BullOptions {
  url: unknown;
  warn(text: string): void;
  /** Before the names of all keys. */
  prefix?: string;
  load?(name: string): unknown;
  /** A job of an instance that was silent for so long is taken over, at the next check. */
  lockMs?: number;
  takeoverCheckMs?: number;
  /** A job whose owner is not here is left to the others for so long, at first. */
  absentMs?: number;
  /** The instances hear of one another this often. */
  beatMs?: number;
}

export class BullEngine implements JobEngine {
  readonly #prefix: string;
  readonly #redis: Redis;
  readonly #lanes: Lanes;
  readonly #runs: Runs;
  readonly #known: KnownJobs;
  readonly #ends: Ends;
  readonly #tellings = new Tellings();
  readonly #handOver: HandOver;
  readonly #others: Others;
  readonly #news: News;
  readonly #owners = new Map<string, JobOwner<unknown>>();
  readonly #absent: AbsentOwners;
  /** Connections that this process has had. */
  readonly #connections = new Set<string>();
  readonly #closing = new AbortController();
  readonly #watch: NodeJS.Timeout;

  /** @throws EINVALID for an address that is none, EUNSUPPORTED when a package is not installed */
  constructor(options: BullOptions) {
    const { warn, prefix = 'video-clips', lockMs = 10_000, takeoverCheckMs = 5_000 } = options;
    const redis = connectRedis(checkRedisUrl(options.url), loadPackages(options.load), warn);
    const { client, bullmq } = redis;
    this.#redis = redis;
    this.#prefix = prefix;
    this.#absent = new AbsentOwners(options.absentMs ?? 1_000);
    this.#handOver = handOver(client, prefix);
    this.#others = meetOthers(redis, {
      prefix,
      beatMs: options.beatMs ?? 15_000,
      owners: () => (this.#closing.signal.aborted ? [] : [...this.#owners.keys()]),
      hear: (note) => this.#news.hear(note),
      met: ({ instances, owners }) => {
        this.#lanes.share(instances);
        this.#absent.elsewhere = owners;
      },
      also: () => this.#news.catchUp(),
    });
    this.#runs = new Runs(bullmq, lockMs, {
      ownerOf: ({ owner }) => this.#owners.get(owner),
      absent: (job, lane) => this.#absent.putOffMs(job, lane),
      waits: (job, lane, restUntil) => this.#known.waits(job, lane, restUntil),
      tell: (id, call) => this.#tellings.tell(id, call),
      forget: (id) => this.#handOver.forget(id),
      ended: (job, how) => this.#news.ended(job, how),
      warn,
    });
    this.#known = new KnownJobs(this.#runs);
    this.#ends = new Ends({
      client,
      prefix,
      runs: this.#runs,
      closing: this.#closing.signal,
      others: this.#others,
      ownerOf: ({ owner }) => this.#owners.get(owner),
      warn,
      taken: (job, how) => this.#news.ended(job, how),
    });
    this.#news = new News({
      known: this.#known,
      absent: this.#absent,
      ends: this.#ends,
      others: this.#others,
      owners: this.#owners,
    });
    this.#lanes = new Lanes(
      redis,
      { prefix, lockMs, takeoverCheckMs },
      {
        process: (lane, queued, token) => this.#runs.process(lane, queued, token),
        renewed: (ids) => this.#runs.renewed(ids),
        lost: (ids) => ids.forEach((id) => this.#runs.get(id)?.stop.abort()),
        warn,
      },
    );
    redis.onChange((isAway) => {
      if (isAway) return;
      this.#lanes.restoreLimits();
      this.#others.greet();
    });
    this.#watch = setInterval(() => this.#runs.stopOverdue(), lockMs / 8).unref();
  }

  add<Data>(draft: JobDraft<Data>): Promise<Job<Data>> {
    return this.#tellings.add(draft.owner, (from) => this.#add(draft, from));
  }

  own<Data>(owner: string, handlers: JobOwner<Data>): () => Promise<void> {
    const own = handlers as JobOwner<unknown>;
    // When the other owners of this start have come, too.
    if (this.#owners.size === 0) setImmediate(this.#others.greet);
    this.#owners.set(owner, own);
    if (!this.#closing.signal.aborted) this.#lanes.start();
    this.#absent.came(owner);
    return () => this.#release(owner, own);
  }

  cancel(matches: (job: Job) => boolean): Promise<Job[]> {
    return this.#endAll(matches, 'cancelled');
  }

  remove(matches: (job: Job) => boolean): Promise<Job[]> {
    return this.#endAll(matches, 'removed');
  }

  /** Instances are deployed one after the other: an owner that one of them had of late may exist. */
  async removeOrphans(exists: (owner: string) => boolean): Promise<Job[]> {
    const owners = await this.#others.owners();
    return this.remove(({ owner }) => !exists(owner) && !owners.has(owner));
  }

  /** Each instance hears the vendor's news itself: it wakes the jobs that ran there last. */
  wake(matches: (job: Job) => boolean): void {
    this.#known.wake(matches);
  }

  async list(): Promise<Job[]> {
    return (await this.#stored()).map(({ job }) => job);
  }

  openLane(name: string, atOnce: number): () => Promise<void> {
    const open = this.#lanes.open(name, atOnce);
    return () => {
      const closed = this.#lanes.close(open);
      return this.#stop(({ lane }) => lane === open.lane, closed);
    };
  }

  onPause(listener: (isPaused: boolean) => void): () => void {
    return this.#redis.onChange(listener);
  }

  refusals(connection: string, login: unknown): Refusals {
    const isDeploy = this.#connections.has(connection);
    this.#connections.add(connection);
    return redisRefusals(this.#redis.client, this.#prefix, connection, login, isDeploy);
  }

  closeUnused(): Promise<void> | undefined {
    const isUsed = this.#owners.size > 0 || this.#lanes.isUsed || this.#tellings.isAdding;
    return isUsed ? undefined : this.close();
  }

  /** Ends everything here; jobs are kept for other instances and the next start. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#others.stop();
    clearInterval(this.#watch);
    this.#owners.clear();
    const stopped = this.#leave();
    await this.#stop(() => true, stopped);
    this.#redis.close();
  }

  async #add<Data>(
    { id = randomUUID(), lane: name, ...draft }: JobDraft<Data>,
    from: Origin | undefined,
  ): Promise<Job<Data>> {
    const now = Date.now();
    const job: Job<Data> = { id, createdAt: now, failures: 0, ...draft };
    const lane = this.#lanes.get(name);
    const added = this.#known.adding(job, lane);
    const store = async (): Promise<string> => {
      await lane.queue.waitUntilReady();
      if (name !== undefined) await this.#lanes.announce(name);
      // Should a command be repeated after Redis was away, it is still one job.
      await lane.queue.add('job', storedJob(job), { jobId: id, delay: Math.max(0, job.runAt - now) });
      return id;
    };
    try {
      const storedId = from ? await this.#handOver.addOnce(from, job.owner, store) : await store();
      added(storedId === id);
      return { ...job, id: storedId };
    } catch (thrown) {
      added(false);
      throw new ClipError('EFAILED', `Unfinished work cannot be kept in Redis: ${toClipError(thrown).message}`);
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

  /** Ends what these handlers run. Another owner of the same id may have come already: its runs are left alone. */
  #release(owner: string, own: JobOwner<unknown>): Promise<void> {
    if (this.#owners.get(owner) === own) this.#owners.delete(owner);
    const stopped = this.#owners.size === 0 ? this.#leave() : undefined;
    return this.#stop((run) => run.owner === own, stopped);
  }

  /** The jobs are for the others now. */
  async #leave(): Promise<void> {
    await this.#lanes.stop();
    await this.#redis.unlessAway(this.#others.leave());
  }

  async #stored(): Promise<{ job: Job; lane: Lane }[]> {
    const stored = await this.#lanes.jobs();
    // What runs here is known better here.
    return stored.map(({ job, lane }) => ({ job: this.#runs.get(job.id)?.job ?? job, lane }));
  }

  async #endAll(matches: (job: Job) => boolean, how: Stopped): Promise<Job[]> {
    // They were accepted before whoever asks.
    await this.#tellings.added();
    const found = (await this.#stored()).filter(({ job }) => matches(job));
    return this.#ends.endAll(found, how);
  }
}
