/**
 * The base of every simulator: a real HTTP server on loopback that records what it is asked, can go down and come back on
 * the same port, and can be told to fail in the ways that networks and servers fail.
 */
import { once } from 'node:events';
import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RecordedRequest {
  method: string;
  /** Path and query exactly as received. */
  target: string;
  path: string;
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
  /** Epoch milliseconds on the simulator's clock. */
  at: number;
  /** Absent while no answer has begun. */
  status?: number;
  /** Bytes of the answer's body handed to the socket. */
  bytesSent: number;
  /** The answer went out as a whole. */
  complete: boolean;
}

export interface Reply {
  status?: number;
  headers?: OutgoingHttpHeaders;
  body?: string | Buffer | AsyncIterable<Buffer>;
  /** Bytes of a streamed body; needed for the framing `length`. */
  size?: number;
  /** `length`: Content-Length (default). `chunked`: without it. `close`: neither, the end of the connection ends the body. */
  framing?: 'length' | 'chunked' | 'close';
  /** The connection ends after so many bytes of the body, whatever was announced. */
  truncateAfter?: number;
  /** Its connection takes no further request, without having said so. */
  isLast?: boolean;
}

export type Fault =
  /** `request`: before it is handled. `reply`: handled, but the answer is lost. `headers`: after the headers. */
  | { kind: 'reset'; when: 'request' | 'reply' | 'headers' }
  /** Answers late; other faults still apply. */
  | { kind: 'delay'; ms: number }
  /** Goes silent in the middle of the body, for good unless `ms` says how long. */
  | { kind: 'stall'; afterBytes: number; ms?: number }
  /** Cuts the body short. `end`, `reset`: the connection ends before Content-Length. `clean`: no sign of it in the framing. */
  | { kind: 'truncate'; afterBytes: number; how?: 'end' | 'reset' | 'clean' }
  /** Answers this instead of handling the request. */
  | { kind: 'reply'; reply: Reply }
  /** Handled, and the answer said in another way. */
  | { kind: 'dress'; dress(reply: Reply, request: RecordedRequest): Reply }
  | { kind: 'redirect'; location: string; status?: number };

export interface ActiveFault {
  fault: Fault;
  matches(request: RecordedRequest): boolean;
  /** How many more requests it will hit. */
  left: number;
  hits: number;
}

