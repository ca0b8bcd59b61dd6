import assert from 'node:assert/strict';
import {
  oldestPage,
  placeAt,
  readAll,
  readCursor,
  readPlace,
  writeCursor,
  writePlace,
  type Window,
} from '../../../lib/providers/event-list';

const foreign = { code: 'EINVALID', message: /not one of this provider/ };

describe('the cursor of a provider', () => {
  it('comes back as it was written, whatever is in it', () => {
    const place = { motion: '1 2', 'a=b&c': 'x?y %' };
    assert.deepEqual(Object.fromEntries(readCursor('one', writeCursor('one', place))), place);
  });

  it('is refused by any other provider, also by one whose name begins like that', () => {
    for (const other of ['two', 'on', 'one2']) {
      assert.throws(() => readCursor(other, writeCursor('one', { motion: '1' })), foreign);
    }
  });
});

describe('a place in a list of events', () => {
  it('comes back as it was written', () => {
    for (const place of [
      { from: 5, began: 3 },
      { from: 5, began: 3, spanMs: 7 },
    ]) {
      assert.deepEqual(readPlace(writePlace(place)), place);
    }
  });

  it('is refused where it is none', () => {
    for (const text of ['', '1', '1 2 3 4', '-1 2', '1.5 2', 'x 2', '1 2 ', '1  2', '1234567890123456 1']) {
      assert.throws(() => readPlace(text), foreign, text);
    }
  });

  it('lies back as far as events may be listed late, and never before the beginning', () => {
    assert.deepEqual(placeAt(0, 1000, 300), { from: 700, began: 700 });
    assert.deepEqual(placeAt(900, 1000, 300), { from: 900, began: 900 });
  });

  it('does not stay in the future when the clock of the vendor is set back', () => {
    assert.deepEqual(placeAt(5000, 1000, 300), { from: 700, began: 700 });
  });
});

describe('the oldest page behind a place', () => {
  const now = 1_000_000;

  /** A vendor that lists the newest first, and no more than asked for. */
  async function page(events: number[], from: number, limit: number, spanMs?: number) {
    const asked: Window[] = [];
    const place = { from, began: 0, ...(spanMs === undefined ? {} : { spanMs }) };
    const found = await oldestPage(place, { limit, overlapMs: 0 }, async (window, most) => {
      asked.push(window);
      const inside = events.filter((at) => at >= window.from && at < (window.to ?? Infinity)).reverse();
      return { rows: inside.slice(0, most), now, isCut: inside.length > most };
    });
    return { ...found, asked };
  }

  it('is all there is where that is no more than a page', async () => {
    const { rows, more, next, asked } = await page([100, 200], 0, 2);
    assert.deepEqual([rows, more, next, asked], [[200, 100], false, { from: now, began: now }, [{ from: 0 }]]);
  });

  it('is looked for in half the time, and again, until all of it is listed', async () => {
    const events = [10_000, 20_000, 400_000, 600_000, 900_000];
    const { rows, more, next } = await page(events, 0, 2);
    assert.deepEqual([rows, more], [[20_000, 10_000], true]);
    assert.deepEqual(next, { from: 250_000, began: 0, spanMs: 250_000 });
    // The next one begins with twice of what was no more than a page.
    const { asked } = await page(events, next.from, 2, next.spanMs);
    assert.deepEqual(asked, [{ from: 250_000, to: 750_000 }]);
  });

  it('is asked for as a whole where more than a page happens within a second', async () => {
    const events = Array.from({ length: 50 }, (_, index) => 500 + index);
    const { rows } = await page(events, 0, 4);
    assert.deepEqual(rows, events.reverse());
  });
});

describe('a list of events', () => {
  const read = (raw: string): string | undefined => raw.replace(/^odd$/, '') || undefined;

  it('is read without its odd entries', () => {
    assert.deepEqual(readAll(['a', 'odd', 'b'], read, 'Asking'), ['a', 'b']);
    assert.deepEqual(readAll([], read, 'Asking'), []);
  });

  it('is an error where nothing of it can be read', () => {
    assert.throws(() => readAll(['odd', 'odd'], read, 'Asking'), {
      code: 'EPROTOCOL',
      message: /^None of the 2 events can be read/,
    });
  });
});
