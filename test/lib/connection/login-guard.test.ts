import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { ClipError } from '../../../lib/errors';
import { combineGuards, loginGuards } from '../../../lib/connection/login-guard';
import { manualClock } from '../../support/manual-clock';

const hourMs = 3600_000;
const never = new AbortController().signal;
const wrong = ['sense', 'http://sense.example', 'user', 'wrong'];
const refusal = new ClipError('EAUTH', 'Unknown user or wrong password');

describe('refused logins', () => {
  it('are recalled by whoever would send the same', async () => {
    const loginOf = loginGuards(manualClock());
    await loginOf(wrong).trip(refusal);
    const recalled = await loginOf([...wrong]).refusal();
    assert.deepEqual([recalled?.code, recalled?.message], ['EAUTH', refusal.message]);
    assert.equal(await loginOf([...wrong.slice(0, 3), 'right']).refusal(), undefined);
  });

  it('never go on by themselves, even where the code usually passes', async () => {
    const login = loginGuards(manualClock())(wrong);
    await login.trip(new ClipError('ETHROTTLED', 'Account locked', { retryable: false }));
    assert.equal((await login.refusal())?.retryable, false);
  });

  it('are forgotten at a deploy', async () => {
    const loginOf = loginGuards(manualClock());
    await loginOf(wrong).trip(refusal);
    loginOf(wrong).forget();
    assert.equal(await loginOf(wrong).refusal(), undefined);
  });

  it('are forgotten after an hour, and where the password may be right, after a minute', async () => {
    const clock = manualClock();
    const login = loginGuards(clock)(wrong);
    for (const [code, ms] of [
      ['EAUTH', hourMs],
      ['EPROTOCOL', 60_000],
    ] as const) {
      await login.trip(new ClipError(code, 'No'));
      await clock.advance(ms - 1);
      assert.equal((await login.refusal())?.code, code);
      await clock.advance(1);
      assert.equal(await login.refusal(), undefined);
    }
  });

  it('are waited for: nobody logs in while another does with the same', async () => {
    const loginOf = loginGuards(manualClock());
    let end: () => void = () => undefined;
    const order: string[] = [];
    const first = loginOf(wrong).withLock(never, async () => {
      await new Promise<void>((resolve) => (end = resolve));
      order.push('first');
    });
    const second = loginOf(wrong).withLock(never, async () => void order.push('second'));
    await loginOf(['another']).withLock(never, async () => void order.push('another'));
    await setImmediate();
    end();
    await Promise.all([first, second]);
    assert.deepEqual(order, ['another', 'first', 'second']);
  });

  it('do not pile up', async () => {
    const loginOf = loginGuards(manualClock());
    await loginOf('first').trip(refusal);
    for (let count = 0; count < 1000; count += 1) await loginOf(count).trip(refusal);
    assert.equal(await loginOf('first').refusal(), undefined);
    assert.ok(await loginOf(999).refusal());
  });

  it('are recalled from either of two places, and remembered in both', async () => {
    const [here, there] = [loginGuards(manualClock())(wrong), loginGuards(manualClock())(wrong)];
    await there.trip(refusal);
    assert.equal((await combineGuards(here, there).refusal())?.code, 'EAUTH');
    there.forget();
    await combineGuards(here, there).trip(refusal);
    assert.ok((await here.refusal()) && (await there.refusal()));
    assert.equal(await combineGuards(here, there).withLock(never, async () => 'done'), 'done');
  });
});