export interface ServerOptions {
  handle(request: RecordedRequest): Reply | Promise<Reply>;
  /** Takes over a connection that is to become another protocol, such as a WebSocket. */
  upgrade?(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** 0: any free port; it stays the same over `stop` and `start`. */
  port?: number;
  tls?: { key: string | Buffer; cert: string | Buffer };
  now?(): number;
  latencyMs?(): number;
  /** For a vendor with several hosts: one record of all requests in their order, and faults wherever they match. */
  shared?: { requests: RecordedRequest[]; faults: ActiveFault[] };
}

export interface SimulatorServer {
  readonly url: string;
  readonly port: number;
  readonly requests: RecordedRequest[];
  /** Exceptions out of the simulator itself: a test may assert that there are none. */
  readonly errors: unknown[];
  readonly connections: number;
  fail(fault: Fault, when?: { matches?(request: RecordedRequest): boolean; times?: number }): ActiveFault;
  clearFaults(): void;
  /** Comes up again on the same port. */
  start(): Promise<void>;
  /** Goes down: closes the port and every connection at once, and waits for what was being handled. */
  stop(): Promise<void>;
  /** Resets every open connection but stays up. */
  dropConnections(): void;
}

export async function startServer(options: ServerOptions): Promise<SimulatorServer> {
  const { requests, faults } = options.shared ?? { requests: [], faults: [] };
  const errors: unknown[] = [];
  const sockets = new Set<Socket>();
  const dead = new WeakSet<Socket>();
  const handling = new Set<Promise<void>>();
  let down = new AbortController();
  let port = options.port ?? 0;
  let server: http.Server | undefined;

  function onRequest(incoming: IncomingMessage, response: ServerResponse): void {
    if (dead.has(incoming.socket)) return resetSocket(incoming.socket);
    const work = serve(incoming, response)
      .catch((error: unknown) => {
        // A client that went away, or the server going down, is no error.
        if (!response.destroyed && !down.signal.aborted) errors.push(error);
        if (response.headersSent) response.destroy();
        else response.writeHead(500, { connection: 'close' }).end(String(error));
      })
      .finally(() => handling.delete(work));
    handling.add(work);
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, down.signal]);
    const request = await recordRequest(incoming, options.now?.() ?? Date.now());
    requests.push(request);
    const active = faults.filter((candidate) => candidate.left > 0 && candidate.matches(request));
    // Delays add up; of the rest, the first one set wins and the others wait for their turn.
    const main = active.find(({ fault }) => fault.kind !== 'delay');
    const delays = active.filter(({ fault }) => fault.kind === 'delay');
    for (const hit of main ? [...delays, main] : delays) {
      hit.left--;
      hit.hits++;
    }
    const fault = main?.fault;
    const waitMs = delays.reduce((sum, delay) => sum + (delay.fault.kind === 'delay' ? delay.fault.ms : 0), 0);
    await pause(waitMs + (options.latencyMs?.() ?? 0), signal);
    if (fault?.kind === 'reset' && fault.when === 'request') return cut(response, 'reset');
    const plain = replacement(fault) ?? (await options.handle(request));
    const reply = fault?.kind === 'dress' ? fault.dress(plain, request) : plain;
    if (fault?.kind === 'reset' && fault.when === 'reply') return cut(response, 'reset');
    if (reply.isLast) dead.add(incoming.socket);
    await send(response, request, reply, fault, signal);
  }

  async function start(): Promise<void> {
    if (server) return;
    down = new AbortController();
    const next = options.tls ? https.createServer(options.tls, onRequest) : http.createServer(onRequest);
    next.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    if (options.upgrade) next.on('upgrade', options.upgrade);
    next.listen(port, '127.0.0.1');
    await once(next, 'listening');
    port = (next.address() as AddressInfo).port;
    server = next;
  }

  async function stop(): Promise<void> {
    const closing = server;
    if (!closing) return;
    server = undefined;
    down.abort();
    const closed = once(closing, 'close');
    closing.close();
    closing.closeAllConnections();
    // Those that have become another protocol are no longer its own.
    for (const socket of sockets) socket.destroy();
    await Promise.all([closed, ...handling]);
  }

  await start();
  return {
    get url() {
      return `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    requests,
    errors,
    get connections() {
      return sockets.size;
    },
    fail(fault, { matches = () => true, times = 1 } = {}) {
      const active = { fault, matches, left: times, hits: 0 };
      faults.push(active);
      return active;
    },
    clearFaults() {
      faults.length = 0;
    },
    start,
    stop,
    dropConnections() {
      for (const socket of sockets) resetSocket(socket);
    },
  };
}

export async function recordRequest(incoming: IncomingMessage, at: number): Promise<RecordedRequest> {
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return {
    method: incoming.method ?? '',
    target,
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: incoming.headers,
    body: Buffer.concat(chunks),
    at,
    bytesSent: 0,
    complete: false,
  };
}

/** A page such as a proxy or a login form would send. */
export function htmlPage(status: number, title: string): Reply {
  const body = `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}

function replacement(fault: Fault | undefined): Reply | undefined {
  if (fault?.kind === 'reply') return fault.reply;
  if (fault?.kind !== 'redirect') return undefined;
  const page = htmlPage(fault.status ?? 302, 'Moved');
  return { ...page, headers: { ...page.headers, location: fault.location } };
}

async function send(
  response: ServerResponse,
  request: RecordedRequest,
  reply: Reply,
  fault: Fault | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { status = 200, headers = {}, body = '', framing = 'length' } = reply;
  const whole = typeof body === 'string' ? Buffer.from(body) : body;
  const size = Buffer.isBuffer(whole) ? whole.length : reply.size;
  const standing: Fault = { kind: 'truncate', afterBytes: reply.truncateAfter ?? Infinity };
  const truncate = fault?.kind === 'truncate' ? fault : standing;
  const limit = truncate.afterBytes;
  if (framing === 'length' && size !== undefined) {
    response.setHeader('content-length', truncate.how === 'clean' ? Math.min(size, limit) : size);
  } else if (framing === 'close') {
    response.shouldKeepAlive = false;
    response.useChunkedEncodingByDefault = false;
  }
  request.status = status;
  response.setHeader('date', new Date(request.at).toUTCString());
  response.writeHead(status, headers);
  if (fault?.kind === 'reset' && fault.when === 'headers') {
    response.flushHeaders();
    await flushed(response, signal);
    return cut(response, 'reset');
  }
  let stall = fault?.kind === 'stall' ? fault : undefined;
  const write = async (chunk: Buffer): Promise<void> => {
    request.bytesSent += chunk.length;
    if (!response.write(chunk)) await once(response, 'drain', { signal });
  };
  if (request.method !== 'HEAD') {
    for await (const chunk of Buffer.isBuffer(whole) ? [whole] : whole) {
      let rest = chunk.subarray(0, Math.max(0, limit - request.bytesSent));
      if (stall && request.bytesSent + rest.length >= stall.afterBytes) {
        const before = stall.afterBytes - request.bytesSent;
        if (before > 0) await write(rest.subarray(0, before));
        else response.flushHeaders();
        await pause(stall.ms ?? Infinity, signal);
        rest = rest.subarray(Math.max(0, before));
        stall = undefined;
      }
      if (rest.length > 0) await write(rest);
      if (request.bytesSent >= limit) break;
    }
  }
  if (truncate.how !== 'clean' && request.bytesSent >= limit) {
    response.flushHeaders();
    await flushed(response, signal);
    return cut(response, truncate.how ?? 'end');
  }
  response.end();
  await once(response, 'finish', { signal });
  request.complete = true;
}

/** A reset throws away what is still unsent, so it must wait for the bytes that the client is meant to get. */
async function flushed(response: ServerResponse, signal: AbortSignal): Promise<void> {
  while (response.writableLength > 0 || (response.socket?.writableLength ?? 0) > 0)
    await sleep(1, undefined, { signal });
  // Handed to the kernel is not yet read by the client, whose kernel drops unread bytes on a reset.
  await sleep(10, undefined, { signal });
}

function cut(response: ServerResponse, how: 'end' | 'reset'): void {
  const { socket } = response;
  if (!socket) return;
  if (how === 'reset') resetSocket(socket);
  else socket.end();
}

function resetSocket(socket: Socket): void {
  // A TLS socket has no reset of its own.
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (ms === Infinity) await once(signal, 'abort');
  signal.throwIfAborted();
  if (ms > 0) await sleep(ms, undefined, { signal });
}
