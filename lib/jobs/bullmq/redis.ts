// Connects to Redis or Valkey, tells whether it can be used at the moment, and loads the two optional packages for it.
import { randomUUID } from 'node:crypto';
import type * as BullMq from 'bullmq';
import type * as IoRedis from 'ioredis';
import { systemClock } from '../../async/clock';
import { cancelled, ClipError, toClipError } from '../../errors';
import { inspect } from './inspect';
import { refusalOf } from './server-errors';
import type { RedisSettings } from './settings';

export interface Packages {
  bullmq: typeof BullMq;
  ioredis: typeof IoRedis;
}

export interface Redis {
  bullmq: typeof BullMq;
  /** For logs. */
  name: string;
  /** Commands wait in it while there is no connection. */
  client: IoRedis.Redis;
  /** The same, for messages from other instances. */
  subscriber: IoRedis.Redis;
  /** There is no connection, the server has not been inspected yet, or it refuses what is needed. */
  readonly isAway: boolean;
  /** It answers, but refuses what is needed. */
  readonly isRefusing: boolean;
  /** Calls back when Redis goes away, at once if it is away now, and when it is back. The returned function ends it. */
  onChange(listener: (isAway: boolean) => void): () => void;
  /** Calls back when the server begins to refuse, and whenever it has been found usable. */
  onInspected(listener: (isUsable: boolean) => void): void;
  /** Resolves with the work, or as soon as Redis is away: the work goes on by itself when it is back. */
  unlessAway(work: Promise<unknown>): Promise<void>;
  /** Does the work once Redis can be used, and again after it has refused. @throws what has nothing to do with that */
  whileUsable<T>(work: () => Promise<T>): Promise<T>;
  /** Is this an answer that means that Redis takes nothing at the moment? Then it counts as away until an inspection passes. */
  refuses(thrown: unknown): boolean;
  close(): void;
}

/** A socket that is silent for so long is given up. Longer than the longest command, which waits 10 s for a job. */
const socketTimeoutMs = 30_000;
/** A server that refuses is inspected again after this, then after twice as long, up to the second. */
const [firstInspectionMs, lastInspectionMs] = [1_000, 30_000];
const reconnectMs = 2_000;
/** After a fail-over, the address may lead to the old server for a while. */
const [afterFailoverMs, failoverMs] = [1_000, 10_000];

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

