/** The connections to Redis or Valkey, and the two optional packages that speak to it. */
import type * as BullMq from 'bullmq';
import type * as IoRedis from 'ioredis';
import { ClipError } from '../../errors';

export interface Packages {
  bullmq: typeof BullMq;
  ioredis: typeof IoRedis;
}

export interface Redis {
  bullmq: typeof BullMq;
  /** Commands wait in it while Redis is away. */
  client: IoRedis.Redis;
  /** The same, for messages from other instances. */
  subscriber: IoRedis.Redis;
  readonly isAway: boolean;
  /** Calls back when Redis goes away, at once if it is away now, and when it is back. The returned function ends it. */
  onChange(listener: (isAway: boolean) => void): () => void;
  /** Resolves with the work, or as soon as Redis is away: the work goes on by itself when it is back. */
  unlessAway(work: Promise<unknown>): Promise<void>;
  close(): void;
}

/** A socket that is silent for so long is given up. Longer than the longest command, which waits 10 s for a job. */
const socketTimeoutMs = 30_000;

/**
 * Neither package comes with ours.
 * @throws EUNSUPPORTED saying what to install
 */
export function loadPackages(load: (name: string) => unknown = require): Packages {
  const names = ['bullmq', 'ioredis'] as const;
  const loaded: Partial<Record<string, unknown>> = {};
  const missing: string[] = [];
  for (const name of names) {
    try {
      loaded[name] = load(name);
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException;
      missing.push(code === 'MODULE_NOT_FOUND' ? `${name} is not installed` : `${name} cannot be loaded (${message})`);
    }
  }
  if (missing.length > 0) {
    throw new ClipError(
      'EUNSUPPORTED',
      `Jobs are to be kept in Redis, but ${missing.join(' and ')}. ` +
        `Run "npm install ${names.join(' ')}" in the user directory of Node-RED and restart it`,
    );
  }
  return loaded as unknown as Packages;
}

/** @throws EINVALID; never repeats the address, which may hold a password */
export function checkRedisUrl(url: unknown): URL {
  try {
    const parsed = new URL(String(url));
    decodeURIComponent(parsed.username + parsed.password);
    if (/^rediss?:$/.test(parsed.protocol) && parsed.hostname !== '') return parsed;
  } catch {
    // Below.
  }
  throw new ClipError('EINVALID', 'The address of Redis for jobs must look like redis://host:6379 or rediss://host');
}

/** @param warn told once when Redis goes away and once when it is back */
export function connectRedis(address: URL, packages: Packages, warn: (text: string) => void): Redis {
  const name = `Redis at ${address.hostname}:${address.port || 6379}`;
  const secrets = [address.password, decodeURIComponent(address.password)].filter((secret) => secret !== '');
  const listeners = new Set<(isAway: boolean) => void>();
  /** `undefined`: not known yet. */
  let isAway: boolean | undefined;
  let trouble = '';

  function open(): IoRedis.Redis {
    const client = new packages.ioredis.Redis(address.href, {
      // BullMQ asks for it: commands wait instead of failing.
      maxRetriesPerRequest: null,
      socketTimeout: socketTimeoutMs,
    });
    client.on('error', (error) => (trouble = error.message));
    return client;
  }

  function change(away: boolean): void {
    const isNews = away ? isAway !== true : isAway === true;
    isAway = away;
    if (!isNews) return;
    const why = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), trouble);
    warn(away ? `${name} is away, jobs wait for it${why && `: ${why}`}` : `${name} is back, jobs go on`);
    trouble = '';
    for (const listener of [...listeners]) listener(away);
  }

  const client = open();
  const subscriber = open();
  const ready = (): void => change(false);
  const closed = (): void => change(true);
  client.on('ready', ready).on('close', closed);

  function onChange(listener: (isAway: boolean) => void): () => void {
    listeners.add(listener);
    if (isAway) listener(true);
    return () => void listeners.delete(listener);
  }

  return {
    bullmq: packages.bullmq,
    client,
    subscriber,
    get isAway() {
      return isAway !== false;
    },
    onChange,
    unlessAway: (work) =>
      new Promise((resolve, reject) => {
        const stop = onChange((away) => away && resolve());
        work.then(() => resolve(), reject).finally(stop);
        if (isAway !== false) resolve();
      }),
    close() {
      client.off('ready', ready).off('close', closed);
      for (const each of [client, subscriber]) each.disconnect();
    },
  };
}
