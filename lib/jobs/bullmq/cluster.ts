import { randomUUID } from 'node:crypto';
import type { Redis } from './redis';
import type { Job } from '../job';

/** This instance among all that share a Redis. */

export interface OthersOptions {
  prefix: string;
  /** The instances hear of one another this often. */
  beatMs: number;
  /** Owners that this instance has now. Without any, it takes no part. */
  owners(): string[];
  hear(note: JobNote): void;
  met(found: Met): void;
  /** Whatever else is to be done as often. */
  also(): Promise<void>;
}

export interface Others {
  /** Of this instance. */
  readonly id: string;
  tell(note: Note): void;
  /** Lets all instances hear of this one now. */
  greet(): void;
  /** Owners that any instance had of late. */
  owners(): Promise<Set<string>>;
  /** This instance has no owners any more. Never rejects. */
  leave(): Promise<void>;
  stop(): void;
}

export function meetOthers(redis: Redis, options: OthersOptions): Others {
  const { prefix, hear } = options;
  const id = randomUUID();
  const { beat, owners, leave } = presence(redis.client, prefix, id);
  let isKnown = false;

  const tell = exchangeNotes(redis, `${prefix}:notes`, id, (note) => {
    if (note.type === 'changed') beating.now();
    else hear(note);
  });

  const beating = repeat(options.beatMs, async () => {
    if (redis.isAway) return;
    const own = options.owners();
    if (own.length > 0) {
      options.met(await beat(own));
      // They share the work with this one from now on, not from their next beat.
      if (!isKnown) tell({ type: 'changed' });
      isKnown = true;
    }
    await options.also();
  });

  return {
    id,
    tell,
    greet: beating.now,
    owners,
    async leave() {
      isKnown = false;
      await leave().catch(() => undefined);
      tell({ type: 'changed' });
    },
    stop: beating.stop,
  };
}

/** What instances that share a Redis let one another know about themselves. */

/** Live instances, how many there are and what owners they have. */
export interface Met {
  instances: number;
  owners: Set<string>;
}

export interface Presence {
  /** Says that this instance lives and has these owners. */
  beat(owners: string[]): Promise<Met>;
  /** Owners that any instance had of late. */
  owners(): Promise<Set<string>>;
  /** This instance lives no longer. */
  leave(): Promise<void>;
}

/** An instance that was silent for so long is dead. */
const aliveMs = 45_000;
/** An instance that is down for less gets back to its jobs. */
const ownersKeptMs = 24 * 3600_000;

export function presence(client: Redis['client'], prefix: string, instance: string): Presence {
  const instancesKey = `${prefix}:instances`;
  const ownersKey = `${prefix}:owners`;
  const aliveKey = (id: string): string => `${prefix}:alive:${id}`;

  return {
    async beat(owners) {
      const now = Date.now();
      const beat = client.pipeline().sadd(instancesKey, instance).set(aliveKey(instance), '1', 'PX', aliveMs);
      for (const owner of owners) beat.zadd(ownersKey, now, owner);
      beat.zremrangebyscore(ownersKey, 0, now - ownersKeptMs);
      await beat.exec();
      const instances = await client.smembers(instancesKey);
      const alive = await client.mget(instances.map(aliveKey));
      const dead = instances.filter((_, index) => alive[index] === null);
      if (dead.length > 0) await client.srem(instancesKey, ...dead);
      const owned = await client.zrangebyscore(ownersKey, now - aliveMs, '+inf');
      return { instances: Math.max(1, instances.length - dead.length), owners: new Set(owned) };
    },
    async owners() {
      return new Set(await client.zrangebyscore(ownersKey, Date.now() - ownersKeptMs, '+inf'));
    },
    async leave() {
      await client.pipeline().del(aliveKey(instance)).srem(instancesKey, instance).exec();
    },
  };
}

/** What instances that share a Redis tell one another. Whoever is away at that moment misses it. */

/** How a job ended: told to its owner, as `EABORTED` where it was cancelled, or to nobody. */
export type Ended = 'done' | 'failed' | Stopped;
export type Stopped = 'cancelled' | 'removed';

export type Note = JobNote | { type: 'changed' };

/** About a single job; the other kind says that an instance has come or gone. */
export type JobNote = { id: string; owner: string } & (
  | { type: 'stop'; how: Stopped }
  /** `job`: what had been reached, where the job was stopped. */
  | { type: 'ended'; how: Ended; job?: Job }
);

/** @returns tells the other instances */
export function exchangeNotes(
  redis: Redis,
  channel: string,
  instance: string,
  hear: (note: Note) => void,
): (note: Note) => void {
  const { client, subscriber } = redis;
  const subscribe = (): void => void subscriber.subscribe(channel).catch(() => undefined);
  subscriber.on('ready', subscribe);
  subscriber.on('message', (_channel: string, text: string) => {
    let note: (Note & { from: string }) | undefined;
    try {
      note = JSON.parse(text) as Note & { from: string };
    } catch {
      // Somebody else's.
    }
    if (note && note.from !== instance) hear(note);
  });
  return (note) => void client.publish(channel, JSON.stringify({ ...note, from: instance })).catch(() => undefined);
}

/** Work that is done every so often, and when asked for, but never twice at once. What goes wrong is left to the next time. */
export function repeat(everyMs: number, work: () => Promise<void>): { now(): void; stop(): void } {
  let isBusy = false;
  const now = (): void => {
    if (isBusy) return;
    isBusy = true;
    work()
      .catch(() => undefined)
      .finally(() => (isBusy = false));
  };
  const timer = setInterval(now, everyMs).unref();
  return { now, stop: () => clearInterval(timer) };
}
