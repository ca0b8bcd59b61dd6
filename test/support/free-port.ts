// Finds a TCP port on loopback that nothing listens on.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Test files that run beside each other search in ranges of their own, below those that systems give to others. */
const first = 20_000 + 1_500 * (Number(process.env['MOCHA_WORKER_ID'] ?? 7) % 8);
let next = first + (process.pid % 1_000);

export async function freePort(): Promise<number> {
  for (;;) {
    next = next < first + 1_499 ? next + 1 : first;
    if (await isFree(next)) return next;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
