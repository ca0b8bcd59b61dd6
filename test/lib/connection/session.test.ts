import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { ClipError } from '../../../lib/errors';
import { SharedSession } from '../../../lib/connection/session';
import { gate, is, never } from './fake';

describe('a shared session', () => {
  it('is not lost to a login that throws before it has begun', async () => {
    let logins = 0;
    const session = new SharedSession(() => {
      logins += 1;
      if (logins === 1) throw new ClipError('ENETWORK', 'no route');
      return Promise.resolve('key');
    }, never);
    await assert.rejects(
      session.use(never, async (key) => key),
      is('ENETWORK'),
    );
    assert.equal(await session.use(never, async (key) => key), 'key');
  });

  it('can be looked at without making one', async () => {
    const { promise, open } = gate<string>();
    const session = new SharedSession(() => promise, never);
    assert.equal(await session.peek(), undefined);
    const used = session.use(never, async (key) => key);
    const seen = session.peek();
    open('key');
    assert.deepEqual([await seen, await used, await session.peek()], ['key', 'key', 'key']);
  });

  it('leaves no listener on the signals of its callers', async () => {
    const session = new SharedSession(async () => 'key', never);
    const { signal } = new AbortController();
    for (let count = 0; count < 3; count += 1) await session.use(signal, async () => undefined);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});
