/** Requests over HTTP: replies, limits, failures, TLS, and what statuses mean. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { setImmediate as turn } from 'node:timers/promises';
import { retryAfterMs, statusError } from '../../../lib/net/status';
import { selfSignedCertificate } from '../../simulators/vdg-sense/self-signed';
import { client, closeAll, fails, get, secretHeaders, serve } from './servers';

describe('a request over HTTP', () => {
  afterEach(closeAll);

  it('goes below the base address, with the headers of the connection and its own', async () => {
    const server = await serve(() => ({ status: 201, headers: { 'X-Answer': 'yes' }, body: 'grüße' }));
    const http = client(`${server.url}/base/`, { headers: { 'X-Api-Key': 'of the connection' } });
    const reply = await http.request(
      get('/path?a=%2B&b=x%20y', {
        method: 'POST',
        body: 'tücke',
        headers: { 'Content-Type': 'text/xml', 'X-Own': '1' },
      }),
    );
    assert.deepEqual([reply.status, reply.text, reply.headers['x-answer']], [201, 'grüße', 'yes']);
    const [seen] = server.requests;
    assert.equal(seen?.target, '/base/path?a=%2B&b=x%20y');
    assert.equal(seen?.method, 'POST');
    assert.equal(seen?.body.toString('utf8'), 'tücke');
    assert.equal(seen?.headers['x-api-key'], 'of the connection');
    assert.equal(seen?.headers['x-own'], '1');
    assert.equal(seen?.headers['content-type'], 'text/xml');
  });

  it('may name a whole address', async () => {
    const server = await serve();
    await client('http://127.0.0.1:1').request(get(`${server.url}/elsewhere`));
    assert.equal(server.requests[0]?.target, '/elsewhere');
  });

  it('returns a reply of any status, with every cookie', async () => {
    for (const status of [200, 204, 400, 401, 403, 404, 500, 503]) {
      const server = await serve(() => ({ status, headers: { 'set-cookie': ['a=1; Path=/', 'b=2'] } }));
      const reply = await client(server.url).request(get('/'));
      assert.deepEqual([reply.status, reply.setCookies, reply.text], [status, ['a=1; Path=/', 'b=2'], '']);
    }
  });

  it('never takes the text for anything but text', async () => {
    const server = await serve(() => ({ headers: { 'content-type': 'application/json' }, body: ' {"id":70154981} ' }));
    assert.equal((await client(server.url).request(get('/'))).text, ' {"id":70154981} ');
  });

  it('uses a connection again', async () => {
    const server = await serve();
    const http = client(server.url);
    for (let count = 0; count < 5; count += 1) await http.request(get('/'));
    assert.equal(server.connections, 1);
    http.close();
  });
});

describe('a request that fails', () => {
  afterEach(closeAll);

  const secret = (change: object = {}) =>
    get('/path?secret-query', { method: 'POST', headers: secretHeaders, body: 'secret-body', ...change });
  const connection = { headers: { 'X-Api-Key': 'secret-api-key' } };

  it('without a server is worth another try', async () => {
    const server = await serve();
    await server.stop();
    await assert.rejects(
      client(server.url, connection).request(secret()),
      fails('ENETWORK', { retryable: true, message: /ECONNREFUSED/ }),
    );
  });

  for (const when of ['request', 'reply', 'headers'] as const) {
    it(`by a reset (${when}) is worth another try`, async () => {
      const server = await serve();
      server.fail({ kind: 'reset', when });
      await assert.rejects(client(server.url, connection).request(secret()), fails('ENETWORK', { retryable: true }));
      assert.equal((await client(server.url).request(secret())).text, 'ok');
    });
  }

  it('by a reply that ends early is worth another try', async () => {
    const server = await serve(() => ({ body: 'a long answer' }));
    server.fail({ kind: 'truncate', afterBytes: 3 });
    await assert.rejects(client(server.url, connection).request(secret()), fails('ENETWORK', { retryable: true }));
  });

  it('by silence ends in ETIMEOUT, before the head or in the middle of the reply', async () => {
    const server = await serve(() => ({ body: 'a long answer' }));
    const http = client(server.url, { ...connection, timeoutMs: 30 });
    const late = fails('ETIMEOUT', { retryable: true, message: /^No answer within 0\.03 s \(/ });
    server.fail({ kind: 'delay', ms: 60_000 }, { matches: ({ path }) => path === '/head', times: 2 });
    server.fail({ kind: 'stall', afterBytes: 3 }, { matches: ({ path }) => path === '/middle' });
    await assert.rejects(http.request(secret({ path: '/head' })), late);
    await assert.rejects(http.request(secret({ path: '/middle' })), late);
    await assert.rejects(http.stream(secret({ path: '/head' })), late);
  });

  it('by its signal ends in EABORTED, whenever that fires', async () => {
    const server = await serve(() => ({ body: 'a long answer' }));
    const http = client(server.url, connection);
    for (const method of ['request', 'stream'] as const) {
      await assert.rejects(
        http[method](secret({ signal: AbortSignal.abort() })),
        fails('EABORTED', { retryable: false }),
      );
      const sent = server.requests.length;
      const leaving = new AbortController();
      server.fail({ kind: 'delay', ms: 60_000 });
      const waiting = http[method](secret({ signal: leaving.signal }));
      while (server.requests.length === sent) await turn();
      leaving.abort();
      await assert.rejects(waiting, fails('EABORTED', { retryable: false }));
    }
    assert.equal(server.requests.length, 2);
  });

  it('by an aborted signal with another reason ends in EABORTED too', async () => {
    const server = await serve();
    const signal = AbortSignal.abort(new Error('secret-query'));
    for (const method of ['request', 'stream'] as const) {
      await assert.rejects(client(server.url)[method](get('/', { signal })), fails('EABORTED'));
    }
  });

  it('by a reply that is too large says so, packed or not, and does not read on', async () => {
    const large = Buffer.alloc(33 * 1024 * 1024, 'x');
    const packed = gzipSync(large);
    const server = await serve(({ path }) =>
      path === '/packed' ? { headers: { 'content-encoding': 'gzip' }, body: packed } : { body: large },
    );
    const http = client(server.url, connection);
    for (const path of ['/plain', '/packed']) {
      const tooLarge = fails('EPROTOCOL', { retryable: false, message: /larger than 32 MiB/ });
      await assert.rejects(http.request(secret({ path, method: 'GET', isList: true })), tooLarge);
      const tooLargeForOne = fails('EPROTOCOL', { retryable: false, message: /larger than 2 MiB/ });
      await assert.rejects(http.request(secret({ path, method: 'GET' })), tooLargeForOne);
    }
  });

  it('by an address or proxy that is none says that', async () => {
    const bad = fails('EINVALID', { retryable: false, message: /not valid/ });
    await assert.rejects(client('http://[').request(secret()), bad);
    await assert.rejects(client('http://host:99999').request(secret()), bad);
    const proxy = { url: 'http://:0', noProxy: [] };
    await assert.rejects(client('http://127.0.0.1:1', { proxy }).request(secret()), bad);
  });
});

describe('TLS', () => {
  const tls = selfSignedCertificate();
  afterEach(closeAll);

  it('refuses a certificate that nobody vouches for, for good, and names the remedy', async () => {
    const server = await serve(undefined, tls);
    for (const method of ['request', 'stream'] as const) {
      await assert.rejects(
        client(server.url, { headers: secretHeaders })[method](get('/')),
        fails('ENETWORK', {
          retryable: false,
          message: /certificate is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\).*\. Add its CA/,
        }),
      );
    }
    assert.equal(server.requests.length, 0);
  });

  it('takes it when its CA is given, or when the user does not want checks', async () => {
    const server = await serve(undefined, tls);
    assert.equal((await client(server.url, { tls: { ca: tls.cert } }).request(get('/'))).text, 'ok');
    assert.equal((await client(server.url, { tls: { rejectUnauthorized: false } }).request(get('/'))).text, 'ok');
  });

  it('refuses a good certificate of another server', async () => {
    const server = await serve(undefined, tls);
    const http = client(server.url, { tls: { ca: tls.cert, servername: 'other.example' } });
    await assert.rejects(http.request(get('/')), fails('ENETWORK', { retryable: false, message: /ALTNAME/ }));
  });

  it('can be tried again where a server does not speak it', async () => {
    const server = await serve();
    const http = client(server.url.replace('http:', 'https:'));
    await assert.rejects(http.request(get('/')), fails('ENETWORK'));
  });
});

describe('the error for an HTTP status', () => {
  const errorFor = (status: number, headers: Record<string, string> = {}, said?: string) =>
    statusError({ status, headers, setCookies: [] }, 'Asking for something', said);

  const table: [number, string, boolean, RegExp?][] = [
    [400, 'EPROTOCOL', false],
    [401, 'EAUTH', false, /Check the credentials/],
    [402, 'EPROTOCOL', false],
    [403, 'EFORBIDDEN', false, /Check the rights/],
    [404, 'ENOTFOUND', false],
    [405, 'EPROTOCOL', false],
    [407, 'ENETWORK', true, /HTTPS_PROXY/],
    [408, 'ETIMEOUT', true],
    [409, 'EPROTOCOL', false],
    [410, 'ENOTFOUND', false],
    [416, 'EPROTOCOL', false],
    [429, 'ETHROTTLED', true],
    [500, 'EFAILED', true],
    [501, 'EFAILED', true],
    [502, 'ENETWORK', true],
    [503, 'ENETWORK', true],
    [504, 'ENETWORK', true],
    [599, 'EFAILED', true],
  ];
  for (const [status, code, retryable, hint = /./] of table) {
    it(`${status} is ${code}${retryable ? ', worth another try' : ''}`, () => {
      const error = errorFor(status, {}, 'the vendor says')!;
      assert.deepEqual([error.code, error.retryable, error.vendorCode], [code, retryable, `HTTP ${status}`]);
      assert.match(
        error.message,
        new RegExp(`^The server answered HTTP ${status}: the vendor says \\(asking for something\\)`),
      );
      assert.match(error.message, hint);
    });
  }

  it('is none below 400', () => {
    for (const status of [200, 204, 206, 304]) assert.equal(errorFor(status), undefined);
  });

  it('carries the pause that the server asks for', () => {
    assert.equal(errorFor(503, { 'retry-after': '7' })?.retryAfterMs, 7000);
    assert.equal(errorFor(429, { 'retry-after': '0.5' })?.retryAfterMs, 500);
    assert.equal('retryAfterMs' in errorFor(429)!, false);
  });

  it('reads the end of a rate limit where there is no Retry-After, and bounds every pause', () => {
    const now = Date.UTC(2025, 2, 1, 9);
    const dayMs = 24 * 3600_000;
    const table: [Record<string, string>, number | undefined][] = [
      [{ 'ratelimit-reset': '12' }, 12_000],
      [{ 'x-ratelimit-reset': '12' }, 12_000],
      [{ 'x-ratelimit-reset': String(now / 1000 + 60) }, 60_000],
      [{ 'x-ratelimit-reset': String(now + 5000) }, 5000],
      [{ 'x-ratelimit-reset': String(now / 1000 - 60) }, 0],
      [{ 'retry-after': '3', 'ratelimit-reset': '12' }, 3000],
      [{ 'retry-after': String((now + 5000) * 1e3) }, 5000],
      [{ 'retry-after': `${now + 5000}000000` }, 5000],
      ...['+5', '5s', '5 seconds', '5, 5', '5;comment="x"', ' 5 '].map((text): [Record<string, string>, number] => [
        { 'retry-after': text },
        5000,
      ]),
      ...['-5', 'Fri, 31 Dec 1999 23:59:59 GMT'].map((text): [Record<string, string>, number] => [
        { 'retry-after': text },
        0,
      ]),
      ...['1e3', '1e400', '0x10', 'NaN', 'PT60S', ''].map((text): [Record<string, string>, undefined] => [
        { 'retry-after': text },
        undefined,
      ]),
      [{ 'retry-after': 'Fri, 31 Dec 99999 23:59:59 GMT' }, dayMs],
      [{ 'retry-after': '9'.repeat(30) }, dayMs],
      [{ 'retry-after': '9'.repeat(400) }, dayMs],
      [{ 'retry-after': 'Sat, 01 Mar 2125 09:00:30 GMT' }, dayMs],
    ];
    for (const [headers, expected] of table) {
      assert.equal(retryAfterMs(headers, now), expected, JSON.stringify(headers));
    }
    assert.equal(errorFor(429, { 'x-ratelimit-reset': '7' })?.retryAfterMs, 7000);
    assert.equal(errorFor(404, { 'x-ratelimit-reset': '7' })?.retryAfterMs, undefined);
  });

  it('says where another kind of login is wanted', () => {
    assert.match(errorFor(401, { 'www-authenticate': 'Digest realm="x"' })!.message, /wants HTTP Digest/);
    assert.match(errorFor(401, { 'www-authenticate': 'Basic' })!.message, /Check the credentials/);
  });

  it('reads points in time by the clock of the server', () => {
    for (const hours of [-1, 0, 1]) {
      const served = Date.now() + hours * 3600_000;
      const date = new Date(served).toUTCString();
      const until = new Date(served + 30_000).toUTCString();
      assert.equal(retryAfterMs({ date, 'retry-after': until }), 30_000);
      const seconds = String(Date.parse(date) / 1000 + 30);
      assert.equal(retryAfterMs({ date, 'x-ratelimit-reset': seconds }), 30_000);
    }
  });

  it('reads Retry-After as seconds or as a date, and nothing else', () => {
    const now = Date.UTC(2025, 2, 1, 9);
    const table: [string | undefined, number | undefined][] = [
      ['120', 120_000],
      [' 3 ', 3000],
      ['0', 0],
      ['Sat, 01 Mar 2025 09:00:30 GMT', 30_000],
      ['Sat, 01 Mar 2025 08:00:00 GMT', 0],
      ['soon', undefined],
      ['', undefined],
      [undefined, undefined],
    ];
    for (const [header, expected] of table)
      assert.equal(retryAfterMs({ 'retry-after': header }, now), expected, header);
  });
});
