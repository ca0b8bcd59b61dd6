import assert from 'node:assert/strict';
import type { ClipError } from '../../../../lib/errors';
import { BullEngine, type BullOptions } from '../../../../lib/jobs/bullmq/engine';
import type { Job } from '../../../../lib/jobs/job';
import { eventually } from '../../../support/eventually';
import { deferred, expectNoUnhandledRejections } from '../../../support/promises';
import { describeWithRedis, startRedis, type RedisServer } from '../../../support/redis';
import { hanging, outcomesOf, recorder, type Data } from '../rig';
import { quick, redisRig } from './rig';

describeWithRedis('the engine on Redis', () => {
  const rig = redisRig();

  describe('when Redis goes away', () => {
    it('pauses, says so once, and goes on with everything when it is back', async () => {
      const server = await startRedis({ keeps: true });
      rig.cleanup(() => server.close());
      const states: boolean[] = [];
      const [one, two] = [
        rig.start({ ...quick, url: server.url }),
        rig.start({ ...quick, url: server.url, warn: () => undefined }),
      ];
      one.onPause((isPaused) => states.push(isPaused));
      const finish = deferred();
      const nodeIds = [one, two].map((engine) => {
        const handler = recorder(async ({ data }) => {
          if (data.slow) await finish.promise;
          return { type: 'done', data };
        });
        engine.register('node', handler);
        return handler;
      });
      const add = (data: Data, inMs = 0): Promise<Job<Data>> =>
        one.add({ nodeId: 'node', data, runAt: Date.now() + inMs });
      const told = (): number[] =>
        nodeIds.flatMap(({ outcomes }) => outcomes.map(({ job }) => Number(job.data.number))).sort((a, b) => a - b);
      await add({ number: 1, slow: true });
      await add({ number: 2 }, 300);
      await eventually(() => nodeIds[0]!.runs.length + nodeIds[1]!.runs.length >= 1);
      await server.stop();
      await eventually(() => assert.deepEqual(states, [true]));
      // What runs at that moment goes on, but is not over before Redis knows.
      finish.resolve();
      const adding = add({ number: 3 });
      await server.start();
      await adding;
      await eventually(() => assert.deepEqual([...new Set(told())], [1, 2, 3]));
      await eventually(async () => assert.deepEqual(await one.list(), []));
      assert.deepEqual(told(), [1, 2, 3]);
      assert.deepEqual(states, [true, false]);
      assert.match(
        rig.warnings.join('\n'),
        /^Redis at 127.0.0.1:\d+ is away, jobs wait for it.*\n.*is back, jobs go on$/,
      );
    });

    it('sets limits again that Redis has forgotten', async () => {
      const server = await startRedis({ forgets: true });
      rig.cleanup(() => server.close());
      const engine = rig.start({ ...quick, url: server.url });
      engine.openQueue('lane', 7);
      const client = rig.observe(server.url);
      const limit = (): Promise<string | null> => client.hget(`${rig.prefix}:lane:meta`, 'concurrency');
      await eventually(async () => assert.equal(await limit(), '7'));
      await server.stop();
      await server.start();
      await eventually(async () => assert.equal(await limit(), '7'));
    });

    it('starts without it, and can be released and closed without it', async () => {
      const server = await startRedis({ keeps: true });
      rig.cleanup(() => server.close());
      await server.stop();
      const [here, gone] = [rig.start({ url: server.url }), rig.start({ url: server.url, warn: () => undefined })];
      const handler = recorder();
      here.register('node', handler);
      const adding = here.add({ nodeId: 'node', data: {}, runAt: 0 });
      const release = gone.register('node', recorder());
      gone.openQueue('lane', 1);
      await release();
      await gone.close();
      const paused: boolean[] = [];
      await eventually(() => rig.warnings.length > 0);
      here.onPause((isPaused) => paused.push(isPaused));
      assert.deepEqual(paused, [true], 'who asks while it is away is told at once');
      await server.start();
      await adding;
      await eventually(() => handler.outcomes.length === 1);
    });

    it('lets go of handlers whose jobs run without it', async () => {
      const server = await startRedis({ keeps: true });
      rig.cleanup(() => server.close());
      const engine = rig.start({ ...quick, url: server.url });
      const first = recorder(hanging);
      const release = engine.register('node', first);
      const job = await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
      await eventually(() => first.runs.length === 1);
      await server.stop();
      await eventually(() => rig.warnings.length === 1);
      await release();
      const second = recorder();
      engine.register('node', second);
      await server.start();
      await eventually(() => assert.deepEqual(outcomesOf(second), [[job.id, 'done']]));
      assert.deepEqual(first.outcomes, []);
    });
  });

  describe('never shows the password of Redis', () => {
    const password = 'p@ss word:of/redis';
    let server: RedisServer;
    beforeEach(async () => {
      server = await startRedis({ password });
      rig.cleanup(() => server.close());
    });
    const isSilent = (texts: string[]): void => {
      for (const text of texts) {
        assert.ok(
          !text.includes(password) && !text.includes(encodeURIComponent(password)) && !text.includes('wrong-one'),
        );
      }
    };

    it('when all is well, and when it goes away', async () => {
      const engine = rig.start({ url: server.url });
      const handler = recorder();
      engine.register('node', handler);
      await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
      await eventually(() => handler.outcomes.length === 1);
      await server.stop();
      await eventually(() => rig.warnings.length === 1);
      isSilent(rig.warnings);
    });

    it('when it is wrong', async () => {
      const engine = rig.start({ url: server.url.replace(encodeURIComponent(password), 'wrong-one') });
      engine.register('node', recorder());
      await eventually(() => rig.warnings.length === 1);
      assert.match(rig.warnings[0]!, /WRONGPASS/);
      isSilent(rig.warnings);
    });
  });
});

describe('the engine on Redis, set up wrongly,', () => {
  expectNoUnhandledRejections();
  const open = (options: Partial<BullOptions>): BullEngine =>
    new BullEngine({ redis: 'redis://127.0.0.1:1', warn: () => undefined, ...options });
  const without =
    (...names: string[]) =>
    (name: string): unknown => {
      if (!names.includes(name)) return {};
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
    };

  for (const [missing, said] of [
    [['bullmq'], /bullmq is not installed\./],
    [['ioredis'], /ioredis is not installed\./],
    [['bullmq', 'ioredis'], /bullmq is not installed and ioredis is not installed\./],
  ] as const) {
    it(`says what to install without ${missing.join(' and ')}`, () => {
      assert.throws(
        () => open({ load: without(...missing) }),
        (error: ClipError) => {
          assert.equal(error.code, 'EUNSUPPORTED');
          assert.match(error.message, said);
          assert.match(error.message, /npm install bullmq ioredis/);
          return true;
        },
      );
    });
  }

  it('says when a package is there but broken', () => {
    const load = (): never => {
      throw new SyntaxError('Unexpected token');
    };
    assert.throws(() => open({ load }), /bullmq cannot be loaded \(Unexpected token\)/);
  });

  for (const url of [
    'localhost:6379',
    'http://user:s3cret@redis',
    'redis://',
    'redis://u:s3cret@',
    'redis://:s3cret%zz@redis',
    6379,
    '',
    {},
    null,
  ]) {
    it(`refuses the address ${JSON.stringify(url)} without repeating it`, () => {
      assert.throws(
        () => open({ redis: url }),
        (error: ClipError) => error.code === 'EINVALID' && !error.message.includes('s3cret'),
      );
    });
  }
});
