import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { ClipError } from '../../../lib/errors';
import { both, refusedLogins } from '../../../lib/connection/login-guard';
import { manualClock } from '../../support/manual-clock';

const hourMs = 3600_000;
const never = new AbortController().signal;
const wrong = ['sense', 'http://sense.example', 'user', 'wrong'];
const refusal = new ClipError('EAUTH', 'Unknown user or wrong password');

describe('refused logins', () => {
  it('are recalled by whoever would send the same', async () => {
    const loginOf = refusedLogins(manualClock());
    await loginOf(wrong).remember(refusal);
    const recalled = await loginOf([...wrong]).recall();
    assert.deepEqual([recalled?.code, recalled?.message], ['EAUTH', refusal.message]);
    assert.equal(await loginOf([...wrong.slice(0, 3), 'right']).recall(), undefined);
  });

  it('never go on by themselves, even where the code usually passes', async () => {
    const login = refusedLogins(manualClock())(wrong);
    await login.remember(new ClipError('ETHROTTLED', 'Account locked', { retryable: false }));
    assert.equal((await login.recall())?.retryable, false);
  });

  it('are forgotten at a deploy', async () => {
    const loginOf = refusedLogins(manualClock());
    await loginOf(wrong).remember(refusal);
    loginOf(wrong).forget();
    assert.equal(await loginOf(wrong).recall(), undefined);
  });

  it('are forgotten after an hour, and where the password may be right, after a minute', async () => {
    const clock = manualClock();
    const login = refusedLogins(clock)(wrong);
    for (const [code, ms] of [
      ['EAUTH', hourMs],
      ['EPROTOCOL', 60_000],
    ] as const) {
      await login.remember(new ClipError(code, 'No'));
      await clock.advance(ms - 1);
      assert.equal((await login.recall())?.code, code);
      await clock.advance(1);
      assert.equal(await login.recall(), undefined);
    }
  });

  it('are waited for: nobody logs in while another does with the same', async () => {
    const loginOf = refusedLogins(manualClock());
    let end: () => void = () => undefined;
    const order: string[] = [];
    const first = loginOf(wrong).inTurn(never, async () => {
      await new Promise<void>((resolve) => (end = resolve));
      order.push('first');
    });
    const second = loginOf(wrong).inTurn(never, async () => void order.push('second'));
    await loginOf(['another']).inTurn(never, async () => void order.push('another'));
    await setImmediate();
    end();
    await Promise.all([first, second]);
    assert.deepEqual(order, ['another', 'first', 'second']);
  });

  it('do not pile up', async () => {
    const loginOf = refusedLogins(manualClock());
    await loginOf('first').remember(refusal);
    for (let count = 0; count < 1000; count += 1) await loginOf(count).remember(refusal);
    assert.equal(await loginOf('first').recall(), undefined);
    assert.ok(await loginOf(999).recall());
  });

  it('are recalled from either of two places, and remembered in both', async () => {
    const [here, there] = [refusedLogins(manualClock())(wrong), refusedLogins(manualClock())(wrong)];
    await there.remember(refusal);
    assert.equal((await both(here, there).recall())?.code, 'EAUTH');
    there.forget();
    await both(here, there).remember(refusal);
    assert.ok((await here.recall()) && (await there.recall()));
    assert.equal(await both(here, there).inTurn(never, async () => 'done'), 'done');
  });
});
