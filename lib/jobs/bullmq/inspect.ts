// Inspects a Redis server before any job is touched: rights, version, and settings that put jobs at risk.
import type { Redis as Client } from 'ioredis';
import { refusalOf } from './server-errors';
import { clusterError } from './settings';

/** Findings about a server. Without `refused`, it can be used. */
export interface Inspection {
  /** Follows "is away, jobs wait for it: ". */
  refused?: string;
  /** Settings that may lose jobs, each a sentence without its end. */
  risks: string[];
}

/** The oldest that BullMQ runs on. Source: BullMQ, `RedisConnection.minimumVersion`. */
const minimumVersion = [5, 0, 0];
/** Since Redis 6.0.6; BullMQ does without where it is missing. */
const optionalCommands = new Set(['lpos']);
const keptMs = 60_000;

/**
 * Every command that BullMQ's scripts and this package use, with arguments that do no harm. Scripts run with the rights of
 * the user, so each command is tried by itself.
 */
export function probes(prefix: string, id: string): [command: string, ...args: (string | number)[]][] {
  const key = (type: string): string => `${prefix}:check:${id}:${type}`;
  const [text, count, hash, list, other, set, sorted, stream] = [
    key('text'),
    key('count'),
    key('hash'),
    key('list'),
    key('other'),
    key('set'),
    key('sorted'),
    key('stream'),
  ];
  return [
    ['get', text],
    ['mget', text, count],
    ['exists', text],
    ['pexpire', text, keptMs],
    ['pttl', text],
    ['persist', text],
    ['incr', count],
    ['hset', hash, 'field', '1'],
    ['hmset', hash, 'field', '1'],
    ['hget', hash, 'field'],
    ['hmget', hash, 'field'],
    ['hgetall', hash],
    ['hexists', hash, 'field'],
    ['hincrby', hash, 'field', 1],
    ['hdel', hash, 'field'],
    ['lpush', list, 'a', 'b', 'c'],
    ['llen', list],
    ['lrange', list, 0, -1],
    ['lindex', list, 0],
    ['lpos', list, 'a'],
    ['lrem', list, 1, 'c'],
    ['ltrim', list, 0, -1],
    ['rpoplpush', list, other],
    ['rpop', list],
    ['sadd', set, 'a'],
    ['scard', set],
    ['smembers', set],
    ['srem', set, 'a'],
    ['zadd', sorted, 1, 'a', 2, 'b', 3, 'c'],
    ['zcard', sorted],
    ['zscore', sorted, 'a'],
    ['zrange', sorted, 0, -1],
    ['zrevrange', sorted, 0, -1],
    ['zrangebyscore', sorted, '-inf', '+inf'],
    ['zrevrangebyscore', sorted, '+inf', '-inf'],
    ['zremrangebyscore', sorted, 9, 9],
    ['zremrangebyrank', sorted, 9, 9],
    ['zrem', sorted, 'c'],
    ['zpopmin', sorted],
    ['bzpopmin', sorted, 1],
    ['xadd', stream, '*', 'a', '1'],
    ['xtrim', stream, 'MAXLEN', 0],
    ['eval', 'return redis.call("exists", KEYS[1])', 1, text],
    ['evalsha', '0000000000000000000000000000000000000000', 1, text],
    ['publish', `${prefix}:check`, id],
    // Last: nothing is left.
    ['del', text, count, hash, list, other, set, sorted, stream],
  ];
}

/** @param id of this instance, for keys of its own; @throws when the connection breaks meanwhile */
export async function inspect(client: Client, subscriber: Client, prefix: string, id: string): Promise<Inspection> {
  const risks: string[] = [];
  let info: string;
  try {
    info = await client.info();
    // By itself, since it is what a replica and a full server refuse.
    await client.set(`${prefix}:check:${id}:text`, '1', 'PX', keptMs);
    await subscriber.subscribe(`${prefix}:check`);
  } catch (thrown) {
    const lacking = lackingRight(thrown as Error, '', prefix);
    const refused = lacking ? lackingSentence([lacking]) : refusalOf(thrown);
    if (refused === undefined) throw thrown;
    return { refused, risks };
  }
  const server = readInfo(info);
  const refused = unusable(server) ?? (await missingRights(client, prefix, id));
  if (refused !== undefined) return { refused, risks };
  return { risks: [...evictionRisks(server), ...(await persistenceRisks(client, server))] };
}

