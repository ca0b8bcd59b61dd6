/** Times, and ranges of them. */
import assert from 'node:assert/strict';
import vm from 'node:vm';
import {
  checkLength,
  complementRanges,
  intersectRanges,
  mergeRanges,
  parseInstant,
  rangeAround,
  rangeBetween,
  toIso,
  toRange,
  toTimeRange,
} from '../../lib/time-range';
import { ClipError } from '../../lib/errors';

const instant = Date.UTC(2025, 2, 1, 8, 50, 0);
const now = instant + 60_000;
const parse = (value: unknown) => parseInstant(value, 'msg.start', now);

function errorOf(action: () => unknown): ClipError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof ClipError, `not a ClipError: ${String(error)}`);
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('parseInstant', () => {
  const accepted: [string, unknown, number][] = [
    ['epoch milliseconds', instant, instant],
    ['epoch milliseconds with a fraction', instant + 0.75, instant],
    ['epoch milliseconds as digits', String(instant), instant],
    ['epoch seconds', instant / 1000, instant],
    ['epoch seconds as digits', String(instant / 1000), instant],
    ['an offset with the name of its zone', '2025-03-01T09:50:00+01:00[Europe/Berlin][u-ca=gregory]', instant],
    ['Z with the name of a zone', '2025-03-01T08:50:00Z[Etc/UTC]', instant],
    ['epoch seconds with a fraction', instant / 1000 + 0.123456, instant + 123],
    ['epoch seconds with a fraction as text', `${instant / 1000}.123456`, instant + 123],
    ['ISO basic', '20250301T085000Z', instant],
    ['ISO basic with a fraction', '20250301T085000.5Z', instant + 500],
    ['ISO basic without seconds', '20250301T0850Z', instant],
    ['ISO basic with an offset', '20250301T095000+0100', instant],
    ['the first instant of 2000', 946684800000, 946684800000],
    ['a Date', new Date(instant), instant],
    ['a Date of another context', vm.runInNewContext(`new Date(${instant})`), instant],
    ['Z', '2025-03-01T08:50:00Z', instant],
    ['lower-case t and z', '2025-03-01t08:50:00z', instant],
    ['a blank instead of T', '2025-03-01 08:50:00Z', instant],
    ['a blank before the zone', '2025-03-01 09:50:00 +0100', instant],
    ['blanks around', ' 2025-03-01T08:50:00Z\n', instant],
    ['no seconds', '2025-03-01T08:50Z', instant],
    ['an offset with colon', '2025-03-01T10:50:00+02:00', instant],
    ['an offset without colon', '2025-03-01T10:50:00+0200', instant],
    ['an offset in hours', '2025-03-01T10:50:00+02', instant],
    ['a negative offset over midnight', '2025-02-28T23:20:00-09:30', instant],
    ['an offset of 45 minutes', '2025-03-01T14:35:00+05:45', instant],
    ['a zero offset', '2025-03-01T08:50:00-00:00', instant],
    ['tenths', '2025-03-01T08:50:00.1Z', instant + 100],
    ['milliseconds', '2025-03-01T08:50:00.012Z', instant + 12],
    ['a decimal comma', '2025-03-01T08:50:00,5Z', instant + 500],
    ['nanoseconds, cut off to milliseconds', '2025-03-01T08:50:00.999999999Z', instant + 999],
    ['a very long fraction', `2025-03-01T08:50:00.12${'9'.repeat(5000)}Z`, instant + 129],
    ['29 February of a leap year', '2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['29 February 2000', '2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['the last second of a day', '2024-12-31T23:59:59Z', Date.UTC(2024, 11, 31, 23, 59, 59)],
    ['exactly a day ahead', now + 86_400_000, now + 86_400_000],
  ];
  for (const [name, value, expected] of accepted) {
    it(`accepts ${name}`, () => assert.equal(parse(value), expected));
  }

  const refused: [string, unknown, RegExp?][] = [
    ['ISO basic without a zone', '20250301T085000', /needs a zone/],
    ['a day in ISO basic that does not exist', '20250230T085000Z', /does not exist/],
    ['undefined', undefined, /missing/],
    ['null', null, /null/],
    ['an empty text', ''],
    ['blanks', '   '],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['an invalid Date', new Date(NaN), /invalid date/],
    ['an invalid Date of another context', vm.runInNewContext('new Date(NaN)'), /invalid date/],
    ['an object', { time: instant }, /an object/],
    ['an object that would convert to a number', { valueOf: () => instant }, /an object/],
    ['an array', [instant], /an array/],
    ['a boolean', true, /true/],
    ['a bigint', BigInt(instant)],
    ['a symbol', Symbol('now')],
    ['a function', () => instant],
    ['words', 'yesterday'],
    ['a date in another notation', '01/03/2025 08:50'],
    ['digits with a sign', `+${instant}`],
    ['hexadecimal digits', '0x19550000000'],
    ['digits without end', '9'.repeat(400)],
    ['a time only', '08:50:00Z'],
    ['text after the zone', '2025-03-01T08:50:00Z and more'],
    ['a line break inside', '2025-03-01\n08:50:00Z'],
    ['30 February', '2025-02-30T08:50:00Z', /does not exist/],
    ['29 February of a common year', '2025-02-29T08:50:00Z', /does not exist/],
    ['29 February 2100', '2100-02-29T08:50:00Z', /does not exist/],
    ['31 April', '2025-04-31T08:50:00Z', /does not exist/],
    ['month 13', '2025-13-01T08:50:00Z', /does not exist/],
    ['month 0', '2025-00-01T08:50:00Z', /does not exist/],
    ['day 0', '2025-03-00T08:50:00Z', /does not exist/],
    ['24:00', '2025-03-01T24:00:00Z', /does not exist/],
    ['minute 60', '2025-03-01T08:60:00Z', /does not exist/],
    ['second 60', '2025-03-01T08:50:60Z', /does not exist/],
    ['an offset of 24 hours', '2025-03-01T08:50:00+24:00', /does not exist/],
    ['an offset with 60 minutes', '2025-03-01T08:50:00+01:60', /does not exist/],
    ['a date-time without zone', '2025-03-01T08:50:00', /needs a zone \(Z or an offset\), as in \d{4}-/],
    ['a date-time without seconds and zone', '2025-03-01 08:50', /needs a zone/],
    ['a date only', '2025-03-01', /date only: it needs a time and a zone \(Z or an offset\), as in \d{4}-/],
    ['1999', '1999-12-31T23:59:59Z', /before the year 2000/],
    ['a time that its offset takes to 1999', '2000-01-01T00:30:00+01:00', /before the year 2000/],
    ['the year 0', '0000-01-01T00:00:00Z', /before the year 2000/],
    ['zero', 0, /before the year 2000/],
    ['a negative number', -instant, /before the year 2000/],
    ['9 digits', 999_999_999, /before the year 2000/],
    ['11 digits', 17408190000, /before the year 2000/],
    ['an old Date', new Date(0), /before the year 2000/],
    ['more than a day ahead', now + 86_400_001, /more than a day in the future/],
    ['microseconds', instant * 1000, /more than a day in the future/],
    ['a huge number', 1e300, /more than a day in the future/],
    ['seconds of the far future', '9999999999', /more than a day in the future/],
  ];
  for (const [name, value, message] of refused) {
    it(`refuses ${name}, naming the field`, () => {
      const error = errorOf(() => parse(value));
      assert.equal(error.code, 'EINVALID');
      assert.equal(error.retryable, false);
      assert.match(error.message, /^msg\.start /);
      if (message) assert.match(error.message, message);
    });
  }

  it('shows at most 40 characters of what was given, on one line', () => {
    const { message } = errorOf(() => parse(`tomorrow\r\n\u202e${'x'.repeat(100)}SECRET`));
    const given = /"([^"]*)"/.exec(message)?.[1] ?? '';
    assert.equal(given.length, 40);
    assert.match(given, /^tomorrow {3}x+…$/);
    assert.doesNotMatch(message, /SECRET|[\r\n]/);
  });

  it('shows 40 characters whole', () => {
    assert.match(errorOf(() => parse('x'.repeat(40))).message, new RegExp(`"${'x'.repeat(40)}"`));
  });

  it('shows nothing of what is in an object', () => {
    assert.doesNotMatch(errorOf(() => parse({ password: 'SECRET' })).message, /SECRET|password/);
  });

  it('answers at once for very long texts', () => {
    const started = performance.now();
    for (const text of [`2025-03-01T08:50:00.${'1'.repeat(1e6)}`, ' '.repeat(1e6) + 'x', '1'.repeat(1e6)]) {
      assert.equal(errorOf(() => parse(text)).code, 'EINVALID');
    }
    assert.ok(performance.now() - started < 5000);
  });
});

