/** What every engine does, whatever it keeps jobs in. In real time: nothing here depends on how long something takes. */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClipError } from '../../../lib/errors';
import type { Job, JobEngine } from '../../../lib/jobs/job';
import { eventually } from '../../support/eventually';
import { deferred, untilAborted } from '../../support/promises';
import { all, hanging, ids, outcomesOf, recorder, type Data, type Recorder, type RunJob } from './rig';

export interface EngineRig {
  readonly engine: JobEngine;
  readonly warnings: string[];
  /** Nobody owns jobs any more; from now on, `engine` is that of the next start of the process. */
  restart(): Promise<void>;
}

const hourMs = 3600_000;
const trouble = new ClipError('ENETWORK', 'the server is down');

export function describeBehaviour(test: EngineRig): void {
  const add = (data: Data = {}, { nodeId = 'node', inMs = 0 } = {}): Promise<Job<Data>> =>
    test.engine.add({ nodeId, data, runAt: Date.now() + inMs });
  const releases: (() => Promise<void>)[] = [];
  const register = (nodeId: string, handlers: Recorder): (() => Promise<void>) => {
    const release = test.engine.register(nodeId, handlers);
    releases.push(release);
    return release;
  };
  const releaseAll = (): Promise<unknown> => Promise.all(releases.splice(0).map((release) => release()));
  const isEmpty = (): Promise<void> => eventually(async () => assert.deepEqual(await test.engine.list(), []));
  const running = (handler: Recorder, count = 1): Promise<void> => eventually(() => handler.runs.length === count);

  afterEach(releaseAll);

  describe('running jobs', () => {
    it('gives each to its handler, with all that it was added with, and forgets it when the outcome was told', async () => {
      const [first, second] = [recorder(), recorder()];
      register('first', first);
      register('second', second);
      const a = await add({ clip: 'a' }, { nodeId: 'first' });
      const b = await add({ clip: 'b' }, { nodeId: 'second' });
      await eventually(() => first.outcomes.length === 1 && second.outcomes.length === 1);
      assert.deepEqual([first.runs, second.runs], [[a], [b]]);
      assert.deepEqual(outcomesOf(first), [[a.id, 'done']]);
      await isEmpty();
    });

    it('forgets none before what its outcome has led to is accepted, however long that takes', async () => {
      const [opened, next] = [deferred(), recorder()];
      let accepted: Promise<Job<Data>> | undefined;
      register('next', next);
      register(
        'node',
        recorder(undefined, {
          onSettled: () =>
            void (accepted = test.engine.accept(() => opened.promise.then(() => add({}, { nodeId: 'next' })))),
        }),
      );
      const { id } = await add();
      await eventually(() => accepted !== undefined);
      for (let turn = 0; turn < 100; turn += 1) await nextTurn();
      assert.ok(await test.engine.has(id));
      opened.resolve();
      const added = await accepted!;
      await eventually(async () => assert.ok(!(await test.engine.has(id))));
      await eventually(() => assert.deepEqual(ids(next.runs), [added.id]));
      await isEmpty();
    });

    it('uses the id that it is told to use', async () => {
      const id = 'b1a9cb38-6b3f-4ad0-8b3e-2b36f0a7c2a1';
      const job = await test.engine.add({ id, nodeId: 'node', data: {}, runAt: 0 });
      assert.deepEqual([job.id, ids(await test.engine.list())], [id, [id]]);
    });

    it('keeps those that are not due', async () => {
      const handler = recorder();
      register('node', handler);
      const later = await add({ later: true }, { inMs: hourMs });
      await add();
      await eventually(() => handler.outcomes.length === 1);
      await eventually(async () => assert.deepEqual(await test.engine.list(), [later]));
      assert.equal(handler.runs.length, 1);
    });

    it('keeps those whose owner has not come, and runs them when it comes', async () => {
      const other = recorder();
      register('other', other);
      const job = await add({ kept: true });
      await add({}, { nodeId: 'other' });
      await eventually(() => other.outcomes.length === 1);
      const handler = recorder();
      register('node', handler);
      await eventually(() => handler.outcomes.length === 1);
      assert.deepEqual(handler.runs, [job]);
    });

    it('counts failures in a row, tells the owner each time, and hands on what each run has changed', async () => {
      const handler = recorder(async ({ data }, _context, count) => {
        const next = { step: Number(data.step) + 1 };
        if (count === 5) return { type: 'done', data: next };
        return { type: 'retry', afterMs: 5, data: next, ...(count === 3 ? {} : { error: trouble }) };
      });
      register('node', handler);
      await add({ step: 0 });
      await eventually(() => handler.outcomes.length === 1);
      assert.deepEqual(
        handler.runs.map(({ failures, data }) => [failures, data.step]),
        [
          [0, 0],
          [1, 1],
          [2, 2],
          [0, 3],
          [1, 4],
        ],
      );
      assert.deepEqual(
        handler.retries.map(({ job, answer }) => [job.failures, answer.error]),
        [
          [1, trouble],
          [2, trouble],
          [0, undefined],
          [1, trouble],
        ],
      );
      assert.deepEqual(handler.outcomes[0]?.job.data, { step: 5 });
    });

    it('hands on a failure as it is, with the data that it came with', async () => {
      const error = new ClipError('EEXPIRED', 'gone');
      const handler = recorder(async () => ({ type: 'failed', error, data: { status: 'expired' } }));
      register('node', handler);
      await add({ status: 'busy' });
      await eventually(() => handler.outcomes.length === 1);
      const { job, outcome } = handler.outcomes[0]!;
      assert.deepEqual(job.data, { status: 'expired' });
      assert.equal(outcome.type === 'failed' && outcome.error, error);
      await isEmpty();
    });

    it('fails those whose run throws', async () => {
      const handler = recorder(async () => {
        throw new TypeError('x is not a function');
      });
      register('node', handler);
      const job = await add();
      await eventually(() => handler.outcomes.length === 1);
      assert.deepEqual(outcomesOf(handler), [[job.id, 'EFAILED']]);
    });

    it('lets a handler raise what could not be delivered', async () => {
      const raised: [string, string][] = [];
      const handler = recorder(undefined, {
        onSettled: () => Promise.reject(new Error('the message cannot be written to')),
      });
      handler.onUndeliverable = (job, error) => void raised.push([job.id, `${error.code}: ${error.message}`]);
      register('node', handler);
      const job = await add();
      await isEmpty();
      assert.deepEqual(raised, [[job.id, 'EFAILED: the message cannot be written to']]);
    });

    it('goes on when an owner throws on hearing of an outcome', async () => {
      const handler = recorder(undefined, { onSettled: () => Promise.reject(new Error('nobody listens')) });
      register('node', handler);
      await add();
      await isEmpty();
      await add();
      await isEmpty();
      assert.equal(handler.outcomes.length, 2);
      assert.deepEqual([...new Set(test.warnings)], ['nobody listens']);
    });

    it('keeps two hundred apart: each runs once and is told once', async () => {
      const handler = recorder(async ({ data }) => ({ type: 'done', data: { ...data, ran: true } }));
      register('node', handler);
      const jobs = await Promise.all(
        Array.from({ length: 200 }, (_, number) => add({ number }, { inMs: number % 50 })),
      );
      await eventually(() => handler.outcomes.length >= jobs.length);
      await isEmpty();
      const numbers = handler.outcomes.map(({ job }) => Number(job.data.number)).sort((a, b) => a - b);
      assert.deepEqual(
        numbers,
        jobs.map((_, number) => number),
      );
    });
  });

  describe('cancelling jobs', () => {
    it('ends a waiting one with EABORTED, and has forgotten it when it resolves', async () => {
      const handler = recorder();
      register('node', handler);
      const job = await add({ a: 1 }, { inMs: hourMs });
      assert.deepEqual(await test.engine.cancel(all), [job]);
      assert.deepEqual(outcomesOf(handler), [[job.id, 'EABORTED']]);
      assert.deepEqual(await test.engine.list(), []);
    });

    it('stops a running one, waits for its end, and delivers EABORTED whatever the run says', async () => {
      const ending = deferred();
      const onEnded = deferred();
      const handler = recorder(async (_job, { signal }) => {
        await untilAborted(signal).catch(() => onEnded.resolve());
        await ending.promise;
        return { type: 'done', data: { clip: 'made in the last moment' } };
      });
      register('node', handler);
      const job = await add();
      await running(handler);
      const cancelling = test.engine.cancel(all);
      await onEnded.promise;
      assert.equal(handler.outcomes.length, 0);
      ending.resolve();
      const cancelled = await cancelling;
      assert.deepEqual(outcomesOf(handler), [[job.id, 'EABORTED']]);
      // What was made all the same is known to whoever must tidy up at the vendor.
      assert.deepEqual(cancelled[0]?.data, { clip: 'made in the last moment' });
      assert.deepEqual(await test.engine.list(), []);
    });

    it('does not run one again that answered "retry" to being stopped', async () => {
      const handler = recorder(async (_job, { signal }) => {
        await untilAborted(signal).catch(() => undefined);
        return { type: 'retry', afterMs: 0, error: trouble };
      });
      register('node', handler);
      const job = await add();
      await running(handler);
      await test.engine.cancel(all);
      assert.deepEqual(outcomesOf(handler), [[job.id, 'EABORTED']]);
      assert.deepEqual(handler.retries, []);
      assert.deepEqual(await test.engine.list(), []);
    });

    it('is too late for one whose outcome is being told', async () => {
      const told = deferred();
      const handler = recorder(undefined, { onSettled: () => told.promise });
      register('node', handler);
      const job = await add();
      await eventually(() => handler.outcomes.length === 1);
      assert.deepEqual(await test.engine.cancel(all), []);
      told.resolve();
      await isEmpty();
      assert.deepEqual(outcomesOf(handler), [[job.id, 'done']]);
    });

    it('from within the telling of an outcome cancels the others and not that one', async () => {
      let cancelled: Job[] = [];
      const handler: Recorder = recorder(undefined, {
        async onSettled() {
          if (handler.outcomes.length === 1) cancelled = await test.engine.cancel(all);
        },
      });
      const second = await add({}, { inMs: hourMs });
      const first = await add();
      register('node', handler);
      await isEmpty();
      assert.deepEqual(ids(cancelled), [second.id]);
      assert.deepEqual(outcomesOf(handler), [
        [first.id, 'done'],
        [second.id, 'EABORTED'],
      ]);
    });

    for (const state of ['waiting', 'running']) {
      it(`twice at once tells the owner of a ${state} one once`, async () => {
        const handler = recorder(hanging);
        register('node', handler);
        const job = await add({}, { inMs: state === 'waiting' ? hourMs : 0 });
        if (state === 'running') await running(handler);
        const both = await Promise.all([test.engine.cancel(all), test.engine.cancel(all)]);
        assert.deepEqual(outcomesOf(handler), [[job.id, 'EABORTED']]);
        assert.deepEqual(ids(both.flat()), [job.id]);
      });
    }

    it('reaches one that is just being added', async () => {
      const handler = recorder();
      register('node', handler);
      const adding = add({}, { inMs: hourMs });
      const cancelled = await test.engine.cancel(all);
      assert.deepEqual(ids(cancelled), [(await adding).id]);
      assert.equal(handler.runs.length, 0);
    });

    it('reaches only what matches', async () => {
      const handler = recorder();
      register('node', handler);
      const kept = await add({ clip: 'a' }, { inMs: hourMs });
      const wanted = await add({ clip: 'b' }, { inMs: hourMs });
      const cancelled = await test.engine.cancel((job) => (job.data as Data).clip === 'b');
      assert.deepEqual(ids(cancelled), [wanted.id]);
      assert.deepEqual(await test.engine.list(), [kept]);
    });

    it('forgets the job of an owner that is gone, and tells nobody', async () => {
      const job = await add({}, { nodeId: 'gone' });
      assert.deepEqual(ids(await test.engine.cancel(all)), [job.id]);
      assert.deepEqual(await test.engine.list(), []);
    });
  });

  describe('removing jobs', () => {
    const answers: Record<string, RunJob> = {
      'gave up': hanging,
      'had finished': async (job, context) => (await hanging(job, context, 1), { type: 'done', data: {} }),
      'wants to go on': async (job, context) => (await hanging(job, context, 1), { type: 'retry', afterMs: 0 }),
    };
    for (const [what, run] of Object.entries(answers)) {
      it(`stops a running one that then ${what}, and tells nobody`, async () => {
        const handler = recorder(run);
        register('node', handler);
        const job = await add();
        await running(handler);
        assert.deepEqual(ids(await test.engine.remove(all)), [job.id]);
        assert.deepEqual(await test.engine.list(), []);
        assert.deepEqual([handler.outcomes, handler.retries], [[], []]);
      });
    }

    it('forgets waiting ones of that handler, and no others', async () => {
      const kept = await add({}, { nodeId: 'a', inMs: hourMs });
      const dropped = await add({}, { nodeId: 'b', inMs: hourMs });
      assert.deepEqual(ids(await test.engine.remove(({ nodeId }) => nodeId === 'b')), [dropped.id]);
      assert.deepEqual(await test.engine.list(), [kept]);
    });

    it('does not let a late save bring one back', async () => {
      let save: ((data: Data) => Promise<void>) | undefined;
      const handler = recorder((job, context) => {
        save = context.save;
        return hanging(job, context, 1);
      });
      register('node', handler);
      await add();
      await running(handler);
      await test.engine.remove(all);
      await save!({ late: true });
      assert.deepEqual(await test.engine.list(), []);
    });

    it('waits for one whose outcome is being told, and does not count it', async () => {
      const told = deferred();
      const handler = recorder(undefined, { onSettled: () => told.promise });
      register('node', handler);
      await add();
      await eventually(() => handler.outcomes.length === 1);
      const removing = test.engine.remove(all);
      told.resolve();
      assert.deepEqual(await removing, []);
      await isEmpty();
    });

    it('forgets those of handlers that exist no longer', async () => {
      const kept = await add({}, { nodeId: 'here', inMs: hourMs });
      const dropped = await add({}, { nodeId: 'deleted', inMs: hourMs });
      assert.deepEqual(ids(await test.engine.removeOrphans((nodeId) => nodeId === 'here')), [dropped.id]);
      assert.deepEqual(await test.engine.list(), [kept]);
    });
  });

  describe('releasing handlers', () => {
    it('stops what runs, and keeps it for the next owner with what was saved', async () => {
      const saved = deferred();
      const first = recorder(async (job, context) => {
        await context.save({ publishing: 'x.mp4' });
        saved.resolve();
        return hanging(job, context, 1);
      });
      const release = register('node', first);
      const job = await add({ publishing: '' });
      await saved.promise;
      await release();
      assert.deepEqual(first.outcomes, []);
      const second = recorder();
      register('node', second);
      await eventually(() => second.outcomes.length === 1);
      assert.deepEqual(second.runs, [{ ...job, data: { publishing: 'x.mp4' } }]);
      assert.deepEqual(outcomesOf(second), [[job.id, 'done']]);
      await isEmpty();
    });

    it('does not count being stopped as a failure', async () => {
      const first = recorder(async (_job, { signal }) => {
        await untilAborted(signal).catch(() => undefined);
        return { type: 'retry', afterMs: hourMs, error: trouble };
      });
      const release = register('node', first);
      await add();
      await running(first);
      await release();
      const second = recorder();
      register('node', second);
      await running(second);
      assert.equal(second.runs[0]?.failures, 0);
      assert.deepEqual(first.retries, []);
    });

    it('hands what a stopped one reached at the last moment to the next owner', async () => {
      const first = recorder(async (_job, { signal }) => {
        await untilAborted(signal).catch(() => undefined);
        return { type: 'done', data: { clip: 'made' } };
      });
      const release = register('node', first);
      await add({ clip: '' });
      await running(first);
      await release();
      assert.deepEqual(first.outcomes, []);
      const second = recorder();
      register('node', second);
      await running(second);
      assert.deepEqual(second.runs[0]?.data, { clip: 'made' });
    });

    it('resolves only when the runs have ended', async () => {
      const ending = deferred();
      const handler = recorder(async () => {
        await ending.promise;
        return { type: 'failed', error: new ClipError('EABORTED', '') };
      });
      const release = register('node', handler);
      await add();
      await running(handler);
      const order: string[] = [];
      const releasing = release().then(() => order.push('released'));
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push('ended');
      ending.resolve();
      await releasing;
      assert.deepEqual(order, ['ended', 'released']);
    });

    it('a second time changes nothing for an owner that came after it', async () => {
      const release = register('node', recorder());
      await release();
      const second = recorder();
      register('node', second);
      await release();
      await add();
      await eventually(() => second.outcomes.length === 1);
    });
  });

  describe('waking jobs', () => {
    const later =
      (error?: ClipError): RunJob =>
      async () => ({ type: 'retry', afterMs: hourMs, ...(error ? { error } : {}) });
    const put = (handler: Recorder, count: number): Promise<void> =>
      eventually(async () => {
        assert.equal(handler.retries.length, count);
        const jobs = await test.engine.list();
        assert.ok(jobs.every(({ runAt }) => runAt > Date.now() + hourMs / 2));
      });

    it('runs a waiting one now, and no other', async () => {
      const handler = recorder(later());
      register('node', handler);
      const woken = await add();
      await add();
      await put(handler, 2);
      test.engine.wake(({ id }) => id === woken.id);
      await running(handler, 3);
      assert.equal(handler.runs[2]!.id, woken.id);
    });

    it('runs one once more that is running at the moment', async () => {
      const finish = deferred();
      const handler = recorder(async (_job, _context, count) => {
        if (count === 1) await finish.promise;
        return { type: 'retry', afterMs: hourMs };
      });
      register('node', handler);
      await add();
      await running(handler);
      test.engine.wake(all);
      test.engine.wake(all);
      finish.resolve();
      await put(handler, 2);
      assert.equal(handler.runs.length, 2);
    });

    it('keeps to the pause that a vendor asked for', async () => {
      const handler = recorder(later(new ClipError('ETHROTTLED', 'slow down', { retryAfterMs: hourMs })));
      register('node', handler);
      const resting = await add();
      await put(handler, 1);
      test.engine.wake(all);
      const other = recorder();
      register('other', other);
      await add({}, { nodeId: 'other' });
      await eventually(() => other.outcomes.length === 1);
      await eventually(async () => assert.deepEqual(ids(await test.engine.list()), [resting.id]));
      assert.equal(handler.runs.length, 1);
    });
  });

  for (const when of ['its owner comes', 'the process has restarted']) {
    it(`runs what became due meanwhile when ${when}, the oldest first`, async () => {
      // From one instant, and later than it takes to store all four: what is due already runs in the order of storing.
      const now = Date.now();
      for (const inMs of [600, 200, 800, 400])
        await test.engine.add({ nodeId: 'node', data: { inMs }, runAt: now + inMs });
      await eventually(() => Date.now() > now + 800);
      if (when === 'the process has restarted') await test.restart();
      const handler = recorder();
      register('node', handler);
      await running(handler, 4);
      assert.deepEqual(
        handler.runs.map(({ data }) => data.inMs),
        [200, 400, 600, 800],
      );
      await isEmpty();
    });
  }

  it('goes on after a restart with what it was doing', async () => {
    const first = recorder(hanging);
    register('node', first);
    const [due, waiting] = [await add({ now: true }), await add({}, { inMs: hourMs })];
    await running(first);
    await releaseAll();
    await test.restart();
    assert.deepEqual(first.outcomes, []);
    const second = recorder();
    register('node', second);
    await eventually(() => second.outcomes.length === 1);
    assert.deepEqual(second.runs, [due]);
    await eventually(async () => assert.deepEqual(await test.engine.list(), [waiting]));
  });
}
