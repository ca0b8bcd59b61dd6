// Copies pieces of many files into one new file, in order, and hashes it meanwhile.
import { open, type FileHandle } from 'node:fs/promises';
import { cancelled, ClipError } from '../errors';
import { growingHash } from '../files/hash';
import { syncFile } from '../files/sync';
import type { Piece } from '../mp4/write';

export interface CopyOrder {
  /** The new file. */
  path: string;
  /** First bytes of the file. */
  head: Buffer;
  pieces: Piece[];
  /** The files that pieces come from, by number. */
  sources: string[];
  signal: AbortSignal;
  /** 0-1. */
  onProgress(done: number): void;
}

/** Two of them stay in the processor's cache: 1.05 GiB in 1.1 s, and in 3.3 s with 4 MiB, on two cores of a server. */
const bufferBytes = 512 * 2 ** 10;
/** Flushes to the disk on the way, so that little is left to wait for at the end. */
const syncBytes = 64 * 2 ** 20;

/** Writes a new file and leaves it on disk (synced). Resolves to its size and SHA-256. @throws EABORTED, EINCOMPLETE */
export async function copyMedia(order: CopyOrder): Promise<{ size: number; sha256: string }> {
  const { head, path, pieces, signal, sources } = order;
  const size = pieces.reduce((sum, { bytes }) => sum + bytes, head.length);
  const output = await open(path, 'wx');
  const hash = growingHash(path);
  const writer = pipe(output, (written) => {
    hash.grow(written);
    order.onProgress(written / size);
  });
  const files = openFiles(sources);
  try {
    await writer.add(head);
    for (const { bytes, offset, source } of runsOf(pieces)) {
      const file = await files.get(source);
      await writer.fill(bytes, async (buffer, from, length, done) => {
        if (signal.aborted) throw cancelled();
        const { bytesRead } = await file.read(buffer, from, length, offset + done);
        if (bytesRead < length) throw new ClipError('EINCOMPLETE', `${sources[source]} is shorter than its index says`);
      });
    }
    await writer.end();
    await syncFile(output);
    return { size, sha256: await hash.digest(size, signal) };
  } finally {
    await hash.close();
    await writer.settled();
    await files.close();
    await output.close();
  }
}

/** Pieces that lie one behind the other are read in one go. */
function* runsOf(pieces: Piece[]): Generator<Pick<Piece, 'source' | 'offset' | 'bytes'>> {
  let run: Pick<Piece, 'source' | 'offset' | 'bytes'> | undefined;
  for (const { bytes, offset, source } of pieces) {
    if (run?.source === source && run.offset + run.bytes === offset) run.bytes += bytes;
    else {
      if (run) yield run;
      run = { source, offset, bytes };
    }
  }
  if (run) yield run;
}

/** A file is open as long as its pieces come; those that are needed all the time are never many. */
function openFiles(paths: string[]) {
  const handles = new Map<number, FileHandle>();
  return {
    async get(source: number): Promise<FileHandle> {
      const known = handles.get(source);
      if (known) return known;
      for (const [other, handle] of handles) {
        if (other !== source - 1) continue;
        handles.delete(other);
        await handle.close();
      }
      const handle = await open(paths[source]!, 'r');
      handles.set(source, handle);
      return handle;
    },
    async close(): Promise<void> {
      await Promise.all([...handles.values()].map((handle) => handle.close()));
    },
  };
}

/** Two buffers: while one is written, the other one is filled. */
function pipe(output: FileHandle, onWritten: (bytes: number) => void) {
  let [buffer, other] = [Buffer.allocUnsafe(bufferBytes), Buffer.allocUnsafe(bufferBytes)];
  let filled = 0;
  let written = 0;
  let synced = 0;
  let writing: Promise<void> = Promise.resolve();
  let syncing: Promise<void> | undefined;

  async function write(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += (await output.write(bytes, done, bytes.length - done, written + done)).bytesWritten;
    }
    written += bytes.length;
    onWritten(written);
    if (syncing || written - synced < syncBytes) return;
    synced = written;
    // A failing flush shows at the end.
    syncing = output
      .datasync()
      .catch(() => undefined)
      .then(() => void (syncing = undefined));
  }

  async function flush(): Promise<void> {
    await writing;
    writing = write(buffer.subarray(0, filled));
    // The next call waits for it, and meets what went wrong.
    writing.catch(() => undefined);
    [buffer, other] = [other, buffer];
    filled = 0;
  }

  async function fill(
    bytes: number,
    read: (buffer: Buffer, from: number, length: number, done: number) => Promise<void>,
  ): Promise<void> {
    for (let done = 0; done < bytes;) {
      const length = Math.min(bytes - done, buffer.length - filled);
      await read(buffer, filled, length, done);
      filled += length;
      done += length;
      if (filled === buffer.length) await flush();
    }
  }

  return {
    fill,
    add: (bytes: Buffer) =>
      fill(bytes.length, async (target, from, length, done) => void bytes.copy(target, from, done, done + length)),
    async end(): Promise<void> {
      await flush();
      await writing;
    },
    /** Nothing is written any more. Never rejects. */
    async settled(): Promise<void> {
      await writing.catch(() => undefined);
      await syncing;
    },
  };
}
