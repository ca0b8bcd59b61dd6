import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { ClipError, mayPass } from '../../../lib/errors';
import { manualClock } from '../../support/manual-clock';
import { clipNamed, connect, expired, found, gate, hang, is, loginCounter, never } from './fake';

describe('login of a connection', () => {
  it('is made before the first call, and shared by all that follow', async () => {
    const counter = loginCounter();
    const sessions: unknown[] = [];
    const connection = connect({
      login: counter.login,
      listCameras: async ({ session }) => (sessions.push(session), []),
      openClip: async (_clip, { session }) => (sessions.push(session), Promise.reject(new ClipError('EFAILED', ''))),
    });
    await Promise.all(Array.from({ length: 20 }, () => connection.listCameras(never)));
    await assert.rejects(connection.openClip(clipNamed('a'), { offset: 0 }, never));
    assert.equal(counter.logins, 1);
    assert.deepEqual(new Set(sessions), new Set(['session-key-1']));
  });

  it('survives the caller that started it, who need not wait for it', async () => {
    const { promise, open } = gate<string>();
    let logins = 0;
    const connection = connect({
      login: () => ((logins += 1), promise),
      listCameras: async ({ session }) => [{ id: String(session), name: '' }],
    });
    const leaving = new AbortController();
    const first = connection.listCameras(leaving.signal);
    const second = connection.listCameras(never);
    await turn();
    leaving.abort();
    await assert.rejects(first, is('EABORTED'));
    open('key');
    assert.deepEqual(await second, [{ id: 'key', name: '' }]);
    assert.equal(logins, 1);
  });

  it('that brings a key which no request could carry is passing trouble', async () => {
    const clock = manualClock();
    let logins = 0;
    const connection = connect(
      {
        login: async () => ({ token: ((logins += 1), logins === 1 ? 'long '.repeat(20_000) : 'key') }),
        listCameras: async ({ session }) => [{ id: (session as { token: string }).token, name: '' }],
      },
      { clock },
    );
    await assert.rejects(connection.listCameras(never), is('EPROTOCOL', /session key that is too long/));
    await clock.advance(5_000);
    assert.deepEqual(await connection.listCameras(never), [{ id: 'key', name: '' }]);
  });

  it('is not made by a connection that only closes', async () => {
    const connection = connect({ login: () => assert.fail('no call needs it') });
    await connection.close();
  });
});

describe('an expired session', () => {
  it('is replaced once, and the call made again', async () => {
    const counter = loginCounter();
    const connection = connect({
      login: counter.login,
      listCameras: async ({ session }) => {
        if (session === 'session-key-1') throw expired();
        return [{ id: String(session), name: '' }];
      },
    });
    assert.deepEqual(await connection.listCameras(never), [{ id: 'session-key-2', name: '' }]);
    assert.equal(counter.logins, 2);
  });

  it('costs one login however many calls find it expired', async () => {
    const counter = loginCounter();
    const connection = connect({
      login: counter.login,
      openClip: async (_clip, { session }) => {
        await turn();
        if (session === 'session-key-1') throw expired();
        throw new ClipError('ELIMIT', 'through');
      },
    });
    const calls = Array.from({ length: 30 }, async (_, index) => {
      // Some find out only when the new login is long there.
      for (let count = 0; count < index % 7; count += 1) await turn();
      await assert.rejects(connection.openClip(clipNamed('a'), { offset: 0 }, never), is('ELIMIT'));
    });
    await Promise.all(calls);
    assert.equal(counter.logins, 2);
  });

  for (const code of ['EAUTH', 'EFORBIDDEN'] as const) {
    it(`is not replaced twice for one call (${code}), and later calls may try again`, async () => {
      const counter = loginCounter();
      let calls = 0;
      const connection = connect({
        login: counter.login,
        listCameras: async () => {
          calls += 1;
          if (calls <= 2) throw expired(code);
          return [];
        },
      });
      await assert.rejects(connection.listCameras(never), is(code, /^Who are you\?$/));
      assert.deepEqual([counter.logins, calls], [2, 2]);
      await connection.listCameras(never);
      assert.equal(calls, 3);
    });
  }

  it('is replaced when some answers of a round of polling say so, and the whole round is asked again', async () => {
    const counter = loginCounter();
    const clock = manualClock();
    const rounds: string[][] = [];
    const connection = connect(
      {
        login: counter.login,
        getClips: async (clips, { session }) => {
          rounds.push(clips.map((clip) => clip.id));
          return clips.map((clip) => (clip.id === 'b' && session === 'session-key-1' ? expired() : found(clip)));
        },
      },
      { clock },
    );
    const polled = Promise.all(['a', 'b'].map((id) => connection.pollClip(clipNamed(id), 1000, never)));
    await clock.advance(0);
    assert.deepEqual(
      (await polled).map((clip) => clip?.status),
      ['finished', 'finished'],
    );
    assert.deepEqual(rounds, [
      ['a', 'b'],
      ['a', 'b'],
    ]);
    assert.equal(counter.logins, 2);
  });

  it('that one clip of a round insists on fails that clip only', async () => {
    const counter = loginCounter();
    const clock = manualClock();
    const connection = connect(
      {
        login: counter.login,
        getClips: async (clips) => clips.map((clip) => (clip.id === 'b' ? expired('EFORBIDDEN') : found(clip))),
      },
      { clock },
    );
    const a = connection.pollClip(clipNamed('a'), 1000, never);
    const b = assert.rejects(connection.pollClip(clipNamed('b'), 1000, never), is('EFORBIDDEN'));
    await clock.advance(0);
    assert.equal((await a)?.status, 'finished');
    await b;
    assert.equal(counter.logins, 2);
  });

  it('has no meaning for a provider without a login', async () => {
    let calls = 0;
    const connection = connect({ listCameras: () => ((calls += 1), Promise.reject(expired('EFORBIDDEN'))) });
    await assert.rejects(connection.listCameras(never), is('EFORBIDDEN'));
    assert.equal(calls, 1);
  });
});

