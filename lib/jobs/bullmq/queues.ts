/** All lanes of an engine: those that other instances have jobs in, and those that this one takes jobs out of. */
import { toClipError } from '../../errors';
import type { Job } from '../job';
import { Lane, type LaneEvents, type LaneOptions } from './queue';
import type { Redis } from './redis';

/** The lane of jobs that have no lane. They mostly wait for their turn in the rounds of a connection. */
const mainLane = 'jobs';
const mainAtOnce = 10_000;

export interface OpenLane {
  lane: Lane;
  atOnce: number;
}

export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #open = new Map<string, OpenLane>();
  readonly #namesKey: string;
  #instances = 1;
  #isStarted = false;

  constructor(
    private readonly redis: Redis,
    private readonly options: LaneOptions,
    private readonly events: LaneEvents,
  ) {
    this.#namesKey = `${options.prefix}:lanes`;
    this.#open.set(mainLane, { lane: this.get(), atOnce: mainAtOnce });
  }

  get(name = mainLane): Lane {
    let lane = this.#lanes.get(name);
    // BullMQ separates with colons.
    if (!lane)
      this.#lanes.set(name, (lane = new Lane(this.redis, name.replaceAll(':', '.'), this.options, this.events)));
    return lane;
  }

  /** Lets other instances find the lane's jobs. */
  async announce(name: string): Promise<void> {
    await this.redis.client.sadd(this.#namesKey, name);
  }

  /** Is anything open but the main lane? */
  get isUsed(): boolean {
    return this.#open.size > 1;
  }

  open(name: string, atOnce: number): OpenLane {
    const open: OpenLane = { lane: this.get(name), atOnce };
    this.#open.set(name, open);
    void this.#limit(open);
    this.#start(open);
    return open;
  }

  /** Takes no more jobs out of it from now on. Resolves when those that run have ended. */
  async close(open: OpenLane): Promise<void> {
    const [name] = [...this.#open].find(([, each]) => each === open) ?? [];
    // Opened again since: it goes on.
    if (name === undefined) return;
    this.#open.delete(name);
    await open.lane.stop();
  }

  /** Takes jobs out of the open lanes. */
  start(): void {
    this.#isStarted = true;
    for (const open of this.#open.values()) this.#start(open);
  }

  /** Takes no more jobs from now on. Resolves when those that run have ended. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
  }

  /** How many instances share the lanes. */
  share(instances: number): void {
    this.#instances = instances;
    if (this.#isStarted) this.start();
  }

  /** After Redis was away: it may have lost its memory. */
  restoreLimits(): void {
    for (const open of this.#open.values()) void this.#limit(open);
  }

  async jobs(): Promise<{ job: Job; lane: Lane }[]> {
    const names = new Set([mainLane, ...(await this.redis.client.smembers(this.#namesKey))]);
    const found = [...names].map(async (name) => {
      const lane = this.get(name);
      return (await lane.jobs()).map((job) => ({ job, lane }));
    });
    return (await Promise.all(found)).flat();
  }

  #start({ lane, atOnce }: OpenLane): void {
    if (!this.#isStarted) return;
    // A fair share: whoever ends a job gets the next one, so the first to come would keep a whole lane to itself.
    lane.start(lane.name === mainLane ? atOnce : Math.max(1, Math.ceil(atOnce / this.#instances)));
  }

  /** The limit over all instances. */
  async #limit({ lane, atOnce }: OpenLane): Promise<void> {
    if (lane.name === mainLane) return;
    await lane.queue
      .setGlobalConcurrency(atOnce)
      .catch((thrown: unknown) => this.events.warn(toClipError(thrown).message));
  }
}