describe('rangeAround', () => {
  it('puts pre-roll and post-roll around the instant', () => {
    assert.deepEqual(rangeAround({ time: instant, beforeSeconds: 10, afterSeconds: 20.5 }), {
      start: instant - 10_000,
      end: instant + 20_500,
    });
  });

  it('allows one of both to be 0', () => {
    assert.equal(rangeAround({ time: instant, beforeSeconds: 0, afterSeconds: 1 }).start, instant);
    assert.equal(rangeAround({ time: instant, beforeSeconds: 1, afterSeconds: 0 }).end, instant);
  });

  it('makes whole milliseconds', () => {
    const { start, end } = rangeAround({ time: instant, beforeSeconds: 0.1234, afterSeconds: 0.0016 });
    assert.deepEqual({ start, end }, { start: instant - 123, end: instant + 2 });
  });

  const refused: [string, { time: number; beforeSeconds: number; afterSeconds: number }, RegExp][] = [
    ['a negative pre-roll', { time: instant, beforeSeconds: -1, afterSeconds: 5 }, /^before .*-1/],
    ['a negative post-roll', { time: instant, beforeSeconds: 5, afterSeconds: -1 }, /^after /],
    ['an endless pre-roll', { time: instant, beforeSeconds: Infinity, afterSeconds: 5 }, /^before /],
    ['a post-roll that is no number', { time: instant, beforeSeconds: 5, afterSeconds: NaN }, /^after /],
    ['a pre-roll that no date can hold', { time: instant, beforeSeconds: 1e300, afterSeconds: 5 }, /^start /],
    ['an empty range', { time: instant, beforeSeconds: 0, afterSeconds: 0 }, /both 0/],
    ['an instant that is no number', { time: NaN, beforeSeconds: 1, afterSeconds: 1 }, /NaN/],
  ];
  for (const [name, range, message] of refused) {
    it(`refuses ${name}`, () => {
      const error = errorOf(() => rangeAround(range));
      assert.equal(error.code, 'EINVALID');
      assert.match(error.message, message);
    });
  }
});

