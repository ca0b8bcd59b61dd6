// Stands between the product and a simulator: passes on what is asked and answered, and lets faults happen on the way.
import { once } from 'node:events';
import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import https from 'node:https';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { World } from '../contract/harness';
import { recordRequest, type RecordedRequest } from '../simulators/http-server';

/** What a simulator has answered, as a whole. */
export interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer;
}

/** One request on its way. */
export interface Exchange {
  request: RecordedRequest;
  /** Which of several variants of a fault is meant: the same number whenever the cell is run. */
  variant: number;
  response: ServerResponse;
  /** For bytes that no server of Node would send. */
  socket: Socket;
  /** Fires when the product, or the test, has gone. */
  signal: AbortSignal;
  /** Asks the simulator; each call asks again. */
  forward(): Promise<Answer>;
  send(answer: Partial<Answer>): void;
}

export type Meet = (exchange: Exchange) => unknown;
/** Takes over a connection that is to become a WebSocket. */
export type Upgrade = (socket: Socket, incoming: IncomingMessage, signal: AbortSignal) => unknown;

export interface Ambush {
  variant: number;
  /** How many requests will meet it. */
  times: number;
  isFor(request: RecordedRequest): boolean;
  meet?: Meet;
  upgrade?: Upgrade;
}

export interface Certificates {
  key: string;
  cert: string;
  /** What the product trusts. */
  ca: string;
}

export interface Proxy {
  /** The same world, by way of the proxy. */
  world: World;
  /** Requests and upgrades that have met a fault. */
  readonly met: number;
  /** What the faults themselves have done wrong. */
  readonly errors: unknown[];
  ambush(ambush: Ambush | undefined): void;
  /** Nobody listens any more, and all connections are reset. */
  goDown(): Promise<void>;
  comeUp(): Promise<void>;
  /** From the next connection on; those that are open are reset. */
  present(identity: Partial<https.ServerOptions>): Promise<void>;
  /** From the next connection on, this is said in place of everything else, and the connection ends. */
  say(text: string | undefined): void;
  dropConnections(): void;
  close(): Promise<void>;
}

