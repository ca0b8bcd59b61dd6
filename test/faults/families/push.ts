// WebSockets that are refused, never open, or flood whoever listens.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { pour, reset, untilGone, type Family, type Fault } from '../fault';
import type { Upgrade } from '../proxy';

/** Opcodes of RFC 6455, 5.2. */
const text = 0x1;
const [continuation, binary, close, ping, pong] = [0x0, 0x2, 0x8, 0x9, 0xa];

function frame(payload: string | Buffer, opcode = text, isFinal = true): Buffer {
  const body = Buffer.from(payload as string);
  const first = (isFinal ? 0x80 : 0) | opcode;
  if (body.length < 126) return Buffer.concat([Buffer.from([first, body.length]), body]);
  const head = body.length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = first;
  head[1] = body.length < 65_536 ? 126 : 127;
  if (body.length < 65_536) head.writeUInt16BE(body.length, 2);
  else head.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([head, body]);
}

function accept(socket: Socket, { headers }: IncomingMessage): void {
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accepted = createHash('sha1').update(key).digest('base64');
  const lines = [
    'HTTP/1.1 101 Switching',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accepted}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
}

/** Once it is open, this comes again and again. */
function flood(name: string, frames: () => Buffer, times = Infinity): Fault {
  const upgrade: Upgrade = async (socket, incoming, signal) => {
    accept(socket, incoming);
    socket.resume();
    await pour(socket, signal, frames(), times);
    await untilGone(signal);
  };
  return { name, passes: true, isAt: (step) => step === 'push', upgrade };
}

function answered(name: string, upgrade: Upgrade): Fault {
  return { name, passes: true, isAt: (step) => step === 'push', upgrade };
}

const greeting = (timeout: unknown): Buffer =>
  frame(
    JSON.stringify({
      event: 'pusher:connection_established',
      data: JSON.stringify({ socket_id: '1.1', activity_timeout: timeout }),
    }),
  );
const event = (name: string, data: unknown): Buffer =>
  frame(JSON.stringify({ event: name, channel: 'private-token.1', data }));
const many = (one: Buffer, count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => one));

export const push: Family = {
  name: 'WebSockets',
  faults: [
    answered('refused', (socket) => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')),
    answered('refused for now', (socket) => socket.end('HTTP/1.1 503 Busy\r\nretry-after: 99999999999\r\n\r\n')),
    answered('redirected', (socket) => socket.end('HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\n\r\n')),
    answered('not upgraded', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK')),
    answered('never answered', (_socket, _incoming, signal) => untilGone(signal)),
    answered('reset', (socket) => reset(socket)),
    answered('accepted by a wrong key', (socket) =>
      socket.write(
        'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
      ),
    ),
    answered('headers without end', async (socket, _incoming, signal) => {
      socket.write('HTTP/1.1 101 Switching\r\n');
      await pour(socket, signal, Buffer.from('X-Many: 1\r\n'.repeat(5_000)));
    }),
    answered('opened and closed', (socket, incoming) => {
      accept(socket, incoming);
      socket.end(frame(Buffer.from([0x0f, 0xa0]), close));
    }),
    answered('opened and reset', (socket, incoming) => {
      accept(socket, incoming);
      setTimeout(() => reset(socket), 5);
    }),
    flood('silence', () => Buffer.alloc(0), 1),
    flood('pings', () => many(frame('p', ping), 2_000)),
    flood('pongs', () => many(frame('p', pong), 2_000)),
    flood('empty texts', () => many(frame(''), 2_000)),
    flood('short texts', () => many(frame('{}'), 2_000)),
    flood('binary frames', () => many(frame(Buffer.alloc(1_000), binary), 50)),
    flood('frames that go on', () => many(frame('x', continuation, false), 2_000)),
    flood('a text without end', () =>
      Buffer.concat([frame('[', text, false), many(frame('1,', continuation, false), 9_000)]),
    ),
    flood('texts of a megabyte', () => frame(`[${'1,'.repeat(500_000)}1]`)),
    flood('deep texts', () => frame('['.repeat(900_000))),
    flood('a frame of a petabyte', () => Buffer.from([0x81, 127, 0, 4, 0, 0, 0, 0, 0, 0]), 1),
    flood('frames with bits that nobody knows', () => Buffer.from([0xf1, 1, 0x78]), 1),
    flood('texts that are no UTF-8', () => frame(Buffer.from([0xff, 0xfe, 0xc3, 0x28])), 1),
    flood('rubbish', () => Buffer.from('rubbish '.repeat(1_000))),
    flood('greetings', () => many(greeting(30), 300)),
    flood('a greeting for a thousandth of a second', () => greeting(0.001), 1),
    flood('a greeting for ever', () => greeting(1e300), 1),
    flood('a greeting that is none', () => greeting({ valueOf: 1, toString: 1 }), 1),
    flood('questions for life', () => Buffer.concat([greeting(30), many(event('pusher:ping', {}), 1_000)])),
    flood('news', () => many(event('Archive', { type: 'archive_generated', id: '1' }), 500)),
    flood('names of the language', () => many(event('__proto__', { __proto__: { a: 1 } }), 500)),
    flood('states of jobs', () =>
      many(frame(JSON.stringify({ topic: 'job_state', payload: '{"export":{"results":{"jobs":[]}}}' })), 300),
    ),
  ],
};
