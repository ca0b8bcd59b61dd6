// Connections that are refused, reset, closed or closed by half, at every place of an answer.
import { headOf, reset, untilGone, type Family, type Fault } from '../fault';
import type { Exchange } from '../proxy';
import { setTimeout as sleep } from 'node:timers/promises';

/** How much of an answer still comes. */
const places: Record<string, (head: Buffer, body: Buffer) => Buffer> = {
  'within the status line': (head) => head.subarray(0, 7),
  'within the headers': (head) => head.subarray(0, head.length - 9),
  'behind the headers': (head) => head,
  'in the body': (head, body) => Buffer.concat([head, body.subarray(0, Math.floor(body.length / 2))]),
  'before the last byte': (head, body) => Buffer.concat([head, body.subarray(0, -1)]),
};

function breaking(name: string, end: (exchange: Exchange) => unknown): Fault[] {
  return Object.entries(places).map(([place, part]) => ({
    name: `${name} ${place}`,
    passes: true,
    async meet(exchange) {
      const answer = await exchange.forward();
      exchange.socket.write(part(headOf(answer), answer.body));
      await sleep(10);
      await end(exchange);
    },
  }));
}

export const line: Family = {
  name: 'connections that break',
  faults: [
    {
      name: 'refused',
      passes: true,
      line: { harm: (proxy) => proxy.goDown(), mend: (proxy) => proxy.comeUp() },
    },
    {
      name: 'dropped while idle',
      passes: true,
      line: { harm: (proxy) => proxy.dropConnections(), mend: () => undefined },
    },
    { name: 'reset before it is handled', passes: true, meet: ({ socket }) => reset(socket) },
    {
      name: 'reset once it is handled',
      passes: true,
      async meet({ forward, socket }) {
        await forward();
        reset(socket);
      },
    },
    { name: 'closed before it is handled', passes: true, meet: ({ socket }) => void socket.destroySoon() },
    {
      name: 'half-closed in place of an answer',
      passes: true,
      async meet({ socket, signal }) {
        socket.end();
        await untilGone(signal);
      },
    },
    {
      name: 'half-closed behind an answer without a length',
      passes: true,
      async meet({ forward, socket, signal }) {
        const answer = await forward();
        socket.write(headOf(answer, { 'content-length': undefined }));
        socket.end(answer.body);
        await untilGone(signal);
      },
    },
    ...breaking('reset', ({ socket }) => reset(socket)),
    ...breaking('closed', ({ socket }) => socket.end()),
    ...breaking('half-closed', async ({ socket, signal }) => {
      socket.end();
      await untilGone(signal);
    }),
  ],
};
