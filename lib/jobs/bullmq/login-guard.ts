// Shares the breaker's state and the pauses of a connection over all instances that use one Redis.
import { randomUUID, scrypt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import { longestRetryAfterMs } from '../../async/retry';
import { closedBreaker, type BreakerState } from '../../connection/circuit-breaker';
import type { LoginGuard } from '../../connection/login-guard';

const derive = promisify<string, string, number, Buffer>(scrypt);

/** Restarts do not send a refused password again for so long; the account may be unlocked by then. */
const openForMs = 3600_000;
/** That credentials have worked is known for so long. */
const closedForMs = 30 * 24 * 3600_000;
/** A deploy tries again, unless the refusal is so recent that it is from the same deploy on another instance. */
const sameDeployMs = 30_000;
/** Longer than a login takes. Should its instance die, the others go on after this. */
const lockMs = 60_000;
const lockCheckMs = 100;

/** Releases a lock only for whoever holds it. */
const release = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end`;
/** A shorter pause never ends a longer one. */
const extend = `if redis.call('pttl', KEYS[1]) < tonumber(ARGV[1]) then redis.call('set', KEYS[1], '1', 'PX', ARGV[1]) end`;

/**
 * While Redis is away, each instance goes by what it knew last.
 * @param login what is sent at a login and where to: other credentials are another login
 * @param isDeploy the connection was deployed, rather than started with the process
 */
export function redisLoginGuard(
  client: Redis,
  prefix: string,
  connection: string,
  login: unknown,
  isDeploy: boolean,
): LoginGuard {
  const lockKey = `${prefix}:login:${connection}`;
  const pauseKey = `${prefix}:pause:${connection}`;
  let key: Promise<string> | undefined;
  let known = closedBreaker;

  /** Slow to compute on purpose: whoever reads Redis must not find out the password by trying. */
  async function open(): Promise<string> {
    const fingerprint = await derive(JSON.stringify(login), `${prefix}:${connection}`, 32);
    const found = `${prefix}:breaker:${connection}:${fingerprint.toString('hex')}`;
    const state = isDeploy ? read(await client.get(found)) : undefined;
    if (state?.open && Date.now() - state.open.since > sameDeployMs) {
      await store(found, { ...closedBreaker, hasWorked: state.hasWorked });
    }
    return found;
  }

  async function store(at: string, state: BreakerState): Promise<void> {
    await client.set(at, JSON.stringify(state), 'PX', state.open ? openForMs : closedForMs);
  }

  function stateKey(): Promise<string> {
    key ??= open().catch((error: unknown) => {
      key = undefined;
      throw error;
    });
    return key;
  }

  /** `undefined` where Redis is away, or goes away meanwhile. */
  async function whileThere<T>(work: () => Promise<T>): Promise<T | undefined> {
    return client.status === 'ready' ? work().catch(() => undefined) : undefined;
  }

  async function takeLock(token: string): Promise<boolean> {
    try {
      if ((await client.set(lockKey, token, 'PX', lockMs, 'NX')) === 'OK') return true;
      // One that does not end by itself is nobody's, such as a key that was restored without its time.
      if ((await client.pttl(lockKey)) === -1) await client.pexpire(lockKey, lockMs);
      return false;
    } catch {
      // Redis takes nothing at the moment, which is no fault of the server that is logged in to.
      return true;
    }
  }

  return {
    async state() {
      const shared = await whileThere(async () => read(await client.get(await stateKey())) ?? closedBreaker);
      return (known = shared ?? known);
    },
    async change(next) {
      const local = next(known);
      const shared = await whileThere(async () => {
        const at = await stateKey();
        const changed = next(read(await client.get(at)) ?? closedBreaker);
        await store(at, changed);
        return changed;
      });
      return (known = shared ?? local);
    },
    async withLock(signal, work) {
      const token = randomUUID();
      while (!(await takeLock(token))) await sleep(lockCheckMs, undefined, { signal });
      try {
        return await work();
      } finally {
        void client.eval(release, 1, lockKey, token).catch(() => undefined);
      }
    },
    pauseLeftMs: async () => Math.max(0, (await whileThere(() => client.pttl(pauseKey))) ?? 0),
    async pause(ms) {
      const pauseMs = Math.ceil(Math.min(ms, longestRetryAfterMs));
      await whileThere(() => client.eval(extend, 1, pauseKey, pauseMs));
    },
  };
}

function read(text: string | null): BreakerState | undefined {
  return text === null ? undefined : (JSON.parse(text) as BreakerState);
}
