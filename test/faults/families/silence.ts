// Servers that fall silent, are slow, or send byte by byte.
import { setTimeout as sleep } from 'node:timers/promises';
import { headOf, untilGone, type Family } from '../fault';
import type { Exchange } from '../proxy';

async function byBytes({ socket, signal }: Exchange, bytes: Buffer, everyMs: number): Promise<void> {
  for (let at = 0; at < bytes.length && !signal.aborted && !socket.destroyed; at += 1) {
    socket.write(bytes.subarray(at, at + 1));
    await sleep(everyMs);
  }
}

export const silence: Family = {
  name: 'silence',
  faults: [
    { name: 'no answer', passes: true, meet: ({ signal }) => untilGone(signal) },
    {
      name: 'no answer once it is handled',
      passes: true,
      async meet({ forward, signal }) {
        await forward();
        await untilGone(signal);
      },
    },
    ...Object.entries({
      'within the headers': (head: Buffer) => head.subarray(0, -6),
      'behind the headers': (head: Buffer) => head,
      'in the body': (head: Buffer, body: Buffer) => Buffer.concat([head, body.subarray(0, -5)]),
    }).map(([place, part]) => ({
      name: `silence ${place}`,
      passes: true,
      async meet({ forward, socket, signal }: Exchange) {
        const answer = await forward();
        socket.write(part(headOf(answer), answer.body));
        await untilGone(signal);
      },
    })),
    {
      name: 'headers byte by byte',
      passes: true,
      async meet(exchange) {
        await byBytes(exchange, headOf(await exchange.forward()), 50);
      },
    },
    {
      name: 'a body byte by byte',
      passes: true,
      async meet(exchange) {
        const answer = await exchange.forward();
        exchange.socket.write(headOf(answer));
        await byBytes(exchange, answer.body, 50);
      },
    },
    {
      name: 'a body of spaces, byte by byte',
      passes: true,
      async meet(exchange) {
        const answer = await exchange.forward();
        exchange.socket.write(headOf(answer, { 'content-length': undefined }));
        await byBytes(exchange, Buffer.alloc(10_000, ' '), 50);
      },
    },
    {
      name: 'a late answer',
      passes: true,
      async meet({ forward, send }) {
        const answer = await forward();
        await sleep(30);
        send(answer);
      },
    },
  ],
};
