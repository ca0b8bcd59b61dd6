// Reads the setting that says which Redis to use: an address, or options of ioredis.
import type { RedisOptions } from 'ioredis';
import { ClipError } from '../../errors';

export interface RedisSettings {
  /** For logs, such as `Redis at host:6379`. Holds no secret. */
  name: string;
  /** Before the names of all keys and channels. */
  prefix: string;
  options: RedisOptions;
  /** Texts that must not appear in any log. */
  secrets: string[];
}

/** The setting as an object: options of ioredis, and the address where one is given beside them. */
type Setting = RedisOptions & { url?: unknown; path?: string };

const defaultPrefix = 'video-clips';
const defaultPort = 6379;

/** A job waits for Redis however long that is away, so the client must not give up, and must not be told to. */
const ownOptions = [
  'autoResendUnfulfilledCommands',
  'commandTimeout',
  'enableOfflineQueue',
  'enableReadyCheck',
  'keyPrefix',
  'lazyConnect',
  'maxRetriesPerRequest',
  'reconnectOnError',
  'retryStrategy',
  'url',
];

/** @throws EINVALID, EUNSUPPORTED; never repeats the address, which may hold a password */
export function readRedisSettings(setting: unknown): RedisSettings {
  if (Array.isArray(setting) || (isObject(setting) && ('nodes' in setting || 'clusterNodes' in setting))) {
    throw clusterError();
  }
  const given: Setting = isObject(setting) ? setting : { url: setting };
  const fromUrl = given.url === undefined ? {} : readUrl(given.url);
  const options: Setting = { ...fromUrl, ...given };
  if (given.tls && fromUrl.tls) options.tls = { ...fromUrl.tls, ...given.tls };
  const { keyPrefix = defaultPrefix, sentinels, path, host, port, name } = options;
  if (!sentinels && !path && !host) {
    throw new ClipError('EINVALID', 'The options of Redis for jobs must have one of url, host, path and sentinels');
  }
  const place = path ?? `${String(host)}:${port ?? defaultPort}`;
  return {
    name: sentinels ? `Redis "${String(name)}"` : `Redis at ${place}`,
    prefix: keyPrefix.replace(/:+$/, '') || defaultPrefix,
    options: Object.fromEntries(Object.entries(options).filter(([key]) => !ownOptions.includes(key))),
    secrets: secretsOf(options, given.url),
  };
}

/** Refusal of a Redis Cluster, named in the setting or found on the server. */
export function clusterError(): ClipError {
  return new ClipError(
    'EUNSUPPORTED',
    'Jobs cannot be kept in a Redis Cluster: use one Redis or Valkey server, or several with Sentinel',
  );
}

function readUrl(url: unknown): Setting {
  try {
    const { protocol, hostname, port, pathname, username, password, searchParams } = new URL(String(url));
    if (!/^rediss?:$/.test(protocol) || hostname === '') throw new TypeError();
    const keyPrefix = searchParams.get('keyPrefix');
    const db = pathname.slice(1);
    if (!/^\d*$/.test(db)) throw new TypeError();
    return {
      // An IPv6 address stands in brackets in a URL, and without them elsewhere.
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? defaultPort : Number(port),
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
      ...(db ? { db: Number(db) } : {}),
      ...(keyPrefix === null ? {} : { keyPrefix }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    };
  } catch {
    throw new ClipError('EINVALID', 'The address of Redis for jobs must look like redis://host:6379 or rediss://host');
  }
}

function secretsOf({ password, sentinelPassword }: Setting, url: unknown): string[] {
  const texts = [password, sentinelPassword].filter((text) => typeof text === 'string' && text !== '') as string[];
  const encoded = typeof url === 'string' ? /^[^:]+:\/\/[^:@/]*:([^@]+)@/.exec(url)?.[1] : undefined;
  return [...texts, ...texts.map(encodeURIComponent), ...(encoded ? [encoded] : [])];
}

function isObject(value: unknown): value is Setting {
  return typeof value === 'object' && value !== null && !(value instanceof URL);
}
