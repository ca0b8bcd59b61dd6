import assert from 'node:assert/strict';
import {
  excessOf,
  footageIn,
  readTimeline,
  secondsOf,
  selectorOf,
  type Span,
} from '../../../../lib/providers/kinesis-video/plan';
import type { Fragment } from '../../../../lib/providers/kinesis-video/types';

const S = 1000;
const longAfter = 1e9;

/** Fragments that start at these seconds on the camera's clock; they arrive 11 s later unless told otherwise. */
function fragments(starts: number[], change: Partial<Fragment> = {}, arrivals?: number[]): Fragment[] {
  return starts.map((start, index) => ({
    number: String(1000 + index),
    producerMs: start * S,
    serverMs: (arrivals?.[index] ?? start + 11) * S,
    lengthMs: 2 * S,
    bytes: 1000,
    ...change,
  }));
}

const timeline = (list: Fragment[]): Span[] => readTimeline(list, 'PRODUCER_TIMESTAMP');
const starts = (spans: Span[]): number[] => spans.map(({ atMs }) => atMs / S);
const gapsIn = (spans: Span[], from: number, to: number, now = longAfter): [number, number][] =>
  footageIn(spans, { start: from * S, end: to * S }, now).gaps.map(({ start, end }) => [
    Date.parse(start) / S,
    Date.parse(end) / S,
  ]);

describe('Kinesis Video Streams: planning', () => {
  describe('a timeline', () => {
    it('is in order and has each time once, of what was ingested first', () => {
      const late = { ...fragments([4])[0]!, number: '99999', bytes: 7 };
      const longer = { ...fragments([2])[0]!, number: '10000000', bytes: 7 };
      const spans = timeline([late, longer, ...fragments([4, 0, 2])]);
      assert.deepEqual(starts(spans), [0, 2, 4]);
      assert.deepEqual(
        spans.map(({ bytes }) => bytes),
        [1000, 1000, 1000],
      );
    });

    it('leaves out what has no time on its clock', () => {
      assert.deepEqual(starts(timeline([...fragments([0]), ...fragments([2], { producerMs: undefined })])), [0]);
    });

    const lengths: [string, Partial<Fragment>][] = [
      ['are right', {}],
      ['lack the last frame', { lengthMs: 1796 }],
      ['lack a second, at one frame per second', { lengthMs: 1000 }],
      ['are all 0', { lengthMs: 0 }],
      ['are a little too long', { lengthMs: 2040 }],
    ];
    for (const [how, change] of lengths) {
      it(`finds the one gap where declared lengths ${how}`, () => {
        const spans = timeline(fragments([0, 2, 4, 6, 14, 16, 18], change));
        const [[from, to] = [0, 0], ...others] = gapsIn(spans, 0, 19);
        assert.deepEqual([to, others], [14, []]);
        assert.ok(Math.abs(from - 8) <= 0.05, String(from));
      });
    }

    it('claims no gap behind a single fragment of unknown length', () => {
      assert.deepEqual(gapsIn(timeline(fragments([0], { lengthMs: 0 })), 0, 15), []);
    });

    it('takes bursts of arrivals for what they are, and a pause for a gap', () => {
      const arrivals = [11, 11.2, 18, 18.1, 18.2, 23, 60, 62];
      const list = fragments([0, 2, 4, 6, 8, 10, 50, 52], {}, arrivals);
      const spans = readTimeline(list, 'SERVER_TIMESTAMP');
      assert.deepEqual(gapsIn(spans, 11, 63), [[25, 60]]);
      assert.equal(secondsOf(spans), 16);
    });

    it('goes by arrivals alone where the clock of the camera stands still', () => {
      const list = fragments([0, 2, 4, 20], {}).map((fragment) => ({ ...fragment, producerMs: 5 }));
      assert.deepEqual(gapsIn(readTimeline(list, 'SERVER_TIMESTAMP'), 11, 33), [[17, 31]]);
    });
  });

  describe('the footage of a range', () => {
    const spans = timeline(fragments([0, 2, 4, 6, 8, 10]));

    it('begins with the fragment under way, and has none that starts at the end', () => {
      const footage = footageIn(spans, { start: 5 * S, end: 8 * S }, longAfter);
      assert.deepEqual(starts(footage.spans), [4, 6]);
      assert.deepEqual([footage.gaps, footage.arriving], [[], false]);
      assert.deepEqual(selectorOf(footage.spans), { start: 3999, end: 6001 });
    });

    it('does not begin with one that has ended', () => {
      assert.deepEqual(starts(footageIn(spans, { start: 6 * S, end: 7 * S }, longAfter).spans), [6]);
    });

    it('says what is missing at its ends, but not what is too short to matter', () => {
      assert.deepEqual(gapsIn(spans, -5, 20), [
        [-5, 0],
        [12, 20],
      ]);
      assert.deepEqual(gapsIn(spans, -1, 13), []);
    });

    it('takes a missing end for on its way during a minute', () => {
      const range = { start: 4 * S, end: 20 * S };
      const soon = footageIn(spans, range, 79 * S);
      assert.deepEqual([soon.arriving, gapsIn(spans, 4, 20, 79 * S)], [true, [[12, 19]]]);
      const later = footageIn(spans, range, 80 * S);
      assert.deepEqual([later.arriving, gapsIn(spans, 4, 20, 80 * S)], [false, [[12, 20]]]);
      assert.equal(footageIn(spans, { start: 4 * S, end: 12 * S }, 13 * S).arriving, false);
    });
  });

  describe('the limit', () => {
    const seconds = (count: number, bytes = 1000): Span[] =>
      timeline(
        fragments(
          Array.from({ length: count }, (_, index) => index * 2),
          { bytes },
        ),
      );

    it('lets 200 fragments through, and tells how much of more fits', () => {
      assert.equal(excessOf(seconds(200), 0), undefined);
      assert.deepEqual(excessOf(seconds(201), 0), { fragments: 201, bytes: 201_000, fitsSeconds: 400 });
      assert.equal(excessOf(seconds(201), 1500)?.fitsSeconds, 398);
    });

    it('lets 100 MB through, and tells how much of more fits', () => {
      assert.equal(excessOf(seconds(10, 10e6), 0), undefined);
      assert.deepEqual(excessOf(seconds(11, 10e6), 0), { fragments: 11, bytes: 110e6, fitsSeconds: 20 });
    });
  });
});
