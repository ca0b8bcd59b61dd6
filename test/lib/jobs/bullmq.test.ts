import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClipError } from '../../../lib/errors';
import type { BullEngine } from '../../../lib/jobs/bullmq/engine';
import type { Job } from '../../../lib/jobs/job';
import { eventually } from '../../support/eventually';
import { deferred } from '../../support/promises';
import { describeWithRedis, startCable, type RedisCable } from '../../support/redis';
import { describeBehaviour } from './behaviour';
import { hasty, hourMs, quick, redisRig } from './bullmq/rig';
import { all, hanging, ids, outcomesOf, recorder, type Data, type Recorder } from './rig';

describeWithRedis('the engine on Redis', () => {
  const rig = redisRig();

  describe('alone', () => {
    let engine: BullEngine;
    beforeEach(() => {
      engine = rig.start(quick);
    });

    describeBehaviour({
      get engine() {
        return engine;
      },
      warnings: rig.warnings,
      async restart() {
        await engine.close();
        engine = rig.start(quick);
      },
    });
  });

  describe('shared by two instances', () => {
    let [one, two]: BullEngine[] = [];
    let engines: BullEngine[];
    beforeEach(() => {
      engines = [(one = rig.start(quick)), (two = rig.start(quick))];
    });

    const add = (
      data: Data = {},
      more: { nodeId?: string; queue?: string; inMs?: number } = {},
    ): Promise<Job<Data>> => {
      const { nodeId = 'node', inMs = 0, ...rest } = more;
      return one!.add({ nodeId, data, runAt: Date.now() + inMs, ...rest });
    };
    const isEmpty = (): Promise<void> => eventually(async () => assert.deepEqual(await two!.list(), []));

    /** A job that the second instance runs although the first has added it: only there, its queue is open. */
    async function elsewhere(first: Recorder, second: Recorder, data: Data = {}): Promise<Job<Data>> {
      one!.register('node', first);
      two!.register('node', second);
      two!.openQueue('lane', 1);
      const job = await add(data, { queue: 'lane' });
      await eventually(() => second.runs.length === 1);
      return job;
    }

    it('runs each job in one of them at a time, and tells its outcome once', async () => {
      const running = new Set<string>();
      const nodeIds = engines.map((engine) => {
        const handler = recorder(async ({ id, data, failures }) => {
          assert.ok(!running.has(id));
          running.add(id);
          await new Promise((resolve) => setTimeout(resolve, 5));
          running.delete(id);
          if (failures < 2) return { type: 'retry', afterMs: 5, error: new ClipError('ENETWORK', 'once more') };
          return { type: 'done', data };
        });
        engine.register('node', handler);
        return handler;
      });
      const jobs = await Promise.all(Array.from({ length: 100 }, (_, number) => add({ number })));
      await isEmpty();
      const told = nodeIds.flatMap(({ outcomes }) =>
        outcomes.map(({ job, outcome }) => [job.data.number, outcome.type]),
      );
      assert.deepEqual(
        told.sort(([a], [b]) => Number(a) - Number(b)),
        jobs.map((_, number) => [number, 'done']),
      );
      assert.equal(nodeIds[0]!.runs.length + nodeIds[1]!.runs.length, 300);
    });

    it('does not forget a job before the one is stored that its outcome leads to, a few quick nodes later', async () => {
      let next: Promise<Job<Data>> | undefined;
      const handler = recorder(undefined, {
        onSettled() {
          let nodes = 5;
          const pass = (): void => {
            if ((nodes -= 1) > 0) setImmediate(pass);
            else next = add({}, { nodeId: 'next', inMs: hourMs });
          };
          pass();
        },
      });
      one!.register('node', handler);
      const { id } = await add();
      let found: string[];
      do assert.notDeepEqual((found = ids(await two!.list())), []);
      while (found.includes(id));
      assert.deepEqual(found, [(await next)?.id]);
    });

    it('finds the one that has the owner', async () => {
      one!.register('other', recorder());
      const handler = recorder();
      two!.register('node', handler);
      for (let number = 0; number < 10; number += 1) await add({ number });
      await eventually(() => handler.outcomes.length === 10);
      await isEmpty();
    });

    it('keeps to the limit of a lane over both', async () => {
      let [running, most] = [0, 0];
      const nodeIds = engines.map((engine) => {
        const handler = recorder(async ({ data }) => {
          most = Math.max(most, (running += 1));
          await new Promise((resolve) => setTimeout(resolve, 5));
          running -= 1;
          return { type: 'done', data };
        });
        engine.register('node', handler);
        engine.openQueue('lane', 3);
        return handler;
      });
      await Promise.all(Array.from({ length: 40 }, (_, number) => add({ number }, { queue: 'lane' })));
      await eventually(() => nodeIds[0]!.outcomes.length + nodeIds[1]!.outcomes.length === 40);
      assert.ok(most > 1 && most <= 3, `${most} at once`);
    });

    it('gives each of them its share of a lane', async () => {
      const both = deferred();
      const running = new Set<Recorder>();
      const nodeIds = engines.map((engine) => {
        const handler: Recorder = recorder(async ({ data }) => {
          running.add(handler);
          if (running.size === 2) both.resolve();
          // As long as they do not know of each other, one of them may have taken both jobs.
          const isOver = await Promise.race([both.promise.then(() => true), sleep(50)]);
          running.delete(handler);
          return isOver ? { type: 'done', data } : { type: 'retry', afterMs: 10 };
        });
        engine.register('node', handler);
        engine.openQueue('lane', 2);
        return handler;
      });
      await add({}, { queue: 'lane' });
      await add({}, { queue: 'lane' });
      await isEmpty();
      assert.equal(nodeIds[0]!.outcomes.length + nodeIds[1]!.outcomes.length, 2);
    });

    it('tells the instance that took a job on when the other has delivered it', async () => {
      const gone: unknown[] = [];
      const onSettledRemotely = (id: string, how?: string): void => void gone.push([id, how]);
      const second = recorder();
      const job = await elsewhere({ ...recorder(), onSettledRemotely }, { ...second, onSettledRemotely });
      await eventually(() => assert.deepEqual(gone, [[job.id, 'done']]));
      assert.deepEqual(outcomesOf(second), [[job.id, 'done']]);
    });

    it('cancels a job that runs in the other, which delivers EABORTED', async () => {
      const gone: unknown[] = [];
      const first = recorder(undefined);
      const second = recorder(async (job, context) => {
        await hanging(job, context, 1);
        return { type: 'done', data: { clip: 'made in the last moment' } };
      });
      const job = await elsewhere({ ...first, onSettledRemotely: (_id, how) => void gone.push(how) }, second);
      const cancelled = await one!.cancel(all);
      assert.deepEqual(cancelled, [{ ...job, data: { clip: 'made in the last moment' } }]);
      assert.deepEqual([outcomesOf(first), outcomesOf(second)], [[], [[job.id, 'EABORTED']]]);
      assert.deepEqual(gone, ['failed']);
      assert.deepEqual(await one!.list(), []);
    });

    it('removes a job that runs in the other, and tells nobody', async () => {
      const [first, second] = [recorder(), recorder(hanging)];
      const job = await elsewhere(first, second);
      assert.deepEqual(ids(await one!.remove(all)), [job.id]);
      assert.deepEqual([first.outcomes, second.outcomes], [[], []]);
      assert.deepEqual(await one!.list(), []);
    });

    it('cancels a waiting job once when both are told to', async () => {
      const nodeIds = engines.map((engine) => {
        const handler = recorder();
        engine.register('node', handler);
        return handler;
      });
      const jobs = [await add({}, { inMs: hourMs }), await add({}, { inMs: hourMs })];
      const cancelled = await Promise.all(engines.map((engine) => engine.cancel(all)));
      assert.deepEqual(ids(cancelled.flat()).sort(), ids(jobs).sort());
      assert.deepEqual(
        nodeIds.flatMap(outcomesOf).sort(),
        ids(jobs)
          .sort()
          .map((id) => [id, 'EABORTED']),
      );
    });

    it('hands the jobs of one that is stopped to the other at once', async () => {
      const [first, second] = [recorder(hanging), recorder()];
      const release = one!.register('node', first);
      const job = await add({ kept: true });
      await eventually(() => first.runs.length === 1);
      two!.register('node', second);
      await release();
      await eventually(() => second.outcomes.length === 1);
      assert.deepEqual(second.runs, [job]);
      assert.deepEqual(first.outcomes, []);
    });

    it('stops the runs of a lane that is closed, and keeps their jobs', async () => {
      const nodeIds = engines.map((engine) => {
        const handler = recorder(engine === one ? hanging : undefined);
        engine.register('node', handler);
        return handler;
      });
      const close = one!.openQueue('lane', 1);
      const job = await add({}, { queue: 'lane' });
      await eventually(() => nodeIds[0]!.runs.length === 1);
      await close();
      two!.openQueue('lane', 1);
      await eventually(() => nodeIds[1]!.outcomes.length === 1);
      assert.deepEqual([outcomesOf(nodeIds[0]!), outcomesOf(nodeIds[1]!)], [[], [[job.id, 'done']]]);
    });

    it('does not take a node for deleted that only the other one has', async () => {
      two!.register('new', recorder());
      const release = two!.register('restarting', recorder());
      const observer = rig.observe();
      await eventually(async () => (await observer.zcard(`${rig.prefix}:nodes`)) === 2);
      await release();
      const kept = [
        await add({}, { nodeId: 'new', inMs: hourMs }),
        await add({}, { nodeId: 'restarting', inMs: hourMs }),
      ];
      const dropped = await add({}, { nodeId: 'deleted', inMs: hourMs });
      assert.deepEqual(ids(await one!.removeOrphans(() => false)), [dropped.id]);
      assert.deepEqual(ids(await one!.list()).sort(), ids(kept).sort());
    });
  });

  describe('when an instance vanishes', () => {
    let cable: RedisCable;
    beforeEach(async () => {
      cable = await startCable(rig.redis);
      rig.cleanup(() => cable.close());
    });

    it('lets the other take its jobs over; should it come back, it neither goes on nor delivers', async () => {
      const ending = deferred();
      const gone: unknown[] = [];
      const lost = rig.start({ ...hasty, url: cable.url });
      const heir = rig.start(hasty);
      let wasStopped = false;
      const first = recorder(async ({ data }, { save, signal }) => {
        await save({ ...data, saved: true });
        signal.addEventListener('abort', () => (wasStopped = true));
        await ending.promise;
        return { type: 'done', data };
      });
      lost.register('node', { ...first, onSettledRemotely: (id, how) => void gone.push([id, how]) });
      const job = await lost.add({ nodeId: 'node', data: { saved: false }, runAt: Date.now() });
      const observer = rig.observe();
      await eventually(async () =>
        assert.match((await observer.hget(`${rig.prefix}:jobs:${job.id}`, 'progress'))!, /true/),
      );
      cable.cut();
      const second = recorder();
      heir.register('node', second);
      await eventually(() => second.outcomes.length === 1);
      assert.deepEqual(second.runs, [{ ...job, data: { saved: true } }]);
      // Without hearing of it: its lock has run out.
      await eventually(() => wasStopped);
      cable.mend();
      ending.resolve();
      // It has missed what the other said, and finds out by itself.
      await eventually(() => assert.deepEqual(gone, [[job.id, undefined]]));
      assert.deepEqual(first.outcomes, []);
      assert.equal(first.runs.length + second.runs.length, 2);
      assert.deepEqual(await heir.list(), []);
    });

    it('refuses to save for a run whose job another one has taken over', async () => {
      const cut = deferred();
      const lost = rig.start({ ...hasty, url: cable.url });
      const heir = rig.start(hasty);
      const failures: unknown[] = [];
      const first = recorder(async ({ data }, { save }) => {
        await cut.promise;
        await save({ publishing: 'second file.mp4' }).catch((error: ClipError) => failures.push(error.code));
        return { type: 'done', data };
      });
      lost.register('node', first);
      await lost.add({ nodeId: 'node', data: {}, runAt: Date.now() });
      await eventually(() => first.runs.length === 1);
      cable.cut();
      const finish = deferred();
      const second = recorder(async ({ data }) => {
        await finish.promise;
        return { type: 'done', data };
      });
      heir.register('node', second);
      await eventually(() => second.runs.length === 1);
      cable.mend();
      cut.resolve();
      await eventually(() => assert.deepEqual(failures, ['EABORTED']));
      finish.resolve();
      await eventually(() => second.outcomes.length === 1);
      assert.deepEqual(second.outcomes[0]!.job.data, {});
      assert.deepEqual(first.outcomes, []);
    });

    it('neither loses nor doubles the job that an outcome led to', async () => {
      const lost = rig.start({ ...hasty, url: cable.url });
      const heir = rig.start(hasty);
      const next = { nodeId: 'next', runAt: Date.now() + hourMs };
      const [first, second] = [recorder(), recorder()];
      const added: Job<Data>[] = [];
      first.onSettled = async () => {
        for (const number of [1, 2]) added.push(await lost.add({ ...next, data: { number } }));
        cable.cut();
      };
      second.onSettled = async () => {
        for (const number of [1, 2]) added.push(await heir.add({ ...next, data: { number } }));
      };
      lost.register('node', first);
      await lost.add({ nodeId: 'node', data: {}, runAt: 0 });
      await eventually(() => added.length === 2);
      heir.register('node', second);
      await eventually(() => added.length === 4);
      await eventually(async () => assert.deepEqual(ids(await heir.list()).sort(), ids(added.slice(0, 2)).sort()));
      assert.deepEqual(ids(added.slice(2)), ids(added.slice(0, 2)));
      // What is told to another end leads to jobs of its own.
      assert.notEqual((await heir.add({ ...next, data: {} })).id, added[0]!.id);
      const observer = rig.observe();
      await eventually(async () => assert.deepEqual(await observer.keys(`${rig.prefix}:from:*`), []));
    });

    it('gives its place in a lane to the others', async () => {
      const lost = rig.start({ ...hasty, url: cable.url });
      const heir = rig.start(hasty);
      const ending = deferred();
      const first = recorder(async ({ data }) => (await ending.promise, { type: 'done', data }));
      lost.register('node', first);
      lost.openQueue('lane', 1);
      await lost.add({ nodeId: 'node', data: {}, runAt: 0, queue: 'lane' });
      await eventually(() => first.runs.length === 1);
      const second = recorder();
      heir.register('node', second);
      heir.openQueue('lane', 1);
      const waiting = await heir.add({ nodeId: 'node', data: {}, runAt: 0, queue: 'lane' });
      cable.cut();
      await eventually(() => second.outcomes.length === 2);
      assert.ok(ids(second.runs).includes(waiting.id));
      ending.resolve();
    });
  });
});
