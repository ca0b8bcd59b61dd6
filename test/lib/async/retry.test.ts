/** Pauses between tries. */
import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { backoffMs, maxAttempts, retryDelayMs } from '../../../lib/async/retry';

const network = new ClipError('ENETWORK', 'reset');
const least = (): number => 0;
const middle = (): number => 0.5;
const most = (): number => 1;

describe('the wait before another try', () => {
  const table: [number, number][] = [
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [4, 8_000],
    [6, 32_000],
    [7, 60_000],
    [50, 60_000],
    [5_000, 60_000],
  ];
  for (const [failures, expectedMs] of table) {
    it(`is about ${expectedMs / 1000} s after ${failures} failures`, () => {
      assert.equal(backoffMs(network, failures, middle), expectedMs);
      assert.equal(backoffMs(network, failures, least), expectedMs * 0.75);
      assert.equal(backoffMs(network, failures, most), expectedMs * 1.25);
    });
  }

  it('is never shorter than the vendor asks for, up to a quarter of an hour', () => {
    const asking = (retryAfterMs: number) => new ClipError('ETHROTTLED', 'busy', { retryAfterMs });
    assert.equal(backoffMs(asking(90_000), 1, most), 90_000);
    assert.equal(backoffMs(asking(10), 1, middle), 1_000);
    assert.equal(backoffMs(asking(24 * 3_600_000), 1, middle), 900_000);
    assert.equal(backoffMs(asking(0), 1, middle), 1_000);
  });

  it('differs from caller to caller', () => {
    const waits = new Set(Array.from({ length: 20 }, () => backoffMs(network, 5)));
    assert.ok(waits.size > 1);
    for (const waitMs of waits) assert.ok(waitMs >= 12_000 && waitMs <= 20_000, `${waitMs} ms`);
  });
});

describe('another try', () => {
  it('is made up to the last attempt', () => {
    for (let failures = 1; failures < maxAttempts; failures += 1) {
      assert.equal(retryDelayMs(network, failures, { random: middle }), backoffMs(network, failures, middle));
    }
    assert.equal(retryDelayMs(network, maxAttempts, { random: middle }), undefined);
    assert.equal(retryDelayMs(network, maxAttempts + 1), undefined);
  });

  it('is made for a quarter of an hour where the server has worked and is away', () => {
    const gateway = new ClipError('ENOTFOUND', 'a page', { inconclusive: true });
    for (const error of [network, gateway]) {
      let waitedMs = 0;
      let failures = 1;
      for (let waitMs; (waitMs = retryDelayMs(error, failures, { hasWorked: true, random: middle })); failures += 1) {
        waitedMs += waitMs;
      }
      assert.ok(waitedMs > 14 * 60_000 && waitedMs < 16 * 60_000, `${waitedMs} ms`);
    }
    const damaged = new ClipError('EINCOMPLETE', 'damaged', { retryable: true });
    assert.equal(retryDelayMs(damaged, maxAttempts, { hasWorked: true }), undefined);
    assert.equal(retryDelayMs(new ClipError('EAUTH', 'no'), 1, { hasWorked: true }), undefined);
  });

  it('is not made for what will not pass', () => {
    assert.equal(retryDelayMs(new ClipError('EAUTH', 'no'), 1), undefined);
    assert.equal(retryDelayMs(new ClipError('ENETWORK', 'certificate', { retryable: false }), 1), undefined);
    assert.equal(retryDelayMs(new ClipError('EFAILED', 'HTTP 500', { retryable: true }), 1, { random: middle }), 1_000);
  });
});
