/** Servers, proxies and clients for the tests of HTTP. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { ClipError } from '../../../lib/errors';
import { createHttpClient, type HttpClient, type HttpOptions, type HttpRequest } from '../../../lib/net/http';
import { startServer, type RecordedRequest, type Reply, type ServerOptions } from '../../simulators/http-server';

export const never: AbortSignal = new AbortController().signal;

/** Everything opened here is closed by `closeAll`. */
const open: (() => unknown)[] = [];

export async function closeAll(): Promise<void> {
  for (const close of open.splice(0)) await close();
}

type Handle = (request: RecordedRequest) => Reply | Promise<Reply>;

/** A server that answers `ok` unless told otherwise. */
export async function serve(handle: Handle = () => ({ body: 'ok' }), tls?: ServerOptions['tls']) {
  const server = await startServer({ handle, ...(tls ? { tls } : {}) });
  open.push(() => server.stop());
  return server;
}

export function client(baseUrl: string, options: Partial<HttpOptions> = {}): HttpClient {
  const created = createHttpClient({ baseUrl, ...options });
  open.push(() => created.close());
  return created;
}

export function get(path: string, change: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', path, signal: never, action: 'Asking for something', ...change };
}

/** Headers with secrets, which must not show up anywhere else. */
export const secretHeaders = {
  Authorization: 'Basic c2VjcmV0LWJhc2lj',
  Cookie: 'sessionkey=secret-cookie',
  'X-Api-Key': 'secret-api-key',
};
const secrets = ['c2VjcmV0LWJhc2lj', 'secret-cookie', 'secret-api-key', 'secret-body', 'secret-proxy', 'secret-query'];

/** For `assert.rejects`: our error with this code, and nothing of the request in any corner of it. */
export const fails =
  (code: string, { message = /.*/, retryable }: { message?: RegExp; retryable?: boolean } = {}) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ClipError, `not a ClipError: ${inspect(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, /^[^a-z][^(]*.*\(asking for something\)/);
    assert.match(error.message, message);
    if (retryable !== undefined) assert.equal(error.retryable, retryable, `retryable: ${error.message}`);
    assertClean(error);
    return true;
  };

export function assertClean(error: unknown): void {
  const everything = inspect(error, { depth: 10, showHidden: true, getters: true });
  for (const secret of secrets) assert.ok(!everything.includes(secret), `${secret} is in ${everything}`);
  assert.ok(!('cause' in (error as object)));
  assert.doesNotMatch(everything, /IncomingMessage|ClientRequest|Axios|\[Socket\]/);
}

interface ProxyRequest {
  /** `CONNECT`, or the method of a request with a whole address. */
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
}

/**
 * A small HTTP proxy: forwards requests with a whole address, and opens tunnels. Names of hosts need not exist: it takes
 * every host for 127.0.0.1, on the port of `hosts`, else the port of the address.
 */
export async function startProxy(settings: { login?: string; hosts?: Record<string, number> } = {}) {
  const requests: ProxyRequest[] = [];
  const sockets = new Set<Socket>();
  const { login, hosts = {} } = settings;
  const isRefused = (headers: IncomingHttpHeaders): boolean =>
    login !== undefined && headers['proxy-authorization'] !== `Basic ${Buffer.from(login).toString('base64')}`;

  const proxy = http.createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    requests.push({ method, url, headers });
    if (isRefused(headers)) return void outgoing.writeHead(407, { 'proxy-authenticate': 'Basic' }).end('no');
    const target = new URL(url);
    const port = hosts[target.hostname] ?? Number(target.port || 80);
    const { 'proxy-authorization': _, ...rest } = headers;
    const path = target.pathname + target.search;
    const upstream = http.request({ host: '127.0.0.1', port, path, method, headers: rest, agent: false }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
    });
    upstream.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(upstream);
  });
  proxy.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  proxy.on('connect', ({ url = '', headers }, socket: Socket) => {
    requests.push({ method: 'CONNECT', url, headers });
    if (isRefused(headers)) return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const target = new URL(`http://${url}`);
    const upstream = net.connect(hosts[target.hostname] ?? Number(target.port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  open.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, requests };
}
