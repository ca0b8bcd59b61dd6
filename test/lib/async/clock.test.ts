import assert from 'node:assert/strict';
import { systemClock, withoutJumps } from '../../../lib/async/clock';

const hourMs = 3600_000;

describe('a clock without jumps', () => {
  function clocks() {
    const times = { now: 1_000_000, monotonic: 5 };
    const pass = (ms: number): void => {
      times.now += ms;
      times.monotonic += ms;
    };
    return {
      times,
      pass,
      steadyNow: withoutJumps(
        () => times.now,
        () => times.monotonic,
      ),
    };
  }

  it('goes with the clock of the system', () => {
    const { times, pass, steadyNow } = clocks();
    pass(1_234);
    assert.equal(steadyNow(), times.now);
  });

  for (const stepMs of [hourMs, -hourMs]) {
    it(`goes on by itself when that is set by ${stepMs / hourMs} h`, () => {
      const { times, pass, steadyNow } = clocks();
      const before = steadyNow();
      times.now += stepMs;
      pass(2_000);
      assert.equal(steadyNow() - before, 2_000);
      pass(hourMs);
      assert.equal(steadyNow() - before, 2_000 + hourMs);
    });
  }

  it('follows a clock that is slowly corrected', () => {
    const { times, pass, steadyNow } = clocks();
    for (let minute = 0; minute < 60; minute += 1) {
      pass(60_000);
      times.now += 30;
      assert.equal(steadyNow(), times.now);
    }
  });

  it('is what deadlines of this process are measured by', () => {
    assert.ok(Math.abs(systemClock.steadyNow() - Date.now()) < hourMs);
  });
});
