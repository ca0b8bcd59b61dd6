import assert from 'node:assert/strict';
import type { Redis } from 'ioredis';
import { systemClock } from '../../../../lib/async/clock';
import type { BreakerState } from '../../../../lib/connection/circuit-breaker';
import type { Connection } from '../../../../lib/connection/connection';
import { ClipError } from '../../../../lib/errors';
import type { BullEngine } from '../../../../lib/jobs/bullmq/engine';
import type { Provider } from '../../../../lib/provider';
import { eventually } from '../../../support/eventually';
import { describeWithRedis, startRedis } from '../../../support/redis';
import { connect, credentials } from '../../connection/fake';
import { hourMs, redisRig } from './rig';

describeWithRedis('instances whose credentials are refused', () => {
  const rig = redisRig();
  const { password } = credentials;
  const refuse = async (): Promise<never> => {
    throw new ClipError('EAUTH', `No user with "${password}"`);
  };

  function open(engine: BullEngine, methods: Partial<Provider>, login: unknown = 'the same'): Connection {
    const connection = connect(methods, { clock: systemClock, guard: engine.loginGuard('connection-1', login) });
    rig.cleanup(() => connection.close());
    return connection;
  }

  const check = (connection: Connection): Promise<unknown> => connection.check(new AbortController().signal);

  it('sends them once over all instances', async () => {
    let logins = 0;
    const login = (): Promise<never> => ((logins += 1), refuse());
    const connections = [1, 2, 3].map(() => open(rig.start(), { login }));
    for (const result of await Promise.allSettled(connections.flatMap((each) => [check(each), check(each)]))) {
      assert.equal(result.status, 'rejected');
      assert.equal((result.reason as ClipError).code, 'EAUTH');
      assert.match((result.reason as ClipError).message, /No user.*Nothing more is sent until/);
    }
    assert.equal(logins, 1);
    await assert.rejects(check(open(rig.start(), { login })), { code: 'EAUTH' });
    assert.equal(logins, 1);
  });

  it('keeps no password in Redis, not even one that the vendor repeats', async () => {
    await assert.rejects(check(open(rig.start(), { login: refuse })));
    const observer = rig.observe();
    const [key] = await observer.keys(`${rig.prefix}:breaker:*`);
    const kept = `${key} ${await observer.get(key!)}`;
    assert.ok(kept.includes('No user') && !kept.includes(password), kept);
  });

  it('tries other credentials', async () => {
    await assert.rejects(check(open(rig.start(), { login: refuse })));
    await check(open(rig.start(), { login: async () => 'session' }, 'another'));
  });

  it('tries again after a deploy, unless that deploy has just tried elsewhere', async () => {
    let logins = 0;
    const login = (): Promise<never> => ((logins += 1), refuse());
    const engine = rig.start();
    await assert.rejects(check(open(engine, { login })));
    await assert.rejects(check(open(engine, { login })));
    assert.equal(logins, 1);
    const observer = rig.observe();
    const [key] = await observer.keys(`${rig.prefix}:breaker:*`);
    const state = JSON.parse((await observer.get(key!))!) as BreakerState;
    const earlier = { ...state.open, since: state.open!.since - hourMs / 2 };
    await observer.set(key!, JSON.stringify({ ...state, open: earlier }));
    await assert.rejects(check(open(rig.start(), { login })), { code: 'EAUTH' });
    assert.equal(logins, 1, 'a start is no deploy');
    await assert.rejects(check(open(engine, { login })));
    assert.equal(logins, 2);
  });

  it('tells the others when a call rather than the login finds out', async () => {
    let calls = 0;
    const methods = { check: (): Promise<never> => ((calls += 1), refuse()) };
    await assert.rejects(check(open(rig.start(), methods)));
    const observer = rig.observe();
    await eventually(async () => (await observer.keys(`${rig.prefix}:breaker:*`)).length === 1);
    await assert.rejects(check(open(rig.start(), methods)), { code: 'EAUTH' });
    assert.equal(calls, 1);
  });

  it('keeps back the requests of all instances while the vendor asks for a pause', async () => {
    const limited = new ClipError('ETHROTTLED', 'slow down', { retryAfterMs: 60_000 });
    await assert.rejects(check(open(rig.start(), { check: () => Promise.reject(limited) })), { code: 'ETHROTTLED' });
    const other = open(rig.start(), { check: () => assert.fail('too early') });
    await assert.rejects(check(other), { code: 'ETHROTTLED', notSent: true });
  });

  for (const [what, lock] of [
    ['without an end', (observer: Redis, key: string) => observer.set(key, 'somebody')],
    ['of another kind', (observer: Redis, key: string) => observer.hset(key, 'field', 'somebody')],
  ] as const) {
    it(`do not wait for ever for a lock ${what}`, async () => {
      const [observer, key] = [rig.observe(), `${rig.prefix}:login:connection-1`];
      await lock(observer, key);
      const checked = check(open(rig.start(), { login: async () => 'session' }));
      await eventually(async () => (await observer.pttl(key)) > 0);
      await observer.del(key);
      await checked;
    });
  }

  it('log in each by itself while Redis takes nothing', async () => {
    const server = await startRedis();
    rig.cleanup(() => server.close());
    const connection = open(rig.start({ url: server.url }), { login: async () => 'session' });
    const observer = rig.observe(server.url);
    await observer.config('SET', 'maxmemory', '1');
    await check(connection);
  });

  it('never logs in twice at the same moment, and closes a connection that waits for its turn', async () => {
    let [running, most] = [0, 0];
    const login = async (): Promise<string> => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
      return 'session';
    };
    const connections = [1, 2, 3].map(() => open(rig.start(), { login }));
    await Promise.all(connections.map(check));
    assert.equal(most, 1);
    const stuck = open(rig.start(), { login: () => new Promise(() => undefined) });
    const waiting = open(rig.start(), { login });
    const results = [check(stuck), check(waiting)].map((promise) => assert.rejects(promise, { code: 'EABORTED' }));
    await waiting.close();
    await stuck.close();
    await Promise.all(results);
  });
});
