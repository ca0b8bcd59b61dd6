// Notices that Redis has lost its data: it was emptied, or has restarted without it.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { ClipError } from '../../errors';

/** Resolves to whether the data is another than at the last call. */
export function lossDetector(client: Redis, prefix: string): () => Promise<boolean> {
  const key = `${prefix}:data-id`;
  let lastId: string | undefined;
  return async () => {
    // The first instance to find none sets it: all instances then find the same id.
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
