// Takes the bytes of a clip, into a file or into memory, and hashes them on the way.
import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { cancelled, ClipError } from '../errors';
import { growingHash, type FileHash } from '../files/hash';
import { syncFile } from '../files/sync';
import { bufferSource, fileSource, type Mp4Source } from '../mp4';

/** Takes bytes in batches and in order. */
export interface Sink {
  write(chunks: Buffer[]): Promise<void>;
  /** It needs nothing of the chunks once they are written: their memory may be used for others. */
  isDoneWithChunks?: boolean;
}

export interface FileSink extends Sink {
  /** Offset in the file of the next byte. */
  readonly position: number;
  /** To read what is in the file by now: a small one that came this way is still in memory. */
  source(): Promise<Mp4Source>;
  /** Resolves to the SHA-256 of the whole file when it is on disk. @throws EABORTED */
  end(signal: AbortSignal): Promise<string>;
  /** Lets go of the file. Never rejects. */
  close(): Promise<void>;
}

export interface FileSinkOptions {
  /** Offset in the file of the first byte. */
  position?: number;
  /** Called before every batch with the bytes that it has; rejects to stop. */
  check?(bytes: number): Promise<void>;
}

/** Hashing this much takes less than handing it to the thread that hashes files, and looking at it less than reading it again. */
const smallBytes = 512 * 1024;

/** @param path of the open file */
export function fileSink(path: string, handle: FileHandle, options: FileSinkOptions = {}): FileSink {
  let position = options.position ?? 0;
  /** Of a file that is small so far, all of which came this way. */
  let small: { hash: Hash; chunks: Buffer[] } | undefined =
    position === 0 ? { hash: createHash('sha256'), chunks: [] } : undefined;
  let growing: FileHash | undefined;

  function take(chunks: Buffer[]): void {
    if (position > smallBytes) small = undefined;
    if (!small) return void grow();
    for (const chunk of chunks) small.hash.update(chunk);
    // Copies: the memory of the chunks is about to be released.
    small.chunks.push(...chunks.map((chunk) => Buffer.from(chunk)));
  }

  /** Earlier bytes are read again. */
  function grow(): FileHash {
    growing ??= growingHash(path);
    growing.grow(position);
    return growing;
  }

  return {
    isDoneWithChunks: true,
    get position() {
      return position;
    },
    source: async () => (small ? bufferSource(Buffer.concat(small.chunks)) : fileSource(handle)),
    async write(chunks) {
      let rest = chunks;
      await options.check?.(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
      while (rest.length > 0) {
        const { bytesWritten } = await handle.writev(rest, position);
        position += bytesWritten;
        // A disk that fills up takes a part of a batch without an error; writing the rest fails with the reason.
        rest = after(rest, bytesWritten);
      }
      take(chunks);
    },
    async end(signal) {
      if (signal.aborted) throw cancelled();
      const digest = small ? small.hash.digest('hex') : grow().digest(position, signal);
      const [sha256] = await Promise.all([digest, syncFile(handle)]);
      return sha256;
    },
    close: async () => growing?.close(),
  };
}

/** Rest of these chunks behind their first bytes. */
function after(chunks: Buffer[], bytes: number): Buffer[] {
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(bytes, chunk.length);
    bytes -= skipped;
    return skipped < chunk.length ? [chunk.subarray(skipped)] : [];
  });
}

export interface MemorySink extends Sink {
  end(): { buffer: Buffer; sha256: string };
}

/** @throws ELIMIT from `write` as soon as there are more bytes than allowed */
export function memorySink(maxBytes: number): MemorySink {
  const kept: Buffer[] = [];
  const hash = createHash('sha256');
  let size = 0;
  return {
    async write(chunks) {
      for (const chunk of chunks) size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      for (const chunk of chunks) hash.update(chunk);
      kept.push(...chunks);
    },
    end: () => ({ buffer: Buffer.concat(kept), sha256: hash.digest('hex') }),
  };
}

export function tooLarge(maxBytes: number): ClipError {
  const limit = `${Math.round(maxBytes / 2 ** 20)} MiB`;
  return new ClipError(
    'ELIMIT',
    `The video is larger than ${limit}, the limit for keeping it in memory. Save it as a file`,
  );
}
