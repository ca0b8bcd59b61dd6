// Speaks the WebSocket: all topics in one stream, and since 0.18 the state of the queue.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { accountOf, type Account } from './accounts';
import { activeJobs, jobJson } from './jobs';
import { hasQueue, type FrigateState } from './state';

export interface PushClient {
  headers: IncomingMessage['headers'];
  account: Account;
  /** What the client has sent. */
  frames: string[];
  isOpen: boolean;
  send(topic: string, payload: unknown): void;
  close(): void;
}

export interface PushServer {
  clients: PushClient[];
  /** Upgrades that were refused, by their status. */
  refused: number[];
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells everybody of the queue. */
  announce(): void;
}

export function createPushServer(stateOf: () => FrigateState): PushServer {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const clients: PushClient[] = [];
  const refused: number[] = [];

  function add(socket: WebSocket, incoming: IncomingMessage, account: Account): void {
    const client: PushClient = {
      headers: incoming.headers,
      account,
      frames: [],
      isOpen: true,
      send: (topic, payload) => {
        const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
        if (client.isOpen) socket.send(JSON.stringify({ topic, payload: text }));
      },
      close: () => socket.close(),
    };
    clients.push(client);
    socket.on('message', (data) => {
      const text = (data as Buffer).toString();
      client.frames.push(text);
      if ((JSON.parse(text) as { topic: string }).topic === 'jobState') tell(client);
    });
    socket.on('close', () => (client.isOpen = false));
    socket.on('error', () => undefined);
  }

  function tell(client: PushClient): void {
    const state = stateOf();
    if (!hasQueue(state)) return;
    const active = activeJobs(state, client.account);
    // Restricted roles do not get the empty list.
    if (active.length === 0 && state.options.roles[client.account.role]) return;
    const status = active.some((made) => made.status === 'running') ? 'running' : 'queued';
    const jobs = active.map((made) => jobJson(state, made));
    client.send('job_state', { export: { job_type: 'export', status, results: { jobs } } });
  }

  return {
    clients,
    refused,
    upgrade(incoming, socket, head) {
      const state = stateOf();
      const account = accountOf(state, incoming.headers);
      const status = incoming.url !== `${state.options.basePath}/ws` ? 404 : account ? 101 : 401;
      if (status !== 101) {
        refused.push(status);
        return void socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      }
      server.handleUpgrade(incoming, socket, head, (webSocket) => add(webSocket, incoming, account!));
    },
    announce: () => clients.filter(({ isOpen }) => isOpen).forEach(tell),
  };
}
