/** Engines on one Redis server for the whole suite, each test with keys of its own. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { BullEngine, type BullOptions } from '../../../../lib/jobs/bullmq/engine';
import { expectNoUnhandledRejections } from '../../../support/promises';
import { startRedis, type RedisServer } from '../../../support/redis';

export const hourMs = 3600_000;
/** Instances that hear of one another soon. */
export const quick = { absentMs: 20, heartbeatMs: 50 };
/** And that take jobs over soon: only where that is wanted, as a busy computer may lose a short lock. */
export const hasty = { ...quick, lockMs: 1_000, takeoverCheckMs: 200 };

export interface RedisRig {
  readonly redis: RedisServer;
  readonly prefix: string;
  readonly warnings: string[];
  /** Closed after the test. */
  start(options?: Partial<BullOptions> & { url?: string }): BullEngine;
  /** Whatever was started last is ended first. */
  cleanup(end: () => unknown): void;
  /** Looks into the server. */
  observe(url?: string): Redis;
}

export function redisRig(): RedisRig {
  let redis: RedisServer;
  let prefix: string;
  const warnings: string[] = [];
  const cancellation: (() => unknown)[] = [];
  const cleanup = (end: () => unknown): void => void cancellation.push(end);

  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.close());
  expectNoUnhandledRejections();
  beforeEach(() => {
    warnings.length = 0;
    prefix = randomUUID();
  });
  afterEach(async () => {
    for (const end of cancellation.splice(0).reverse()) await end();
  });

  return {
    get redis() {
      return redis;
    },
    get prefix() {
      return prefix;
    },
    warnings,
    cleanup,
    start({ url = redis.url, ...options } = {}) {
      const warn = (text: string): void => void warnings.push(text);
      const engine = new BullEngine({ redis: { url, keyPrefix: prefix }, warn, ...options });
      cleanup(() => engine.close());
      return engine;
    },
    observe(url = redis.url) {
      const client = new Redis(url);
      client.on('error', () => undefined);
      cleanup(() => client.disconnect());
      return client;
    },
  };
}
