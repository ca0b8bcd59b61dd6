import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { ClipError } from '../../../lib/errors';
import { loginGuards } from '../../../lib/connection/login-guard';
import { SharedSession } from '../../../lib/connection/session';
import { manualClock } from '../../support/manual-clock';
import { gate, is, never } from './fake';

describe('a shared session', () => {
  function sessionOf(login?: () => Promise<string>) {
    const clock = manualClock();
    const guard = loginGuards(clock)('the same');
    return {
      clock,
      session: new SharedSession<string>({ login, guard, clock, closing: never, redact: (error) => error }),
    };
  }

  it('is not lost to a login that throws before it has begun', async () => {
    let logins = 0;
    const { clock, session } = sessionOf(() => {
      logins += 1;
      if (logins === 1) throw new ClipError('ENETWORK', 'no route');
      return Promise.resolve('key');
    });
    await assert.rejects(
      session.use(never, async (key) => key),
      is('ENETWORK'),
    );
    await clock.advance(5_000);
    assert.equal(await session.use(never, async (key) => key), 'key');
  });

  it('can be looked at without making one', async () => {
    const { promise, open } = gate<string>();
    const { session } = sessionOf(() => promise);
    assert.equal(await session.peek(), undefined);
    const used = session.use(never, async (key) => key);
    open('key');
    assert.deepEqual([await used, await session.peek()], ['key', 'key']);
  });

  it('leaves no listener on the signals of its callers', async () => {
    const { signal } = new AbortController();
    for (const { session } of [sessionOf(async () => 'key'), sessionOf()]) {
      for (let count = 0; count < 3; count += 1) await session.use(signal, async () => undefined);
    }
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  describe('without a login', () => {
    it('lets one request go alone until the first has succeeded', async () => {
      const { session } = sessionOf();
      const { promise, open } = gate();
      let [running, most] = [0, 0];
      const send = (): Promise<void> =>
        session.use(never, async () => {
          most = Math.max(most, (running += 1));
          await promise;
          running -= 1;
        });
      const first = [send(), send(), send()];
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(running, 1);
      open();
      await Promise.all(first);
      assert.equal(session.hasWorked, true);
      const later = gate();
      const free = [1, 2, 3].map(() => session.use(never, async () => ((running += 1), later.promise)));
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(running, 3);
      later.open();
      await Promise.all(free);
    });

    it('sends a wrong password once, however many would', async () => {
      const { session } = sessionOf();
      let sent = 0;
      const send = (): Promise<never> =>
        session.use(never, async () => ((sent += 1), Promise.reject(new ClipError('EAUTH', 'No'))));
      await Promise.all(Array.from({ length: 20 }, () => assert.rejects(send(), is('EAUTH', /Nothing more is sent/))));
      assert.equal(sent, 1);
    });

    it('does not let those that wait for a server that cannot be reached try one after the other', async () => {
      const { session } = sessionOf();
      let sent = 0;
      const { promise, fail } = gate();
      const send = (): Promise<void> => session.use(never, async () => ((sent += 1), promise));
      const calls = [1, 2, 3].map(() => assert.rejects(send(), is('ETIMEOUT')));
      await new Promise((resolve) => setImmediate(resolve));
      fail(new ClipError('ETIMEOUT', 'no answer'));
      await Promise.all(calls);
      assert.equal(sent, 1);
    });

    it('lets the next one go when the first is given up', async () => {
      const { session } = sessionOf();
      const stop = new AbortController();
      const first = session.use(
        stop.signal,
        () => new Promise((_, reject) => (stop.signal.onabort = () => reject(stop.signal.reason as Error))),
      );
      const second = session.use(never, async () => 'mine');
      stop.abort();
      await assert.rejects(first);
      assert.equal(await second, 'mine');
    });
  });

  it('keeps all requests back for as long as the server has asked for', async () => {
    const { clock, session } = sessionOf();
    await session.use(never, async () => undefined);
    const limited = new ClipError('ETHROTTLED', 'slow down', { retryAfterMs: 10_000 });
    await assert.rejects(
      session.use(never, () => Promise.reject(limited)),
      is('ETHROTTLED', /slow down/),
    );
    await clock.advance(9_000);
    await assert.rejects(
      session.use(never, () => assert.fail('too early')),
      (error: ClipError) => error.notSent === true && error.retryAfterMs === 1_000,
    );
    await clock.advance(1_000);
    assert.equal(await session.use(never, async () => 'now'), 'now');
  });
});
