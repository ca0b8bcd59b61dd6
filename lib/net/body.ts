// Ends the body of a streamed reply with its request, looks at its beginning without using it up, and reads it where it is only
// an error document.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled, ClipError, reasonFirst } from '../errors';

const defaultTimeoutMs = 30_000;

/** Interval and limit of waiting for more behind a first piece that is too short. */
const moreEveryMs = 10;
const moreWithinMs = 1_000;

/** Ends a body with its signal, also while nobody reads it. */
export function destroyOnAbort(body: Readable, { signal, action }: { signal: AbortSignal; action: string }): void {
  const cancel = (): void => void body.destroy(cancelled(reasonFirst('cancelled', action)));
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  body.once('close', () => signal.removeEventListener('abort', cancel));
}

/**
 * The first bytes of a body, which stay in it; empty when the body is.
 * @param atLeast so many bytes, unless the body is shorter or the rest does not come within a second
 * @throws ENETWORK, ETIMEOUT or EABORTED when nothing comes
 */
export async function peek(
  body: Readable,
  action: string,
  { timeoutMs = defaultTimeoutMs, atLeast = 1 }: { timeoutMs?: number; atLeast?: number } = {},
): Promise<Buffer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let waits = moreWithinMs / moreEveryMs;
  try {
    while (!body.readableEnded) {
      if (body.destroyed) throw body.errored ?? new Error('closed');
      const isShort = body.readableLength > 0 && body.readableLength < atLeast;
      if (isShort && !(body as IncomingMessage).complete && (waits -= 1) > 0) {
        body.read(0);
        await sleep(moreEveryMs);
        continue;
      }
      const chunk = body.read() as Buffer | null;
      if (chunk) {
        body.unshift(chunk);
        return chunk;
      }
      const ready = new AbortController();
      const signal = AbortSignal.any([timeout, ready.signal]);
      try {
        await Promise.race(['readable', 'end', 'close'].map((event) => once(body, event, { signal })));
      } finally {
        ready.abort();
      }
    }
    return Buffer.alloc(0);
  } catch (thrown) {
    body.destroy();
    throw bodyError(thrown, action, timeout.aborted ? timeoutMs : undefined);
  }
}

/**
 * The beginning of a body as text; the body is used up by it.
 * @throws ENETWORK, ETIMEOUT or EABORTED when it breaks off
 */
export async function readText(
  body: Readable,
  action: string,
  { maxBytes, timeoutMs = defaultTimeoutMs }: { maxBytes: number; timeoutMs?: number },
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    body.destroy();
  }, timeoutMs);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBytes) break;
    }
  } catch (thrown) {
    throw bodyError(thrown, action, late ? timeoutMs : undefined);
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxBytes);
}

/** @param lateMs the time that has run out, if that is what happened */
function bodyError(thrown: unknown, action: string, lateMs: number | undefined): ClipError {
  if (thrown instanceof ClipError) return thrown;
  if (lateMs !== undefined) return new ClipError('ETIMEOUT', reasonFirst(`no data within ${lateMs / 1000} s`, action));
  const { code } = thrown as { code?: string };
  if (code && /^(Z_|ERR_BROTLI|ERR__ERROR_)/.test(code)) {
    return new ClipError('EPROTOCOL', reasonFirst(`the compressed answer is damaged (${code})`, action), {
      retryable: true,
    });
  }
  return new ClipError('ENETWORK', reasonFirst(`the connection broke (${code ?? 'closed'})`, action));
}
