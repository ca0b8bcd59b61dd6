// Streams the body of a clip into a sink, with a stall timeout and backpressure.
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Clock } from '../async/clock';
import { cancelled, ClipError, toClipError } from '../errors';
import { releaseBuffers } from './release-buffers';
import type { Sink } from './sink';

/** Writes of this size keep the disk busy, and two of them stay in the processor's cache: of 3 GiB they take a third less time than with 1 MiB. */
const batchBytes = 512 * 1024;

/** A transfer that is slower than this for so long is cut, and continued by another connection. */
const leastBytesPerSecond = 1024;
const slowMs = 5 * 60_000;
/** Interval at which the speed is looked at. */
const sampleMs = 60_000;

export interface Received {
  /** Bytes. */
  size: number;
  /** Set when the bytes did not end where they should have. */
  cut?: ClipError;
}

export interface ReceiveOptions {
  /** Bytes to expect in all, where known. */
  size?: number;
  /** Limit where the size is not known: no video of its length has more, and what goes on coming is cut there. */
  mostBytes?: number;
  /** Bytes that an earlier transfer brought. */
  before?: number;
  /** Longest silence between two pieces of data. There is no limit to the whole. */
  stallMs: number;
  clock: Clock;
  signal: AbortSignal;
  /** Bytes so far. Called for every piece: throttle. */
  onBytes?(bytes: number): void;
}

/**
 * Streams a body into a sink. At most two batches are in memory at any time.
 * @throws EABORTED, or what the sink throws; a body of another length than announced is reported in the result
 */
export async function receive(body: Readable, sink: Sink, options: ReceiveOptions): Promise<Received> {
  const watchdog = watch(body, options);
  const buffers = releaseBuffers(body);
  const limit = options.size ?? options.mostBytes ?? Infinity;
  let size = options.before ?? 0;
  let batch: Buffer[] = [];
  let waiting = 0;
  /** Rejects once and for all when the sink fails. */
  let writing: Promise<void> | undefined;

  async function writeBatch(): Promise<void> {
    const chunks = batch;
    batch = [];
    waiting = 0;
    await sink.write(chunks);
    if (sink.isDoneWithChunks) buffers.release(chunks);
  }

  function write(): void {
    writing = writeBatch().then(() => {
      writing = undefined;
      if (waiting >= batchBytes) write();
      if (!body.isPaused()) return;
      watchdog.resume();
      body.resume();
    });
    // Awaited in the end; until then a failure must not count as unhandled.
    writing.catch(() => body.destroy());
  }

  // For-await would be shorter, but takes a third more of the processor's time.
  body.on('data', (chunk: Buffer) => {
    batch.push(chunk);
    size += chunk.length;
    waiting += chunk.length;
    watchdog.touch(size);
    options.onBytes?.(size);
    // Bytes beyond the end are not the clip, and may never stop coming.
    if (size > limit) body.destroy();
    if (waiting < batchBytes) return;
    if (!writing) return write();
    watchdog.rest();
    body.pause();
  });

  let cut: ClipError | undefined;
  try {
    await finished(body, { writable: false, cleanup: true });
  } catch (thrown) {
    cut = broken(thrown, size, options);
  } finally {
    watchdog.stop();
    buffers.stop();
    body.destroy();
  }
  while (writing) await writing;
  if (options.signal.aborted && cut) throw cancelled();
  await writeBatch();
  if (!cut && options.size !== undefined && size !== options.size) cut = broken(undefined, size, options);
  return { size, ...(cut ? { cut } : {}) };
}

/**
 * Destroys the body when the signal fires, the server is silent for too long, or what it sends would take for ever and hold a
 * transfer's place meanwhile. A slow disk is not the server's fault.
 */
function watch(body: Readable, { clock, signal, stallMs }: ReceiveOptions) {
  const abort = (): void => void body.destroy(cancelled());
  let heardAt = clock.steadyNow();
  let resting = false;
  let size = 0;
  let samples = [{ at: heardAt, size }];

  function isSlow(now: number): boolean {
    if (now - samples.at(-1)!.at < sampleMs) return false;
    samples.push({ at: now, size });
    // The latest sample that is old enough to be compared with.
    while (samples.length > 1 && now - samples[1]!.at >= slowMs) samples.shift();
    const [{ at, size: before }] = samples as [{ at: number; size: number }];
    return now - at >= slowMs && ((size - before) * 1000) / (now - at) < leastBytesPerSecond;
  }

  const look = (): void => {
    const now = clock.steadyNow();
    const silentMs = resting ? 0 : now - heardAt;
    if (silentMs >= stallMs) {
      body.destroy(new ClipError('ETIMEOUT', `no data for ${Math.round(silentMs / 1000)} s`));
    } else if (!resting && isSlow(now)) {
      const limit = `${leastBytesPerSecond / 1024} KiB/s for ${slowMs / 60_000} minutes`;
      body.destroy(new ClipError('ETIMEOUT', `the server sent less than ${limit}`));
    } else cancel = clock.after(Math.min(stallMs - silentMs, sampleMs), look);
  };
  let cancel = clock.after(Math.min(stallMs, sampleMs), look);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return {
    /** @param bytes received so far */
    touch(bytes: number): void {
      resting = false;
      size = bytes;
      heardAt = clock.steadyNow();
    },
    rest(): void {
      resting = true;
    },
    /** The disk is through with what there was: how fast the server is counts from now on. */
    resume(): void {
      resting = false;
      heardAt = clock.steadyNow();
      samples = [{ at: heardAt, size }];
    },
    stop(): void {
      cancel();
      signal.removeEventListener('abort', abort);
    },
  };
}

function broken(
  thrown: unknown,
  size: number,
  { size: expected, mostBytes = Infinity }: Pick<ReceiveOptions, 'size' | 'mostBytes'>,
): ClipError {
  const of = expected === undefined ? '' : ` of ${expected}`;
  const ended =
    size > (expected ?? Infinity)
      ? `the server sent more than the ${expected} bytes that it announced`
      : expected === undefined && size > mostBytes
        ? `the server sent ${size} bytes, more than a video of that length can have`
        : `the connection ended after ${size}${of} bytes`;
  const why = thrown instanceof ClipError ? thrown.message : ended;
  const code = thrown instanceof ClipError ? toClipError(thrown).code : 'EINCOMPLETE';
  return new ClipError(code, `The transfer broke off: ${why}`, { retryable: true });
}