/** @param certificates for https in front of the simulator; without, http */
export async function startProxy(world: World, certificates?: Certificates): Promise<Proxy> {
  const fronts = new Map<string, Promise<Front>>();
  const sockets = new Set<Socket>();
  const errors: unknown[] = [];
  const closing = new AbortController();
  // A kept connection may end at the moment in which it is used again, which would be a fault that nobody ordered.
  const agent = new http.Agent({ keepAlive: false });
  const opened = (): Promise<Front[]> => Promise.all(fronts.values());
  let ambush: Ambush | undefined;
  let met = 0;
  let said: string | undefined;

  function caught(request: RecordedRequest): Ambush | undefined {
    if (!ambush || ambush.times <= 0 || !ambush.isFor(request)) return undefined;
    ambush.times -= 1;
    met += 1;
    return ambush;
  }

  async function serve(target: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { signal } = gone;
    const request = await recordRequest(incoming, Date.now());
    const forward = async (): Promise<Answer> => translated(await ask(target, request, agent));
    const send = ({ status = 200, headers = {}, body = Buffer.alloc(0) }: Partial<Answer>): void => {
      if (signal.aborted) return;
      const length = headers['content-length'] ?? body.length;
      response.writeHead(status, { ...headers, 'content-length': length });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const fault = caught(request);
    if (!fault?.meet) return send(await forward());
    const socket = incoming.socket;
    await fault.meet({ request, variant: fault.variant, response, socket, signal, forward, send });
  }

  function onRequest(target: string, incoming: IncomingMessage, response: ServerResponse): void {
    serve(target, incoming, response).catch((error: unknown) => {
      const isGone = response.destroyed || (error as NodeJS.ErrnoException).code === 'ECONNRESET';
      if (!isGone && !closing.signal.aborted) errors.push(error);
      response.destroy();
    });
  }

  async function onUpgrade(target: string, incoming: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    const fault = ambush?.upgrade && ambush.times > 0 ? ambush : undefined;
    if (fault) {
      const gone = new AbortController();
      socket.once('close', () => gone.abort());
      fault.times -= 1;
      met += 1;
      await fault.upgrade!(socket, incoming, gone.signal);
      return;
    }
    const other = connect(Number(target.split(':')[1]), '127.0.0.1');
    other.on('error', () => socket.destroy());
    socket.on('close', () => other.destroy());
    const { rawHeaders } = incoming;
    const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? `${name}: ${rawHeaders[index + 1]}` : []));
    other.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    other.write(head);
    socket.pipe(other).pipe(socket);
  }

  /** A server in front of one host of the simulator. */
  function frontOf(target: string): Promise<Front> {
    const found = fronts.get(target) ?? openFront(target);
    fronts.set(target, found);
    return found;
  }

  /** Reads what comes over the connections that it is handed. */
  function makeServer(target: string, identity: Partial<https.ServerOptions> = {}): http.Server {
    const server = certificates ? https.createServer({ ...certificates, ...identity }) : http.createServer();
    server.on('request', (incoming, response) => onRequest(target, incoming, response));
    server.on('upgrade', (incoming, socket, head: Buffer) => {
      onUpgrade(target, incoming, socket as Socket, head).catch((error: unknown) => errors.push(error));
    });
    server.keepAliveTimeout = 0;
    server.on('clientError', (_error: Error, socket: Duplex) => socket.destroy());
    return server;
  }

  async function openFront(target: string): Promise<Front> {
    const front: Front = { target, server: makeServer(target), door: createServer({ allowHalfOpen: true }), port: 0 };
    front.door.on('connection', (socket) => {
      track(socket);
      if (said === undefined) return void front.server.emit('connection', socket);
      met += 1;
      socket.end(said, 'latin1');
    });
    await listen(front);
    return front;
  }

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
  }

  /** Addresses of the simulator become those of the proxy. */
  async function viaProxy(text: string): Promise<string> {
    const own = new Set((await opened()).map(addressOf));
    let changed = text;
    for (const [, target] of new Set(text.matchAll(/\b(127\.0\.0\.1:\d+)/g))) {
      if (!target || own.has(target)) continue;
      const address = addressOf(await frontOf(target));
      changed = changed.replaceAll(`http://${target}`, `${certificates ? 'https' : 'http'}://${address}`);
      changed = changed.replaceAll(`ws://${target}`, `${certificates ? 'wss' : 'ws'}://${address}`);
      changed = changed.replaceAll(target, address);
    }
    return changed;
  }

  async function translated({ status, headers, body }: Answer): Promise<Answer> {
    const location = headers.location;
    const moved = typeof location === 'string' ? { location: await viaProxy(location) } : {};
    const isText = /^\s*[{[<]/.test(body.toString('latin1', 0, 20));
    const text = isText ? Buffer.from(await viaProxy(body.toString())) : body;
    return { status, headers: { ...headers, ...moved }, body: text };
  }

  async function proxiedSettings(): Promise<World['settings']> {
    const entries = Object.entries(world.settings).map(
      async ([name, value]) => [name, typeof value === 'string' ? await viaProxy(value) : value] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const settings = await proxiedSettings();

  async function close(): Promise<void> {
    closing.abort();
    for (const { door } of await opened()) if (door.listening) door.close();
    dropConnections();
    agent.destroy();
    await world.close();
  }

  return {
    world: { ...world, settings, ...(certificates ? { tls: { ca: certificates.ca } } : {}), close },
    get met() {
      return met;
    },
    errors,
    ambush: (set) => (ambush = set),
    async goDown() {
      for (const { door } of await opened()) {
        const closed = once(door, 'close');
        door.close();
        dropConnections();
        await closed;
      }
    },
    async comeUp() {
      for (const front of await opened()) await listen(front);
    },
    async present(identity) {
      for (const front of await opened()) front.server = makeServer(front.target, identity);
      dropConnections();
    },
    say(text) {
      said = text;
      dropConnections();
    },
    dropConnections,
    close,
  };
}

/** A port that leads to one host of the simulator. */
interface Front {
  target: string;
  door: Server;
  server: http.Server;
  port: number;
}

const addressOf = ({ port }: Front): string => `127.0.0.1:${port}`;

async function listen(front: Front): Promise<void> {
  front.door.listen(front.port, '127.0.0.1');
  await once(front.door, 'listening');
  front.port = (front.door.address() as AddressInfo).port;
}

/** Headers that are for one connection only. */
const ofConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'upgrade']);

function ask(
  target: string,
  { method, target: path, headers, body }: RecordedRequest,
  agent: http.Agent,
): Promise<Answer> {
  const [host, port] = target.split(':');
  return new Promise((resolve, reject) => {
    const sent = http.request({ host, port, method, path, headers: { ...headers, connection: 'close' }, agent });
    sent.once('error', reject);
    sent.once('response', (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.once('error', reject);
      reply.once('end', () => {
        const isKept = (name: string): boolean =>
          !ofConnection.has(name) || (method === 'HEAD' && name === 'content-length');
        const kept = Object.entries(reply.headers).filter(([name]) => isKept(name));
        resolve({ status: reply.statusCode ?? 0, headers: Object.fromEntries(kept), body: Buffer.concat(chunks) });
      });
    });
    sent.end(body);
  });
}