function readInfo(info: string): Map<string, string> {
  const lines = info.split(/\r?\n/).map((line) => /^([^#:][^:]*):(.*)$/.exec(line));
  return new Map(lines.flatMap((match) => (match ? [[match[1]!, match[2]!] as const] : [])));
}

/** Reasons why this server can never be used. */
function unusable(server: ReadonlyMap<string, string>): string | undefined {
  if (server.get('cluster_enabled') === '1') return clusterError().message;
  const version = server.get('redis_version') ?? '';
  const numbers = version.split('.').map(Number);
  const differing = minimumVersion.findIndex((number, index) => numbers[index] !== number);
  const isOlder = differing >= 0 && (numbers[differing] ?? 0) < minimumVersion[differing]!;
  // A server that hides its version is tried.
  if (!/^\d/.test(version) || !isOlder) return undefined;
  return `it is version ${version}, and BullMQ needs ${minimumVersion.join('.')} or later`;
}

function evictionRisks(server: ReadonlyMap<string, string>): string[] {
  const policy = server.get('maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction') return [];
  return [`its maxmemory-policy is ${policy}: it drops jobs to make room. Set it to noeviction`];
}

async function persistenceRisks(client: Client, server: ReadonlyMap<string, string>): Promise<string[]> {
  if (server.get('aof_enabled') !== '0') return [];
  // Most users may not read the configuration, and services in a cloud have none to be read.
  const saves = await client.call('CONFIG', 'GET', 'save').catch(() => undefined);
  if (Array.isArray(saves) && saves[1] === '')
    return ['it keeps nothing when it restarts: jobs are lost then. Set appendonly yes'];
  return ['it writes what it has to disk now and then only: a crash loses the latest jobs. Set appendonly yes'];
}

async function missingRights(client: Client, prefix: string, id: string): Promise<string | undefined> {
  const commands = probes(prefix, id);
  const pipeline = client.pipeline(commands);
  const replies = (await pipeline.exec()) ?? [];
  const lacking: Lacking[] = [];
  for (const [index, [error]] of replies.entries()) {
    if (!error) continue;
    const [command] = commands[index]!;
    const found = lackingRight(error, command, prefix);
    if (found) lacking.push(found);
    else if (!optionalCommands.has(command) && !/NOSCRIPT/.test(error.message)) {
      const refused = refusalOf(error);
      if (refused !== undefined) return refused;
      if (/abort|closed/i.test(error.message)) throw error;
    }
  }
  return lacking.length > 0 ? lackingSentence(lacking) : undefined;
}

interface Lacking {
  kind: 'command' | 'key' | 'channel';
  name: string;
}

/** Redis 6 and 7 say it in different words. */
function lackingRight({ message }: Error, command: string, prefix: string): Lacking | undefined {
  if (!/NOPERM|no permissions? to|ACL failure/i.test(message)) return undefined;
  if (/channel/i.test(message)) return { kind: 'channel', name: `${prefix}:*` };
  if (/\bkeys?\b/i.test(message)) return { kind: 'key', name: `${prefix}:*` };
  return { kind: 'command', name: /the '([\w|]+)'/.exec(message)?.[1] ?? command };
}

function lackingSentence(lacking: Lacking[]): string {
  const named = (kind: Lacking['kind'], word: string): string[] => {
    const names = [...new Set(lacking.filter((each) => each.kind === kind).map(({ name }) => name))];
    return names.length > 0 ? [`${word} ${names.join(', ')}`] : [];
  };
  const parts = [
    ...named('command', 'the right to use'),
    ...named('key', 'access to keys of the name'),
    ...named('channel', 'access to channels of the name'),
  ];
  return `its user lacks ${parts.join(', and ')} (all rights are listed in docs/redis.md)`;
}
