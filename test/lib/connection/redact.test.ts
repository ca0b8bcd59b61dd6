import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { ClipError } from '../../../lib/errors';
import { hideInAnswer, redact, secretValues } from '../../../lib/connection/redact';

const credentials = { username: 'nodered', password: 'p&ss wörd/1', token: 'token-1' };
const clean = (message: string, session?: unknown, given = credentials): string =>
  redact(new ClipError('EFAILED', message), secretValues(given, session)).message;

describe('redact', () => {
  const table: [string, string, string, unknown?][] = [
    ['the password', 'I got p&ss wörd/1.', 'I got ***.'],
    ['the password, each time', 'p&ss wörd/1p&ss wörd/1', '******'],
    ['the password in an address', '?pw=p%26ss%20w%C3%B6rd%2F1&x', '?pw=***&x'],
    ['the token', 'token-1 is old', '*** is old'],
    ['a session that is text', 'key 1048577001 unknown', 'key *** unknown', '1048577001'],
    [
      'a session of any depth',
      'key 1048577001, sid abcd',
      'key ***, sid ***',
      { a: [{ k: '1048577001' }], b: { c: 'abcd' } },
    ],
    ['no user name', 'nodered is locked', 'nodered is locked'],
    ['no short value', 'an ab is an ab', 'an ab is an ab', 'ab'],
    ['nothing where there is nothing', 'all well', 'all well', { key: 7, none: null, no: undefined, yes: true }],
  ];
  for (const [name, message, expected, session] of table) {
    it(`takes out ${name}`, () => assert.equal(clean(message, session), expected));
  }

  it('takes out a Basic login', () => {
    const basic = Buffer.from(`nodered:${credentials.password}`).toString('base64');
    assert.equal(clean(`Authorization: Basic ${basic}`), 'Authorization: Basic ***');
  });

  it('takes out the forms that a secret has in addresses, forms, JSON, pages and headers', () => {
    const password = `p&ss "wörd"/'1'<+é>`;
    const given = { username: 'u', password, token: '' };
    const bytes = Buffer.from(password);
    const forms = [
      encodeURIComponent(password),
      encodeURIComponent(password).toLowerCase(),
      encodeURIComponent(password).replaceAll('%20', '+'),
      new URLSearchParams({ x: password }).toString().slice(2),
      JSON.stringify({ password }),
      JSON.stringify({ password }).replaceAll('/', '\\/'),
      `"p\\u0026ss \\"w\\u00f6rd\\"/\\u00271\\u0027\\u003c\\u002b\\u00e9\\u003e"`,
      `"p&ss \\"w\\u00F6rd\\"\\/'1'<+\\u00E9>"`,
      'p&amp;ss &quot;wörd&quot;/&#039;1&#039;&lt;+é&gt;',
      'p&amp;ss &#34;wörd&#34;/&#39;1&#39;&lt;+é&gt;',
      'p&amp;ss "wörd"/\'1\'&lt;+é&gt;',
      ...(['base64', 'base64url', 'hex'] as const).map((encoding) => bytes.toString(encoding)),
    ];
    for (const form of forms)
      assert.match(clean(`I got ${form}.`, undefined, given), /^I got (?:\{"password":"|")?\*\*\*/, form);
  });

  it('takes out the base64 of a secret of three characters, and not the secret, which is a word', () => {
    const given = { username: 'u', password: 'cam', token: '' };
    assert.equal(clean('the cam says Y2Ft', undefined, given), 'the cam says ***');
  });

  it('takes out the longer of two secrets first, so that nothing of it stays', () => {
    const nested = { username: 'u', password: 'abcd', token: 'abcdefgh' };
    assert.equal(clean('abcdefgh and abcd', undefined, nested), '*** and ***');
    assert.equal(clean('xabcdefghy', 'xabcdefghy', nested), '***');
  });

  it('takes out a password that came back without the blanks around it', () => {
    assert.equal(clean('"s3cret"', undefined, { username: 'u', password: ' s3cret ', token: '' }), '"***"');
  });

  it('takes secrets for text, whatever signs they hold', () => {
    for (const password of ['a.*b', '$&$1$$', '(((([', '\\d+\\']) {
      const given = { username: 'u', password, token: '' };
      assert.equal(clean(`x ${password} y axxb`, undefined, given), 'x *** y axxb');
    }
  });

  it('takes a session that is no proper text', () => {
    assert.equal(clean('I got half-\ud83c', { key: 'half-\ud83c' }), 'I got ***');
  });

  it('takes out what the cut of a long message has left of a secret, wherever the cut lies in it', () => {
    const secret = 'correct horse battery';
    const given = { username: 'u', password: secret, token: '' };
    const advice = 'Check the address. '.repeat(100);
    for (let before = 950; before < 1_550; before += 1) {
      const message = clean(`${'x'.repeat(before)}${secret}${advice}`, undefined, given);
      assert.doesNotMatch(message, /cor(r|$)|rect|horse|batt|ter(y|$)/, message);
      // Seen from its end, too.
      const other = clean(`${advice}${secret}${'x'.repeat(before - 900)}`, undefined, given);
      assert.doesNotMatch(other, /corr|rect|horse|batt|tery/, other);
    }
  });

  it('leaves the words around a cut alone where they are no part of a secret', () => {
    const message = `${'word '.repeat(300)}end`;
    const cutAlready = new ClipError('EFAILED', message);
    assert.equal(redact(cutAlready, ['horse']), cutAlready);
  });

  it('returns the same error where there is nothing to take out', () => {
    const error = new ClipError('EFAILED', 'all well');
    assert.equal(redact(error, secretValues(credentials, undefined)), error);
  });

  it('keeps everything else about the error, and the place it comes from', () => {
    const error = new ClipError('EFAILED', 'token-1', {
      retryable: true,
      retryAfterMs: 7,
      vendorCode: '-18',
      sessionExpired: true,
    });
    const copy = redact(error, ['token-1']);
    assert.deepEqual({ ...copy }, { code: 'EFAILED', retryable: true, retryAfterMs: 7, vendorCode: '-18' });
    assert.equal(copy.sessionExpired, true);
    assert.match(copy.stack ?? '', /^ClipError: \*\*\*\n\s+at .*redact\.test/);
    assert.ok(!inspect(copy, { depth: 10, showHidden: true }).includes('token-1'));
  });

  it('takes secrets out of the stack of somebody else too', () => {
    const error = new ClipError('EFAILED', 'broken');
    error.stack = 'Error: token-1 was refused\n    at somewhere';
    assert.equal(redact(error, ['token-1']).stack, 'Error: *** was refused\n    at somewhere');
  });
});

describe('the texts of a good answer', () => {
  it('are plain and short', () => {
    const camera = { id: 'a\u001b', name: 'Door\u001b[2J\n[error] forged', warnings: ['\u202ex'] };
    assert.deepEqual(hideInAnswer([camera], []), [
      { id: 'a\u001b', name: 'Door [2J [error] forged', warnings: [' x'] },
    ]);
    assert.ok(hideInAnswer({ reason: 'x'.repeat(100_000) }, []).reason.length <= 1_000);
    const page = { events: [{ label: 'a\u0007b', zones: ['s3cret'], clip: { title: '\u009b31m' } }], cursor: 'x' };
    assert.deepEqual(hideInAnswer(page, ['s3cret']), {
      events: [{ label: 'a b', zones: ['***'], clip: { title: ' 31m' } }],
      cursor: 'x',
    });
  });
});
