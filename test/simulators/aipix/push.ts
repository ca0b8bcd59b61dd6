/**
 * The push server: the Pusher protocol as push1st speaks it. It never pings, never says what is wrong, and throws out whoever
 * sends `pusher:pong`, anything it does not know, a wrong signature, or a PONG frame that nobody asked for (documented by its
 * source, https://github.com/navek-soft/push1st).
 */
import { createHmac, randomInt } from 'node:crypto';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { RecordedRequest, Reply } from '../http-server';
import { recordJson, type AipixRecord } from './records';
import { jsonReply, notFound, refusal, type Json } from './replies';
import { throttled, type AipixSession, type AipixState } from './state';

const maxFrameBytes = 64 * 1024;

export interface PushClient {
  socketId: string;
  /** Path and query. */
  target: string;
  headers: IncomingMessage['headers'];
  channels: Set<string>;
  /** Frames of the client, as they came. */
  frames: string[];
  heardAt: number;
  /** Why the server has thrown it out. */
  thrownOut?: { code: number; reason: string };
  isOpen: boolean;
  close(code: number, reason?: string): void;
  /** Any frame, of which the server itself would not send every kind. */
  send(frame: object | string): void;
  /** A PING frame, which the server itself never sends. */
  pingFrame(): void;
  /** PONG frames of the client. */
  pongs: number;
}

export interface SentPush {
  at: number;
  channel: string;
  event: string;
  payload: Json;
  receivers: number;
}

export interface PushServer {
  /** All connections that there have been. */
  clients: PushClient[];
  sent: SentPush[];
  /** Upgrades that were refused. */
  refused: { target: string; status: number }[];
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  broadcast(channel: string, event: string, payload: Json, options?: { except?: string }): void;
  /** Tells of a record that is ready or has failed. */
  announce(record: AipixRecord): void;
  isListening(tokenId: string): boolean;
  /** Throws out whoever has said nothing for too long. */
  sweep(): void;
}

