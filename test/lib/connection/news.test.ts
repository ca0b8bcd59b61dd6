import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import type { CallOptions, Provider } from '../../../lib/provider';
import { manualClock } from '../../support/manual-clock';
import { clipNamed, connect, expired, found, gate, is, loginCounter, never } from './fake';

type Changed = (clipId?: string) => void;

/** A provider whose news the test gives out. */
function newsroom(methods: Partial<Provider> = {}) {
  const watches: { changed: Changed; session: unknown; signal: AbortSignal }[] = [];
  const { login } = loginCounter();
  const clock = manualClock(0);
  const rounds: number[] = [];
  const connection = connect(
    {
      login,
      watch: async (changed: Changed, { session, signal }: CallOptions) =>
        void watches.push({ changed, session, signal }),
      getClips: async (clips) => {
        rounds.push(clock.now());
        return clips.map((clip) => found(clip, { status: 'busy' }));
      },
      ...methods,
    },
    { clock },
  );
  return { clock, connection, watches, rounds };
}

describe('news on a connection', () => {
  it('are listened for with the session of each login, until the next one', async () => {
    let refusals = 0;
    const { connection, watches } = newsroom({
      deleteClip: async () => {
        refusals += 1;
        if (refusals === 1) throw expired();
      },
    });
    await connection.check(never);
    await connection.check(never);
    assert.deepEqual(
      watches.map(({ session }) => session),
      ['session-key-1'],
    );
    await connection.deleteClip(clipNamed('a'), never);
    assert.deepEqual(
      watches.map(({ session, signal }) => [session, signal.aborted]),
      [
        ['session-key-1', true],
        ['session-key-2', false],
      ],
    );
  });

  it('are no longer listened for when the connection closes', async () => {
    const { connection, watches } = newsroom();
    await connection.check(never);
    await connection.close();
    assert.equal(watches[0]!.signal.aborted, true);
  });

  it('are waited for to be listened to before the first call goes out', async () => {
    const listening = gate();
    const calls: string[] = [];
    const { connection } = newsroom({
      watch: () => listening.promise,
      check: async () => (calls.push('check'), { name: 'x', warnings: [] }),
    });
    const checked = connection.check(never);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(calls, []);
    listening.open();
    await checked;
    assert.deepEqual(calls, ['check']);
  });

  it('may fail to come without harm', async () => {
    for (const watch of [() => Promise.reject(new ClipError('EAUTH', 'no')), () => assert.fail('at once')]) {
      const { connection } = newsroom({ watch });
      await connection.check(never);
      await connection.check(never);
    }
  });

  it('come from a provider without a login, too', async () => {
    const { connection, watches } = newsroom({ login: undefined });
    await connection.check(never);
    assert.deepEqual(
      watches.map(({ session }) => session),
      [undefined],
    );
  });

  it('reach every listener, with and without an id, until it has enough', async () => {
    const { connection, watches } = newsroom();
    const heard: unknown[] = [];
    const stop = connection.onClipChanged((id) => heard.push(['first', id]));
    connection.onClipChanged((id) => heard.push(['second', id]));
    await connection.check(never);
    watches[0]!.changed('a');
    stop();
    watches[0]!.changed();
    assert.deepEqual(heard, [
      ['first', 'a'],
      ['second', 'a'],
      ['second', undefined],
    ]);
  });

  it('of a session that has ended are not heard', async () => {
    const { connection, watches } = newsroom();
    const heard: unknown[] = [];
    connection.onClipChanged((id) => heard.push(id));
    await connection.check(never);
    await connection.close();
    watches[0]!.changed('a');
    assert.deepEqual(heard, []);
  });

  it('let the round start that somebody waits for', async () => {
    const { clock, connection, watches, rounds } = newsroom();
    void connection.pollClip(clipNamed('a'), 30_000, never);
    await clock.advance(0);
    void connection.pollClip(clipNamed('a'), 30_000, never);
    await clock.advance(5_000);
    watches[0]!.changed('a');
    await clock.advance(0);
    assert.deepEqual(rounds, [0, 5_000]);
  });

  it('let those ask at once who come a moment later, and again behind a round under way', async () => {
    const { clock, connection, watches, rounds } = newsroom();
    const poll = () => connection.pollClip(clipNamed('a'), 30_000, never);
    void poll();
    await clock.advance(10_000);
    watches[0]!.changed('a');
    void poll();
    await clock.advance(10);
    // This one had not yet asked when the round began.
    void poll();
    await clock.advance(500);
    assert.deepEqual(rounds, [0, 10_000, 10_100]);
  });

  it('are waited for by no timer once nobody asks any longer', async () => {
    const { clock, connection } = newsroom();
    void connection.pollClip(clipNamed('a'), 30_000, never);
    await clock.advance(0);
    const leaving = new AbortController();
    const left = assert.rejects(connection.pollClip(clipNamed('a'), 3_600_000, leaving.signal), is('EABORTED'));
    assert.equal(clock.waiting, 1);
    leaving.abort();
    await left;
    assert.equal(clock.waiting, 0);
  });

  it('in plenty do not become rounds in plenty', async () => {
    const { clock, connection, watches, rounds } = newsroom();
    const loop = async (): Promise<void> => {
      while (clock.now() < 3_000) {
        await connection.pollClip(clipNamed('a'), 30_000, never);
      }
    };
    void loop();
    await clock.advance(0);
    for (let count = 0; count < 200; count += 1) {
      watches[0]!.changed('a');
      await clock.advance(10);
    }
    await clock.advance(5_000);
    assert.ok(rounds.length > 10 && rounds.length <= 31, `${rounds.length} rounds`);
    assert.ok(rounds.every((at, index) => index === 0 || at - rounds[index - 1]! >= 100));
  });
});
