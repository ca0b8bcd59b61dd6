import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { checkCount, checkSize, clipsNeeded, longestDays, mostParts, planParts } from '../../../lib/exports/plan';
import type { Footage, Gap } from '../../../lib/provider';

const epoch = Date.UTC(2025, 2, 1, 8, 50);
/** Seconds after the epoch of this test, as ISO 8601. */
const at = (seconds: number): string => new Date(epoch + seconds * 1000).toISOString();
const range = (start: number, end: number): Gap => ({ start: at(start), end: at(end) });
const seconds = ({ start, end }: Gap): number => (Date.parse(end) - Date.parse(start)) / 1000;
const relative = (parts: Gap[]): [number, number][] =>
  parts.map(({ start, end }) => [(Date.parse(start) - epoch) / 1000, (Date.parse(end) - epoch) / 1000]);

describe('the plan of an export', () => {
  const even: [what: string, from: number, to: number, limit: number | undefined, expected: [number, number][]][] = [
    ['is one clip without a limit', 0, 86_400, undefined, [[0, 86_400]]],
    ['is one clip when it fits', 0, 300, 300, [[0, 300]]],
    ['has full clips where they fit', 0, 900, 300, [[0, 300], [300, 600], [600, 900]]], // prettier-ignore
    ['has equal clips instead of a short last one', 0, 601, 300, [[0, 200], [200, 400], [400, 601]]], // prettier-ignore
    ['has clips that begin on whole seconds, whatever the range', 0.25, 599.75, 300, [[0, 300], [300, 599.75]]], // prettier-ignore
    ['leaves room for rounding to whole seconds', 0.5, 600.5, 300, [[0, 200], [200, 400], [400, 600.5]]], // prettier-ignore
    ['takes a limit with a fraction for the whole seconds in it', 0, 20, 10.9, [[0, 10], [10, 20]]], // prettier-ignore
    ['takes a limit below a second for one second', 0, 2, 0.5, [[0, 1], [1, 2]]], // prettier-ignore
    ['is one clip of less than a second', 0.2, 0.4, 300, [[0.2, 0.4]]],
  ];
  for (const [what, from, to, maxClipSeconds, expected] of even) {
    it(what, () => {
      const { parts, gaps } = planParts(range(from, to), { maxClipSeconds, gaps: [] });
      assert.deepEqual(relative(parts), expected);
      assert.deepEqual(gaps, []);
      assert.equal(clipsNeeded(range(from, to), maxClipSeconds), expected.length);
    });
  }

  it('neither loses nor repeats anything, for ranges and limits of any length', () => {
    const starts = [0, 0.001, 0.5, 17.999];
    const lengths = [0.001, 1, 59.5, 60, 60.001, 299.999, 600.5, 3599, 7201.3];
    const limits = [1, 7, 60, 299, 300, 600];
    const all = starts.flatMap((from) => lengths.flatMap((length) => limits.map((limit) => [from, length, limit])));
    for (const [from, length, maxClipSeconds] of all as [number, number, number][]) {
      const to = from + length;
      const { parts } = planParts(range(from, to), { maxClipSeconds, gaps: [] });
      assert.equal(parts[0]!.start, at(parts.length === 1 ? from : Math.floor(from)));
      assert.equal(parts.at(-1)!.end, at(to));
      for (const [index, part] of parts.entries()) {
        const roundedOutwards = Math.ceil(Date.parse(part.end) / 1000) - Math.floor(Date.parse(part.start) / 1000);
        assert.ok(seconds(part) > 0 && roundedOutwards <= maxClipSeconds, JSON.stringify(part));
        if (index > 0) assert.equal(part.start, parts[index - 1]!.end);
      }
      const inner = parts.slice(1, -1).map(seconds);
      if (inner.length > 0) assert.ok(Math.max(...inner) - Math.min(...inner) <= 1);
    }
  });

  const gappy: [what: string, gaps: [number, number][], parts: [number, number][], reported?: [number, number][]][] = [
    ['a gap in the middle', [[100, 200]], [[0, 100], [200, 400]]],
    ['gaps at both ends', [[0, 50], [380, 400]], [[50, 215], [215, 380]]],
    ['gaps that reach beyond the range', [[-50, 20], [390, 999]], [[20, 205], [205, 390]], [[0, 20], [390, 400]]],
    ['gaps outside the range', [[-90, -10], [400, 500]], [[0, 200], [200, 400]], []],
    ['gaps out of order that overlap', [[150, 250], [100, 200]], [[0, 100], [250, 400]], [[100, 250]]],
    ['a gap that covers all', [[-1, 401]], [], [[0, 400]]],
    ['an empty gap', [[10, 10]], [[0, 200], [200, 400]], []],
  ]; // prettier-ignore
  for (const [what, gaps, expected, reported = gaps] of gappy) {
    it(`does not ask for ${what}, and reports it`, () => {
      const footage: Footage = { maxClipSeconds: 300, gaps: gaps.map(([from, to]) => range(from, to)) };
      const plan = planParts(range(0, 400), footage);
      assert.deepEqual(relative(plan.parts), expected);
      assert.deepEqual(relative(plan.gaps), reported);
    });
  }

  describe('for clips that hold only whole pieces', () => {
    const pieces = (...spans: [number, number, number][]): Footage['pieces'] =>
      spans.map(([from, to, bytes]) => ({ ...range(from, to), bytes }));
    const six = pieces([-3, 10, 5], [10, 20, 5], [20, 30, 5], [30, 40, 5], [40, 50, 5], [50, 63, 5]);

    const cases: [what: string, footage: Partial<Footage>, expected: [number, number][]][] = [
      ['is one clip when all fit', { pieces: six, maxPieces: 6, maxBytes: 30 }, [[0, 60]]],
      ['cuts between pieces by their number', { pieces: six, maxPieces: 4 }, [[0, 40], [40, 60]]],
      ['cuts between pieces by their bytes', { pieces: six, maxBytes: 10 }, [[0, 20], [20, 40], [40, 60]]],
      ['cuts between pieces by time', { pieces: six, maxClipSeconds: 25 }, [[0, 20], [20, 40], [40, 60]]],
      ['gives a piece that is too large a clip of its own', { pieces: pieces([0, 30, 99], [30, 60, 1]), maxBytes: 10 }, [[0, 30], [30, 60]]],
      ['cuts at gaps, too', { pieces: six, maxPieces: 4, gaps: [range(20, 30)] }, [[0, 20], [30, 60]]],
      ['asks for the rest after the last piece, which may be on its way', { pieces: pieces([0, 10, 5]), maxPieces: 4 }, [[0, 60]]],
      ['does not depend on pieces that lie elsewhere', { pieces: pieces([90, 95, 5]), maxClipSeconds: 30 }, [[0, 30], [30, 60]]],
      ['cuts evenly where there are no pieces', { pieces: [], maxClipSeconds: 30 }, [[0, 30], [30, 60]]],
    ]; // prettier-ignore
    for (const [what, footage, expected] of cases) {
      it(what, () => {
        assert.deepEqual(relative(planParts(range(0, 60), { gaps: [], ...footage }).parts), expected);
      });
    }
  });
});

describe('an export that is too large', () => {
  const limitError = (message: RegExp) => (error: ClipError) => error.code === 'ELIMIT' && message.test(error.message);
  const days = (count: number) => ({ camera: '7/2', ...range(0, count * 86_400) });

  it('is refused by its length, with the length that fits', () => {
    checkSize([days(longestDays)], 3600);
    assert.throws(() => checkSize([days(400)], 3600), limitError(/camera 7\/2 is 400 days long.*at most 31 days/));
    assert.throws(() => checkSize([days(400)], undefined), limitError(/31 days/));
  });

  it('is refused by its number of clips, with what fits', () => {
    const cameras = Array.from({ length: 4 }, (_, index) => ({ ...days(10), camera: `7/${index}` }));
    assert.throws(() => checkSize(cameras, 300), limitError(/11520 clips.*at most 10000 clips.*208 hours of 4 camera/));
    checkSize(cameras.slice(1), 300);
    checkCount(mostParts, 1, undefined);
    assert.throws(() => checkCount(mostParts + 1, 1, undefined), limitError(/10001 clips.*at most 10000 clips\./));
  });
});
