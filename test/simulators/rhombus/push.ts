// Speaks STOMP over a WebSocket on the API host: changes of alerts, to whoever has subscribed to those of its organization.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { RhombusState } from './state';

export interface PushClient {
  target: string;
  /** Frames of the client, as they came. */
  frames: string[];
  destination?: string;
  isOpen: boolean;
  /** It gives no sign of life any more. */
  isSilent: boolean;
  send(text: string): void;
  close(): void;
}

export interface PushServer {
  clients: PushClient[];
  /** Upgrades that were refused, by their status. */
  refused: number[];
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  announce(entity: string, type: string, uuid: string): void;
}

export function createPushServer(stateOf: () => RhombusState): PushServer {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const clients: PushClient[] = [];
  const refused: number[] = [];
  let messages = 0;

  function add(socket: WebSocket, target: string, organization: string): void {
    const client: PushClient = {
      target,
      frames: [],
      isOpen: true,
      isSilent: false,
      send: (text) => socket.send(text),
      close: () => socket.close(),
    };
    clients.push(client);
    socket.on('error', () => undefined);
    socket.on('close', () => (client.isOpen = false));
    socket.on('message', (data) => {
      const text = (data as Buffer).toString();
      client.frames.push(text);
      if (text.trim() === '') return client.isSilent ? undefined : client.send('\n');
      const headers = new Map(text.split('\n').map((line) => line.split(/:(.*)/s) as [string, string]));
      if (text.startsWith('CONNECT\n')) client.send('CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\0');
      if (!text.startsWith('SUBSCRIBE\n')) return;
      // Others' changes are nobody's business.
      if (headers.get('destination') !== `/topic/change/${organization}`)
        return client.send('ERROR\nmessage:denied\n\n\0');
      client.destination = headers.get('destination');
    });
  }

  return {
    clients,
    refused,
    upgrade(incoming, socket, head) {
      const url = new URL(incoming.url ?? '/', 'ws://localhost');
      const scheme = url.searchParams.get('x-auth-scheme');
      const { keys } = stateOf().options;
      const key = keys.find((each) => each.key === incoming.headers['x-auth-apikey'] && each.scheme === scheme);
      const organization = scheme === 'api-token' ? key?.organizations[0] : url.searchParams.get('x-auth-org');
      const status = url.pathname !== '/websocket' ? 404 : key && organization ? 101 : 403;
      if (status !== 101) {
        refused.push(status);
        return void socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      }
      server.handleUpgrade(incoming, socket, head, (webSocket) => add(webSocket, url.href, organization!));
    },
    announce(entity, type, uuid) {
      for (const client of clients.filter(({ isOpen, destination }) => isOpen && destination)) {
        const lines = [`destination:${client.destination}`, 'subscription:sub-0', `message-id:${(messages += 1)}`];
        client.send(`MESSAGE\n${lines.join('\n')}\n\n${JSON.stringify({ entity, entityUuid: uuid, type })}\0`);
      }
    },
  };
}
