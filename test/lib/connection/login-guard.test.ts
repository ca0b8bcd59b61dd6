import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { afterRefusal, afterSuccess, blockedBy, isProven } from '../../../lib/connection/circuit-breaker';
import { combineGuards, loginGuards, type LoginGuard } from '../../../lib/connection/login-guard';
import { ClipError } from '../../../lib/errors';
import { manualClock } from '../../support/manual-clock';

const hourMs = 3600_000;
const never = new AbortController().signal;
const wrong = ['sense', 'http://sense.example', 'user', 'wrong'];
const error = new ClipError('EAUTH', 'Unknown user or wrong password');

function refuse(guard: LoginGuard, now = manualClock().steadyNow()): Promise<unknown> {
  return guard.change((state) => afterRefusal(state, error, now, now));
}

async function isOpen(guard: LoginGuard): Promise<boolean> {
  return (await guard.state()).open !== undefined;
}

describe('the guard of a login', () => {
  it('is shared by all that would send the same', async () => {
    const guardOf = loginGuards(manualClock());
    await refuse(guardOf(wrong));
    assert.match((await guardOf([...wrong]).state()).open!.message, /^Unknown user or wrong password/);
    assert.equal(await isOpen(guardOf([...wrong.slice(0, 3), 'right'])), false);
  });

  it('closes at a deploy, and still knows that the credentials have worked', async () => {
    const guard = loginGuards(manualClock())(wrong);
    await guard.change(afterSuccess);
    await refuse(guard);
    guard.reset();
    assert.deepEqual([await isOpen(guard), (await guard.state()).hasWorked], [false, true]);
  });

  it('closes after an hour', async () => {
    const clock = manualClock();
    const guard = loginGuards(clock)(wrong);
    await refuse(guard);
    await clock.advance(hourMs - 1);
    assert.equal(await isOpen(guard), true);
    await clock.advance(1);
    assert.equal(await isOpen(guard), false);
  });

  it('lets one at a time log in with the same', async () => {
    const guardOf = loginGuards(manualClock());
    let end: () => void = () => undefined;
    const order: string[] = [];
    const first = guardOf(wrong).withLock(never, async () => {
      await new Promise<void>((resolve) => (end = resolve));
      order.push('first');
    });
    const second = guardOf(wrong).withLock(never, async () => void order.push('second'));
    await guardOf(['another']).withLock(never, async () => void order.push('another'));
    await setImmediate();
    end();
    await Promise.all([first, second]);
    assert.deepEqual(order, ['another', 'first', 'second']);
  });

  it('holds a pause until it is over, whatever happens to the clock of the system', async () => {
    const clock = manualClock();
    const guard = loginGuards(clock)(wrong);
    await guard.pause(10_000);
    await guard.pause(4_000);
    await clock.advance(9_999);
    clock.step(hourMs);
    assert.equal(await guard.pauseLeftMs(), 1);
    clock.step(-2 * hourMs);
    await clock.advance(1);
    assert.equal(await guard.pauseLeftMs(), 0);
    await guard.pause(Infinity);
    assert.equal(await guard.pauseLeftMs(), 15 * 60_000);
  });

  it('is not kept for ever', async () => {
    const guardOf = loginGuards(manualClock());
    await refuse(guardOf('first'));
    for (let count = 0; count < 1000; count += 1) await refuse(guardOf(count));
    assert.equal(await isOpen(guardOf('first')), false);
    assert.equal(await isOpen(guardOf(999)), true);
  });
});

describe('the guards of this process and of all instances', () => {
  const both = () => {
    const [here, there] = [loginGuards(manualClock())(wrong), loginGuards(manualClock())(wrong)];
    return { here, there, combined: combineGuards(here, there) };
  };

  it('know what any instance knows', async () => {
    const { here, there, combined } = both();
    await refuse(there);
    assert.ok(blockedBy(await combined.state(), Infinity));
    assert.equal(await isOpen(here), true);
  });

  it('count the refusals of all instances together', async () => {
    const { here, there, combined } = both();
    await combined.change(afterSuccess);
    const start = manualClock().steadyNow();
    await refuse(combined, start);
    await refuse(there, start + 60_000);
    await refuse(combined, start + 130_000);
    assert.equal((await here.state()).open?.isLatched, true);
  });

  it('ask nobody while there is no doubt', async () => {
    const { here, combined } = both();
    await here.change(afterSuccess);
    const deaf = { ...combined, state: () => assert.fail('not needed') };
    assert.ok(isProven(await combineGuards(here, deaf).state()));
  });

  it('let one log in at a time, over all instances', async () => {
    const there = loginGuards(manualClock())(wrong);
    const instances = [1, 2].map(() => combineGuards(loginGuards(manualClock())(wrong), there));
    const order: string[] = [];
    let end!: () => void;
    const [first, second] = instances.map((guard, index) =>
      guard.withLock(never, async () => {
        order.push(`begin ${index}`);
        if (index === 0) await new Promise<void>((resolve) => (end = resolve));
        order.push(`end ${index}`);
      }),
    );
    await setImmediate();
    end();
    await Promise.all([first, second]);
    assert.deepEqual(order, ['begin 0', 'end 0', 'begin 1', 'end 1']);
  });

  it('keep the longer of two pauses', async () => {
    const { here, there, combined } = both();
    await combined.pause(1_000);
    await there.pause(5_000);
    assert.deepEqual([await here.pauseLeftMs(), await combined.pauseLeftMs()], [1_000, 5_000]);
    assert.equal(await combined.withLock(never, async () => 'done'), 'done');
  });
});
