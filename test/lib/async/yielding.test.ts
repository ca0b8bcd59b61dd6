/** Long work in slices. */
import assert from 'node:assert/strict';
import { forEachYielding } from '../../../lib/async/yielding';
import { countTurns } from '../../support/turns';

describe('work in slices', () => {
  const items = Array.from({ length: 1_000 }, (_, number) => number);

  it('is done for each item, in order', async () => {
    const done: number[] = [];
    await forEachYielding(items, (item) => void done.push(item));
    assert.deepEqual(done, items);
    await forEachYielding([], () => assert.fail());
  });

  it('lets others have their turn in between, again and again', async () => {
    const counter = countTurns();
    await forEachYielding(items, () => undefined);
    counter.stop();
    assert.ok(counter.turns >= 20, `${counter.turns} turns`);
  });

  it('is done at once where there is little of it', () => {
    let done = 0;
    void forEachYielding([1, 2, 3], () => (done += 1));
    assert.equal(done, 3);
  });

  it('ends where it fails', async () => {
    const done: number[] = [];
    const working = forEachYielding(items, (item) => {
      if (item === 500) throw new Error('no');
      done.push(item);
    });
    await assert.rejects(working, /no/);
    assert.equal(done.length, 500);
  });
});
