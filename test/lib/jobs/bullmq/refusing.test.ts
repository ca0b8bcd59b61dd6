import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, probes } from '../../../../lib/jobs/bullmq/inspect';
import { eventually } from '../../../support/eventually';
import { freePort } from '../../../support/free-port';
import { selfSignedCertificate } from '../../../simulators/vdg-sense/self-signed';
import { describeWithRedis, startCable, startRedis, startSentinel, type RedisServer } from '../../../support/redis';
import { outcomesOf, recorder } from '../rig';
import { quick, redisRig } from './rig';

const commands = [...new Set(['info', 'set', 'subscribe', ...probes('p', 'i').map(([command]) => command)])].sort();
const withinMs = 18_000;

describeWithRedis('a Redis that refuses', () => {
  const rig = redisRig();
  let server: RedisServer;
  const admin = () => rig.observe(server.url);
  const user = (): string => server.url.replace('redis://', 'redis://clips:pw@');
  const allowed = (more: string[] = []): string[] => [
    ...['reset', 'on', '>pw', `~${rig.prefix}:*`, `&${rig.prefix}:*`],
    ...commands.map((each) => `+${each}`),
    ...more,
  ];

  before(async () => {
    server = await startRedis();
  });
  after(() => server.close());

  /** Takes in a message while Redis refuses, and makes sure that it goes on when that has been mended. */
  async function survives(url: string, mend: () => Promise<unknown>, said: RegExp): Promise<void> {
    const engine = rig.start({ ...quick, url });
    const handler = recorder();
    const release = engine.register('node', handler);
    const close = engine.openQueue('lane', 2);
    const adding = engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    await eventually(() => assert.match(rig.warnings.join('\n'), said));
    // Node-RED goes on meanwhile: BullMQ spins when it is left alone with such a server.
    for (let turn = 0; turn < 20; turn += 1) await sleep(10);
    assert.deepEqual(handler.runs, []);
    await mend();
    const job = await adding;
    await eventually(() => assert.deepEqual(outcomesOf(handler), [[job.id, 'done']]), withinMs);
    assert.ok(rig.warnings.length < 20, rig.warnings.join('\n'));
    await close();
    await release();
  }

  describe('because its user lacks', () => {
    for (const command of commands) {
      it(`the command ${command}: says so and goes on when it is granted`, async () => {
        await admin().call('ACL', 'SETUSER', 'clips', ...allowed([`-${command}`]));
        const { refused } = await inspectAsUser();
        assert.ok(refused?.includes(` ${command} `), String(refused));
        assert.match(
          String(refused),
          /^its user lacks the right to use [a-z]+ \(all rights are listed in docs\/redis\.md\)$/,
        );
        await admin().call('ACL', 'SETUSER', 'clips', ...allowed());
        assert.equal((await inspectAsUser()).refused, undefined);
      });
    }

    async function inspectAsUser() {
      const [client, subscriber] = [rig.observe(user()), rig.observe(user())];
      return inspect(client, subscriber, rig.prefix, 'instance');
    }

    for (const [what, rules, said] of [
      ['info', ['-info'], /away, jobs wait for it: its user lacks the right to use info/],
      ['scripts', ['-@scripting'], /lacks the right to use eval, evalsha/],
      ['writing', ['-@write'], /lacks the right to use set/],
      ['blocking', ['-@blocking'], /lacks the right to use bzpopmin/],
      ['keys', ['resetkeys', '~other:*'], /lacks access to keys of the name [0-9a-f-]+:\*/],
      ['channels', ['resetchannels', '&other:*'], /lacks access to channels of the name [0-9a-f-]+:\*/],
    ] as const) {
      it(`${what}: an engine says so once, stays quiet, and goes on when it is granted`, async () => {
        await admin().call('ACL', 'SETUSER', 'clips', ...allowed([...rules]));
        await survives(user(), () => admin().call('ACL', 'SETUSER', 'clips', ...allowed()), said);
      });
    }

    it('a right that it loses while jobs run', async () => {
      await admin().call('ACL', 'SETUSER', 'clips', ...allowed());
      const engine = rig.start({ ...quick, url: user() });
      const handler = recorder();
      engine.register('node', handler);
      await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
      await eventually(() => handler.outcomes.length === 1);
      await admin().call('ACL', 'SETUSER', 'clips', '-@scripting');
      const adding = engine.add({ nodeId: 'node', data: {}, runAt: 0 });
      await eventually(() => assert.match(rig.warnings.join('\n'), /lacks the right to use eval/), withinMs);
      await sleep(300);
      await admin().call('ACL', 'SETUSER', 'clips', ...allowed());
      await adding;
      await eventually(() => assert.equal(handler.outcomes.length, 2), withinMs);
      assert.ok(rig.warnings.length < 20, rig.warnings.join('\n'));
    });

    it('every right of the list in the docs is one of these', () => {
      const docs = readFileSync('docs/redis.md', 'utf8');
      const [, rule = ''] = /ACL SETUSER ([^`]*)```/.exec(docs) ?? [];
      const listed = [...rule.matchAll(/\+([a-z|]+)/g)].map((match) => match[1]!);
      for (const command of commands) assert.ok(listed.includes(command), command);
    });
  });

  it('because the password is wrong: messages wait until it is right', async () => {
    const admin = rig.observe(server.url);
    await admin.call('ACL', 'SETUSER', 'clips', ...allowed(), 'resetpass', '>other');
    await survives(
      user(),
      () => admin.call('ACL', 'SETUSER', 'clips', ...allowed()),
      /away, jobs wait for it: it refuses the user name or the password/,
    );
  });

  it('because its memory is full', async () => {
    const small = await startRedis();
    rig.cleanup(() => small.close());
    const admin = rig.observe(small.url);
    await admin.config('SET', 'maxmemory', '1');
    await survives(small.url, () => admin.config('SET', 'maxmemory', '0'), /its memory is full \(OOM, maxmemory\)/);
  });

  it('because it has too few replicas', async () => {
    const lone = await startRedis();
    rig.cleanup(() => lone.close());
    const admin = rig.observe(lone.url);
    await admin.config('SET', 'min-replicas-to-write', '1');
    await survives(lone.url, () => admin.config('SET', 'min-replicas-to-write', '0'), /too few replicas.*NOREPLICAS/);
  });

  it('because it is a replica', async () => {
    const replica = await startRedis();
    rig.cleanup(() => replica.close());
    const admin = rig.observe(replica.url);
    await admin.replicaof('127.0.0.1', server.port);
    await survives(replica.url, () => admin.replicaof('NO', 'ONE'), /READONLY|LOADING|MASTERDOWN/);
  });

  it('because another server has its place since a fail-over, behind the same address', async () => {
    const [first, second] = [await startRedis(), await startRedis()];
    const front = await startCable(first);
    rig.cleanup(() => Promise.all([first.close(), second.close()]));
    rig.cleanup(() => front.close());
    const [one, two] = [rig.observe(first.url), rig.observe(second.url)];
    await two.replicaof('127.0.0.1', first.port);
    await eventually(async () => assert.match(await two.info('replication'), /master_link_status:up/), withinMs);
    const engine = rig.start({ ...quick, url: front.url });
    const handler = recorder();
    engine.register('node', handler);
    const before = await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    const later = await engine.add({ nodeId: 'node', data: {}, runAt: Date.now() + 1_000 });
    await eventually(() => handler.outcomes.length === 1);
    await eventually(async () => !(await engine.has(before.id)));
    // Waits for what has been written before on the same connection, and so for all that was written by others until then.
    await one.set('mark', 'all before it');
    assert.equal(await one.call('WAIT', '1', String(withinMs)), 1);
    front.leadTo(second);
    await two.replicaof('NO', 'ONE');
    await one.replicaof('127.0.0.1', second.port);
    const after = await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    await eventually(
      () => assert.deepEqual(outcomesOf(handler).sort(), [before, later, after].map(({ id }) => [id, 'done']).sort()),
      withinMs,
    );
    assert.ok(rig.warnings.length < 20, rig.warnings.join('\n'));
  });

  it('warns of an eviction policy that drops jobs, and of a server that keeps nothing', async () => {
    const risky = await startRedis({ forgets: true, more: ['--maxmemory-policy', 'allkeys-lru'] });
    rig.cleanup(() => risky.close());
    rig.start({ url: risky.url });
    await eventually(() => assert.equal(rig.warnings.length, 2));
    assert.match(rig.warnings[0]!, /may lose jobs: its maxmemory-policy is allkeys-lru.* Set it to noeviction$/);
    assert.match(rig.warnings[1]!, /may lose jobs: it keeps nothing when it restarts.* Set appendonly yes$/);
  });

  it('warns of every policy of eviction but the one that evicts nothing', async () => {
    const risky = await startRedis({ more: ['--appendonly', 'yes'] });
    rig.cleanup(() => risky.close());
    const admin = rig.observe(risky.url);
    const policies = ['lru', 'lfu', 'random'].flatMap((which) => [`allkeys-${which}`, `volatile-${which}`]);
    for (const policy of [...policies, 'volatile-ttl']) {
      await admin.config('SET', 'maxmemory-policy', policy);
      rig.warnings.length = 0;
      rig.start({ url: risky.url });
      await eventually(() => assert.match(rig.warnings.join(), new RegExp(`its maxmemory-policy is ${policy}:`)));
    }
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    rig.warnings.length = 0;
    const engine = rig.start({ url: risky.url });
    const handler = recorder();
    engine.register('node', handler);
    await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    await eventually(() => assert.equal(handler.outcomes.length, 1));
    assert.deepEqual(rig.warnings, []);
  });

  it('because it is a Redis Cluster', async () => {
    const cluster = await startRedis({ more: ['--cluster-enabled', 'yes'] });
    rig.cleanup(() => cluster.close());
    const engine = rig.start({ url: cluster.url });
    engine.register('node', recorder());
    await eventually(() =>
      assert.match(rig.warnings.join(), /Jobs cannot be kept in a Redis Cluster|is a Redis Cluster/),
    );
    assert.equal(rig.warnings.length, 1);
  });

  it('is used over TLS with the CA of the setting, and is away without it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clips-redis-tls-'));
    rig.cleanup(() => rm(folder, { recursive: true }));
    const selfSigned = selfSignedCertificate();
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    await writeFile(key, selfSigned.key);
    await writeFile(cert, selfSigned.cert);
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
    const port = String(await freePort());
    const encrypted = await startRedis({ more: ['--tls-port', port, ...files, '--tls-auth-clients', 'no'] });
    rig.cleanup(() => encrypted.close());
    const url = `rediss://localhost:${port}`;
    rig.start({ url });
    await eventually(() => assert.match(rig.warnings.join(), /away, jobs wait for it: self-signed certificate/));
    const engine = rig.start({ redis: { url, keyPrefix: rig.prefix, tls: { ca: selfSigned.cert } } });
    const handler = recorder();
    engine.register('node', handler);
    const job = await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    await eventually(() => assert.deepEqual(outcomesOf(handler), [[job.id, 'done']]));
  });

  it('is found by Sentinel, also when that has promoted another server', async () => {
    const [first, second] = [await startRedis(), await startRedis()];
    rig.cleanup(() => Promise.all([first.close(), second.close()]));
    const two = rig.observe(second.url);
    await two.replicaof('127.0.0.1', first.port);
    await eventually(async () => assert.match(await two.info('replication'), /master_link_status:up/), withinMs);
    const sentinel = await startSentinel(first);
    rig.cleanup(() => sentinel.close());
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
    const engine = rig.start({ redis: { sentinels, name: 'clips', keyPrefix: rig.prefix } });
    const handler = recorder();
    engine.register('node', handler);
    const before = await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    await eventually(() => handler.outcomes.length === 1);
    const observer = rig.observe(sentinel.url);
    await eventually(
      async () => assert.match(String(await observer.call('SENTINEL', 'replicas', 'clips')), /slave/),
      withinMs,
    );
    await eventually(async () => assert.equal(await observer.call('SENTINEL', 'failover', 'clips'), 'OK'), withinMs);
    await eventually(async () => assert.match(await two.info('replication'), /role:master/), withinMs);
    const after = await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    await eventually(
      () =>
        assert.deepEqual(
          outcomesOf(handler),
          [before, after].map(({ id }) => [id, 'done']),
        ),
      withinMs,
    );
  });
});
