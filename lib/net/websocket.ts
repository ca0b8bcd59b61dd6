/**
 * WebSockets for providers: text frames, TLS and proxy as for HTTP. The only user of ws; what goes wrong leaves here as a
 * ClipError without the address, which may hold a key.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import { WebSocket } from 'ws';
import { ClipError } from '../errors';
import { isDirect, type ProxyOptions, type TlsOptions } from './http';

const openTimeoutMs = 10_000;
const maxMessageBytes = 2 ** 20;

export interface WebSocketOptions {
  /** `ws(s)://host[:port]/path` */
  url: string;
  tls?: TlsOptions;
  proxy?: ProxyOptions;
  /** Of the request that opens it, such as `Authorization`. */
  headers?: Record<string, string>;
  /** Ends the connection, also while it is being made. */
  signal: AbortSignal;
  /** What the connection is for, to start an error message with: "Listening for news". */
  action: string;
  onMessage(text: string): void;
  /** Called once after the connection was open. 1006 stands for an end without a word. */
  onClose(code: number): void;
}

export interface WebSocketLink {
  send(text: string): void;
  /** Ends it at once, without waiting for the other side; `onClose` still follows. */
  drop(): void;
}

/**
 * Resolves once messages can be sent; those that arrive right behind the handshake are not lost. A ping of the server is
 * answered, and no frame is ever sent unasked.
 * @throws ENETWORK, ETIMEOUT, EABORTED, EINVALID, or EPROTOCOL where the server refuses (`vendorCode` is the HTTP status)
 */
export function openWebSocket(options: WebSocketOptions): Promise<WebSocketLink> {
  const { signal, action } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) throw new ClipError('EABORTED', `${action}: cancelled`);
    const url = addressOf(options);
    const socket = new WebSocket(url, {
      ...options.tls,
      headers: options.headers ?? {},
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      ...throughProxy(url, options),
    });
    let isOpen = false;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      socket.terminate();
    }, openTimeoutMs);
    const drop = (): void => socket.terminate();
    signal.addEventListener('abort', drop, { once: true });

    socket.on('open', () => {
      clearTimeout(timer);
      isOpen = true;
      resolve({
        send: (text) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(text);
        },
        drop,
      });
    });
    socket.on('message', (data, isBinary) => {
      if (!isBinary) options.onMessage((data as Buffer).toString('utf8'));
    });
    socket.on('unexpected-response', (_request, response) => {
      reject(refused(response.statusCode ?? 0, action));
      socket.terminate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(new ClipError('EABORTED', `${action}: cancelled`));
      else if (late) reject(new ClipError('ETIMEOUT', `${action}: no answer within ${openTimeoutMs / 1000} s`));
      else reject(error instanceof ClipError ? error : unreachable(error, action));
    });
    socket.on('close', (code) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', drop);
      if (isOpen) options.onClose(code);
    });
  });
}

function addressOf({ url, action }: WebSocketOptions): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (!address || !/^wss?:$/.test(address.protocol)) {
    throw new ClipError('EINVALID', `${action}: the server names an address that is none`);
  }
  address.hash = '';
  return address;
}

function refused(status: number, action: string): ClipError {
  const message = `${action}: the server refuses the connection (HTTP ${status})`;
  return new ClipError('EPROTOCOL', message, { vendorCode: `HTTP ${status}` });
}

function unreachable({ code }: NodeJS.ErrnoException, action: string): ClipError {
  return new ClipError('ENETWORK', `${action}: the server cannot be reached (${code ?? 'connection failed'})`, {
    ...(code ? { vendorCode: code } : {}),
  });
}

/** A tunnel through the proxy in place of a direct connection. */
function throughProxy(url: URL, { proxy, tls: tlsOptions, signal, action }: WebSocketOptions): object {
  if (!proxy || isDirect(url.hostname, proxy)) return {};
  const createConnection = (_: unknown, done: (error: Error | null, socket?: Duplex) => void): void => {
    const isSecure = url.protocol === 'wss:';
    const target = `${url.hostname}:${url.port || (isSecure ? 443 : 80)}`;
    const credentials = Buffer.from(`${proxy.username}:${proxy.password ?? ''}`).toString('base64');
    const request = (/^https:/i.test(proxy.url) ? https : http).request(proxy.url, {
      method: 'CONNECT',
      path: target,
      headers: { Host: target, ...(proxy.username ? { 'Proxy-Authorization': `Basic ${credentials}` } : {}) },
      agent: false,
      signal,
      timeout: openTimeoutMs,
    });
    request.once('timeout', () => request.destroy());
    request.once('error', (error) => done(error));
    request.once('connect', (response: http.IncomingMessage, socket: Duplex) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        return done(refused(response.statusCode ?? 0, `${action} through the proxy`));
      }
      if (!isSecure) return done(null, socket);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const secure = tls.connect({ host, servername: isIP(host) ? '' : host, ...tlsOptions, socket });
      secure.once('secureConnect', () => done(null, secure)).once('error', (error: Error) => done(error));
    });
    request.end();
  };
  return { createConnection };
}
