// Defines a fault on the way, and writes what no server of Node would.
import type { OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Certificates, Exchange, Meet, Proxy, Upgrade } from './proxy';

export type FaultStep = 'login' | 'create' | 'status' | 'download' | 'delete' | 'cameras' | 'check' | 'push';

export interface Fault {
  name: string;
  /** Where it comes once, the job must succeed all the same. */
  passes?: boolean;
  /** What becomes of a request. */
  meet?: Meet;
  /** What becomes of a WebSocket. */
  upgrade?: Upgrade;
  /** What becomes of the line to the server, until it is mended. */
  line?: { harm(proxy: Proxy): unknown; mend(proxy: Proxy): unknown };
  /** Https is needed for it. */
  certificates?: () => Certificates;
  /** It makes sense there. Absent: everywhere but in WebSockets. */
  isAt?(step: FaultStep): boolean;
}

export interface Family {
  name: string;
  faults: Fault[];
}

export const notAtDownload = (step: FaultStep): boolean => step !== 'download' && step !== 'push';

/** What is sent for it is read by the same code at all steps but these: an answer about one thing, a list, a video. */
export const atKindsOfReading = (step: FaultStep): boolean => /^(create|cameras|download)$/.test(step);

/** Status line and headers. Undefined leaves a header out. */
export function headOf({ status, headers, body }: Answer, changes: OutgoingHttpHeaders = {}): Buffer {
  const all: OutgoingHttpHeaders = { 'content-length': body.length, ...headers, connection: 'close', ...changes };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}`),
  );
  return Buffer.from(`HTTP/1.1 ${status} Answer\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

export function reset(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

/** Writes as fast as it is read, until nobody does any more. */
export async function pour(socket: Socket, signal: AbortSignal, piece: Buffer, times = Infinity): Promise<void> {
  for (let count = 0; count < times && !signal.aborted && !socket.destroyed; count += 1) {
    const isTaken = await new Promise<boolean>((resolve) => {
      const gone = (): void => resolve(false);
      socket.once('close', gone);
      socket.write(piece, (error) => {
        socket.off('close', gone);
        resolve(!error);
      });
    });
    if (!isTaken) return;
    // A pipe of memory must not keep everything else from its turn.
    await sleep(0);
  }
}

/** Bytes of any kind behind which the connection ends. */
export async function writeAndEnd({ socket }: Exchange, ...pieces: (string | Buffer)[]): Promise<void> {
  for (const piece of pieces) socket.write(piece);
  // What is unread when a connection is reset would be lost.
  await sleep(10);
  socket.end();
}

/** What is said in place of any answer. */
export function instead(status: number, headers: OutgoingHttpHeaders, body: string | Buffer): Meet {
  return ({ send }) => send({ status, headers, body: Buffer.from(body) });
}

/** The real answer, changed. */
export function changed(change: (answer: Answer, exchange: Exchange) => Partial<Answer>): Meet {
  return async (exchange) => {
    const answer = await exchange.forward();
    exchange.send({ ...answer, ...change(answer, exchange) });
  };
}

export function untilGone(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export const json = { 'content-type': 'application/json' };
export const xml = { 'content-type': 'text/xml' };
export const html = { 'content-type': 'text/html' };