describe('a refused login', () => {
  it('stops everything until the connection is deployed anew', async () => {
    let logins = 0;
    const clock = manualClock();
    const connection = connect(
      {
        login: () => ((logins += 1), Promise.reject(new ClipError('EAUTH', 'Wrong password', { vendorCode: '-55' }))),
        createClip: async () => assert.fail('nothing may be sent'),
        listCameras: async () => assert.fail('nothing may be sent'),
        getClips: async () => assert.fail('nothing may be sent'),
      },
      { clock },
    );
    const told = is('EAUTH', /^Wrong password\. Nothing more is sent until the connection is corrected and deployed$/);
    const polled = assert.rejects(connection.pollClip(clipNamed('a'), 1000, never), told);
    await Promise.all(Array.from({ length: 10 }, () => assert.rejects(connection.listCameras(never), told)));
    await clock.advance(0);
    await polled;
    await clock.advance(24 * 3600_000);
    await assert.rejects(connection.openClip(clipNamed('a'), { offset: 0 }, never), told);
    await assert.rejects(connection.check(never), (error) => (error as ClipError).vendorCode === '-55');
    assert.equal(logins, 1);
  });

  it('after good ones is repeated twice over two minutes, and then final too', async () => {
    const logins: number[] = [];
    let hasChanged = false;
    const clock = manualClock();
    const connection = connect(
      {
        login: async () => {
          logins.push(clock.steadyNow());
          if (hasChanged) throw new ClipError('EAUTH', 'The password has changed');
          return 'key';
        },
        listCameras: async () => (hasChanged ? Promise.reject(expired()) : []),
      },
      { clock },
    );
    await connection.listCameras(never);
    hasChanged = true;
    for (let seconds = 0; seconds <= 300; seconds += 5) {
      const isRetryable = seconds < 120;
      await assert.rejects(
        connection.listCameras(never),
        (error: ClipError) => error.code === 'EAUTH' && error.retryable === isRetryable,
      );
      await clock.advance(5_000);
    }
    assert.deepEqual(
      logins.map((at) => (at - logins[0]!) / 1000),
      [0, 0, 10, 120],
    );
  });

  it('that the server takes back is forgotten', async () => {
    let refusals = 0;
    const clock = manualClock();
    const connection = connect(
      {
        listCameras: async () => {
          refusals -= 1;
          if (refusals >= 0) throw new ClipError('EAUTH', 'HTTP 401');
          return [];
        },
      },
      { clock },
    );
    await connection.listCameras(never);
    refusals = 1;
    await assert.rejects(
      connection.listCameras(never),
      is('EAUTH', /worked before: they are tried again after a pause/),
    );
    await clock.advance(10_000);
    assert.deepEqual(await connection.listCameras(never), []);
  });

  it('is seen in any call of a provider without a login', async () => {
    let calls = 0;
    const refuse = (): Promise<never> => ((calls += 1), Promise.reject(new ClipError('EAUTH', 'Bad key')));
    const connection = connect({ listCameras: refuse, openClip: refuse, check: async () => assert.fail('stopped') });
    await assert.rejects(connection.openClip(clipNamed('a'), { offset: 0 }, never), is('EAUTH', /^Bad key\. Nothing/));
    await assert.rejects(connection.listCameras(never), is('EAUTH', /^Bad key\. Nothing/));
    await assert.rejects(connection.check(never), is('EAUTH'));
    assert.equal(calls, 1);
  });

  it('is seen in a single answer of a round of polling', async () => {
    let rounds = 0;
    const clock = manualClock();
    const connection = connect(
      { getClips: async (clips) => ((rounds += 1), clips.map(() => new ClipError('EAUTH', 'Bad key'))) },
      { clock },
    );
    for (let count = 0; count < 2; count += 1) {
      const polled = assert.rejects(connection.pollClip(clipNamed('a'), 1000, never), is('EAUTH', /Nothing more/));
      await clock.advance(1000);
      await polled;
    }
    assert.equal(rounds, 1);
  });

  it('stops calls that were already waiting for their turn', async () => {
    let calls = 0;
    const connection = connect({
      createClip: async () => {
        calls += 1;
        await turn();
        throw new ClipError('EAUTH', 'Bad key');
      },
    });
    const request = { camera: '1/2', start: '', end: '', title: '', options: {} };
    await Promise.all(
      Array.from({ length: 40 }, () => assert.rejects(connection.createClip(request, never), is('EAUTH'))),
    );
    assert.equal(calls, 1);
  });
});

