import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Poller, type ClipAnswer } from '../../../lib/connection/poller';
import type { Clock } from '../../../lib/async/clock';
import { ClipError } from '../../../lib/errors';
import type { Clip } from '../../../lib/provider';
import { eventually } from '../../support/eventually';
import { manualClock, type ManualClock } from '../../support/manual-clock';
import { deferred, expectNoUnhandledRejections } from '../../support/promises';
import { countTurns } from '../../support/turns';
import { aClip } from '../clips/fake';

const never = new AbortController().signal;
const seconds = (count: number): number => count * 1_000;

describe('the polling loop', () => {
  expectNoUnhandledRejections();
  let clock: ManualClock;
  let rounds: { at: number; ids: string[] }[];
  let answer: (clips: Clip[]) => Promise<ClipAnswer[]>;
  let poller: Poller;
  let startedAt: number;

  function start(time: Clock): void {
    poller = new Poller(time, (clips) => {
      rounds.push({ at: clock.now() - startedAt, ids: clips.map(({ id }) => id) });
      return answer(clips);
    });
  }

  beforeEach(() => {
    clock = manualClock();
    startedAt = clock.now();
    rounds = [];
    answer = async (clips) => clips.map((clip) => ({ ...clip, status: 'busy' }));
    start(clock);
  });

  const ask = (id: string, interval = 2, signal = never) => poller.poll(aClip({ id }), seconds(interval), signal);

  it('asks at once for the first clip, and tells what was found', async () => {
    const asked = ask('a');
    await clock.advance(0);
    assert.deepEqual(await asked, aClip({ id: 'a', status: 'busy' }));
    assert.deepEqual(rounds, [{ at: 0, ids: ['a'] }]);
  });

  it('leaves no timer behind when the last one that waits gives up', async () => {
    void ask('a');
    await clock.advance(0);
    const stops = [new AbortController(), new AbortController()];
    const asked = stops.map((stop) => ask('b', 2, stop.signal));
    stops[0]!.abort();
    assert.equal(clock.waiting, 1);
    stops[1]!.abort();
    assert.equal(clock.waiting, 0);
    await Promise.allSettled(asked);
    assert.equal(rounds.length, 1);
  });

  it('asks together for what is due together, and tells everyone about the own clip', async () => {
    const asked = Promise.all(['a', 'b', 'c'].map((id) => ask(id)));
    await clock.advance(0);
    assert.deepEqual(
      (await asked).map((clip) => clip?.id),
      ['a', 'b', 'c'],
    );
    assert.equal(rounds.length, 1);
  });

  it('does not ask again before the interval is over, however soon someone comes', async () => {
    void ask('a');
    await clock.advance(500);
    const second = ask('b');
    await clock.advance(1_499);
    assert.equal(rounds.length, 1);
    await clock.advance(1);
    await second;
    assert.deepEqual(rounds[1], { at: 2_000, ids: ['b'] });
  });

  it('asks at once when the last round is longer ago than the interval', async () => {
    void ask('a');
    await clock.advance(seconds(60));
    void ask('b');
    await clock.advance(0);
    assert.deepEqual(rounds[1], { at: 60_000, ids: ['b'] });
  });

  it('goes by the shortest interval among those who ask, whoever came first', async () => {
    for (const order of [
      [30, 2],
      [2, 30],
    ]) {
      start(clock);
      startedAt = clock.now();
      rounds = [];
      void ask('first');
      await clock.advance(0);
      for (const interval of order) void ask(`every ${interval}`, interval);
      await clock.advance(seconds(60));
      assert.deepEqual(rounds[1], { at: 2_000, ids: order.map((interval) => `every ${interval}`) });
      assert.equal(rounds.length, 2);
    }
  });

  it('leaves whoever comes during a round to the next one', async () => {
    const slow = deferred();
    answer = async (clips) => (await slow.promise, clips);
    const first = ask('a');
    await clock.advance(0);
    const second = ask('b');
    await clock.advance(seconds(10));
    assert.equal(rounds.length, 1);
    slow.resolve();
    await first;
    await clock.advance(0);
    await second;
    assert.deepEqual(rounds[1], { at: 10_000, ids: ['b'] });
  });

  it('never has two rounds at once', async () => {
    let running = 0;
    let most = 0;
    const endings: (() => void)[] = [];
    answer = async (clips) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => endings.push(resolve));
      running -= 1;
      return clips;
    };
    for (let count = 0; count < 20; count += 1) {
      void ask(`clip-${count}`);
      await clock.advance(seconds(1));
      if (count % 3 === 2) endings.shift()?.();
    }
    assert.equal(most, 1);
  });

  it('gives each clip its own answer: a clip, nothing, or an error', async () => {
    const trouble = new ClipError('EFORBIDDEN', 'not this server');
    answer = async ([first]) => [first, undefined, trouble];
    const asked = Promise.allSettled(['a', 'b', 'c'].map((id) => ask(id)));
    await clock.advance(0);
    assert.deepEqual(await asked, [
      { status: 'fulfilled', value: aClip({ id: 'a' }) },
      { status: 'fulfilled', value: undefined },
      { status: 'rejected', reason: trouble },
    ]);
  });

  it('takes clips that the answer forgot for not listed', async () => {
    answer = async () => [];
    const asked = ask('a');
    await clock.advance(0);
    assert.equal(await asked, undefined);
  });

  for (const how of ['rejects', 'throws']) {
    it(`tells everyone when a round ${how}, and goes on with the next`, async () => {
      answer = () => {
        if (how === 'throws') throw new ClipError('ENETWORK', 'down');
        return Promise.reject(new ClipError('ENETWORK', 'down'));
      };
      const failing = Promise.allSettled([ask('a'), ask('b')]);
      await clock.advance(0);
      for (const result of await failing) {
        assert.ok(result.status === 'rejected');
        assert.equal((result.reason as ClipError).code, 'ENETWORK');
      }
      answer = async (clips) => clips;
      const next = ask('a');
      await clock.advance(seconds(2));
      assert.equal((await next)?.id, 'a');
    });
  }

  describe('when someone leaves', () => {
    it('asks for the others only', async () => {
      const leaving = new AbortController();
      const left = assert.rejects(ask('a', 2, leaving.signal), { name: 'AbortError' });
      const stayed = ask('b');
      leaving.abort();
      await clock.advance(0);
      await left;
      await stayed;
      assert.deepEqual(rounds, [{ at: 0, ids: ['b'] }]);
    });

    it('asks nobody when nobody is left, and works for the next one', async () => {
      const leaving = new AbortController();
      const left = assert.rejects(ask('a', 2, leaving.signal));
      leaving.abort();
      await left;
      await clock.advance(seconds(60));
      assert.deepEqual(rounds, []);
      void ask('b');
      await clock.advance(0);
      assert.deepEqual(rounds, [{ at: 60_000, ids: ['b'] }]);
    });

    it('during a round, finishes the round for the others', async () => {
      const slow = deferred();
      answer = async (clips) => (await slow.promise, clips);
      const leaving = new AbortController();
      const left = assert.rejects(ask('a', 2, leaving.signal), { name: 'AbortError' });
      const stayed = ask('b');
      await clock.advance(0);
      leaving.abort();
      await left;
      slow.resolve();
      assert.equal((await stayed)?.id, 'b');
    });

    it('who was in a hurry, does not ask sooner than those who stay put up with', async () => {
      void ask('first');
      await clock.advance(0);
      const leaving = new AbortController();
      const left = assert.rejects(ask('hasty', 2, leaving.signal));
      void ask('patient', 30);
      leaving.abort();
      await left;
      await clock.advance(seconds(60));
      assert.deepEqual(rounds[1], { at: 30_000, ids: ['patient'] });
      assert.equal(rounds.length, 2);
    });

    it('before asking, asks nobody', async () => {
      await assert.rejects(ask('a', 2, AbortSignal.abort()), { name: 'AbortError' });
      await clock.advance(seconds(60));
      assert.deepEqual(rounds, []);
    });
  });

  describe('after a hint', () => {
    it('does not wait for the interval, but for a short pause between rounds', async () => {
      void ask('a', 30);
      await clock.advance(0);
      void ask('b', 30);
      await clock.advance(50);
      poller.expedite();
      await clock.advance(50);
      assert.deepEqual(rounds[1], { at: 100, ids: ['b'] });
    });

    it('serves whoever asks within a moment, and then keeps to the interval again', async () => {
      void ask('a', 30);
      await clock.advance(seconds(10));
      poller.expedite();
      await clock.advance(500);
      void ask('b', 30);
      await clock.advance(0);
      assert.deepEqual(rounds[1], { at: 10_500, ids: ['b'] });
      await clock.advance(500);
      void ask('c', 30);
      await clock.advance(seconds(60));
      assert.deepEqual(rounds[2], { at: 40_500, ids: ['c'] });
    });

    it('during a round, asks again for those who came meanwhile', async () => {
      const slow = deferred();
      answer = async (clips) => (await slow.promise, clips);
      void ask('a', 30);
      await clock.advance(0);
      void ask('b', 30);
      poller.expedite();
      await clock.advance(200);
      assert.equal(rounds.length, 1);
      slow.resolve();
      await clock.advance(0);
      assert.deepEqual(rounds[1], { at: 200, ids: ['b'] });
    });

    it('asks nobody when nobody waits', async () => {
      poller.expedite();
      await clock.advance(seconds(60));
      assert.deepEqual(rounds, []);
      assert.equal(clock.waiting, 0);
    });
  });

  it('leaves nothing behind on the signal of whoever asked', async () => {
    const { signal } = new AbortController();
    answer = async (clips) => clips.map((clip) => (clip.id === 'b' ? new ClipError('EFAILED', 'x') : clip));
    const asked = Promise.allSettled([ask('a', 2, signal), ask('b', 2, signal), ask('c', 2, signal)]);
    await clock.advance(0);
    await asked;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('waits no longer than the interval when the time of the system is set back', async () => {
    void ask('a');
    await clock.advance(0);
    clock.step(-seconds(3_600));
    void ask('b');
    await clock.advance(seconds(2));
    assert.equal(rounds.length, 2);
  });

  it('waits for the whole of a crowd that takes some turns of the event loop to come', async () => {
    const asked: Promise<unknown>[] = [];
    const coming = (async () => {
      for (let turns = 0; turns < 50; turns += 1) {
        for (let count = 0; count < 10; count += 1) asked.push(ask(`clip-${asked.length}`));
        await nextTurn();
      }
    })();
    await clock.advance(0);
    await coming;
    await Promise.all(asked);
    assert.deepEqual(
      rounds.map(({ ids }) => ids.length),
      [500],
    );
  });

  it('starts although somebody more comes in every turn', async () => {
    let isOver = false;
    const coming = (async () => {
      while (!isOver) {
        void ask('one more');
        await nextTurn();
      }
    })();
    await clock.advance(0);
    await eventually(() => rounds.length === 1);
    isOver = true;
    await coming;
    answer = async () => [];
    await clock.advance(seconds(2));
  });

  for (const what of ['what it has found', 'that it has failed']) {
    it(`lets others have their turn while it tells thousands ${what}`, async () => {
      if (what === 'that it has failed') answer = () => Promise.reject(new ClipError('ENETWORK', 'down'));
      const told: number[] = [];
      const counter = countTurns();
      const note = (): void => void told.push(counter.turns);
      const asked = Array.from({ length: 2_000 }, (_, number) => ask(`clip-${number}`).then(note, note));
      await clock.advance(0);
      await Promise.all(asked);
      counter.stop();
      assert.ok(told.at(-1)! - told[0]! >= 20, `${told.at(-1)! - told[0]!} turns`);
    });
  }

  it('asks once for a thousand clips, with a single timer', async () => {
    const asked = Promise.all(Array.from({ length: 1_000 }, (_, number) => ask(`clip-${number}`, 2 + (number % 5))));
    assert.equal(clock.waiting, 1);
    await clock.advance(0);
    assert.equal((await asked).length, 1_000);
    assert.equal(rounds.length, 1);
    assert.equal(rounds[0]?.ids.length, 1_000);
    assert.equal(clock.waiting, 0);
  });
});
