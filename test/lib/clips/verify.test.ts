import assert from 'node:assert/strict';
import { toleranceSeconds, verify } from '../../../lib/clips/verify';
import type { Mp4Info } from '../../../lib/mp4';
import { aClip } from './fake';

/** What a whole file of that length looks like. */
function mp4(duration: number | undefined, more: Partial<Mp4Info> = {}): Mp4Info {
  const info: Mp4Info = { whole: true, problems: [], fragmented: false, hasVideo: true, tracks: [], ...more };
  return duration === undefined ? info : { ...info, duration };
}

/** A clip of so many seconds. */
function clipOf(seconds: number, size?: number) {
  const start = Date.UTC(2025, 2, 1, 8);
  return aClip({
    start: new Date(start).toISOString(),
    end: new Date(start + seconds * 1000).toISOString(),
    ...(size === undefined ? {} : { size }),
  });
}

describe('the tolerance for the length of a clip', () => {
  const table: [number, number][] = [
    [0, 1],
    [1, 1],
    [10, 1],
    [15, 1.5],
    [30, 3],
    [50, 5],
    [60, 5],
    [3600, 5],
  ];
  for (const [range, expected] of table) {
    it(`is ${expected} s for ${range} s`, () => assert.equal(toleranceSeconds(range), expected));
  }
});

describe('a file that is verified', () => {
  const lengths: { range: number; duration: number; missing: number }[] = [
    { range: 30, duration: 30, missing: 0 },
    { range: 30, duration: 34, missing: 0 },
    { range: 30, duration: 27, missing: 0 },
    { range: 30, duration: 26.99, missing: 3.01 },
    { range: 30, duration: 0, missing: 30 },
    { range: 3600, duration: 3595, missing: 0 },
    { range: 3600, duration: 3594.9, missing: 5.1 },
    { range: 2, duration: 1, missing: 0 },
    { range: 2, duration: 0.9, missing: 1.1 },
  ];
  for (const { range, duration, missing } of lengths) {
    it(`with ${duration} of ${range} s ${missing ? `lacks ${missing} s` : 'is complete'}`, () => {
      const verdict = verify(clipOf(range), 1000, mp4(duration));
      assert.equal(verdict.incomplete, missing > 0);
      assert.equal(verdict.missingBefore, 0);
      assert.equal(verdict.missingAfter, missing);
      assert.equal(verdict.problems.length, missing > 0 ? 1 : 0);
      if (missing > 0) {
        assert.equal(verdict.problems[0], `the video has ${duration.toFixed(1)} of ${range.toFixed(1)} s`);
      }
    });
  }

  it('that is damaged is incomplete, and keeps the words for it', () => {
    const verdict = verify(clipOf(30), 1000, mp4(30, { whole: false, problems: ['the file ends in a box'] }));
    assert.deepEqual(verdict, {
      problems: ['the file ends in a box'],
      incomplete: true,
      missingBefore: 0,
      missingAfter: 0,
    });
  });

  it('without video is incomplete', () => {
    const verdict = verify(clipOf(30), 1000, mp4(30, { hasVideo: false }));
    assert.equal(verdict.incomplete, true);
    assert.deepEqual(verdict.problems, ['there is no video track in the file']);
  });

  it('that is damaged and without video does not complain twice', () => {
    const verdict = verify(clipOf(30), 1000, mp4(undefined, { whole: false, problems: ['no index'], hasVideo: false }));
    assert.deepEqual(verdict.problems, ['no index']);
  });

  it('of unknown length is complete with a note', () => {
    const verdict = verify(clipOf(30), 1000, mp4(undefined));
    assert.equal(verdict.incomplete, false);
    assert.deepEqual(verdict.problems, ['the duration of the video is not known']);
  });

  it('of another size than announced with the clip is complete with a note', () => {
    const verdict = verify(clipOf(30, 999), 1000, mp4(30));
    assert.equal(verdict.incomplete, false);
    assert.deepEqual(verdict.problems, ['the server announced 999 bytes for this clip and sent 1000']);
    assert.deepEqual(verify(clipOf(30, 1000), 1000, mp4(30)).problems, []);
    // An agreeing checksum has settled it.
    assert.deepEqual(verify(clipOf(30, 999), undefined, mp4(30)).problems, []);
  });

  it('leaves what was read from the file as it was', () => {
    const info = mp4(1, { problems: ['a'], whole: false });
    verify(clipOf(30, 1), 2, info);
    assert.deepEqual(info.problems, ['a']);
  });

  describe('of a clip with known gaps', () => {
    const at = (seconds: number): string => new Date(Date.parse(clipOf(30).start) + seconds * 1000).toISOString();
    const gap = (from: number, to: number) => ({ start: at(from), end: at(to) });

    const verifyWith = (gaps: { start: string; end: string }[], duration: number) =>
      verify({ ...clipOf(30), gaps }, 1000, mp4(duration));

    it('is complete without that footage, and says what is missing at which end', () => {
      assert.deepEqual(verifyWith([gap(0, 5), gap(10, 12), gap(27, 30)], 20), {
        problems: ['the video system has no footage of 10.0 s of the range'],
        incomplete: false,
        missingBefore: 5,
        missingAfter: 3,
      });
    });

    it('is incomplete when more than that is missing', () => {
      const verdict = verifyWith([gap(27, 30)], 15);
      assert.equal(verdict.incomplete, true);
      assert.deepEqual(verdict.problems, ['the video has 15.0 of 27.0 s']);
      assert.equal(verdict.missingAfter, 15);
    });

    it('lacks nothing when the file has all of it, whatever is claimed', () => {
      for (const gaps of [[gap(0, 30)], [gap(0, 10), gap(20, 30)], [gap(5, 25)]]) {
        assert.deepEqual(verifyWith(gaps, 30), { problems: [], incomplete: false, missingBefore: 0, missingAfter: 0 });
      }
    });

    it('never lacks more than range and length tell', () => {
      const { missingBefore, missingAfter, incomplete } = verifyWith([gap(0, 20), gap(20, 30)], 18);
      assert.deepEqual([missingBefore + missingAfter, incomplete], [12, false]);
    });

    it('is not excused by gaps that are shorter than what is missing', () => {
      assert.equal(verifyWith([gap(0, 1)], 10).incomplete, true);
    });
  });

  describe('and is longer than its range', () => {
    it('is told, beyond what key frames explain', () => {
      assert.deepEqual(verify(clipOf(4), 1, mp4(12)).problems, []);
      assert.deepEqual(verify(clipOf(4), 1, mp4(250)), {
        problems: ['the video has 250.0 s, 246.0 s more than was asked for'],
        incomplete: false,
        missingBefore: 0,
        missingAfter: 0,
      });
    });

    const spanning = (before: number, after: number) => {
      const { start, end, ...rest } = clipOf(30);
      const shift = (time: string, seconds: number) => new Date(Date.parse(time) + seconds * 1000).toISOString();
      return { ...rest, start, end, footage: { start: shift(start, -before), end: shift(end, after) } };
    };

    it('says by how much at which end, where the vendor tells what it spans', () => {
      const verdict = verify(spanning(60, 2.5), 1, mp4(92.5));
      assert.deepEqual([verdict.extraBefore, verdict.extraAfter, verdict.problems], [60, 2.5, []]);
      assert.equal('extraBefore' in verify(spanning(0, 2), 1, mp4(32)), false);
    });

    it('is incomplete where it is shorter than what it is said to span', () => {
      const verdict = verify(spanning(60, 0), 1, mp4(50));
      assert.deepEqual([verdict.incomplete, verdict.missingAfter], [true, 30]);
    });
  });
});
