/** Whatever a job waits for takes as long as it should, also when somebody sets the clock of the system meanwhile. */
import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { recorder, rig, type RunJob } from './rig';

const hourMs = 3_600_000;
const waitMs = 60_000;

const again =
  (error?: ClipError): RunJob =>
  async () => ({ type: 'retry', afterMs: waitMs, ...(error ? { error } : {}) });

/** What makes a job wait for a minute. */
const waits: Record<string, RunJob> = {
  'between two polls': again(),
  'after a failure': again(new ClipError('ENETWORK', 'down', { retryable: true })),
  'for as long as the vendor asked for': again(new ClipError('ETHROTTLED', 'slow', { retryAfterMs: waitMs })),
};

describe('a job whose clock is set', () => {
  const jobs = rig();
  const elsewhere = { nodeId: 'elsewhere' };

  for (const hours of [-1, 1]) {
    describe(`by ${hours} h`, () => {
      const step = (): void => jobs.clock.step(hours * hourMs);

      it('waits for its footage for as long as it would have', async () => {
        const handler = recorder();
        jobs.engine.register('node', handler);
        await jobs.add({}, { inMs: waitMs });
        step();
        await jobs.clock.advance(waitMs - 1);
        assert.equal(handler.runs.length, 0);
        await jobs.clock.advance(1);
        assert.equal(handler.runs.length, 1);
      });

      for (const [when, run] of Object.entries(waits)) {
        it(`waits ${when} for as long as it would have`, async () => {
          const handler = recorder(run);
          jobs.engine.register('node', handler);
          await jobs.add();
          await jobs.clock.advance(0);
          step();
          await jobs.clock.advance(waitMs - 1);
          assert.equal(handler.runs.length, 1);
          await jobs.clock.advance(1);
          assert.equal(handler.runs.length, 2);
        });

        it(`waits ${when} for as long as it would have, over a redeploy`, async () => {
          const handler = recorder(run);
          const release = jobs.engine.register('node', handler);
          await jobs.add();
          await jobs.clock.advance(0);
          step();
          await release();
          jobs.engine.register('node', handler);
          await jobs.clock.advance(waitMs - 1);
          assert.equal(handler.runs.length, 1);
          await jobs.clock.advance(1);
          assert.equal(handler.runs.length, 2);
        });
      }

      it('is woken at once, unless the vendor asked for a pause', async () => {
        const [free, resting] = [recorder(again()), recorder(waits['for as long as the vendor asked for'])];
        jobs.engine.register('node', free);
        jobs.engine.register('elsewhere', resting);
        await jobs.add();
        await jobs.add({}, elsewhere);
        await jobs.clock.advance(0);
        step();
        jobs.engine.wake(() => true);
        await jobs.clock.advance(0);
        assert.deepEqual([free.runs.length, resting.runs.length], [2, 1]);
        await jobs.clock.advance(waitMs);
        assert.equal(resting.runs.length, 2);
      });

      it('says by the new clock when it runs next', async () => {
        jobs.engine.register('node', recorder(again()));
        await jobs.add();
        await jobs.clock.advance(0);
        step();
        jobs.engine.wake(() => true);
        await jobs.clock.advance(0);
        const [job] = await jobs.engine.list();
        assert.equal(job!.runAt, jobs.clock.now() + waitMs);
      });
    });
  }
});
