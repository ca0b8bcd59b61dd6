// Remembers which jobs an outcome has led to: delivered again after a crash, it leads to the same ones.
import type { Redis } from 'ioredis';
import type { Origin } from '../delivery';

/** By then the job whose outcome was not told to its end has long been taken over. */
const rememberedMs = 24 * 3600_000;

export interface HandOver {
  /** Adds a job unless the same outcome, told earlier, had led to it already. Resolves to the job's id. */
  addOnce(from: Origin, nodeId: string, add: () => Promise<string>): Promise<string>;
  /** The outcome of that job is told to its end. */
  forget(id: string): void;
}

export function handOver(client: Redis, prefix: string): HandOver {
  const keyOf = (id: string): string => `${prefix}:from:${id}`;

  return {
    async addOnce(from, nodeId, add) {
      const [key, field] = [keyOf(from.id), `${nodeId} ${from.count}`];
      const earlier = await client.hget(key, field);
      if (earlier !== null) return earlier;
      const id = await add();
      // Afterwards, so that a crash in between doubles rather than loses it.
      await client.pipeline().hset(key, field, id).pexpire(key, rememberedMs).exec();
      return id;
    },
    forget: (id) => void client.del(keyOf(id)).catch(() => undefined),
  };
}