describe('rangeBetween', () => {
  it('keeps a start before its end', () => {
    assert.deepEqual(rangeBetween({ start: instant, end: instant + 1 }), { start: instant, end: instant + 1 });
  });

  for (const [name, end] of [
    ['equal times', instant],
    ['a start after the end', instant - 1],
    ['a missing end', NaN],
    ['an endless end', Infinity],
  ] as const) {
    it(`refuses ${name}`, () => assert.equal(errorOf(() => rangeBetween({ start: instant, end })).code, 'EINVALID'));
  }

  it('names both times in the message', () => {
    const { message } = errorOf(() => rangeBetween({ start: instant, end: instant - 1000 }));
    assert.match(message, /2025-03-01T08:50:00\.000Z.*2025-03-01T08:49:59\.000Z/);
    const same = errorOf(() => rangeBetween({ start: instant, end: instant }));
    assert.match(same.message, /before the end: both are 2025-03-01T08:50:00\.000Z/);
  });
});

describe('ranges over a change of the clocks and over the leap day', () => {
  const later = Date.UTC(2026, 0, 1);
  const ranges: [what: string, start: string, end: string, hours: number][] = [
    ['is an hour shorter than it looks in spring', '2025-03-30T01:00:00+01:00', '2025-03-30T04:00:00+02:00', 2],
    ['is an hour longer than it looks in autumn', '2025-10-26T01:00:00+02:00', '2025-10-26T04:00:00+01:00', 4],
    ['is the second of two equal hours', '2025-10-26T02:00:00+02:00', '2025-10-26T02:00:00+01:00', 1],
    ['has a day more in a leap year', '2024-02-28T12:00:00Z', '2024-03-01T12:00:00Z', 48],
  ];
  for (const [what, start, end, hours] of ranges) {
    it(what, () => {
      const [from, to] = [start, end].map((text) => parseInstant(text, 'msg.start', later)) as [number, number];
      const range = rangeBetween({ start: from, end: to });
      assert.equal((range.end - range.start) / 3_600_000, hours);
    });
  }

  it('reach over it from an instant on either side by as many seconds as they should', () => {
    for (const text of ['2025-03-30T00:59:55Z', '2025-10-26T00:59:55Z', '2024-02-29T23:59:55Z']) {
      const time = parseInstant(text, 'msg.time', later);
      const { start, end } = rangeAround({ time, beforeSeconds: 10, afterSeconds: 20 });
      assert.deepEqual([time - start, end - time], [10_000, 20_000]);
    }
  });
});