export function createPushServer(stateOf: () => AipixState): PushServer {
  const server = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes, perMessageDeflate: false });
  const clients: PushClient[] = [];
  const sent: SentPush[] = [];
  const refused: PushServer['refused'] = [];

  function upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { push } = stateOf().options;
    const target = incoming.url ?? '/';
    const [, base, key] = /^(\/ws|\/pusher)?\/app\/([^/?]+)(?:\?|$)/.exec(target) ?? [];
    const status =
      key === undefined || (base === '/ws' && push.ws === 'missing') || !push.served ? 404 : key === push.key ? 0 : 403;
    if (status !== 0) {
      refused.push({ target, status });
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    server.handleUpgrade(incoming, socket, head, (webSocket) => {
      greet(webSocket, incoming, base === '/ws' && push.ws === 'silent');
    });
  }

  function greet(webSocket: WebSocket, incoming: IncomingMessage, isSilent: boolean): void {
    const state = stateOf();
    const { push, clock } = state.options;
    let idle: NodeJS.Timeout | undefined;
    const client: PushClient = {
      socketId: `${Date.now()}${randomInt(1e6)}.${randomInt(1e9)}`,
      target: incoming.url ?? '/',
      headers: incoming.headers,
      channels: new Set(),
      frames: [],
      heardAt: state.now(),
      isOpen: true,
      pongs: 0,
      close(code, reason = '') {
        client.thrownOut = { code, reason };
        webSocket.close(code);
      },
      send: (frame) => webSocket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
      pingFrame: () => webSocket.ping(),
    };
    clients.push(client);
    const isAlive = (): void => {
      client.heardAt = stateOf().now();
      clearTimeout(idle);
      // Where time stands still, `sweep` looks after it.
      if (clock === 'real') idle = setTimeout(() => client.close(1001, 'idle'), idleMs(push.activityTimeout)).unref();
    };
    isAlive();
    webSocket.on('message', (data, isBinary) => {
      const text = (data as Buffer).toString('utf8');
      client.frames.push(text);
      isAlive();
      if (isSilent) return;
      const problem = isBinary ? 'binary' : answer(client, text);
      if (problem) client.close(1002, problem);
    });
    let asked = 0;
    const { pingFrame } = client;
    client.pingFrame = () => (asked++, pingFrame());
    webSocket.on('pong', () => {
      client.pongs++;
      if (--asked < 0) client.close(1003, 'unsolicited pong');
    });
    webSocket.on('error', () => undefined);
    webSocket.on('close', () => {
      clearTimeout(idle);
      client.isOpen = false;
      client.channels.clear();
    });
    if (isSilent) return;
    const greeting = { socket_id: client.socketId, activity_timeout: push.activityTimeout };
    client.send({ event: 'pusher:connection_established', data: JSON.stringify(greeting) });
  }

  /** What is wrong with a frame, or undefined. */
  function answer(client: PushClient, text: string): string | undefined {
    let frame: { event?: unknown; data?: { channel?: unknown; auth?: unknown } };
    try {
      frame = JSON.parse(text) as typeof frame;
    } catch {
      return 'no JSON';
    }
    const channel = String(frame.data?.channel ?? '');
    switch (frame.event) {
      case 'pusher:ping':
        client.send({ event: 'pusher:pong' });
        return undefined;
      case 'pusher:unsubscribe':
        client.channels.delete(channel);
        return undefined;
      case 'pusher:subscribe': {
        const isPrivate = channel.startsWith('private-');
        if (channel === '' || channel.length > 255) return 'channel';
        if (isPrivate && frame.data?.auth !== signature(stateOf(), client.socketId, channel)) return 'signature';
        client.channels.add(channel);
        client.send({ event: 'pusher_internal:subscription_succeeded', channel });
        return undefined;
      }
      default:
        return `event ${String(frame.event)}`;
    }
  }

  function broadcast(channel: string, event: string, payload: Json, { except }: { except?: string } = {}): void {
    const { data, extraKeys } = stateOf().options.push;
    const receivers = clients.filter(({ channels, socketId }) => channels.has(channel) && socketId !== except);
    const extra = extraKeys ? { '#msg-id': 'c0ffee', '#msg-time': Date.now(), '#msg-from': 'api' } : {};
    for (const client of receivers) {
      client.send({ event, channel, data: data === 'text' ? JSON.stringify(payload) : payload, ...extra });
    }
    sent.push({ at: Date.now(), channel, event, payload, receivers: receivers.length });
  }

  function announce(record: AipixRecord): void {
    const state = stateOf();
    const { failure, sent: when, success, upperCase } = state.options.push;
    if (when === 'never') return;
    const type = upperCase ? 'ARCHIVE_GENERATED' : 'archive_generated';
    const isOk = record.state === 'ready';
    const json = recordJson(state, record, 'push');
    const download = isOk ? json : { ...json, url: null };
    const isNamed = isOk ? success === 'download' : failure === 'download';
    const data = isNamed ? { download } : { url: isOk ? json.url : null };
    const payload = { data: { type, status: isOk ? 'ok' : 'error', data }, subject: null, message: null };
    for (let count = when === 'twice' ? 2 : 1; count > 0; count--) {
      broadcast(`private-token.${record.tokenId}`, 'App\\Events\\TokenPush', payload);
    }
  }

  return {
    clients,
    sent,
    refused,
    upgrade,
    broadcast,
    announce,
    isListening: (tokenId) => clients.some(({ channels }) => channels.has(`private-token.${tokenId}`)),
    sweep() {
      const state = stateOf();
      const limitMs = idleMs(state.options.push.activityTimeout);
      for (const client of clients) {
        if (client.isOpen && state.now() - client.heardAt >= limitMs) client.close(1001, 'idle');
      }
    },
  };
}

function idleMs(activityTimeout: string): number {
  return 2 * Number(activityTimeout) * 1000;
}

function signature(state: AipixState, socketId: string, channel: string): string {
  const { key, secret } = state.options.push;
  return `${key}:${createHmac('sha256', secret).update(`${socketId}:${channel}`).digest('hex')}`;
}

/** Source: https://docs.aipix.ai/en/start/aipix-23.09/vms-client-api-6 */
export function wsurl(state: AipixState, session: AipixSession): Reply {
  const { address, encryptedAs, key, path, served } = state.options.push;
  if (!served) return notFound(state);
  const busy = throttled(state, 'wsurl', session.user.id);
  if (busy) return busy;
  const base = new URL(state.url());
  const isEncrypted = base.protocol === 'https:';
  return jsonReply({
    ws_url: address === 'whole' ? `${isEncrypted ? 'wss' : 'ws'}://${base.host}${path}` : null,
    app_key: key,
    port: Number(base.port),
    host: base.hostname,
    path,
    is_encrypted: encryptedAs === 'boolean' ? isEncrypted : String(isEncrypted),
  });
}

/** Signs for the channels of the session itself, and for no others. */
export function broadcastingAuth(state: AipixState, request: RecordedRequest, session: AipixSession): Reply {
  const form = new URLSearchParams(request.body.toString('utf8'));
  const channel = form.get('channel_name') ?? '';
  const own = [`private-token.${session.tokenId}`, `private-user.${session.user.id}`];
  if (!own.includes(channel)) return refusal(state, state.options.push.refused, {}, 'Forbidden.');
  return jsonReply({ auth: signature(state, form.get('socket_id') ?? '', channel) });
}