/** @param warn called when Redis goes away, when it is back, and for settings of it that may lose jobs */
export function connectRedis(settings: RedisSettings, packages: Packages, warn: (text: string) => void): Redis {
  const { name, prefix, options, secrets } = settings;
  const id = randomUUID();
  const listeners = new Set<(isAway: boolean) => void>();
  const inspected = new Set<(isUsable: boolean) => void>();
  const closing = new AbortController();
  /** `undefined`: not known yet. */
  let isAway: boolean | undefined;
  let isRefusing = false;
  let trouble = '';
  let saidTrouble = '';
  let readOnlyAt = -Infinity;
  let isInspecting = false;
  let inspectionMs = firstInspectionMs;
  let nextInspection: NodeJS.Timeout | undefined;
  const saidRisks = new Set<string>();

  function open(): IoRedis.Redis {
    const client = new packages.ioredis.Redis({
      socketTimeout: socketTimeoutMs,
      ...options,
      // BullMQ asks for it: commands wait instead of failing.
      maxRetriesPerRequest: null,
      retryStrategy: (times) =>
        systemClock.steadyNow() - readOnlyAt < failoverMs ? afterFailoverMs : Math.min(times * 50, reconnectMs),
      reconnectOnError(error) {
        if (!/\bREADONLY\b/.test(error.message)) return false;
        // The other server is behind another connection, and gets the command that was refused.
        readOnlyAt = systemClock.steadyNow();
        trouble = refusalOf(error) ?? error.message;
        return 2;
      },
    });
    client.on('error', (error) => (trouble = refusalOf(error) ?? error.message));
    return client;
  }

  function redact(text: string): string {
    return secrets.reduce((redacted, secret) => redacted.replaceAll(secret, '***'), text);
  }

  function setAway(): void {
    const why = redact(trouble);
    trouble = '';
    const hasChanged = isAway !== true;
    isAway = true;
    // Reasons of a broken connection change from try to try; that a server refuses is worth a line.
    if (hasChanged || (isRefusing && why !== saidTrouble))
      warn(`${name} is away, jobs wait for it${why && `: ${why}`}`);
    saidTrouble = why;
    if (hasChanged) for (const listener of [...listeners]) listener(true);
  }

  function setRefusing(why: string): void {
    trouble = why;
    const hasChanged = !isRefusing;
    isRefusing = true;
    setAway();
    if (hasChanged) for (const listener of [...inspected]) listener(false);
    inspectLater();
  }

  function setUsable(): void {
    const wasAway = isAway;
    isAway = isRefusing = false;
    trouble = saidTrouble = '';
    inspectionMs = firstInspectionMs;
    if (wasAway) warn(`${name} is back, jobs go on`);
    for (const listener of [...inspected]) listener(true);
    if (wasAway) for (const listener of [...listeners]) listener(false);
  }

  function inspectLater(): void {
    clearTimeout(nextInspection);
    nextInspection = setTimeout(() => void inspectNow(), inspectionMs).unref();
    inspectionMs = Math.min(lastInspectionMs, 2 * inspectionMs);
  }

  async function inspectNow(): Promise<void> {
    // One that was cut off goes on with the next connection.
    if (isInspecting || closing.signal.aborted) return;
    isInspecting = true;
    clearTimeout(nextInspection);
    try {
      const { refused, risks } = await inspect(client, subscriber, prefix, id);
      if (closing.signal.aborted) return;
      for (const risk of risks.filter((each) => !saidRisks.has(each))) {
        saidRisks.add(risk);
        warn(`${name} may lose jobs: ${risk}`);
      }
      if (refused !== undefined) setRefusing(refused);
      // Otherwise it is inspected when there is a connection again.
      else if (client.status === 'ready') setUsable();
    } catch {
      if (client.status === 'ready') inspectLater();
    } finally {
      isInspecting = false;
    }
  }

  const client = open();
  const subscriber = open();
  client.on('ready', () => void inspectNow()).on('close', () => closing.signal.aborted || setAway());

  function onChange(listener: (isAway: boolean) => void): () => void {
    listeners.add(listener);
    if (isAway) listener(true);
    return () => void listeners.delete(listener);
  }

  function refuses(thrown: unknown): boolean {
    const why = refusalOf(thrown);
    if (why === undefined) return false;
    if (!closing.signal.aborted) setRefusing(why);
    return true;
  }

  function usable(): Promise<void> {
    if (isAway === false) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (): void => {
        inspected.delete(listener);
        closing.signal.removeEventListener('abort', abort);
      };
      const listener = (isUsable: boolean): void => {
        if (!isUsable) return;
        end();
        resolve();
      };
      const abort = (): void => {
        end();
        reject(cancelled('the connection to Redis has been closed'));
      };
      inspected.add(listener);
      if (closing.signal.aborted) abort();
      else closing.signal.addEventListener('abort', abort);
    });
  }

  return {
    bullmq: packages.bullmq,
    name,
    client,
    subscriber,
    get isAway() {
      return isAway !== false;
    },
    get isRefusing() {
      return isRefusing;
    },
    onChange,
    onInspected: (listener) => void inspected.add(listener),
    unlessAway: (work) =>
      new Promise((resolve, reject) => {
        const stop = onChange((away) => away && resolve());
        work.then(() => resolve(), reject).finally(stop);
        if (isAway !== false) resolve();
      }),
    async whileUsable(work) {
      for (;;) {
        await usable();
        try {
          return await work();
        } catch (thrown) {
          if (!refuses(thrown)) throw new ClipError(toClipError(thrown).code, redact(toClipError(thrown).message));
        }
      }
    },
    refuses,
    close() {
      closing.abort();
      clearTimeout(nextInspection);
      for (const each of [client, subscriber]) each.disconnect();
    },
  };
}
