/** The error class and what becomes one. */
import assert from 'node:assert/strict';
import { ClipError, isAbort, reasonFirst, toClipError, type ErrorCode } from '../../lib/errors';

describe('ClipError', () => {
  const retryable: ErrorCode[] = ['ETHROTTLED', 'ENETWORK', 'ETIMEOUT'];
  const final: ErrorCode[] = [
    ...(['EAUTH', 'EFORBIDDEN', 'ENOTFOUND', 'EINVALID', 'ELIMIT', 'EPROTOCOL', 'EFAILED', 'EEXPIRED'] as const),
    ...(['EUNSUPPORTED', 'EABORTED', 'EINCOMPLETE', 'ENOSPACE', 'EFFMPEG'] as const),
  ];
  for (const code of [...retryable, ...final]) {
    it(`${code} is ${retryable.includes(code) ? '' : 'not '}worth another try, unless it says otherwise`, () => {
      assert.equal(new ClipError(code, 'x').retryable, retryable.includes(code));
      assert.equal(new ClipError(code, 'x', { retryable: true }).retryable, true);
      assert.equal(new ClipError(code, 'x', { retryable: false }).retryable, false);
    });
  }

  it('has its fields as its own, so that they survive being copied', () => {
    const error = new ClipError('EFAILED', 'x', { retryAfterMs: 5, vendorCode: '-18', sessionExpired: true });
    const fields = { code: 'EFAILED', retryable: false, retryAfterMs: 5, vendorCode: '-18' };
    assert.deepEqual({ ...error }, fields);
    assert.deepEqual(JSON.parse(JSON.stringify(error)), fields);
  });

  it('has no field that it knows nothing about', () => {
    assert.deepEqual(
      { ...new ClipError('EFAILED', 'x', { retryAfterMs: undefined }) },
      { code: 'EFAILED', retryable: false },
    );
  });

  it('is the word of the vendor unless it says otherwise, or is about an answer that nobody can read', () => {
    assert.equal(new ClipError('ENOTFOUND', 'x').inconclusive, false);
    assert.equal(new ClipError('ENOTFOUND', 'x', { inconclusive: true }).inconclusive, true);
    assert.equal(new ClipError('EPROTOCOL', 'x').inconclusive, true);
    const told = new ClipError('EPROTOCOL', 'x', { inconclusive: false });
    assert.equal(told.withMessage('y').inconclusive, false);
    assert.equal(new ClipError('EFAILED', 'y', told).inconclusive, false);
  });

  it('says why before what was being done, and what to do about it at the end', () => {
    assert.equal(
      reasonFirst('the server refused: Access Denied.', 'Asking for the clip of camera 7', 'Check the rights'),
      'The server refused: Access Denied (asking for the clip of camera 7). Check the rights',
    );
    assert.equal(reasonFirst('cams.local:80 is away', 'Asking'), 'cams.local:80 is away (asking)');
    assert.equal(reasonFirst('ffmpeg failed', 'AWS is asked'), 'ffmpeg failed (AWS is asked)');
  });

  it('says on one line, and in a sane length, whatever a vendor said', () => {
    const forged = new ClipError('EFAILED', 'no\n[error] forged\r\n\u001b[2J\u009b1m \u202eevil end', {
      vendorCode: 'a\u0007',
    });
    assert.equal(forged.message, 'no [error] forged [2J 1m  evil end');
    assert.equal(forged.vendorCode, 'a ');
    assert.doesNotMatch(forged.stack!.split('\n    at ')[0]!, /\n|\u001b/);
    const long = new ClipError('EFAILED', `Asking: ${'x'.repeat(3_000_000)}. Check the address`);
    assert.ok(
      long.message.length < 1_600 && long.message.startsWith('Asking') && long.message.endsWith('Check the address'),
    );
    const foreign = toClipError(new Error('bad\u001b[2J'));
    assert.doesNotMatch(`${foreign.message}${foreign.stack}`, /\u001b/);
  });

  it('asks for no pause that has no sane length', () => {
    for (const [asked, taken] of [
      [Infinity, 24 * 3600_000],
      [-1, 0],
      [NaN, 0],
      [5, 5],
    ] as const) {
      assert.equal(new ClipError('ETHROTTLED', 'x', { retryAfterMs: asked }).retryAfterMs, taken);
    }
  });

  it('is an Error with its name in the stack alone, as its text begins with the reason', () => {
    const error = new ClipError('EFAILED', 'broken');
    assert.ok(error instanceof Error);
    assert.equal(String(error), 'broken');
    assert.match(error.stack ?? '', /^ClipError: broken\n/);
  });

  it('takes other words and keeps the rest', () => {
    const error = new ClipError('ETHROTTLED', 'a $& b', { retryAfterMs: 5, vendorCode: '429', sessionExpired: true });
    const copy = error.withMessage('c $& d');
    assert.deepEqual({ ...copy }, { ...error });
    assert.equal(copy.sessionExpired, true);
    assert.equal(copy.message, 'c $& d');
    assert.match(copy.stack ?? '', /^ClipError: c \$& d\n\s+at .*errors\.test/);
    assert.equal(error.message, 'a $& b');
  });
});

