import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Clock } from '../clock';
import { ClipError, toClipError } from '../errors';
import { recycle } from './recycle';

/** Writes of this size keep the disk busy without holding much memory. */
const batchBytes = 1024 * 1024;

/** Where bytes go, in batches and in order. */
export interface Sink {
  write(chunks: Buffer[]): Promise<void>;
  /** It needs nothing of the chunks once they are written: their memory may be used for others. */
  isDoneWithChunks?: boolean;
}

/**
 * @param position where in the file the first byte goes
 * @param check called before every batch with the bytes that it has; rejects to stop
 */
export function fileSink(handle: FileHandle, position = 0, check?: (bytes: number) => Promise<void>): Sink {
  return {
    isDoneWithChunks: true,
    async write(chunks) {
      let rest = chunks;
      await check?.(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
      while (rest.length > 0) {
        const { bytesWritten } = await handle.writev(rest, position);
        position += bytesWritten;
        // A disk that fills up takes a part of a batch without an error; only writing the rest tells why.
        rest = after(rest, bytesWritten);
      }
    },
  };
}

/** What is left of these chunks behind their first bytes. */
function after(chunks: Buffer[], bytes: number): Buffer[] {
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(bytes, chunk.length);
    bytes -= skipped;
    return skipped < chunk.length ? [chunk.subarray(skipped)] : [];
  });
}

/** @throws ELIMIT from `write` as soon as there are more bytes than allowed */
export function memorySink(maxBytes: number): Sink & { buffer(): Buffer } {
  const kept: Buffer[] = [];
  let size = 0;
  return {
    async write(chunks) {
      for (const chunk of chunks) size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      kept.push(...chunks);
    },
    buffer: () => Buffer.concat(kept),
  };
}

export function tooLarge(maxBytes: number): ClipError {
  const limit = `${Math.round(maxBytes / 2 ** 20)} MiB`;
  return new ClipError(
    'ELIMIT',
    `The video is larger than ${limit}, the limit for keeping it in memory. Save it as a file`,
  );
}

export interface Received {
  /** Bytes. */
  size: number;
  sha256: string;
  /** Set when the bytes did not end where they should have. */
  cut?: ClipError;
}

export interface ReceiveOptions {
  /** Bytes to expect in all, where known. */
  size?: number;
  /** What an earlier transfer brought: its bytes are counted, and are in the hash already. */
  before?: { bytes: number; hash: Hash };
  /** Longest silence between two pieces of data. There is no limit to the whole. */
  stallMs: number;
  clock: Clock;
  signal: AbortSignal;
  /** Bytes so far. Called for every piece: throttle. */
  onBytes?(bytes: number): void;
}

/**
 * Streams a body into a sink and hashes it on the way. At most two batches are in memory at any time.
 * @throws EABORTED, or what the sink throws; a body of another length than announced is reported in the result
 */
export async function receive(body: Readable, sink: Sink, options: ReceiveOptions): Promise<Received> {
  const hash = options.before?.hash ?? createHash('sha256');
  const watchdog = watch(body, options);
  const recycler = recycle(body);
  let size = options.before?.bytes ?? 0;
  let batch: Buffer[] = [];
  let waiting = 0;
  let writing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    watchdog.rest();
    await writing;
    watchdog.touch();
    writing = write(batch);
    // Awaited before the next batch; until then a failure must not count as unhandled.
    writing.catch(() => body.destroy());
    batch = [];
    waiting = 0;
  }

  async function write(chunks: Buffer[]): Promise<void> {
    await sink.write(chunks);
    if (sink.isDoneWithChunks) recycler.free(chunks);
  }

  let cut: ClipError | undefined;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      hash.update(chunk);
      batch.push(chunk);
      size += chunk.length;
      waiting += chunk.length;
      watchdog.touch();
      options.onBytes?.(size);
      // Whatever comes beyond the end is not the clip, and may never stop coming.
      if (size > (options.size ?? Infinity)) break;
      if (waiting >= batchBytes) await flush();
    }
  } catch (thrown) {
    await writing;
    if (options.signal.aborted) throw new ClipError('EABORTED', 'Cancelled');
    cut = broken(thrown, size, options.size);
  } finally {
    watchdog.stop();
    recycler.stop();
    body.destroy();
  }
  await flush();
  await writing;
  if (!cut && options.size !== undefined && size !== options.size) cut = broken(undefined, size, options.size);
  return { size, sha256: hash.digest('hex'), ...(cut ? { cut } : {}) };
}

/** Destroys the body when the signal fires or the server is silent for too long. A slow disk is not the server's fault. */
function watch(body: Readable, { clock, signal, stallMs }: ReceiveOptions) {
  const abort = (): void => void body.destroy(new ClipError('EABORTED', 'Cancelled'));
  let heardAt = clock.now();
  let resting = false;
  const look = (): void => {
    const silentMs = resting ? 0 : clock.now() - heardAt;
    if (silentMs < stallMs) cancel = clock.after(stallMs - silentMs, look);
    else body.destroy(new ClipError('ETIMEOUT', `no data for ${Math.round(silentMs / 1000)} s`));
  };
  let cancel = clock.after(stallMs, look);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return {
    touch(): void {
      resting = false;
      heardAt = clock.now();
    },
    rest(): void {
      resting = true;
    },
    stop(): void {
      cancel();
      signal.removeEventListener('abort', abort);
    },
  };
}

function broken(thrown: unknown, size: number, expected: number | undefined): ClipError {
  const of = expected === undefined ? '' : ` of ${expected}`;
  const ended =
    size > (expected ?? Infinity)
      ? `the server sent more than the ${expected} bytes that it announced`
      : `the connection ended after ${size}${of} bytes`;
  const why = thrown instanceof ClipError ? thrown.message : ended;
  const code = thrown instanceof ClipError ? toClipError(thrown).code : 'EINCOMPLETE';
  return new ClipError(code, `The transfer broke off: ${why}`, { retryable: true });
}
