import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  afterFailedLogin,
  afterLogin,
  afterRefusal,
  afterSuccess,
  blockedBy,
  classifyFailure,
  closedBreaker,
  isProven,
  type BreakerState,
} from '../../../lib/connection/circuit-breaker';
import { ClipError } from '../../../lib/errors';

const start = 1_000_000;
const refusal = new ClipError('EAUTH', 'Wrong password', { vendorCode: '-55' });
const page = new ClipError('ENOTFOUND', 'HTTP 404', { inconclusive: true });

describe('the kind of a failure', () => {
  const kinds: [string, ClipError, ReturnType<typeof classifyFailure>][] = [
    ['a refused password', refusal, 'refused'],
    ['an HTTP status 401', new ClipError('EAUTH', 'HTTP 401', { inconclusive: true }), 'refused'],
    ['a session that a fresh one may replace', new ClipError('EAUTH', 'x', { sessionExpired: true }), 'passing'],
    ['a limit with a pause', new ClipError('ETHROTTLED', 'x', { retryAfterMs: 9 }), 'rate-limited'],
    ['a server that is busy for a while', new ClipError('ENETWORK', 'HTTP 503', { retryAfterMs: 9 }), 'rate-limited'],
    ['a limit without a pause', new ClipError('ETHROTTLED', 'x'), 'passing'],
    ['a pause for one clip', new ClipError('ENOTFOUND', 'x', { retryAfterMs: 9, retryable: true }), 'passing'],
    ['the page of a gateway', page, 'passing'],
    ['an answer that cannot be read', new ClipError('EPROTOCOL', 'x'), 'passing'],
    ['a broken connection', new ClipError('ENETWORK', 'x'), 'passing'],
    ['a camera that the vendor does not know', new ClipError('ENOTFOUND', 'x'), 'final'],
    ['a certificate that is not trusted', new ClipError('ENETWORK', 'x', { retryable: false }), 'final'],
  ];
  for (const [name, error, kind] of kinds)
    it(`is ${kind} for ${name}`, () => assert.equal(classifyFailure(error), kind));
});

describe('a circuit breaker', () => {
  it('latches at the first refusal of credentials that have never worked', () => {
    const state = afterRefusal(closedBreaker, refusal, start, start);
    const blocked = blockedBy(state, start + 1e12);
    assert.deepEqual({ ...blocked }, { code: 'EAUTH', retryable: false, vendorCode: '-55' });
    assert.match(
      blocked!.message,
      /^Wrong password\. Nothing more is sent until the connection is corrected and deployed$/,
    );
  });

  it('gives credentials that have worked three tries over two minutes', () => {
    let state = afterSuccess();
    const tries: number[] = [];
    for (let now = start; now < start + 600_000; now += 1_000) {
      const blocked = blockedBy(state, now);
      if (blocked) {
        assert.equal(blocked.retryable, !state.open?.isLatched);
        continue;
      }
      tries.push(now - start);
      state = afterRefusal(state, refusal, now, now);
    }
    assert.deepEqual(tries, [0, 10_000, 120_000]);
    assert.equal(state.open?.isLatched, true);
  });

  it('counts requests that were under way together as one try', () => {
    let state = afterSuccess();
    for (let count = 0; count < 5; count += 1) state = afterRefusal(state, refusal, start - 1 - count, start);
    assert.deepEqual([state.refusals, state.open?.isLatched], [1, false]);
  });

  it('forgets refusals when the credentials work again', () => {
    const refused = afterRefusal(afterSuccess(), refusal, start, start);
    assert.equal(isProven(refused), false);
    assert.equal(isProven(afterSuccess()), true);
    assert.deepEqual(afterSuccess(), { hasWorked: true, refusals: 0, failedLogins: 0 });
  });

  it('takes a session for no proof of the credentials', () => {
    const state = afterLogin(afterFailedLogin(closedBreaker, page, start));
    assert.deepEqual([state.hasWorked, state.failedLogins, blockedBy(state, start)], [false, 0, undefined]);
    assert.equal(afterRefusal(state, refusal, start, start).open?.isLatched, true);
  });

  it('pauses longer after each failed login, from five seconds up to five minutes, and never for good', () => {
    let state: BreakerState = closedBreaker;
    let now = start;
    const pauses: number[] = [];
    for (let count = 0; count < 9; count += 1) {
      state = afterFailedLogin(state, page, now);
      const { retryAfterMs = 0, retryable, inconclusive } = blockedBy(state, now)!;
      assert.deepEqual([retryable, inconclusive], [true, true]);
      pauses.push(retryAfterMs / 1000);
      now += retryAfterMs;
      assert.equal(blockedBy(state, now), undefined);
    }
    assert.deepEqual(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it('waits as long as the server asks for, within five minutes', () => {
    const asking = (retryAfterMs: number) => new ClipError('ELIMIT', 'full', { retryable: true, retryAfterMs });
    const wait = (error: ClipError) => blockedBy(afterFailedLogin(closedBreaker, error, start), start)!.retryAfterMs;
    assert.deepEqual([wait(asking(60_000)), wait(asking(1)), wait(asking(1e9))], [60_000, 5_000, 300_000]);
  });

  it('says that a login is not worth waiting for where its failure is final, and tries again all the same', () => {
    const state = afterFailedLogin(closedBreaker, new ClipError('EINVALID', 'no password'), start);
    assert.equal(blockedBy(state, start + 1)!.retryable, false);
    assert.equal(blockedBy(state, start + 5_000), undefined);
  });

  it('is over when the time of the system is set back', () => {
    const state = afterFailedLogin(closedBreaker, page, start);
    assert.equal(blockedBy(state, start - 3_600_000), undefined);
  });

  it('never latches before two minutes of refusals, nor without three of them, once the credentials have worked', () => {
    const step = fc.record({ waitMs: fc.nat(200_000), isRefused: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let [state, now] = [afterSuccess(), start];
        let refusedAt: number[] = [];
        for (const { waitMs, isRefused } of steps) {
          now += waitMs;
          if (blockedBy(state, now)) continue;
          state = isRefused ? afterRefusal(state, refusal, now, now) : afterSuccess();
          refusedAt = isRefused ? [...refusedAt, now] : [];
          const isLatched = state.open?.isLatched ?? false;
          assert.equal(isLatched, refusedAt.length >= 3 && now - refusedAt[0]! >= 120_000);
          if (isLatched) return;
        }
      }),
    );
  });
});
