/**
 * The SHA-256 of an MP4 file while ffmpeg writes it: hashing a joined file takes about as long as joining it. ffmpeg writes
 * from front to back, but for the length of the media data, which it puts in at the end. It is taken to be the sum of that of
 * the parts; should that be wrong, the finished file is hashed once more.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashFile } from '../files/hash';
import { growingHash, type FileHash } from '../files/hash';

export interface HashAlong {
  /** To be called once the file is complete. */
  finish(): Promise<string>;
  /** Ends it in any case. Never rejects. */
  stop(): Promise<void>;
}

const lookAgainMs = 20;
/** What has been written by then goes to the disk, so that little is left to wait for at the end. */
const syncBytes = 64 * 2 ** 20;
/** More than any header that comes before the media data. */
const headBytes = 4096;

/** @param path of the file that is about to be written @param mediaBytes how much media data will most likely be in it */
export function hashWhileWritten(path: string, mediaBytes: number): HashAlong {
  const over = new AbortController();
  let hash: FileHash | undefined;
  let head: Buffer | undefined;

  async function follow(): Promise<void> {
    let handle: FileHandle | undefined;
    let synced = 0;
    let syncing: Promise<void> | undefined;
    try {
      for (; !over.signal.aborted; await sleep(lookAgainMs)) {
        handle ??= await open(path, 'r').catch(() => undefined);
        const { size = 0 } = (await handle?.stat()) ?? {};
        if (!handle || size < headBytes) continue;
        head ??= expectedHead(await readHead(handle, headBytes), mediaBytes);
        if (!head) return;
        hash ??= growingHash(path, head);
        hash.grow(size);
        if (syncing || size - synced < syncBytes) continue;
        synced = size;
        syncing = handle.datasync().then(() => (syncing = undefined));
        // What keeps it from the disk shows at the end.
        syncing.catch(() => undefined);
      }
    } finally {
      await syncing?.catch(() => undefined);
      await handle?.close();
    }
  }

  const following = follow().catch(() => undefined);
  const stop = async (): Promise<void> => {
    over.abort();
    await following;
    await hash?.close();
  };
  return {
    async finish() {
      over.abort();
      await following;
      const handle = await open(path, 'r');
      try {
        const isAsExpected = head && (await readHead(handle, head.length)).equals(head);
        return hash && isAsExpected ? await hash.digest((await handle.stat()).size) : await hashFile(path);
      } finally {
        await handle.close();
      }
    },
    stop,
  };
}

async function readHead(handle: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, 0);
  return buffer.subarray(0, bytesRead);
}

const longHeaderBytes = 16;
const largestSize = 2 ** 32 - 1;

/**
 * What comes before the media data, as it will be in the end. ffmpeg leaves an empty box before `mdat`: together they hold a
 * 64-bit length where one is needed. `undefined`: it does not look like that.
 */
function expectedHead(start: Buffer, mediaBytes: number): Buffer | undefined {
  const name = start.indexOf('mdat', 0, 'latin1');
  if (name < 12 || name + 4 > start.length) return undefined;
  const head = Buffer.from(start.subarray(0, name + 4));
  if (mediaBytes + 8 <= largestSize) {
    head.writeUInt32BE(mediaBytes + 8, name - 4);
    return head;
  }
  head.writeUInt32BE(1, name - 12);
  head.write('mdat', name - 8, 'latin1');
  head.writeBigUInt64BE(BigInt(mediaBytes + longHeaderBytes), name - 4);
  return head;
}
