import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { deferred, untilAborted, type Deferred } from '../../support/promises';
import { eventually } from '../../support/eventually';
import { all, hanging, ids, outcomesOf, recorder, rig, type Data, type RunJob } from './rig';

describe('the embedded engine, cancelling jobs', () => {
  const test = rig();

  it('ends a waiting job with EABORTED, and has forgotten it when it resolves', async () => {
    const handler = recorder();
    test.engine.register('node', handler);
    const job = await test.add({ a: 1 }, { inMs: 60_000 });
    assert.deepEqual(ids(await test.engine.cancel(all)), [job.id]);
    assert.deepEqual(outcomesOf(handler), [[job.id, 'EABORTED']]);
    assert.equal(test.stored(job.id), undefined);
    await test.clock.advance(120_000);
    assert.equal(handler.runs.length, 0);
    assert.equal(handler.outcomes.length, 1);
  });

  it('is not held up by a job that cannot be added', async () => {
    const engine = test.restart({ write: () => Promise.reject(new Error('no')) });
    const adding = assert.rejects(test.add());
    assert.deepEqual(await engine.cancel(all), []);
    await adding;
  });

  it('reaches jobs of an earlier start, before their owner has come', async () => {
    const job = await test.add();
    const engine = test.restart();
    assert.deepEqual(ids(await engine.cancel(all)), [job.id]);
    assert.deepEqual(test.storedIds(), []);
  });

  it('is told before the owner is let go, when the release comes right after it', async () => {
    const handler = recorder(hanging);
    const release = test.engine.register('node', handler);
    const job = await test.add();
    await test.clock.advance(0);
    const cancelling = test.engine.cancel(all);
    // As the message and the deploy would come: one right after the other.
    await Promise.resolve();
    await release();
    await cancelling;
    assert.deepEqual(outcomesOf(handler), [[job.id, 'EABORTED']]);
    assert.deepEqual(test.storedIds(), []);
  });
});

describe('the embedded engine, removing jobs', () => {
  const test = rig();

  it('does not let a late save bring the job back', async () => {
    let save: ((data: Data) => Promise<void>) | undefined;
    const handler = recorder((job, context) => {
      save = context.save;
      return hanging(job, context, 1);
    });
    test.engine.register('node', handler);
    await test.add();
    await test.clock.advance(0);
    await test.engine.remove(all);
    await save!({ late: true });
    assert.deepEqual(test.storedIds(), []);
  });
});

