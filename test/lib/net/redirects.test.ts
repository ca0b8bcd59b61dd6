/** Redirects: which are followed, and what does not go along. */
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { mock } from 'node:test';
import { selfSignedCertificate } from '../../simulators/vdg-sense/self-signed';
import { client, closeAll, fails, get, secretHeaders, serve, startProxy } from './servers';

const { 'X-Api-Key': apiKey, ...ownSecrets } = secretHeaders;
const connection = { headers: { 'X-Api-Key': apiKey, 'Accept-Language': 'en' } };

describe('a redirect', () => {
  afterEach(closeAll);

  for (const status of [301, 302, 303, 307, 308]) {
    it(`(${status}) of a GET is followed on the same origin, with all headers`, async () => {
      const server = await serve(({ path }) => ({ body: path }));
      server.fail({ kind: 'redirect', location: '/moved?x=1', status });
      const reply = await client(server.url, connection).request(get('/', { headers: ownSecrets }));
      assert.equal(reply.text, '/moved');
      const { headers } = server.requests[1]!;
      assert.equal(headers.authorization, secretHeaders.Authorization);
      assert.equal(headers.cookie, secretHeaders.Cookie);
      assert.equal(headers['x-api-key'], apiKey);
    });

    for (const method of ['POST', 'DELETE'] as const) {
      it(`(${status}) of a ${method} is refused, and nothing is sent there`, async () => {
        const server = await serve();
        const other = await serve();
        server.fail({ kind: 'redirect', location: `${other.url}/moved`, status });
        const http = client(server.url, connection);
        await assert.rejects(
          http.request(get('/', { method, headers: ownSecrets, body: 'secret-body' })),
          fails('EPROTOCOL', { retryable: false, message: new RegExp(`HTTP ${status}.*address of the connection`) }),
        );
        assert.equal(server.requests.length, 1);
        assert.equal(other.requests.length, 0);
      });
    }
  }

  it('of media to another port is followed, and carries no secret there', async () => {
    const server = await serve();
    const other = await serve(() => ({ body: 'other' }));
    server.fail({ kind: 'redirect', location: `${other.url}/moved` });
    const session = { 'X-Session': 'secret-session', Range: 'bytes=5-' };
    const reply = await client(server.url, connection).stream(get('/', { headers: { ...ownSecrets, ...session } }));
    assert.equal(reply.status, 200);
    const { headers } = other.requests[0]!;
    assert.equal(headers.authorization, undefined);
    assert.equal(headers.cookie, undefined);
    assert.equal(headers['x-api-key'], undefined);
    assert.equal(headers['x-session'], undefined);
    assert.deepEqual([headers['accept-language'], headers.range], ['en', 'bytes=5-']);
    reply.body.destroy();
  });

  it('of an answer of the API to another server is refused, and nothing is sent there', async () => {
    const server = await serve();
    const other = await serve();
    server.fail({ kind: 'redirect', location: `${other.url}/moved` });
    await assert.rejects(
      client(server.url, connection).request(get('/', { headers: ownSecrets })),
      fails('EPROTOCOL', { retryable: false, message: /redirects to another server \(127\.0\.0\.1:\d+\)/ }),
    );
    assert.equal(other.requests.length, 0);
  });

  for (const location of [
    'http://127.0.0.1:1/',
    'http://localhost/',
    'http://[::1]/',
    'http://169.254.169.254/latest/meta-data',
    'http://[fe80::1]/',
    'http://0.0.0.0/',
    'http://[::ffff:127.0.0.1]/',
    'http://localhost./',
    'http://x.localhost.:8080/',
    'http://LOCALHOST/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://0x7f.1/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://[::ffff:0.0.0.0]/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[64:ff9b::127.0.0.1]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[febf::1]/',
    '//127.0.0.1/',
  ]) {
    it(`from elsewhere to ${location} is refused`, async () => {
      const server = await serve();
      const proxy = await startProxy({ hosts: { 'cams.example': server.port } });
      const http = client('http://cams.example', { proxy: { url: proxy.url, noProxy: [] } });
      server.fail({ kind: 'redirect', location });
      await assert.rejects(http.stream(get('/')), fails('EPROTOCOL', { message: /this computer itself/ }));
      assert.equal(proxy.requests.length, 1);
    });
  }

  describe('to a name', () => {
    const names: Record<string, string> = {};
    beforeEach(() => {
      const lookup = (host: string, _: object, done: (error: Error | null, found: object[]) => void): void =>
        done(null, [{ address: names[host] ?? '127.0.0.1', family: names[host]?.includes(':') ? 6 : 4 }]);
      mock.method(dns, 'lookup', lookup as never);
    });
    afterEach(() => mock.restoreAll());

    for (const address of ['127.0.0.1', '127.1.2.3', '169.254.169.254', '::1', '::ffff:127.0.0.1', 'fe80::1']) {
      it(`that turns out to be ${address} is refused from elsewhere`, async () => {
        const server = await serve();
        const other = await serve();
        const proxy = await startProxy({ hosts: { 'cams.example': server.port } });
        names['rebind.example'] = address;
        const http = client('http://cams.example', { proxy: { url: proxy.url, noProxy: ['rebind.example'] } });
        server.fail({ kind: 'redirect', location: `http://rebind.example:${other.port}/` });
        await assert.rejects(
          http.stream(get('/')),
          fails('EPROTOCOL', { message: /this computer itself/, retryable: false }),
        );
        assert.equal(other.requests.length, 0);
      });
    }

    it('of this computer is followed where the server stands there itself', async () => {
      const server = await serve(({ path }) => ({ body: path }));
      const other = await serve(() => ({ body: 'other' }));
      const http = client(`http://cams.example:${server.port}`);
      server.fail({ kind: 'redirect', location: '/moved' });
      assert.equal((await http.request(get('/'))).text, '/moved');
      server.fail({ kind: 'redirect', location: `http://media.example:${other.port}/` });
      (await http.stream(get('/'))).body.destroy();
      assert.equal(other.requests.length, 1);
    });

    it('is followed through a proxy on this computer', async () => {
      const server = await serve();
      const proxy = await startProxy({ hosts: { 'cams.example': server.port, 'media.example': server.port } });
      names['proxy.example'] = '127.0.0.1';
      const url = proxy.url.replace('127.0.0.1', 'proxy.example');
      const http = client('http://cams.example', { proxy: { url, noProxy: [] } });
      server.fail({ kind: 'redirect', location: 'http://media.example/' });
      (await http.stream(get('/'))).body.destroy();
      assert.equal(proxy.requests.at(-1)!.url, 'http://media.example/');
    });
  });

  it('to another origin and back does not bring the secrets back', async () => {
    const server = await serve();
    const other = await serve();
    server.fail({ kind: 'redirect', location: `${other.url}/there` });
    other.fail({ kind: 'redirect', location: `${server.url}/back` });
    const { body } = await client(server.url, connection).stream(get('/', { headers: ownSecrets }));
    body.destroy();
    for (const seen of [other.requests[0]!, server.requests[1]!]) {
      assert.equal(seen.headers.authorization, undefined);
      assert.equal(seen.headers.cookie, undefined);
      assert.equal(seen.headers['x-api-key'], undefined);
    }
  });

  it('to a sub-domain or a similar name is one to another origin', async () => {
    const server = await serve();
    const { port } = server;
    const names = ['sub.cams.example', 'cams.example.evil.example', 'evilcams.example'];
    const proxy = await startProxy({
      hosts: Object.fromEntries(['cams.example', ...names].map((name) => [name, port])),
    });
    for (const name of names) {
      server.fail({ kind: 'redirect', location: `http://${name}/moved` });
      const http = client('http://cams.example', { ...connection, proxy: { url: proxy.url, noProxy: [] } });
      (await http.stream(get('/', { headers: ownSecrets }))).body.destroy();
      const { url, headers } = proxy.requests.at(-1)!;
      assert.equal(url, `http://${name}/moved`);
      assert.equal(headers.authorization, undefined);
      assert.equal(headers.cookie, undefined);
      assert.equal(headers['x-api-key'], undefined);
    }
  });

  it('from https to http is refused, and nothing is sent there', async () => {
    const tls = selfSignedCertificate();
    const server = await serve(undefined, tls);
    const other = await serve();
    const http = client(server.url, { ...connection, tls: { ca: tls.cert } });
    for (const method of ['request', 'stream'] as const) {
      server.fail({ kind: 'redirect', location: `${other.url}/moved` });
      await assert.rejects(http[method](get('/')), fails('EPROTOCOL', { message: /from https to an address without/ }));
    }
    assert.equal(other.requests.length, 0);
  });

  for (const location of ['data:text/plain,clip', 'file:///etc/hostname', 'ftp://cams.example/clip', 'http://[']) {
    it(`to ${location} is refused`, async () => {
      const server = await serve();
      server.fail({ kind: 'redirect', location });
      await assert.rejects(client(server.url).stream(get('/')), fails('EPROTOCOL', { message: /cannot be read/ }));
    });
  }

  it('brings no credentials of its own', async () => {
    const server = await serve();
    const other = await serve();
    server.fail({ kind: 'redirect', location: other.url.replace('//', '//joe:word@') });
    (await client(server.url).stream(get('/'))).body.destroy();
    assert.equal(other.requests[0]!.headers.authorization, undefined);
  });

  it('in circles is given up', async () => {
    const server = await serve();
    server.fail({ kind: 'redirect', location: '/again' }, { times: 100 });
    const circles = fails('EPROTOCOL', { retryable: false, message: /in circles/ });
    await assert.rejects(client(server.url, connection).request(get('/', { headers: ownSecrets })), circles);
    await assert.rejects(client(server.url, connection).stream(get('/', { headers: ownSecrets })), circles);
    assert.ok(server.requests.length <= 12, `${server.requests.length} requests`);
  });

  it('without an address is an error, and its body holds no connection', async () => {
    const server = await serve(() => ({ status: 302, body: 'x'.repeat(1_000_000) }));
    const http = client(server.url, connection);
    await assert.rejects(http.request(get('/')), fails('EPROTOCOL', { message: /redirects \(HTTP 302\)/ }));
    await assert.rejects(http.stream(get('/')), fails('EPROTOCOL', { message: /redirects \(HTTP 302\)/ }));
  });

  for (const method of ['GET', 'POST'] as const) {
    it(`of a ${method} is an answer where that is wanted, and is not followed`, async () => {
      const server = await serve();
      server.fail({ kind: 'redirect', location: '/zm/index.php?view=login' });
      const reply = await client(server.url).request(get('/', { method, reportRedirect: true }));
      assert.equal(reply.status, 302);
      assert.equal(reply.redirect?.pathname, '/zm/index.php');
      assert.equal(reply.redirect?.searchParams.get('view'), 'login');
      assert.equal(server.requests.length, 1);
    });
  }

  it('that is reported shows none of the secrets in its address', async () => {
    const server = await serve();
    const location = 'http://user:secret-cookie@127.0.0.1:1/there?view=login&token=secret-query-0123456789#secret-body';
    server.fail({ kind: 'redirect', location });
    const reply = await client(server.url).stream(get('/', { reportRedirect: true }));
    reply.body.destroy();
    assert.equal(reply.redirect?.href, 'http://127.0.0.1:1/there?view=login&token=');
    assert.doesNotMatch(JSON.stringify({ ...reply, body: undefined }), /secret/);
  });

  it('that is reported may point nowhere', async () => {
    const server = await serve();
    server.fail({ kind: 'redirect', location: 'http://[' });
    const reply = await client(server.url).request(get('/', { reportRedirect: true }));
    assert.equal(reply.status, 302);
    assert.equal(reply.redirect, undefined);
  });
});
