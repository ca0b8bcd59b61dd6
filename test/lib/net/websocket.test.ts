/** WebSockets: opening, messages, ends, TLS and proxies. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { ClipError } from '../../../lib/errors';
import { openWebSocket, type WebSocketOptions } from '../../../lib/net/websocket';
import { startServer } from '../../simulators/http-server';
import { selfSignedCertificate } from '../../simulators/vdg-sense/self-signed';
import { eventually } from '../../support/eventually';

const cleanUps: (() => void | Promise<void>)[] = [];

/** A server that speaks WebSocket, and what it has seen. */
async function serve({ tls }: { tls?: { key: string; cert: string } } = {}) {
  const sockets: WebSocket[] = [];
  const received: string[] = [];
  const requests: http.IncomingMessage[] = [];
  let pongs = 0;
  const webSockets = new WebSocketServer({ noServer: true });
  let status = 101;
  const server = await startServer({
    ...(tls ? { tls } : {}),
    handle: () => ({ status: 404 }),
    upgrade(incoming, socket, head) {
      requests.push(incoming);
      if (status === 0) return;
      if (status !== 101) return void socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      webSockets.handleUpgrade(incoming, socket, head, (webSocket) => {
        sockets.push(webSocket);
        webSocket.on('message', (data) => received.push((data as Buffer).toString()));
        webSocket.on('pong', () => (pongs += 1));
        webSocket.on('error', () => undefined);
        // Right behind the handshake, in the same packet if it can be.
        webSocket.send('greeting');
      });
    },
  });
  cleanUps.push(server.stop);
  return {
    server,
    sockets,
    received,
    requests,
    url: server.url.replace(/^http/, 'ws'),
    port: server.port,
    pongs: () => pongs,
    answer: (next: number) => (status = next),
  };
}

function open(url: string, change: Partial<WebSocketOptions> = {}) {
  const messages: string[] = [];
  const closed: number[] = [];
  const stop = new AbortController();
  cleanUps.push(() => stop.abort());
  const link = openWebSocket({
    url,
    signal: stop.signal,
    action: 'Listening',
    onMessage: (text) => messages.push(text),
    onClose: (code) => closed.push(code),
    ...change,
  });
  return { link, messages, closed, stop };
}

