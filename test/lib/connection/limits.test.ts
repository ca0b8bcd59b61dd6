import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Semaphore } from '../../../lib/async/semaphore';
import { ClipError } from '../../../lib/errors';
import { manualClock } from '../../support/manual-clock';
import { clipNamed, connect, found, gate, is, never } from './fake';

/** Counts how much is under way at once; each piece of work ends by itself some turns later. */
function meter() {
  let running = 0;
  return {
    most: 0,
    total: 0,
    async work(): Promise<void> {
      running += 1;
      this.total += 1;
      this.most = Math.max(this.most, running);
      for (let count = 0; count < 3; count += 1) await turn();
      running -= 1;
    },
  };
}

const request = { camera: '1/2', start: '', end: '', title: '', options: {} };

describe('limits of a connection', () => {
  for (const maxConcurrent of [1, 2, 3]) {
    it(`let ${maxConcurrent} of all transfers run at once`, async () => {
      const transfers = meter();
      const connection = connect({}, { maxConcurrent });
      await Promise.all(Array.from({ length: 12 }, () => connection.transfer(never, () => transfers.work())));
      assert.deepEqual([transfers.most, transfers.total], [maxConcurrent, 12]);
    });
  }

  it('let four commands run at once, of whatever kind', async () => {
    const commands = meter();
    const connection = connect({
      deleteClip: () => commands.work(),
      cancelClip: () => commands.work(),
      listCameras: async () => (await commands.work(), []),
      check: async () => (await commands.work(), { name: '', warnings: [] }),
    });
    await Promise.all(
      Array.from({ length: 4 }, () => [
        connection.deleteClip(clipNamed('a'), never),
        connection.cancelClip(clipNamed('a'), never),
        connection.listCameras(never),
        connection.check(never),
      ]).flat(),
    );
    assert.deepEqual([commands.most, commands.total], [4, 16]);
  });

  it('let as many clips be created at once as transfers, and no command wait for them', async () => {
    const waiting: (() => void)[] = [];
    const connection = connect(
      {
        async createClip() {
          await new Promise<void>((resolve) => waiting.push(resolve));
          return found(clipNamed('a'));
        },
        listCameras: async () => [],
      },
      { maxConcurrent: 3 },
    );
    // Until the first request has succeeded, there is one at a time.
    await connection.check(never);
    const created = Promise.all(Array.from({ length: 9 }, () => connection.createClip(request, never)));
    assert.deepEqual(await connection.listCameras(never), []);
    for (let round = 0; round < 3; round += 1) {
      for (let count = 0; count < 10; count += 1) await turn();
      assert.equal(waiting.length, 3);
      for (const create of waiting.splice(0)) create();
    }
    await created;
  });

  it('keep polling within them where clips must be asked for one by one', async () => {
    const clock = manualClock();
    const commands = meter();
    const connection = connect({ getClip: async (clip) => (await commands.work(), found(clip)) }, { clock });
    const polled = Promise.all(
      Array.from({ length: 30 }, (_, index) => connection.pollClip(clipNamed(`clip ${index}`), 1000, never)),
    );
    await clock.advance(0);
    assert.equal((await polled).filter((clip) => clip?.status === 'finished').length, 30);
    assert.deepEqual([commands.most, commands.total], [4, 30]);
  });

  it('never make a poll or an opening wait for commands or transfers', async () => {
    const clock = manualClock();
    const { promise, open } = gate();
    const connection = connect(
      {
        createClip: async () => (await promise, found(clipNamed('a'))),
        getClips: async (clips) => clips.map((clip) => found(clip)),
        openClip: () => Promise.reject(new ClipError('ELIMIT', 'through')),
      },
      { clock, maxConcurrent: 1 },
    );
    await connection.check(never);
    const created = Array.from({ length: 6 }, () => connection.createClip(request, never));
    const transferred = connection.transfer(never, () => promise);
    const polled = connection.pollClip(clipNamed('a'), 1000, never);
    await clock.advance(0);
    assert.equal((await polled)?.status, 'finished');
    await assert.rejects(connection.openClip(clipNamed('a'), { offset: 0 }, never), is('ELIMIT'));
    open();
    await Promise.all([...created, transferred]);
  });
});

describe('slots', () => {
  it('are given in the order of asking', async () => {
    const slots = new Semaphore(1);
    const order: number[] = [];
    await Promise.all([1, 2, 3, 4].map((id) => slots.run(never, async () => (await turn(), order.push(id)))));
    assert.deepEqual(order, [1, 2, 3, 4]);
  });

  it('are free again after a failure', async () => {
    const slots = new Semaphore(1);
    await assert.rejects(slots.run(never, () => Promise.reject(new Error('x'))));
    await assert.rejects(
      slots.run(never, () => {
        throw new Error('at once');
      }),
    );
    assert.equal(await slots.run(never, async () => 'free'), 'free');
  });

  it('are not lost when those who wait leave, in any order', async () => {
    const slots = new Semaphore(1);
    const { promise, open } = gate();
    const first = slots.run(never, () => promise);
    const leaving = Array.from({ length: 5 }, () => new AbortController());
    const waiting = leaving.map(({ signal }, index) => slots.run(signal, async () => index));
    for (const index of [2, 0, 4]) leaving[index]!.abort();
    open();
    await first;
    const outcomes = await Promise.allSettled(waiting);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ['rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected'],
    );
    assert.equal(await slots.run(never, async () => 'free'), 'free');
  });

  it('are not taken by who has already left', async () => {
    const slots = new Semaphore(1);
    await assert.rejects(slots.run(AbortSignal.abort(), async () => assert.fail('left')));
    assert.equal(await slots.run(never, async () => 'free'), 'free');
  });

  it('leave no listeners behind on a signal that lives long', async () => {
    const { signal } = new AbortController();
    const slots = new Semaphore(1);
    await Promise.all(Array.from({ length: 5 }, () => slots.run(signal, () => turn())));
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});
