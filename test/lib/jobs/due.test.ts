import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../lib/clock';
import { startWhenDue } from '../../../lib/jobs/due';
import { manualClock } from '../../support/manual-clock';

describe('what becomes due', () => {
  const ascending = (a: number, b: number): number => a - b;

  /** A clock on which everything is due in the turn in which it is asked for, as after a restart. */
  const atOnce: Clock = { now: () => 0, after: (_ms, call) => (call(), () => undefined) };

  it('is started at its time', async () => {
    const clock = manualClock();
    const started: number[] = [];
    const startAfter = startWhenDue(clock, ascending, (each) => void started.push(each));
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
    const started: number[] = [];
    const startAfter = startWhenDue(atOnce, ascending, (each) => {
      started.push(each);
      if (each === 1) startAfter(0, 0);
    });
    for (const each of [3, 1, 2]) startAfter(each, 0);
    assert.deepEqual(started, []);
    for (let turns = 0; turns < 5; turns += 1) await nextTurn();
    assert.deepEqual(started, [1, 2, 3, 0]);
  });

  it('is not started when it was taken back, neither while it waits nor when its turn is about to come', async () => {
    const clock = manualClock();
    const started: number[] = [];
    const start = (each: number): void => {
      started.push(each);
      for (const takeBack of takeBacks.splice(0)) takeBack();
    };
    const takeBacks: (() => void)[] = [];
    startWhenDue(clock, ascending, start)(1, 100)();
    await clock.advance(200);
    assert.deepEqual(started, []);
    const startAfter = startWhenDue(atOnce, ascending, start);
    startAfter(1, 0);
    takeBacks.push(startAfter(2, 0));
    startAfter(3, 0);
    for (let turns = 0; turns < 5; turns += 1) await nextTurn();
    assert.deepEqual(started, [1, 3]);
  });
});
