// Connects the instances that share a Redis: heartbeats, membership, and messages about jobs.
import { randomUUID } from 'node:crypto';
import type { Redis } from './redis';
import type { Job } from '../job';

export interface ClusterOptions {
  prefix: string;
  /** The instances hear of one another this often. */
  heartbeatMs: number;
  /** Nodes with a handler in this instance. Without any, it takes no part. */
  nodeIds(): string[];
  onMessage(message: JobMessage): void;
  onMembership(found: Membership): void;
  /** Other work of the same interval. */
  onHeartbeat(): Promise<void>;
}

export interface Cluster {
  /** Of this instance. */
  readonly id: string;
  send(message: PeerMessage): void;
  /** Lets all instances hear of this one now. */
  announce(): void;
  /** Nodes that any instance has had a handler for within a day. */
  nodeIds(): Promise<Set<string>>;
  /** This instance has no handlers any more. Never rejects. */
  leave(): Promise<void>;
  stop(): void;
}

export function joinCluster(redis: Redis, options: ClusterOptions): Cluster {
  const { prefix, onMessage } = options;
  const id = randomUUID();
  const { heartbeat, nodeIds, leave } = presence(redis.client, prefix, id);
  let isAnnounced = false;

  const send = exchangeMessages(redis, `${prefix}:messages`, id, (message) => {
    if (message.type === 'changed') heartbeatTimer.now();
    else onMessage(message);
  });

  const heartbeatTimer = repeat(options.heartbeatMs, async () => {
    if (redis.isAway) return;
    const own = options.nodeIds();
    if (own.length > 0) {
      options.onMembership(await heartbeat(own));
      // They share the work with this one from now on, not from their next beat.
      if (!isAnnounced) send({ type: 'changed' });
      isAnnounced = true;
    }
    await options.onHeartbeat();
  });

  return {
    id,
    send,
    announce: heartbeatTimer.now,
    nodeIds,
    async leave() {
      isAnnounced = false;
      await leave().catch(() => undefined);
      send({ type: 'changed' });
    },
    stop: heartbeatTimer.stop,
  };
}

/** Live instances, how many there are and what handlers they have. */
export interface Membership {
  instances: number;
  nodeIds: Set<string>;
}

export interface Presence {
  /** Says that this instance lives and has these handlers. */
  heartbeat(nodeIds: string[]): Promise<Membership>;
  /** Nodes that any instance has had a handler for within a day. */
  nodeIds(): Promise<Set<string>>;
  /** This instance lives no longer. */
  leave(): Promise<void>;
}

/** An instance that was silent for so long is dead. */
const aliveMs = 45_000;
/** An instance that is down for less gets back to its jobs. */
const nodesKeptMs = 24 * 3600_000;

function presence(client: Redis['client'], prefix: string, instance: string): Presence {
  const instancesKey = `${prefix}:instances`;
  const nodesKey = `${prefix}:nodes`;
  const aliveKey = (id: string): string => `${prefix}:alive:${id}`;

  return {
    async heartbeat(nodeIds) {
      const now = Date.now();
      const heartbeat = client.pipeline().sadd(instancesKey, instance).set(aliveKey(instance), '1', 'PX', aliveMs);
      for (const nodeId of nodeIds) heartbeat.zadd(nodesKey, now, nodeId);
      heartbeat.zremrangebyscore(nodesKey, 0, now - nodesKeptMs);
      await heartbeat.exec();
      const instances = await client.smembers(instancesKey);
      const alive = await client.mget(instances.map(aliveKey));
      const dead = instances.filter((_, index) => alive[index] === null);
      if (dead.length > 0) await client.srem(instancesKey, ...dead);
      const owned = await client.zrangebyscore(nodesKey, now - aliveMs, '+inf');
      return { instances: Math.max(1, instances.length - dead.length), nodeIds: new Set(owned) };
    },
    async nodeIds() {
      return new Set(await client.zrangebyscore(nodesKey, Date.now() - nodesKeptMs, '+inf'));
    },
    async leave() {
      await client.pipeline().del(aliveKey(instance)).srem(instancesKey, instance).exec();
    },
  };
}

/** End of a job. A cancelled one is delivered as `EABORTED`, a removed one not at all. */
export type Ended = 'done' | 'failed' | Stopped;
export type Stopped = 'cancelled' | 'removed';

export type PeerMessage = JobMessage | { type: 'changed' };

/** About a single job; the other kind says that an instance has come or gone. */
export type JobMessage = { id: string; nodeId: string } & (
  | { type: 'stop'; how: Stopped }
  /** `job`: what had been reached, where the job was stopped. */
  | { type: 'ended'; how: Ended; job?: Job }
);

/** Publishes and receives messages. An instance that is away at that moment misses them. @returns sends to all others */
function exchangeMessages(
  redis: Redis,
  channel: string,
  instance: string,
  onMessage: (message: PeerMessage) => void,
): (message: PeerMessage) => void {
  const { client, subscriber } = redis;
  redis.onInspected((isUsable) => {
    if (isUsable) subscriber.subscribe(channel).catch(() => undefined);
  });
  subscriber.on('message', (on: string, text: string) => {
    if (on !== channel) return;
    let message: (PeerMessage & { from: string }) | undefined;
    try {
      message = JSON.parse(text) as PeerMessage & { from: string };
    } catch {
      // Somebody else's.
    }
    if (message && message.from !== instance) onMessage(message);
  });
  return (message) =>
    void client.publish(channel, JSON.stringify({ ...message, from: instance })).catch(() => undefined);
}

/** Work that is done every so often, and when asked for, but never twice at once. What goes wrong is left to the next time. */
function repeat(everyMs: number, work: () => Promise<void>): { now(): void; stop(): void } {
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
