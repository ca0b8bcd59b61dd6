import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { eventually } from '../../support/eventually';
import { recorder, rig, type RunJob } from './rig';

const later =
  (afterMs: number, error?: ClipError): RunJob =>
  async () => ({ type: 'retry', afterMs, ...(error ? { error } : {}) });

describe('waking jobs', () => {
  const jobs = rig();

  it('runs a waiting job now, and no other', async () => {
    const handler = recorder(later(60_000));
    jobs.engine.register('node', handler);
    const woken = await jobs.add();
    await jobs.add();
    await jobs.clock.advance(0);
    jobs.engine.wake((job) => job.id === woken.id);
    await jobs.clock.advance(0);
    assert.equal(handler.runs.length, 3);
    assert.equal(handler.runs[2]!.id, woken.id);
  });

  it('goes back to the usual wait afterwards', async () => {
    const handler = recorder(later(60_000));
    jobs.engine.register('node', handler);
    await jobs.add();
    await jobs.clock.advance(0);
    jobs.engine.wake(() => true);
    await jobs.clock.advance(59_999);
    assert.equal(handler.runs.length, 2);
    await jobs.clock.advance(1);
    assert.equal(handler.runs.length, 3);
  });

  it('runs a job once more that is running at the moment', async () => {
    let finish: (() => void) | undefined;
    const handler = recorder(async (_job, _context, count) => {
      if (count === 1) await new Promise<void>((resolve) => (finish = resolve));
      return { type: 'retry', afterMs: 60_000 };
    });
    jobs.engine.register('node', handler);
    await jobs.add();
    await jobs.clock.advance(0);
    jobs.engine.wake(() => true);
    jobs.engine.wake(() => true);
    finish!();
    await jobs.clock.advance(0);
    assert.equal(handler.runs.length, 2);
    await jobs.clock.advance(1_000);
    assert.equal(handler.runs.length, 2);
  });

  it('cuts the wait after a failure short', async () => {
    const handler = recorder(later(60_000, new ClipError('ENETWORK', 'down')));
    jobs.engine.register('node', handler);
    await jobs.add();
    await jobs.clock.advance(0);
    jobs.engine.wake(() => true);
    await jobs.clock.advance(0);
    assert.equal(handler.runs.length, 2);
  });

  it('keeps to the pause that a vendor asked for', async () => {
    const handler = recorder(later(60_000, new ClipError('ETHROTTLED', 'slow down', { retryAfterMs: 20_000 })));
    jobs.engine.register('node', handler);
    await jobs.add();
    await jobs.clock.advance(0);
    jobs.engine.wake(() => true);
    await jobs.clock.advance(19_999);
    assert.equal(handler.runs.length, 1);
    await jobs.clock.advance(1);
    assert.equal(handler.runs.length, 2);
  });

  it('does nothing to jobs that are over, nor to those that nobody runs', async () => {
    const handler = recorder();
    const release = jobs.engine.register('node', handler);
    const job = await jobs.add();
    await jobs.clock.advance(0);
    await jobs.forgotten(job);
    await release();
    const stray = await jobs.add({}, { nodeId: 'somebody else' });
    jobs.engine.wake(() => true);
    await jobs.clock.advance(1_000);
    await eventually(() => assert.deepEqual(jobs.storedIds(), [stray.id]));
    assert.equal(handler.runs.length, 1);
  });
});