const is =
  (code: string, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof ClipError && error.code === code && message.test(error.message);

describe('a WebSocket', () => {
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  it('takes text both ways, the first words of the server included', async () => {
    const { url, received, sockets } = await serve();
    const { link, messages } = open(`${url}/path?query`);
    const { send } = await link;
    send('one');
    send('two');
    await eventually(() => assert.deepEqual(received, ['one', 'two']));
    sockets[0]!.send(Buffer.from([1, 2]));
    sockets[0]!.send('Grüße');
    await eventually(() => assert.deepEqual(messages, ['greeting', 'Grüße']));
  });

  it('asks for no sub-protocol and no compression', async () => {
    const { url, requests } = await serve();
    await open(url).link;
    const { headers } = requests[0]!;
    assert.deepEqual([headers['sec-websocket-protocol'], headers['sec-websocket-extensions']], [undefined, undefined]);
  });

  it('sends the headers that it is given, and no others of ours', async () => {
    const { url, requests } = await serve();
    await open(url, { headers: { Authorization: 'Bearer secret' } }).link;
    await open(url).link;
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      ['Bearer secret', undefined],
    );
  });

  const floods: [string, (socket: WebSocket) => void][] = [
    ['messages', (socket) => Array.from({ length: 2_500 }, () => socket.send('news'))],
    ['pings', (socket) => Array.from({ length: 2_500 }, () => socket.ping('p'))],
    ['bytes', (socket) => Array.from({ length: 10 }, () => socket.send('x'.repeat(1_000_000)))],
  ];
  for (const [what, pour] of floods) {
    it(`ends where the server floods it with ${what}`, async () => {
      const { url, sockets } = await serve();
      const { link, closed, messages } = open(url);
      await link;
      pour(sockets[0]!);
      await eventually(() => assert.deepEqual(closed, [1006]));
      assert.ok(messages.length <= 2_000);
    });
  }

  it('ends where what it says cannot be borne, and takes nobody along', async () => {
    const { url, sockets } = await serve();
    const onMessage = (text: string): void => {
      if (text === 'bad') throw new TypeError('Cannot convert object to primitive value');
    };
    const { link, closed } = open(url, { onMessage });
    await link;
    sockets[0]!.send('bad');
    await eventually(() => assert.deepEqual(closed, [1006]));
  });

  it('answers a ping, and sends nothing unasked', async () => {
    const { url, received, sockets, pongs } = await serve();
    await open(url).link;
    sockets[0]!.ping();
    await eventually(() => assert.equal(pongs(), 1));
    assert.deepEqual(received, []);
  });

  it('tells once how it ended', async () => {
    const { url, sockets, server } = await serve();
    const one = open(url);
    await one.link;
    sockets[0]!.close(4001);
    await eventually(() => assert.deepEqual(one.closed, [4001]));
    const two = open(url);
    await two.link;
    server.dropConnections();
    await eventually(() => assert.deepEqual(two.closed, [1006]));
  });

  it('ends at once when it is dropped or its signal fires', async () => {
    const { url, sockets } = await serve();
    for (const [index, end] of (['drop', 'abort'] as const).entries()) {
      const { link, closed, stop } = open(url);
      const { drop, send } = await link;
      if (end === 'drop') drop();
      else stop.abort();
      await eventually(() => assert.deepEqual(closed, [1006]));
      await eventually(() => assert.equal(sockets[index]!.readyState, 3));
      send('too late');
    }
  });

  it('is given up while it is being made', async () => {
    const { url, answer, requests } = await serve();
    answer(0);
    const { link, stop, closed } = open(url);
    link.catch(() => undefined);
    await eventually(() => assert.equal(requests.length, 1));
    stop.abort();
    await assert.rejects(link, is('EABORTED', /^Cancelled \(listening\)/));
    await assert.rejects(open(url, { signal: AbortSignal.abort() }).link, is('EABORTED', /^Cancelled/));
    assert.deepEqual(closed, []);
  });

  it('that is refused says with which status', async () => {
    const { url, answer } = await serve();
    answer(403);
    const { link, closed } = open(`${url}/app/secret-key`);
    await assert.rejects(link, (error: ClipError) => {
      assert.equal(error.vendorCode, 'HTTP 403');
      assert.doesNotMatch(`${error.message}${error.stack}`, /secret-key/);
      return is('EPROTOCOL', /^The server refuses the connection \(HTTP 403\) \(listening\)/)(error);
    });
    assert.deepEqual(closed, []);
  });

  it('to a server that is down or no address at all says so', async () => {
    const { url, server } = await serve();
    await server.stop();
    await assert.rejects(open(url).link, is('ENETWORK', /^Nothing listens at .*\(ECONNREFUSED\)/));
    for (const none of ['http://h', 'nonsense', '']) {
      await assert.rejects(open(none).link, is('EINVALID', /an address that is none/));
    }
  });

  it('ends when a message is larger than any push', async () => {
    const { url, sockets } = await serve();
    const { link, closed, messages } = open(url);
    await link;
    sockets[0]!.send('x'.repeat(5 * 1024 * 1024));
    await eventually(() => assert.equal(closed.length, 1));
    assert.deepEqual(messages, ['greeting']);
  });

  describe('over TLS', () => {
    it('trusts the CA of the connection and nobody else', async () => {
      const tls = selfSignedCertificate();
      const { url } = await serve({ tls });
      await open(url, { tls: { ca: tls.cert } }).link;
      await open(url, { tls: { rejectUnauthorized: false } }).link;
      await assert.rejects(open(url).link, is('ENETWORK', /SELF_SIGNED/));
    });
  });

  describe('through a proxy', () => {
    /** A proxy that knows CONNECT only. */
    async function proxy(status = 200) {
      const asked: { target: string; authorization: string | undefined }[] = [];
      const sockets = new Set<net.Socket>();
      const server = http.createServer();
      server.on('connection', (socket) => sockets.add(socket));
      server.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
        asked.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] });
        if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
        const [host, port] = request.url!.split(':');
        const upstream = net.connect(Number(port), host, () => {
          socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
          socket.pipe(upstream).pipe(socket);
        });
        upstream.on('error', () => socket.destroy());
        socket.on('error', () => upstream.destroy());
        socket.on('close', () => upstream.destroy());
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      cleanUps.push(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
      });
      return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    }

    it('asks for a tunnel, with credentials where there are any', async () => {
      const { url, port } = await serve();
      const through = await proxy();
      const { link, messages } = open(url, { proxy: { url: through.url, username: 'u', password: 'p', noProxy: [] } });
      await link;
      await eventually(() => assert.deepEqual(messages, ['greeting']));
      const authorization = `Basic ${Buffer.from('u:p').toString('base64')}`;
      assert.deepEqual(through.asked, [{ target: `127.0.0.1:${port}`, authorization }]);
    });

    it('speaks TLS with the server behind it', async () => {
      const tls = selfSignedCertificate();
      const { url } = await serve({ tls });
      const through = await proxy();
      const { link, messages } = open(url, { proxy: { url: through.url, noProxy: [] }, tls: { ca: tls.cert } });
      await link;
      await eventually(() => assert.deepEqual(messages, ['greeting']));
      assert.equal(through.asked[0]!.authorization, undefined);
      await assert.rejects(open(url, { proxy: { url: through.url, noProxy: [] } }).link, is('ENETWORK', /SELF_SIGNED/));
    });

    it('goes around it where it is told to', async () => {
      const { url } = await serve();
      await open(url, { proxy: { url: 'http://127.0.0.1:1', noProxy: ['127.0.0.1'] } }).link;
    });

    it('that refuses, or is not there, says so', async () => {
      const { url } = await serve();
      const refusing = await proxy(407);
      await assert.rejects(
        open(url, { proxy: { url: refusing.url, noProxy: [] } }).link,
        is('ENETWORK', /^The proxy refuses the way to the server \(HTTP 407\)/),
      );
      await assert.rejects(
        open(url, { proxy: { url: 'http://127.0.0.1:1', noProxy: [] } }).link,
        is('ENETWORK', /ECONNREFUSED/),
      );
    });
  });
});
