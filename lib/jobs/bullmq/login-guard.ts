/** The login breaker of a connection, over all instances that share a Redis. */
import { randomUUID, scrypt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import { ClipError, type ErrorCode } from '../../errors';
import type { LoginGuard } from '../../connection/login-guard';

const derive = promisify<string, string, number, Buffer>(scrypt);

/** Restarts do not send a refused password again for so long; the account may be unlocked by then. */
const rememberedMs = 3600_000;
/** Where it is not sure that it was the password: long enough for instances that start together. */
const doubtfulMs = 60_000;
/** A deploy tries again, unless the refusal is so recent that it is from the same deploy on another instance. */
const sameDeployMs = 30_000;
/** Longer than a login takes. Should its instance die, the others go on after this. */
const turnMs = 60_000;
const turnCheckMs = 100;

/** Gives a turn back only to whoever has it. */
const giveBack = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end`;

interface Refused {
  code: ErrorCode;
  message: string;
  at: number;
}

/**
 * @param login what is sent at a login and where to: other credentials are another login
 * @param isDeploy the connection was deployed, rather than started with the process
 */
export function redisRefusals(
  client: Redis,
  prefix: string,
  connection: string,
  login: unknown,
  isDeploy: boolean,
): LoginGuard {
  const turnKey = `${prefix}:login:${connection}`;
  let key: Promise<string> | undefined;

  /** Slow to compute on purpose: whoever reads Redis must not find out the password by trying. */
  async function open(): Promise<string> {
    const fingerprint = await derive(JSON.stringify(login), `${prefix}:${connection}`, 32);
    const found = `${prefix}:refused:${connection}:${fingerprint.toString('hex')}`;
    const refused = isDeploy && read(await client.get(found));
    if (refused && Date.now() - refused.at > sameDeployMs) await client.del(found);
    return found;
  }

  const refusedKey = (): Promise<string> => (key ??= open());

  return {
    async refusal() {
      const refused = read(await client.get(await refusedKey()));
      return refused && new ClipError(refused.code, refused.message, { retryable: false });
    },
    async trip({ code, message }) {
      const refused: Refused = { code, message, at: Date.now() };
      const isSure = code === 'EAUTH' || code === 'EFORBIDDEN';
      await client.set(await refusedKey(), JSON.stringify(refused), 'PX', isSure ? rememberedMs : doubtfulMs);
    },
    async withLock(signal, work) {
      const token = randomUUID();
      while ((await client.set(turnKey, token, 'PX', turnMs, 'NX')) !== 'OK') {
        await sleep(turnCheckMs, undefined, { signal });
      }
      try {
        return await work();
      } finally {
        void client.eval(giveBack, 1, turnKey, token).catch(() => undefined);
      }
    },
  };
}

function read(text: string | null): Refused | undefined {
  return text === null ? undefined : (JSON.parse(text) as Refused);
}
