import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { ClipError } from '../../../lib/errors';
import { loginGuards } from '../../../lib/connection/login-guard';
import { redact, secretValues } from '../../../lib/connection/redact';
import { SharedSession } from '../../../lib/connection/session';
import type { Credentials } from '../../../lib/provider';
import { manualClock } from '../../support/manual-clock';
import { gate, is, never } from './fake';

describe('a shared session', () => {
  const nobody: Credentials = { username: '', password: '', token: '' };
  const withoutKey = (error: ClipError, key?: string): ClipError => redact(error, secretValues(nobody, key));

  function sessionOf(login?: () => Promise<string>, clock = manualClock(), guard = loginGuards(clock)('the same')) {
    return { clock, session: new SharedSession<string>({ login, guard, clock, closing: never, redact: withoutKey }) };
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

  it('sends a refused password once, also where several connections log in with it at the same time', async () => {
    let logins = 0;
    const clock = manualClock();
    const guard = loginGuards(clock)('the same');
    const login = (): Promise<never> => ((logins += 1), Promise.reject(new ClipError('EAUTH', 'No')));
    const sessions = [1, 2, 3].map(() => sessionOf(login, clock, guard).session);
    await Promise.all(
      sessions.map((each) =>
        assert.rejects(
          each.use(never, async (key) => key),
          is('EAUTH', /No/),
        ),
      ),
    );
    assert.equal(logins, 1);
  });

  for (const [code, retryAfterMs] of [
    ['EAUTH', undefined],
    ['ETHROTTLED', 10_000],
  ] as const) {
    it(`remembers nothing of its key when a request ends with ${code}`, async () => {
      const { session } = sessionOf(async () => 'key-4711');
      const error = new ClipError(code, 'Not with key-4711', { retryAfterMs });
      await assert.rejects(session.use(never, () => Promise.reject(error)));
      // By now nobody else knows the key that is to be taken out.
      await assert.rejects(
        session.use(never, () => assert.fail('It was sent')),
        is(code, /^Not with \*\*\*/),
      );
    });
  }

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

  describe('that fails in a way nobody knows', () => {
    const page = new ClipError('EPROTOCOL', 'the server redirects in circles');

    /** Logs in with a new key each time; a request fails with what is given. */
    function doubted() {
      let logins = 0;
      const { clock, session } = sessionOf(async () => `key ${(logins += 1)}`);
      const keys: string[] = [];
      const use = async (error?: ClipError): Promise<void> => {
        const used = session.use(never, async (key) => {
          keys.push(key);
          if (error) throw error;
        });
        await (error ? assert.rejects(used, is(error.code)) : used);
      };
      return { clock, keys, use };
    }

    it('is replaced for the next request once nothing has worked for ten seconds', async () => {
      const { clock, keys, use } = doubted();
      await use();
      await clock.advance(9_000);
      await use(page);
      await clock.advance(1_000);
      await use(page);
      await use();
      assert.deepEqual(keys, ['key 1', 'key 1', 'key 1', 'key 2']);
    });

    it('is replaced every ten minutes at most', async () => {
      const { clock, keys, use } = doubted();
      for (let minutes = 0; minutes <= 12; minutes += 1) {
        await use(page);
        await clock.advance(60_000);
      }
      assert.deepEqual([...new Set(keys)], ['key 1', 'key 2', 'key 3']);
      assert.equal(keys.filter((key) => key === 'key 2').length, 10);
    });

    for (const error of [
      new ClipError('ENETWORK', 'no route'),
      new ClipError('ETIMEOUT', 'no answer'),
      new ClipError('ETHROTTLED', 'slow down', { inconclusive: true }),
      new ClipError('ENOFOOTAGE', 'nothing recorded then'),
    ]) {
      it(`is kept at ${error.code}`, async () => {
        const { clock, keys, use } = doubted();
        await use();
        await clock.advance(3_600_000);
        await use(error);
        await use();
        assert.deepEqual([...new Set(keys)], ['key 1']);
      });
    }
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

  it('counts a wait as a failure once twenty pauses in a row have let nobody in', async () => {
    const { clock, session } = sessionOf();
    const limited = new ClipError('ETHROTTLED', 'slow down', { retryAfterMs: 10_000 });
    const meetLimit = async (): Promise<boolean | undefined> => {
      await assert.rejects(session.use(never, () => Promise.reject(limited)));
      const waiting = await session.use(never, () => assert.fail('too early')).catch((error: ClipError) => error);
      await clock.advance(10_000);
      return (waiting as ClipError).notSent;
    };
    const free: (boolean | undefined)[] = [];
    for (let pause = 0; pause < 20; pause += 1) free.push(await meetLimit());
    assert.deepEqual(free, [...Array<boolean>(19).fill(true), undefined]);
    await session.use(never, async () => 'let in');
    assert.equal(await meetLimit(), true);
  });
});
