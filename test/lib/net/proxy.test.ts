/** Proxies, of the settings and of the environment. */
import assert from 'node:assert/strict';
import { selfSignedCertificate } from '../../simulators/vdg-sense/self-signed';
import { proxyFor } from '../../../lib/net/agents';
import { openWebSocket } from '../../../lib/net/websocket';
import { client, closeAll, fails, get, never, secretHeaders, serve, startProxy } from './servers';

describe('a proxy', () => {
  const tls = selfSignedCertificate();
  afterEach(closeAll);

  it('is asked for http addresses with its own credentials, which the server never sees', async () => {
    const server = await serve();
    const proxy = await startProxy({ login: 'joe:secret-proxy', hosts: { 'cams.example': server.port } });
    const http = client('http://cams.example/base', {
      proxy: { url: proxy.url, username: 'joe', password: 'secret-proxy', noProxy: [] },
    });
    const reply = await http.request(get('/x?y=1', { method: 'POST', body: 'tücke', headers: secretHeaders }));
    assert.equal(reply.text, 'ok');
    assert.deepEqual(
      proxy.requests.map(({ method, url }) => [method, url]),
      [['POST', 'http://cams.example/base/x?y=1']],
    );
    const [seen] = server.requests;
    assert.equal(seen?.target, '/base/x?y=1');
    assert.equal(seen?.headers.host, 'cams.example');
    assert.equal(seen?.headers.cookie, secretHeaders.Cookie);
    assert.equal(seen?.headers['proxy-authorization'], undefined);
    assert.equal(seen?.body.toString('utf8'), 'tücke');
  });

  it('tunnels https addresses, and sees nothing of what is said', async () => {
    const server = await serve(undefined, tls);
    const proxy = await startProxy({ login: 'joe:secret-proxy', hosts: { localhost: server.port } });
    const http = client('https://localhost', {
      tls: { ca: tls.cert },
      proxy: { url: proxy.url, username: 'joe', password: 'secret-proxy', noProxy: [] },
    });
    for (let count = 0; count < 2; count += 1) {
      assert.equal((await http.request(get('/x', { headers: secretHeaders }))).text, 'ok');
    }
    assert.deepEqual(
      new Set(proxy.requests.map(({ method, url }) => `${method} ${url}`)),
      new Set(['CONNECT localhost:443']),
    );
    for (const { headers } of proxy.requests) {
      assert.deepEqual([headers.authorization, headers.cookie], [undefined, undefined]);
    }
    for (const { headers } of server.requests) {
      assert.equal(headers['proxy-authorization'], undefined);
      assert.equal(headers.cookie, secretHeaders.Cookie);
    }
  });

  it('does not lower the checks of certificates', async () => {
    const server = await serve(undefined, tls);
    const proxy = await startProxy({ hosts: { localhost: server.port } });
    const http = client('https://localhost', { proxy: { url: proxy.url, noProxy: [] } });
    await assert.rejects(
      http.request(get('/', { headers: secretHeaders })),
      fails('ENETWORK', { retryable: false, message: /certificate is not trusted/ }),
    );
    assert.equal(server.requests.length, 0);
  });

  it('streams', async () => {
    const server = await serve(() => ({ body: Buffer.alloc(300_000, 'v') }));
    const proxy = await startProxy({ hosts: { 'cams.example': server.port } });
    const http = client('http://cams.example', { proxy: { url: proxy.url, noProxy: [] } });
    const { body } = await http.stream(get('/clip'));
    let bytes = 0;
    for await (const chunk of body) bytes += (chunk as Buffer).length;
    assert.equal(bytes, 300_000);
  });

  it('that refuses its credentials is named as the one to blame', async () => {
    const plain = await serve();
    const secure = await serve(undefined, tls);
    const proxy = await startProxy({
      login: 'joe:right',
      hosts: { 'cams.example': plain.port, localhost: secure.port },
    });
    const wrong = { url: proxy.url, username: 'joe', password: 'secret-proxy', noProxy: [] };
    const reply = await client('http://cams.example', { proxy: wrong }).request(get('/', { headers: secretHeaders }));
    assert.equal(reply.status, 407);
    const tunnelled = client('https://localhost', { proxy: wrong, tls: { ca: tls.cert } });
    await assert.rejects(
      tunnelled.request(get('/', { headers: secretHeaders })),
      fails('ENETWORK', {
        retryable: true,
        message: /^The proxy refuses the way to the server \(HTTP 407\).*HTTPS_PROXY/,
      }),
    );
    assert.deepEqual([plain.requests.length, secure.requests.length], [0, 0]);
  });

  it('that is away is trouble that may pass, and tells nothing', async () => {
    const proxy = { url: 'http://127.0.0.1:9', username: 'joe', password: 'secret-proxy', noProxy: [] };
    for (const url of ['http://cams.example', 'https://cams.example']) {
      const http = client(url, { proxy, headers: secretHeaders });
      await assert.rejects(http.request(get('/')), fails('ENETWORK', { retryable: true }));
    }
  });

  it('of the environment is taken for HTTP and WebSocket where the settings name none', async () => {
    const plain = await serve();
    const secure = await serve(undefined, tls);
    const proxy = await startProxy({ hosts: { 'cams.example': plain.port, localhost: secure.port } });
    const before = { ...process.env };
    try {
      Object.assign(process.env, { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: 'direct.example' });
      await client('http://cams.example').request(get('/a'));
      await client('https://localhost', { tls: { ca: tls.cert } }).request(get('/b'));
      const socket = openWebSocket({
        ...{ url: 'wss://localhost/c', tls: { ca: tls.cert }, signal: never, action: 'Listening' },
        ...{ onMessage: () => undefined, onClose: () => undefined },
      });
      await assert.rejects(socket, { code: 'EPROTOCOL' });
      assert.deepEqual(
        proxy.requests.map(({ method, url }) => `${method} ${url}`),
        ['GET http://cams.example/a', 'CONNECT localhost:443', 'CONNECT localhost:443'],
      );
      assert.equal(proxyFor(new URL('http://x.direct.example'), undefined), undefined);
      const other = { url: 'http://127.0.0.1:9', noProxy: [] };
      assert.equal(proxyFor(new URL('http://cams.example'), other), other);
    } finally {
      for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  it('of the environment may have a password with a percent sign', () => {
    const proxy = proxyFor(new URL('http://a.example'), undefined, { HTTP_PROXY: 'http://u:50%off@p.example' });
    assert.deepEqual([proxy?.username, proxy?.password], ['u', '50%off']);
  });

  for (const [environment, address, expected] of [
    [{ https_proxy: 'p.example:3128' }, 'https://a.example', 'http://p.example:3128'],
    [{ ALL_PROXY: 'http://u%40x:p@p.example' }, 'wss://a.example', 'http://u%40x:p@p.example'],
    [{ HTTPS_PROXY: 'http://p.example' }, 'http://a.example', undefined],
    [{ HTTP_PROXY: 'http://p.example', no_proxy: 'a.example:81' }, 'http://a.example', 'http://p.example'],
    [{ HTTP_PROXY: 'http://p.example', no_proxy: 'a.example:80' }, 'http://a.example', undefined],
    [{ HTTP_PROXY: 'http://p.example', no_proxy: 'b.example, a.example' }, 'http://A.example', undefined],
    [{ HTTP_PROXY: 'http://[' }, 'http://a.example', undefined],
  ] as const) {
    it(`is ${expected ?? 'none'} for ${address} where ${JSON.stringify(environment)}`, () => {
      assert.equal(proxyFor(new URL(address), undefined, environment)?.url, expected);
    });
  }

  describe('is passed by', () => {
    const table: [string, string[], boolean][] = [
      ['the name itself', ['localhost'], true],
      ['the name in capitals', ['LOCALHOST'], true],
      ['a name among others, with blanks', ['x.example', ' localhost '], true],
      ['everything', ['*'], true],
      ['nothing', [], false],
      ['an empty entry', [''], false],
      ['a part of the name', ['host'], false],
      ['a longer name', ['my.localhost'], false],
    ];
    for (const [name, noProxy, direct] of table) {
      it(`${name}: ${direct}`, async () => {
        const server = await serve();
        const proxy = await startProxy();
        const http = client(`http://localhost:${server.port}`, { proxy: { url: proxy.url, noProxy } });
        await http.request(get('/'));
        assert.equal(proxy.requests.length, direct ? 0 : 1);
        assert.equal(server.requests.length, 1);
      });
    }

    for (const pattern of ['cams.example', '.cams.example', '*.cams.example']) {
      it(`sub-domains of ${pattern}, and no others`, async () => {
        const proxy = await startProxy();
        const reach = (host: string) =>
          client(`http://${host}.invalid`, {
            proxy: { url: proxy.url, noProxy: [`${pattern}.invalid`] },
          }).request(get('/'));
        // Nothing is there: going directly cannot find it.
        await assert.rejects(reach('north.cams.example'), fails('ENETWORK'));
        assert.equal(proxy.requests.length, 0);
        await reach('evilcams.example');
        assert.equal(proxy.requests.length, 1);
      });
    }
  });
});
