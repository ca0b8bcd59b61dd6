/**
 * From one node's job to the next one's: the message of an outcome leads to a new job, and a crash in between must neither
 * lose nor double what both are about.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';

/** The telling of one job's outcome, and what it has set off. */
interface Telling {
  id: string;
  /** By owner, the jobs that were added. */
  counts: Map<string, number>;
  adding: Promise<unknown>[];
  /** Whatever goes on from there has nothing to do with it any more. */
  isOver: boolean;
}

/** A message takes one turn of the event loop from node to node, so a few quick nodes may lie between two of ours. */
const turns = 20;
/** By then the job whose outcome was not told to its end has long been taken over. */
const rememberedMs = 24 * 3600_000;

export class HandOver {
  readonly #telling = new AsyncLocalStorage<Telling>();

  constructor(
    private readonly client: Redis,
    private readonly prefix: string,
  ) {}

  /** Tells an outcome; resolves when the jobs that this has set off are stored. The returned function forgets them. */
  async tell(id: string, call: () => Promise<void>): Promise<() => void> {
    const telling: Telling = { id, counts: new Map(), adding: [], isOver: false };
    await this.#telling.run(telling, call);
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    telling.isOver = true;
    await Promise.allSettled(telling.adding);
    return () => {
      if (telling.adding.length > 0) void this.client.del(this.#keyOf(id)).catch(() => undefined);
    };
  }

  /** Adds a job unless the outcome that leads to it is told again, and had led to it before. Resolves to the job's id. */
  add(owner: string, add: () => Promise<string>): Promise<string> {
    const telling = this.#telling.getStore();
    if (!telling || telling.isOver) return add();
    const adding = this.#addOnce(telling, owner, add);
    telling.adding.push(adding);
    return adding;
  }

  async #addOnce({ id: from, counts }: Telling, owner: string, add: () => Promise<string>): Promise<string> {
    const count = counts.get(owner) ?? 0;
    counts.set(owner, count + 1);
    const [key, field] = [this.#keyOf(from), `${owner} ${count}`];
    const earlier = await this.client.hget(key, field);
    if (earlier !== null) return earlier;
    const id = await add();
    // Afterwards, so that a crash in between doubles rather than loses it.
    await this.client.pipeline().hset(key, field, id).pexpire(key, rememberedMs).exec();
    return id;
  }

  #keyOf(id: string): string {
    return `${this.prefix}:from:${id}`;
  }
}
