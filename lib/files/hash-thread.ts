// Hashes files while they grow, each in turn. Runs in a worker thread.
import type { HashOrder, HashReply } from './hash';

// A thread starts without the loader that runs TypeScript in tests. Node.js itself can run this file, for it imports nothing.
const { createHash } = process.getBuiltinModule('node:crypto');
const { closeSync, openSync, readSync } = process.getBuiltinModule('node:fs');
const { parentPort } = process.getBuiltinModule('node:worker_threads');

interface Reading {
  fd: number;
  hash: ReturnType<typeof createHash>;
  at: number;
  /** As the last order says. */
  bytes: number;
  isAll: boolean;
}

/** So much stays in the processor's cache. */
const piece = Buffer.allocUnsafeSlow(128 * 1024);
/** Bytes read of one file before the next file's turn. */
const turnBytes = 2 ** 20;

const files = new Map<number, Reading>();
let isReading = false;

parentPort!.on('message', (order: HashOrder) => {
  if ('isClosed' in order) {
    close(order.id);
    return reply({ id: order.id });
  }
  const { id, path, head, ...there } = order;
  attempt(id, () => files.set(id, { ...(files.get(id) ?? begin(path, head)), ...there }));
  if (!isReading) readOn();
});

function begin(path: string, head: Uint8Array = new Uint8Array(0)) {
  return { fd: openSync(path, 'r'), hash: createHash('sha256').update(head), at: head.length };
}

/** Orders are heard in between. */
function readOn(): void {
  for (const [id, file] of files) attempt(id, () => readSome(id, file));
  isReading = [...files.values()].some(({ at, bytes }) => at < bytes);
  if (isReading) setImmediate(readOn);
}

function readSome(id: number, file: Reading): void {
  const stop = Math.min(file.bytes, file.at + turnBytes);
  while (file.at < stop) {
    const read = readSync(file.fd, piece, 0, Math.min(piece.length, stop - file.at), file.at);
    if (read === 0) throw new Error('The file is shorter than was said');
    file.hash.update(piece.subarray(0, read));
    file.at += read;
  }
  if (!file.isAll || file.at < file.bytes) return;
  close(id);
  reply({ id, sha256: file.hash.digest('hex') });
}

function attempt(id: number, work: () => void): void {
  try {
    work();
  } catch {
    close(id);
    reply({ id });
  }
}

function close(id: number): void {
  const file = files.get(id);
  files.delete(id);
  if (file) closeSync(file.fd);
}

function reply(message: HashReply): void {
  parentPort!.postMessage(message);
}