describe('checkLength', () => {
  const range = { start: instant, end: instant + 600_000 };

  it('allows a range as long as the limit', () => checkLength(range, 600));
  it('allows any range without a limit', () => checkLength(range, undefined));

  it('says how long the range is and what the limit is', () => {
    const error = errorOf(() => checkLength({ ...range, end: range.end + 1 }, 600, 'cameras[2]'));
    assert.equal(error.code, 'ELIMIT');
    assert.equal(error.message, 'cameras[2] is 600.001 s long; the limit is 600 s');
  });
});

describe('toIso', () => {
  it('writes UTC with Z', () => assert.equal(toIso(instant + 5), '2025-03-01T08:50:00.005Z'));
  it('is read back', () => assert.equal(parse(toIso(instant)), instant));
  for (const ms of [NaN, Infinity, 1e300]) {
    it(`refuses ${ms}`, () => assert.equal(errorOf(() => toIso(ms)).code, 'EINVALID'));
  }
});

describe('ranges of time', () => {
  const ranges = (...ends: [number, number][]) => ends.map(([start, end]) => ({ start, end }));
  const whole = { start: 10, end: 100 };

  it('are merged where they overlap or touch', () => {
    assert.deepEqual(mergeRanges(ranges([5, 7], [1, 3], [3, 4], [2, 3], [6, 9], [8, 8])), ranges([1, 4], [5, 9]));
    assert.deepEqual(mergeRanges([]), []);
  });

  it('are cut to a whole', () => {
    assert.deepEqual(
      intersectRanges(whole, ranges([0, 5], [5, 20], [90, 200], [100, 300])),
      ranges([10, 20], [90, 100]),
    );
  });

  it('leave the rest of a whole', () => {
    assert.deepEqual(complementRanges(whole, ranges([20, 30], [25, 40], [0, 12])), ranges([12, 20], [40, 100]));
    assert.deepEqual(complementRanges(whole, []), [whole]);
    assert.deepEqual(complementRanges(whole, ranges([0, 500])), []);
  });

  it('together are the whole again', () => {
    for (let round = 0; round < 200; round += 1) {
      const random = Array.from({ length: round % 7 }, () => {
        const start = Math.floor(Math.random() * 120);
        return { start, end: start + Math.floor(Math.random() * 30) };
      });
      const both = [...complementRanges(whole, random), ...intersectRanges(whole, random)];
      assert.deepEqual(mergeRanges(both), [whole], JSON.stringify(random));
    }
  });

  it('are written and read', () => {
    const range = { start: '2025-03-01T08:50:00.000Z', end: '2025-03-01T08:51:00.000Z' };
    assert.deepEqual(toRange(toTimeRange(range)), range);
  });
});
