import assert from 'node:assert/strict';
import { readRedisSettings } from '../../../../lib/jobs/bullmq/settings';
import type { ClipError } from '../../../../lib/errors';

describe('the setting that says where Redis is', () => {
  it('takes an address', () => {
    const { name, prefix, options, secrets } = readRedisSettings('redis://me:p%40ss@host.example:6380/3');
    assert.deepEqual({ ...options }, { host: 'host.example', port: 6380, username: 'me', password: 'p@ss', db: 3 });
    assert.deepEqual([name, prefix], ['Redis at host.example:6380', 'video-clips']);
    assert.ok(secrets.includes('p@ss') && secrets.includes('p%40ss'));
  });

  it('takes an encrypted address, IPv6, and a prefix for keys', () => {
    const { options, prefix } = readRedisSettings('rediss://[::1]?keyPrefix=plant-7:');
    assert.deepEqual({ ...options }, { host: '::1', port: 6379, tls: {} });
    assert.equal(prefix, 'plant-7');
  });

  it('passes options of ioredis through, beside an address', () => {
    const tls = { ca: 'pem', servername: 'redis' };
    const { options, prefix } = readRedisSettings({ url: 'rediss://host', tls, family: 6, keyPrefix: 'mine' });
    assert.deepEqual({ ...options }, { host: 'host', port: 6379, tls, family: 6 });
    assert.equal(prefix, 'mine');
  });

  it('passes Sentinel through', () => {
    const sentinels = [{ host: 'one', port: 26379 }, { host: 'two' }];
    const { options, name, secrets } = readRedisSettings({
      sentinels,
      name: 'mymaster',
      password: 'a',
      sentinelPassword: 'b',
    });
    assert.deepEqual(options.sentinels, sentinels);
    assert.equal(options.name, 'mymaster');
    assert.equal(name, 'Redis "mymaster"');
    assert.deepEqual(secrets.slice(0, 2), ['a', 'b']);
  });

  it('keeps to itself what decides whether jobs wait for Redis', () => {
    const { options } = readRedisSettings({
      host: 'host',
      maxRetriesPerRequest: 3,
      enableOfflineQueue: false,
      commandTimeout: 100,
      lazyConnect: true,
      retryStrategy: () => null,
    });
    assert.deepEqual({ ...options }, { host: 'host' });
  });

  for (const cluster of [[{ host: 'a' }, { host: 'b' }], { clusterNodes: [] }, { nodes: ['redis://a'] }]) {
    it(`refuses a cluster: ${JSON.stringify(cluster)}`, () => {
      assert.throws(
        () => readRedisSettings(cluster),
        (error: ClipError) => {
          assert.equal(error.code, 'EUNSUPPORTED');
          assert.match(error.message, /cannot be kept in a Redis Cluster: use one/);
          return true;
        },
      );
    });
  }

  for (const nowhere of [{}, { port: 6379 }, { password: 's3cret' }, null, undefined, 'redis://host/words']) {
    it(`refuses ${JSON.stringify(nowhere)}`, () => {
      assert.throws(
        () => readRedisSettings(nowhere),
        (error: ClipError) => error.code === 'EINVALID' && !error.message.includes('s3cret'),
      );
    });
  }
});
