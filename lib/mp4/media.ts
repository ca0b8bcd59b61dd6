// Compares where the index says that samples lie with the media data boxes that are there.
import type { Box } from './boxes';

/** Samples that the index lists and no media data box holds. */
export interface Lost {
  /** Bytes that are listed. */
  listed: number;
  /** Bytes of these that are in no media data box. */
  lost: number;
  /** First byte after the last listed sample. */
  end: number;
}

export interface MediaMap {
  /** In the order of the file. */
  addData(mdat: Box): void;
  /** Samples that a fragment lists: its media data may come later. */
  expect(start: number, bytes: number): void;
  /** All that was expected, once all media data is known. */
  lostOfFragments(): Lost;
  /** Is a stretch of the file inside one media data box? */
  holds(start: number, bytes: number): boolean;
}

export function mediaMap(): MediaMap {
  const bodies: number[] = [];
  const ends: number[] = [];
  /** Starts and ends by turns; neighbours are one. */
  const expected: number[] = [];

  function holds(start: number, bytes: number): boolean {
    let low = 0;
    let high = bodies.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bodies[middle]! <= start) low = middle + 1;
      else high = middle;
    }
    return low > 0 && start + bytes <= ends[low - 1]!;
  }

  return {
    holds,
    addData({ body, end }) {
      bodies.push(body);
      ends.push(end);
    },
    expect(start, bytes) {
      if (bytes === 0) return;
      if (expected.length > 0 && expected.at(-1) === start) expected[expected.length - 1] = start + bytes;
      else expected.push(start, start + bytes);
    },
    lostOfFragments() {
      const found: Lost = { listed: 0, lost: 0, end: 0 };
      for (let at = 0; at < expected.length; at += 2) {
        const [start, end] = [expected[at]!, expected[at + 1]!];
        countLost(found, start, end - start, holds(start, end - start));
      }
      return found;
    },
  };
}

export function countLost(found: Lost, start: number, bytes: number, isHeld: boolean): void {
  found.listed += bytes;
  if (!isHeld) found.lost += bytes;
  found.end = Math.max(found.end, start + bytes);
}
