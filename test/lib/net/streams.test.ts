/** Bodies that stream in. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { HttpStream } from '../../../lib/net/http';
import { peek, readText } from '../../../lib/net/body';
import { assertClean, client, closeAll, fails, get, secretHeaders, serve } from './servers';

const doing = 'Asking for something';

async function readAll(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('a reply as a stream', () => {
  afterEach(closeAll);

  it('comes byte for byte, never unpacked', async () => {
    const packed = gzipSync('video');
    const server = await serve(() => ({ headers: { 'content-encoding': 'gzip' }, body: packed }));
    const { body, status } = await client(server.url).stream(get('/'));
    assert.equal(status, 200);
    assert.deepEqual(await readAll(body), packed);
    assert.equal(server.requests[0]?.headers['accept-encoding'], 'identity');
  });

  it('is given out as soon as its head is there, and has no time limit of its own', async () => {
    const server = await serve(() => ({ body: 'a long answer' }));
    server.fail({ kind: 'stall', afterBytes: 1, ms: 1100 });
    const { body } = await client(server.url, { timeoutMs: 1000 }).stream(get('/'));
    assert.equal(String(await readAll(body)), 'a long answer');
  });

  it('may be larger than any whole reply', async () => {
    const size = 40 * 1024 * 1024;
    const server = await serve(() => ({ body: Buffer.alloc(size) }));
    const { body } = await client(server.url).stream(get('/'));
    let bytes = 0;
    for await (const chunk of body) bytes += (chunk as Buffer).length;
    assert.equal(bytes, size);
  });

  it('that is given up ends the transfer, and the error tells nothing of the request', async () => {
    const server = await serve(() => ({ body: Buffer.alloc(64 * 1024 * 1024) }));
    const leaving = new AbortController();
    const http = client(server.url, { headers: { 'X-Api-Key': 'secret-api-key' } });
    const { body } = await http.stream(get('/?secret-query', { headers: secretHeaders, signal: leaving.signal }));
    let caught: unknown;
    try {
      for await (const _ of body) leaving.abort();
    } catch (error) {
      caught = error;
    }
    fails('EABORTED', { retryable: false })(caught);
    assert.ok(body.destroyed);
    while (server.connections > 0) await turn();
  });

  it('that is given up while nobody reads ends the transfer without a crash', async () => {
    const server = await serve(() => ({ body: Buffer.alloc(64 * 1024 * 1024) }));
    const leaving = new AbortController();
    const { body } = await client(server.url).stream(get('/', { signal: leaving.signal }));
    await peek(body, doing);
    leaving.abort();
    while (server.connections > 0) await turn();
    await assert.rejects(readAll(body));
  });

  it('that is cut while nobody reads is not whole for the one who then reads, and no crash', async () => {
    const server = await serve(() => ({ body: Buffer.alloc(64 * 1024 * 1024) }));
    const { body } = await client(server.url).stream(get('/'));
    await peek(body, doing);
    server.dropConnections();
    while (server.connections > 0 || !body.destroyed) await turn();
    await assert.rejects(readAll(body), (error) => (assertClean(error), true));
  });

  it('that was read leaves no listener on the signal', async () => {
    const server = await serve();
    const { signal } = new AbortController();
    const http = client(server.url);
    for (let count = 0; count < 3; count += 1) await readAll((await http.stream(get('/', { signal }))).body);
    await turn();
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});

describe('looking at the beginning of a body', () => {
  afterEach(closeAll);

  const open = async (reply: object, fault?: object): Promise<HttpStream> => {
    const server = await serve(() => reply);
    if (fault) server.fail(fault as never);
    return client(server.url).stream(get('/', { headers: secretHeaders }));
  };

  it('leaves all of it to be read', async () => {
    const bytes = Buffer.from('0123456789'.repeat(50_000));
    const { body } = await open({ body: bytes });
    const start = await peek(body, doing);
    assert.ok(start.length > 0 && bytes.subarray(0, start.length).equals(start));
    assert.ok((await readAll(body)).equals(bytes));
  });

  for (const framing of ['length', 'chunked', 'close'] as const) {
    it(`finds nothing in an empty one (${framing})`, async () => {
      const { body } = await open({ body: '', framing });
      assert.equal((await peek(body, doing)).length, 0);
      assert.equal((await readAll(body)).length, 0);
    });
  }

  it('fails when it breaks off before the first byte', async () => {
    const { body } = await open({ body: 'x' }, { kind: 'reset', when: 'headers' });
    await assert.rejects(peek(body, doing), fails('ENETWORK', { retryable: true }));
    assert.ok(body.destroyed);
  });

  it('fails when nothing comes, and lets the connection go', async () => {
    const { body } = await open({ body: 'x' }, { kind: 'stall', afterBytes: 0 });
    await assert.rejects(
      peek(body, doing, { timeoutMs: 30 }),
      fails('ETIMEOUT', { retryable: true, message: /within 0\.03 s/ }),
    );
    assert.ok(body.destroyed);
  });

  it('fails when it is given up meanwhile', async () => {
    const server = await serve();
    server.fail({ kind: 'stall', afterBytes: 0 });
    const leaving = new AbortController();
    const { body } = await client(server.url).stream(get('/', { signal: leaving.signal }));
    const peeked = peek(body, doing);
    leaving.abort();
    await assert.rejects(peeked, fails('EABORTED'));
  });

  it('fails at once when it is already gone', async () => {
    const gone = new Readable({ read: () => undefined });
    gone.destroy();
    await assert.rejects(peek(gone, doing), fails('ENETWORK'));
    const vanishing = new Readable({ read: () => undefined });
    const peeked = peek(vanishing, doing);
    vanishing.destroy();
    await assert.rejects(peeked, fails('ENETWORK'));
  });
});

describe('reading an error document', () => {
  afterEach(closeAll);

  const open = async (body: string, fault?: object): Promise<Readable> => {
    const server = await serve(() => ({ body }));
    if (fault) server.fail(fault as never);
    return (await client(server.url).stream(get('/', { headers: secretHeaders }))).body;
  };

  it('gives its text, after a look at its beginning too', async () => {
    const body = await open('<result>Tür</result>');
    await peek(body, doing);
    assert.equal(await readText(body, doing, { maxBytes: 1000 }), '<result>Tür</result>');
  });

  it('reads no more than is wanted', async () => {
    const server = await serve(() => ({ body: Buffer.alloc(64 * 1024 * 1024, 'x') }));
    const { body } = await client(server.url).stream(get('/'));
    assert.equal((await readText(body, doing, { maxBytes: 1000 })).length, 1000);
    while (server.connections > 0) await turn();
    assert.equal(server.requests[0]?.complete, false);
  });

  it('fails when it breaks off', async () => {
    const body = await open('x'.repeat(1000), { kind: 'truncate', afterBytes: 10 });
    await assert.rejects(readText(body, doing, { maxBytes: 5000 }), fails('ENETWORK', { retryable: true }));
  });

  it('fails when it goes silent', async () => {
    const body = await open('x'.repeat(1000), { kind: 'stall', afterBytes: 10 });
    const late = fails('ETIMEOUT', { retryable: true, message: /within 0\.03 s/ });
    await assert.rejects(readText(body, doing, { maxBytes: 5000, timeoutMs: 30 }), late);
  });
});
