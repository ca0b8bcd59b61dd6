import assert from 'node:assert/strict';
import { withLoginAdvice } from '../../../lib/connection/login-advice';
import { ClipError, type ErrorCode } from '../../../lib/errors';

const sense = { label: 'VDG Sense' };

describe('the advice on a login that failed', () => {
  const advise = (code: ErrorCode, message: string, password = 's3cret', username = 'me'): ClipError =>
    withLoginAdvice(new ClipError(code, message, { vendorCode: '7', inconclusive: true }), sense, {
      credentials: { username, password, token: '' },
    });

  it('names what has a space at its beginning or end, and never what it is', () => {
    assert.equal(
      advise('EAUTH', 'Refused', 's3cret ').message,
      'Refused. The password begins or ends with a space: is it meant to?',
    );
    assert.match(advise('EAUTH', 'Refused', 's3cret', '\tme').message, /The user name begins/);
    assert.equal(advise('EAUTH', 'Refused', 's3 cret').message, 'Refused');
    assert.equal(advise('ENETWORK', 'Gone', 's3cret ').message, 'Gone');
  });

  it('says that the address is of something else, where nobody has said so', () => {
    assert.match(
      advise('ENOTFOUND', 'HTTP 404').message,
      /^HTTP 404\. Check the address: VDG Sense does not answer there$/,
    );
    assert.equal(advise('ENOTFOUND', 'HTTP 404. Check the address').message, 'HTTP 404. Check the address');
  });

  it('leaves all else as it was', () => {
    const { code, vendorCode, inconclusive } = advise('EAUTH', 'Refused', 's3cret ');
    assert.deepEqual({ code, vendorCode, inconclusive }, { code: 'EAUTH', vendorCode: '7', inconclusive: true });
  });
});
