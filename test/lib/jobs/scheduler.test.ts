import assert from 'node:assert/strict';
import { dueScheduler } from '../../../lib/jobs/scheduler';
import { manualClock, type ManualClock } from '../../support/manual-clock';

describe('what becomes due', () => {
  let clock: ManualClock;
  let started: number[];
  let startAfter: (item: number, waitMs: number) => () => void;
  let onStart: (item: number) => void;
  beforeEach(() => {
    clock = manualClock();
    started = [];
    onStart = () => undefined;
    const ascending = (a: number, b: number): number => a - b;
    startAfter = dueScheduler(clock, ascending, (item) => {
      started.push(item);
      onStart(item);
    });
  });

  it('is started at its time', async () => {
    startAfter(2, 200);
    startAfter(1, 100);
    await clock.advance(99);
    assert.deepEqual(started, []);
    await clock.advance(1);
    assert.deepEqual(started, [1]);
    await clock.advance(100);
    assert.deepEqual(started, [1, 2]);
  });

  it('is started in order where it is due at one moment, and what comes later after it', async () => {
    onStart = (item) => item === 1 && startAfter(0, 0);
    for (const item of [3, 1, 2]) startAfter(item, 100);
    await clock.advance(100);
    assert.deepEqual(started, [1, 2, 3, 0]);
  });

  it('is due at one moment where it is overdue, whenever that was', async () => {
    startAfter(3, -5);
    startAfter(1, 0);
    assert.equal(clock.waiting, 1);
    startAfter(2, -1_000);
    await clock.advance(0);
    assert.deepEqual(started, [1, 2, 3]);
  });

  it('is not started when it was taken back while it waits, and leaves no timer', async () => {
    const takeBack = [startAfter(1, 100), startAfter(2, 100)];
    takeBack[0]!();
    assert.equal(clock.waiting, 1);
    takeBack[1]!();
    assert.equal(clock.waiting, 0);
    await clock.advance(200);
    assert.deepEqual(started, []);
  });

  it('is not started when it was taken back just before its turn', async () => {
    const takeBacks = [1, 2, 3].map((item) => startAfter(item, 100));
    onStart = (item) => item === 1 && takeBacks[1]!();
    await clock.advance(100);
    assert.deepEqual(started, [1, 3]);
  });

  it('is still due at one moment when something is taken back that was started long ago', async () => {
    const takeBack = startAfter(1, 0);
    await clock.advance(0);
    startAfter(3, 0);
    takeBack();
    startAfter(2, 0);
    assert.equal(clock.waiting, 1);
    await clock.advance(0);
    assert.deepEqual(started, [1, 2, 3]);
  });
});
