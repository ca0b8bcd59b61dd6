/**
 * Frees the memory of downloaded bytes as soon as they are on disk. Node keeps them outside of V8's heap, twice: as the
 * socket read them, and as its HTTP parser copied them. V8 lets 60 MB and more of that pile up before it looks, and then it
 * walks through the whole heap of Node-RED, some thirty times per gigabyte.
 */
import { get, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex, type Readable } from 'node:stream';

export interface Recycler {
  /** Nobody needs these any more. */
  free(chunks: Buffer[]): void;
  stop(): void;
}

/** For bodies that come straight from Node's HTTP client; whoever made another one may still need its chunks. */
export function recycle(body: Readable): Recycler {
  if (!(body instanceof IncomingMessage)) return { free: () => undefined, stop: () => undefined };
  // A short body that has come as a whole has let go of its socket already.
  const socket = body.socket as Socket | null;
  let isCopied = false;
  void parserCopies().then((copies) => (isCopied = copies));
  // The parser listens too, since before this: it is through with the data when this is called.
  const onData = (data: Buffer): void => {
    // Behind the end of this message comes what is not ours.
    if (isCopied && !body.complete) freeBuffer(data);
  };
  socket?.on('data', onData);
  return {
    free: (chunks) => chunks.forEach(freeBuffer),
    stop: () => void socket?.off('data', onData),
  };
}

/** Only what has its memory to itself: small buffers share a pool with half of the process. */
function freeBuffer({ buffer, byteLength }: Buffer): void {
  if (byteLength === 0 || !(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength) return;
  // Moving its bytes into a buffer of length 0 frees it (ES2024; in Node.js since 21).
  (buffer as ArrayBuffer & { transfer(length: number): ArrayBuffer }).transfer(0);
}

let copies: Promise<boolean> | undefined;

/** Does this Node's parser hand out copies, and not parts of what the socket read? Found out once, by a tiny response. */
function parserCopies(): Promise<boolean> {
  copies ??= new Promise((resolve) => {
    const read = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody');
    const wire = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const request = get({ createConnection: () => wire }, (response) => {
      response.once('data', (chunk: Buffer) => resolve(chunk.buffer !== read.buffer));
    });
    request.once('error', () => resolve(false));
    wire.push(read);
  });
  return copies;
}
