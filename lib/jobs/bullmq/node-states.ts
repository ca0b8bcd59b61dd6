// Keeps states of nodes in Redis, for all instances: one of them has the lease, and only that one writes.
import { randomUUID } from 'node:crypto';
import { cancelled } from '../../errors';
import type { StateLease, StateStore } from '../node-states';
import type { Redis } from './redis';

/** A node that is away for longer starts afresh. Every write begins this anew. */
const keptMs = 30 * 24 * 3600_000;

/** KEYS: lease. ARGV: token, milliseconds. */
const extend = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0`;
const release = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;
/** KEYS: lease, state. ARGV: token, milliseconds, text. */
const write = `if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('hset', KEYS[2], 'state', ARGV[3])
redis.call('pexpire', KEYS[2], ARGV[2])
return 1`;

/** @param leaseMs an instance that was silent for so long has lost its lease */
export function redisStates({ client, whileUsable }: Redis, prefix: string, leaseMs: number): StateStore {
  const stateKey = (nodeId: string): string => `${prefix}:events:${nodeId}`;

  return {
    async lease(name) {
      const [key, token] = [`${prefix}:feed:${name}`, randomUUID()];
      const taken = await whileUsable(() => client.set(key, token, 'PX', leaseMs, 'NX'));
      return taken === 'OK' ? hold(key, token) : undefined;
    },
  };

  function hold(key: string, token: string): StateLease {
    const lost = new AbortController();
    let confirmedAt = performance.now();

    function end(): void {
      clearInterval(timer);
      lost.abort();
    }

    async function renew(): Promise<void> {
      const askedAt = performance.now();
      // An answer that comes too late confirms nothing any more.
      if (askedAt - confirmedAt >= leaseMs) return end();
      const isHeld = await client.eval(extend, 1, key, token, leaseMs).catch(() => undefined);
      if (isHeld === 0) end();
      else if (isHeld === 1) confirmedAt = askedAt;
    }
    const timer = setInterval(() => void renew(), leaseMs / 4).unref();

    return {
      lost: lost.signal,
      async read(nodeId) {
        const text = await whileUsable(() => client.hget(stateKey(nodeId), 'state'));
        try {
          return text === null ? undefined : (JSON.parse(text) as unknown);
        } catch {
          return undefined;
        }
      },
      async write(nodeId, state) {
        const text = JSON.stringify(state);
        const isWritten = await whileUsable(() => client.eval(write, 2, key, stateKey(nodeId), token, keptMs, text));
        if (isWritten === 1) return;
        end();
        throw cancelled('Another instance has taken over');
      },
      async remove(nodeId) {
        await whileUsable(() => client.del(stateKey(nodeId)));
      },
      async release() {
        end();
        if (client.status === 'ready') await client.eval(release, 1, key, token).catch(() => undefined);
      },
    };
  }
}