describe('toClipError', () => {
  it('returns our own as they are', () => {
    const error = new ClipError('EAUTH', 'x');
    assert.equal(toClipError(error), error);
  });

  it('takes what signals throw for a cancellation', () => {
    const { reason } = AbortSignal.abort();
    assert.deepEqual({ ...toClipError(reason) }, { code: 'EABORTED', retryable: false });
    const coded = Object.assign(new Error('x'), { code: 'ABORT_ERR' });
    assert.equal(toClipError(coded).code, 'EABORTED');
  });

  const table: [string, unknown, string][] = [
    ['an error', new TypeError('x is undefined'), 'x is undefined'],
    ['a text', 'broken', 'broken'],
    ['nothing', undefined, 'undefined'],
    ['an object', { toString: () => 'an object' }, 'an object'],
    ['what cannot become a text', { toString: 1, valueOf: {} }, 'Something that is no error was thrown'],
    ['what has nothing at all', Object.create(null), 'Something that is no error was thrown'],
  ];
  for (const [name, thrown, message] of table) {
    it(`makes EFAILED of ${name}`, () => {
      const error = toClipError(thrown);
      assert.deepEqual([error.code, error.retryable, error.message], ['EFAILED', false, message]);
    });
  }

  it('knows the errors of another copy of this package, as a provider of others may throw them', () => {
    class ClipErrorOfACopy extends Error {
      override name = 'ClipError';
      code = 'ETHROTTLED';
      retryAfterMs = 5;
    }
    const error = toClipError(new ClipErrorOfACopy('busy'));
    assert.ok(error instanceof ClipError);
    assert.deepEqual({ ...error }, { code: 'ETHROTTLED', retryable: true, retryAfterMs: 5 });
    assert.equal(error.message, 'busy');
  });

  it('keeps the place an unknown error comes from, and nothing else of it', () => {
    const thrown = Object.assign(new Error('x'), { config: { headers: { Authorization: 's3cret' } }, cause: 's3cret' });
    const error = toClipError(thrown);
    assert.equal(error.stack, thrown.stack);
    assert.deepEqual({ ...error }, { code: 'EFAILED', retryable: false });
    assert.equal('cause' in error, false);
  });
});

describe('isAbort', () => {
  it('knows abort errors, and no others', () => {
    assert.equal(isAbort(AbortSignal.abort().reason), true);
    for (const other of [
      new Error('x'),
      { name: 'AbortError' },
      'AbortError',
      undefined,
      new ClipError('EABORTED', 'x'),
    ]) {
      assert.equal(isAbort(other), false);
    }
  });
});
