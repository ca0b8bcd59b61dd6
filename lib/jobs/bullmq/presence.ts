/** What instances that share a Redis let one another know about themselves. */
import type { Redis } from 'ioredis';

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

export function presence(client: Redis, prefix: string, instance: string): Presence {
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
