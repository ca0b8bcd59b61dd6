// Remembers which jobs an outcome has led to: delivered again after a crash, it leads to the same ones.
import type { Redis } from 'ioredis';
import type { Origin } from '../delivery';

/** By then the job whose outcome was not delivered to the end has long been taken over. */
const rememberedMs = 24 * 3600_000;

export interface HandOver {
  /**
   * Adds a job unless the same outcome, delivered earlier, had led to it already. Resolves to the job's id.
   * @param add does nothing where a job of that id is stored
   */
  addOnce(from: Origin, job: { id: string; nodeId: string }, add: (id: string) => Promise<void>): Promise<string>;
  /** That job has begun to run, so it need not be there any more when the outcome of its parent is delivered again. */
  began(job: { id: string; parentJobId: string }): Promise<void>;
  /** The outcome of that job is delivered, and will not be again. */
  forget(id: string): void;
}

export function handOver(client: Redis, prefix: string): HandOver {
  const keyOf = (id: string): string => `${prefix}:from:${id}`;

  return {
    async addOnce(from, { id, nodeId }, add) {
      const [key, field] = [keyOf(from.id), `${nodeId} ${from.count}`];
      const earlier = await client.hget(key, field);
      if (earlier !== null && (await client.hget(key, beganField(earlier))) !== null) return earlier;
      // The id comes first: whatever a crash cuts off, the next delivery adds this very job or finds it.
      if (earlier === null) await client.pipeline().hset(key, field, id).pexpire(key, rememberedMs).exec();
      await add(earlier ?? id);
      return earlier ?? id;
    },
    async began({ id, parentJobId }) {
      const key = keyOf(parentJobId);
      // Without it, the outcome has been delivered, and will not be again.
      if ((await client.exists(key)) === 1) {
        await client.pipeline().hset(key, beganField(id), '1').pexpire(key, rememberedMs).exec();
      }
    },
    forget: (id) => void client.del(keyOf(id)).catch(() => undefined),
  };
}

function beganField(id: string): string {
  return `began ${id}`;
}
