/** What of a job goes to Redis, and how often: its message once, and what it reaches in small pieces. */
import assert from 'node:assert/strict';
import type { JobHandler } from '../../../../lib/jobs/job';
import { eventually } from '../../../support/eventually';
import { describeWithRedis } from '../../../support/redis';
import { hasty, quick, redisRig } from './rig';

interface Data {
  message: { picture: string };
  task: { step: number; note?: string };
  isStuck?: boolean;
}

describeWithRedis('a job with a large message, in Redis', () => {
  const rig = redisRig();
  const message = { picture: 'x'.repeat(2_000_000) };
  const draft = (data: Data) => ({ nodeId: 'node', data, runAt: 0 });
  const handler = (run: JobHandler<Data>['run'], settled: Data[]): JobHandler<Data> => ({
    run,
    onRetry: () => undefined,
    onSettled: (job) => void settled.push(job.data),
  });

  const received = async (): Promise<number> => {
    const info = await rig.observe().info('stats');
    return Number(/total_net_input_bytes:(\d+)/.exec(info)![1]);
  };

  it('sends the message once, however often the job is saved and put off', async () => {
    const engine = rig.start(quick);
    const settled: Data[] = [];
    let runs = 0;
    const run: JobHandler<Data>['run'] = async ({ data }, { save }) => {
      runs += 1;
      let { task } = data;
      for (let count = 0; count < 10; count += 1) {
        task = { step: task.step + 1 };
        await save({ ...data, task });
      }
      const changed = { ...data, task };
      return runs < 3 ? { type: 'retry', afterMs: 1, data: changed } : { type: 'done', data: changed };
    };
    const before = await received();
    engine.register('node', handler(run, settled));
    await engine.add(draft({ message, task: { step: 0 } }));
    await eventually(() => assert.equal(settled.length, 1));
    assert.deepEqual(settled, [{ message, task: { step: 30 } }]);
    const sent = (await received()) - before;
    assert.ok(sent < 1.5 * message.picture.length, `${sent} bytes`);
  });

  it('has all that it reached when another instance takes it over, and nothing that it gave up', async () => {
    const first = rig.start(hasty);
    const settled: Data[] = [];
    let isFirst = true;
    const run: JobHandler<Data>['run'] = async ({ data }, { save, signal }) => {
      if (!isFirst) return { type: 'done', data };
      isFirst = false;
      await save({ ...data, task: { step: 1, note: 'gone again' } });
      const { isStuck: _isStuck, ...rest } = data;
      await save({ ...rest, task: { step: 2 } });
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return { type: 'failed', error: signal.reason as never };
    };
    const release = first.register('node', handler(run, settled));
    const { id } = await first.add(draft({ message, task: { step: 0 }, isStuck: true }));
    await eventually(async () => {
      const [found] = await first.list();
      assert.equal((found?.data as Data).task.step, 2);
    });
    const listing = rig.start(quick);
    await eventually(async () => {
      const [seen] = await listing.list();
      assert.deepEqual([seen?.id, seen?.data], [id, { message, task: { step: 2 } }]);
    });
    await release();
    const second = rig.start(quick);
    second.register('node', handler(run, settled));
    await eventually(() => assert.deepEqual(settled, [{ message, task: { step: 2 } }]));
  });
});