describe('the embedded engine, releasing handlers', () => {
  const test = rig();

  it('stops running jobs before anything is waited for, and keeps them', async () => {
    let stopped = false;
    const handler = recorder((job, context) => {
      context.signal.addEventListener('abort', () => (stopped = true));
      return hanging(job, context, 1);
    });
    const release = test.engine.register('node', handler);
    const job = await test.add({ kept: 1 });
    await test.clock.advance(0);
    const releasing = release();
    assert.ok(stopped);
    await releasing;
    await test.clock.advance(60_000);
    assert.deepEqual(handler.outcomes, []);
    assert.equal(handler.runs.length, 1);
    assert.deepEqual(test.stored(job.id), job);
  });

  it('hands what a stopped job reached at the last moment to the next handler, on disk too', async () => {
    const first = recorder(async (_job, { signal }) => {
      await untilAborted(signal).catch(() => undefined);
      return { type: 'done', data: { clip: 'made' } };
    });
    const release = test.engine.register('node', first);
    const job = await test.add({ clip: '' });
    await test.clock.advance(0);
    await release();
    assert.deepEqual(first.outcomes, []);
    assert.deepEqual(test.stored(job.id)?.data, { clip: 'made' });
    const second = recorder();
    test.engine.register('node', second);
    await test.clock.advance(0);
    assert.deepEqual(
      second.runs.map(({ data }) => data),
      [{ clip: 'made' }],
    );
    assert.deepEqual(outcomesOf(second), [[job.id, 'done']]);
  });

  it('leaves waiting jobs to wait for the next owner', async () => {
    const first = recorder();
    const release = test.engine.register('node', first);
    const job = await test.add({}, { inMs: 1_000 });
    await release();
    await test.clock.advance(60_000);
    assert.equal(first.runs.length, 0);
    const second = recorder();
    test.engine.register('node', second);
    await test.clock.advance(0);
    assert.deepEqual(second.runs, [job]);
  });

  it('resolves only when an outcome that is being told has been told and forgotten', async () => {
    const told = deferred();
    const handler = recorder(undefined, { onSettled: () => told.promise });
    const release = test.engine.register('node', handler);
    await test.add();
    await test.clock.advance(0);
    const order: string[] = [];
    const releasing = release().then(() => order.push('released'));
    await test.clock.advance(0);
    order.push('told');
    told.resolve();
    await releasing;
    assert.deepEqual(order, ['told', 'released']);
    assert.deepEqual(test.storedIds(), []);
    const next = recorder();
    test.engine.register('node', next);
    await test.clock.advance(60_000);
    assert.equal(next.runs.length, 0);
  });

  describe('when the next owner comes before the last is released', () => {
    it('the new one gets what waits, and the release takes nothing from it', async () => {
      const [first, second] = [recorder(), recorder()];
      const release = test.engine.register('node', first);
      await test.add({}, { inMs: 1_000 });
      test.engine.register('node', second);
      await release();
      await test.add({}, { inMs: 1_000 });
      await test.clock.advance(1_000);
      assert.equal(first.runs.length, 0);
      assert.equal(second.outcomes.length, 2);
    });

    it('the release stops what the old one runs, and the new one runs it', async () => {
      const [first, second] = [recorder(hanging), recorder()];
      const release = test.engine.register('node', first);
      const job = await test.add();
      await test.clock.advance(0);
      test.engine.register('node', second);
      await test.clock.advance(0);
      assert.equal(second.runs.length, 0);
      await release();
      await test.clock.advance(0);
      assert.deepEqual(first.outcomes, []);
      assert.deepEqual(outcomesOf(second), [[job.id, 'done']]);
    });

    it('the release neither stops nor waits for what the new one runs', async () => {
      const [first, second] = [recorder(), recorder(hanging)];
      const release = test.engine.register('node', first);
      const job = await test.add({}, { inMs: 1_000 });
      const releaseSecond = test.engine.register('node', second);
      await test.clock.advance(1_000);
      await release();
      assert.deepEqual(
        second.runs.map(({ id }) => id),
        [job.id],
      );
      await test.clock.advance(0);
      assert.equal(second.runs.length, 1);
      assert.deepEqual(second.outcomes, []);
      await releaseSecond();
    });

    it('the new one does not run what is being ended', async () => {
      const told = deferred();
      const [first, second] = [recorder(hanging, { onSettled: () => told.promise }), recorder()];
      test.engine.register('node', first);
      await test.add();
      await test.clock.advance(0);
      const cancelling = test.engine.cancel(all);
      await test.clock.advance(0);
      test.engine.register('node', second);
      await test.clock.advance(60_000);
      told.resolve();
      await cancelling;
      await test.clock.advance(60_000);
      assert.equal(second.runs.length, 0);
      assert.equal(first.outcomes.length, 1);
    });
  });

  it('when the next owner comes during a long release, each job runs once at a time', async () => {
    const endings = new Map<string, Deferred<void>>();
    let running = 0;
    let most = 0;
    const counted: RunJob = async ({ data }, { signal }) => {
      running += 1;
      most = Math.max(most, running);
      const ending = deferred();
      endings.set(String(data.name), ending);
      await untilAborted(signal).catch(() => undefined);
      await ending.promise;
      running -= 1;
      return { type: 'failed', error: new ClipError('EABORTED', '') };
    };
    const first = recorder(counted);
    const release = test.engine.register('node', first);
    await test.add({ name: 'slow' });
    await test.add({ name: 'slower' });
    await test.clock.advance(0);
    let released = false;
    const releasing = release().then(() => (released = true));
    const second = recorder(hanging);
    const releaseSecond = test.engine.register('node', second);
    await test.clock.advance(0);
    assert.equal(second.runs.length, 0);
    endings.get('slower')!.resolve();
    await eventually(async () => {
      await test.clock.advance(0);
      assert.deepEqual(
        second.runs.map(({ data }) => data.name),
        ['slower'],
      );
    });
    assert.equal(released, false);
    endings.get('slow')!.resolve();
    // Although the second handler is still running a job that the first had, too.
    await releasing;
    await test.clock.advance(0);
    assert.equal(second.runs.length, 2);
    assert.equal(most, 2);
    assert.deepEqual(first.outcomes, []);
    await releaseSecond();
  });
});
