/** Notices that Redis has lost what it kept: it was emptied, or has restarted without its data. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { ClipError } from '../../errors';

/** Resolves to whether the data is another than at the last call. */
export function lossDetector(client: Redis, prefix: string): () => Promise<boolean> {
  const key = `${prefix}:data-id`;
  let lastId: string | undefined;
  return async () => {
    // Whoever finds none names the data: all instances then find the same.
    await client.set(key, randomUUID(), 'NX');
    const id = (await client.get(key)) ?? undefined;
    const isLost = lastId !== undefined && id !== lastId;
    lastId = id;
    return isLost;
  };
}

export function lostJobError(): ClipError {
  return new ClipError(
    'EFAILED',
    'Redis has lost this job: it was emptied, or has restarted without what it kept. Send the message again',
    { retryable: true },
  );
}