describe('trouble on the way to a login', () => {
  const passing = [
    new ClipError('ENETWORK', 'reset'),
    new ClipError('ENETWORK', 'certificate', { retryable: false }),
    new ClipError('ETIMEOUT', 'slow'),
    new ClipError('ETHROTTLED', 'busy'),
    new ClipError('EFAILED', 'HTTP 500', { retryable: true }),
    new ClipError('EPROTOCOL', 'a page in place of an answer'),
    new ClipError('ENOTFOUND', 'HTTP 404', { inconclusive: true }),
    new ClipError('EFORBIDDEN', 'HTTP 403', { inconclusive: true }),
    new ClipError('EINVALID', 'no password'),
  ];
  for (const trouble of passing) {
    it(`(${trouble.code} ${trouble.message}) pauses the connection, and does not stop it`, async () => {
      let logins = 0;
      const clock = manualClock();
      const connection = connect(
        {
          login: async () => {
            logins += 1;
            if (logins <= 2) throw trouble;
            return 'key';
          },
          listCameras: async () => [],
        },
        { clock },
      );
      const fails = (retryAfterMs: number) =>
        assert.rejects(
          connection.listCameras(never),
          (error: ClipError) =>
            error.message.startsWith(trouble.message) &&
            error.code === trouble.code &&
            error.retryAfterMs === retryAfterMs &&
            mayPass(error) === mayPass(trouble),
        );
      await fails(5_000);
      await clock.advance(4_000);
      await fails(1_000);
      await clock.advance(1_000);
      await fails(10_000);
      await clock.advance(10_000);
      assert.deepEqual(await connection.listCameras(never), []);
      assert.equal(logins, 3);
    });
  }

  it('does not stop a provider that throws it at once', async () => {
    let logins = 0;
    const clock = manualClock();
    const login = (): Promise<string> => {
      logins += 1;
      if (logins === 1) throw new ClipError('ENETWORK', 'no route');
      return Promise.resolve('key');
    };
    const connection = connect({ login, listCameras: async () => [] }, { clock });
    await assert.rejects(connection.listCameras(never), is('ENETWORK'));
    await clock.advance(5_000);
    assert.deepEqual(await connection.listCameras(never), []);
  });

  it('reaches all who shared that login, and the next caller starts another', async () => {
    let logins = 0;
    const { promise, fail } = gate<string>();
    const clock = manualClock();
    const login = (): Promise<string> => ((logins += 1), logins === 1 ? promise : Promise.resolve('key'));
    const connection = connect({ login, listCameras: async () => [] }, { clock });
    const calls = Array.from({ length: 3 }, () => assert.rejects(connection.listCameras(never), is('ENETWORK')));
    await turn();
    fail(new ClipError('ENETWORK', 'reset'));
    await Promise.all(calls);
    await clock.advance(5_000);
    await connection.listCameras(never);
    assert.equal(logins, 2);
  });

  it('lets a caller go that gives up meanwhile', async () => {
    const connection = connect({ login: hang });
    const leaving = new AbortController();
    const checked = connection.check(leaving.signal);
    await turn();
    leaving.abort();
    await assert.rejects(checked, is('EABORTED'));
  });
});
