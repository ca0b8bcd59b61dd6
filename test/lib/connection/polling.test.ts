import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import type { Clip } from '../../../lib/provider';
import { manualClock } from '../../support/manual-clock';
import { clipNamed, connect, found, gate, is, never, outcomes } from './fake';

/** A connection that notes when it asked for which clips. */
function polling() {
  const clock = manualClock(0);
  const rounds: { at: number; ids: string[] }[] = [];
  let answer = async (clips: Clip[]) => clips.map((clip) => found(clip, { status: 'busy' }) as never);
  const connection = connect(
    {
      getClips: (clips) => {
        rounds.push({ at: clock.now(), ids: clips.map((clip) => clip.id) });
        return answer(clips);
      },
    },
    { clock },
  );
  return {
    clock,
    rounds,
    connection,
    poll: (id: string, intervalMs = 1000, signal = never) => connection.pollClip(clipNamed(id), intervalMs, signal),
    answerWith(next: (clips: Clip[]) => Promise<unknown[]>) {
      answer = next as typeof answer;
    },
  };
}

describe('polling on a connection', () => {
  it('asks once for all who are due together, whoever they are', async () => {
    const { clock, rounds, poll } = polling();
    const polled = Promise.all(Array.from({ length: 1000 }, (_, index) => poll(`clip ${index}`)));
    await clock.advance(0);
    const clips = await polled;
    assert.equal(rounds.length, 1);
    assert.deepEqual(
      clips.map((clip) => clip?.id),
      Array.from({ length: 1000 }, (_, index) => `clip ${index}`),
    );
  });

  it('gives each caller the answer to its own clip, marked as of this connection', async () => {
    const { clock, poll, answerWith } = polling();
    const failure = new ClipError('EFORBIDDEN', 'not yours');
    answerWith(async ([a, , c]) => [found(a!, { size: 7 }), undefined, found(c!), failure]);
    const polled = outcomes(['a', 'b', 'c', 'd'].map((id) => poll(id)));
    await clock.advance(0);
    const own = { connection: 'connection-1', provider: 'fake' };
    assert.deepEqual(await polled, [
      { ...found(clipNamed('a'), { size: 7 }), ...own },
      undefined,
      { ...found(clipNamed('c')), ...own },
      'EFORBIDDEN',
    ]);
  });

  it('takes a clip for gone where the vendor says so itself, and not for the page of some server on the way', async () => {
    const asked = [false, true].map((inconclusive) => {
      const clock = manualClock();
      const missing = () => Promise.reject(new ClipError('ENOTFOUND', 'HTTP 404', { inconclusive }));
      const polled = outcomes([connect({ getClip: missing }, { clock }).pollClip(clipNamed('a'), 1000, never)]);
      return clock.advance(0).then(() => polled);
    });
    assert.deepEqual(await Promise.all(asked), [[undefined], ['ENOTFOUND']]);
  });

  it('starts no two rounds closer together than the shortest interval of those who ask', async () => {
    const { clock, rounds, poll } = polling();
    const loop = async (id: string, intervalMs: number): Promise<void> => {
      while (clock.now() < 10_000) await poll(id, intervalMs);
    };
    void Promise.all([loop('a', 2000), loop('b', 2000)]);
    await clock.advance(9_999);
    assert.deepEqual(
      rounds.map((round) => round.at),
      [0, 2000, 4000, 6000, 8000],
    );
    assert.ok(rounds.every((round) => round.ids.join() === 'a,b'));
  });

  it('is quicker when somebody asks for quicker rounds, and slow askers ride along', async () => {
    const { clock, rounds, poll } = polling();
    await Promise.all([poll('a', 30_000), clock.advance(0)]);
    const slow = poll('a', 30_000);
    await clock.advance(1000);
    assert.equal(rounds.length, 1);
    const quick = poll('b', 2000);
    await clock.advance(1000);
    await Promise.all([slow, quick]);
    assert.deepEqual(rounds[1], { at: 2000, ids: ['a', 'b'] });
  });

  it('starts at once when the last round is long past', async () => {
    const { clock, rounds, poll } = polling();
    await Promise.all([poll('a'), clock.advance(0)]);
    await clock.advance(60_000);
    await Promise.all([poll('a', 30_000), clock.advance(0)]);
    assert.equal(rounds[1]?.at, 60_000);
  });

  it('has never two rounds under way, however slow the vendor is', async () => {
    const { clock, rounds, poll, answerWith } = polling();
    const { promise, open } = gate();
    answerWith(async (clips) => (await promise, clips.map((clip) => found(clip))));
    const first = poll('a');
    await clock.advance(0);
    const second = poll('b');
    await clock.advance(60_000);
    assert.equal(rounds.length, 1);
    open();
    await first;
    await clock.advance(0);
    await second;
    assert.deepEqual(
      rounds.map((round) => round.ids),
      [['a'], ['b']],
    );
  });

  it('tells all who asked when a round fails, and goes on', async () => {
    const { clock, rounds, poll, answerWith } = polling();
    answerWith(() => Promise.reject(new ClipError('ENETWORK', 'reset', { retryAfterMs: 7 })));
    const failed = ['a', 'b'].map((id) => assert.rejects(poll(id), is('ENETWORK', /^reset$/)));
    await clock.advance(0);
    await Promise.all(failed);
    answerWith(async (clips) => clips.map((clip) => found(clip)));
    const again = poll('a');
    await clock.advance(1000);
    assert.equal((await again)?.status, 'finished');
    assert.equal(rounds.length, 2);
  });

  it('does not ask for the clip of a caller who has left', async () => {
    const { clock, rounds, poll } = polling();
    const leaving = new AbortController();
    const gone = assert.rejects(poll('a', 1000, leaving.signal), is('EABORTED'));
    const staying = poll('b');
    leaving.abort();
    await clock.advance(0);
    await Promise.all([gone, staying]);
    assert.deepEqual(rounds, [{ at: 0, ids: ['b'] }]);
  });

  it('asks for nothing when all have left', async () => {
    const { clock, rounds, poll } = polling();
    const leaving = new AbortController();
    const gone = assert.rejects(poll('a', 1000, leaving.signal), is('EABORTED'));
    leaving.abort();
    await gone;
    await clock.advance(60_000);
    assert.deepEqual(rounds, []);
    assert.equal(clock.waiting, 0);
  });

  it('answers a caller who leaves during a round with EABORTED at once, and the others in full', async () => {
    const { clock, poll, answerWith } = polling();
    const { promise, open } = gate();
    answerWith(async (clips) => (await promise, clips.map((clip) => found(clip))));
    const leaving = new AbortController();
    const gone = assert.rejects(poll('a', 1000, leaving.signal), is('EABORTED'));
    const staying = poll('b');
    await clock.advance(0);
    leaving.abort();
    await gone;
    open();
    assert.equal((await staying)?.id, 'b');
  });
});

describe('polling a vendor that lists no clips', () => {
  it('asks for each clip by itself, and a clip not found is no failure', async () => {
    const clock = manualClock();
    const asked: string[] = [];
    const connection = connect(
      {
        getClip: async (clip) => {
          asked.push(clip.id);
          if (clip.id === 'gone') throw new ClipError('ENOTFOUND', 'no such clip');
          if (clip.id === 'broken') throw new ClipError('ENETWORK', 'reset');
          return found(clip);
        },
      },
      { clock },
    );
    const polled = outcomes(
      ['a', 'gone', 'broken', 'b'].map(async (id) => (await connection.pollClip(clipNamed(id), 1000, never))?.id),
    );
    await clock.advance(0);
    assert.deepEqual(await polled, ['a', undefined, 'ENETWORK', 'b']);
    assert.deepEqual(asked, ['a', 'gone', 'broken', 'b']);
  });
});
