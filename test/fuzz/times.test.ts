import assert from 'node:assert/strict';
import fc from 'fast-check';
import { complementRanges, intersectRanges, mergeRanges, parseInstant, rangeAround, toIso } from '../../lib/time-range';
import { retryAfterMs } from '../../lib/net/status';
import { fuzz, oddNumber, oddText, oddValue, resultOrError, suiteTimeoutMs } from './fuzz';

const now = Date.parse('2026-01-01T00:00:00Z');
const dayMs = 86_400_000;

describe('Fuzz: times', function () {
  this.timeout(suiteTimeoutMs);

  it('an instant lies between the year 2000 and tomorrow, or is refused in words', async () => {
    const digits = fc.stringMatching(/^\d{1,18}(\.\d{0,12})?$/);
    const iso = fc.stringMatching(
      /^\d{4}-?\d\d-?\d\d[Tt ]\d\d:?\d\d(:?\d\d([.,]\d{1,9})?)? ?([Zz]|[+-]\d\d(:?\d\d)?)?$/,
    );
    await fuzz(fc.oneof(oddValue(), digits, iso, fc.date()), async (value) => {
      const instant = await resultOrError(() => parseInstant(value, 'msg.start', now));
      if (instant === undefined) return;
      assert.ok(
        Number.isSafeInteger(instant) && instant >= Date.UTC(2000, 0, 1) && instant <= now + dayMs,
        String(instant),
      );
      assert.equal(Date.parse(toIso(instant)), instant);
    });
  });

  it('an instant of ISO 8601 is the one that it says', async () => {
    const zones = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 });
    const instants = fc.integer({ min: Date.UTC(2000, 0, 2), max: now });
    await fuzz(fc.tuple(instants, zones), ([instant, offset]) => {
      const pad = (value: number): string => String(value).padStart(2, '0');
      const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
      const local = new Date(instant + offset * 60_000).toISOString().slice(0, -1);
      const text = `${local}${offset < 0 ? '-' : '+'}${pad(hours)}:${pad(minutes)}`;
      assert.equal(parseInstant(text, 'msg.start', now), instant, text);
    });
  });

  it('a range around an instant is one, or is refused in words', async () => {
    const numbers = fc.record({ time: oddNumber, beforeSeconds: oddNumber, afterSeconds: oddNumber });
    await fuzz(numbers, async (given) => {
      const range = await resultOrError(() => rangeAround(given));
      assert.ok(!range || range.start < range.end);
    });
  });

  it('gaps and footage share a range between them', async () => {
    const times = fc.integer({ min: 0, max: 100 });
    const range = fc.tuple(times, times).map(([start, end]) => ({ start, end }));
    await fuzz(fc.tuple(range, fc.array(range, { maxLength: 8 })), ([whole, parts]) => {
      if (whole.start >= whole.end) return;
      const inside = intersectRanges(whole, parts);
      const rest = complementRanges(whole, parts);
      assert.deepEqual(mergeRanges([...inside, ...rest]), [whole]);
      const lengthOf = (ranges: typeof rest): number => ranges.reduce((sum, { start, end }) => sum + end - start, 0);
      assert.equal(lengthOf(inside) + lengthOf(rest), whole.end - whole.start);
    });
  });

  it('a pause that a server asks for is between nothing and a day', async () => {
    const headers = fc.record({ 'retry-after': oddText, 'ratelimit-reset': oddText, 'x-ratelimit-reset': oddText });
    await fuzz(headers, (given) => {
      const pause = retryAfterMs(given, now);
      assert.ok(pause === undefined || (Number.isFinite(pause) && pause >= 0 && pause <= dayMs), String(pause));
    });
  });
});
