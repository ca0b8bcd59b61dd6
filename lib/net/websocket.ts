// Opens WebSockets for providers: text frames, TLS and proxy as for HTTP. The only user of ws: failures become ClipErrors without
// the address, which may hold a key.
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { cancelled, ClipError, reasonFirst } from '../errors';
import type { ProxyOptions, TlsOptions } from '../provider';
import { openTunnel, proxyFor } from './agents';
import { traceRequest } from './diagnostics';
import { networkError } from './network-errors';

const openTimeoutMs = 10_000;
const maxMessageBytes = 2 ** 20;
/** Messages within a second. No server has so much to say: reading more would keep Node-RED from everything else. */
const mostFrames = 2_000;
const mostBytes = 8 * 2 ** 20;

export interface WebSocketOptions {
  /** `ws(s)://host[:port]/path` */
  url: string;
  tls?: TlsOptions | undefined;
  proxy?: ProxyOptions | undefined;
  /** Of the request that opens it, such as `Authorization`. */
  headers?: Record<string, string> | undefined;
  /** Ends the connection, also while it is being made. */
  signal: AbortSignal;
  /** Purpose of the connection, as the start of an error message: "Listening for news". */
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
    if (signal.aborted) throw cancelled(reasonFirst('cancelled', action));
    const url = addressOf(options);
    const end = traceRequest('WEBSOCKET', url.href);
    const fail = (error: ClipError): void => {
      end({ error: error.code });
      reject(error);
    };
    const proxy = proxyFor(url, options.proxy);
    const socket = new WebSocket(url, {
      ...options.tls,
      headers: options.headers ?? {},
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      ...(proxy ? throughProxy(url, proxy, options) : {}),
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
      end({ status: 101 });
      resolve({
        send: (text) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(text);
        },
        drop,
      });
    });
    const isFlood = floodDetector();
    const admits = (data: Buffer): boolean => {
      if (isFlood(data.length)) socket.terminate();
      return socket.readyState === WebSocket.OPEN;
    };
    socket.on('message', (data, isBinary) => {
      if (!admits(data as Buffer) || isBinary) return;
      try {
        options.onMessage((data as Buffer).toString('utf8'));
      } catch {
        // Thrown out of here, it would end Node-RED.
        drop();
      }
    });
    socket.on('ping', admits).on('pong', admits);
    socket.on('unexpected-response', (_request, response) => {
      fail(refused(response.statusCode ?? 0, action));
      socket.terminate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      fail(networkError(error, { signal, action, url: url.href }, late ? openTimeoutMs : undefined));
    });
    socket.on('close', (code) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', drop);
      if (isOpen) options.onClose(code);
    });
  });
}

/** Counts by the second. */
function floodDetector(): (bytes: number) => boolean {
  let [startedAt, frames, bytesInAll] = [-Infinity, 0, 0];
  return (bytes) => {
    const now = performance.now();
    if (now - startedAt >= 1_000) [startedAt, frames, bytesInAll] = [now, 0, 0];
    frames += 1;
    bytesInAll += bytes;
    return frames > mostFrames || bytesInAll > mostBytes;
  };
}

function addressOf({ url, action }: WebSocketOptions): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (!address || !/^wss?:$/.test(address.protocol)) {
    throw new ClipError('EINVALID', reasonFirst('the server names an address that is none', action));
  }
  address.hash = '';
  return address;
}

function refused(status: number, action: string): ClipError {
  const message = reasonFirst(`the server refuses the connection (HTTP ${status})`, action);
  return new ClipError('EPROTOCOL', message, { vendorCode: `HTTP ${status}` });
}

/** @returns options that make `ws` use a tunnel in place of a direct connection */
function throughProxy(url: URL, proxy: ProxyOptions, { tls = {}, signal }: WebSocketOptions): object {
  return {
    createConnection: (_: unknown, connected: (error: Error | null, socket: Duplex) => void): void =>
      openTunnel(url, proxy, tls, connected, signal),
  };
}
