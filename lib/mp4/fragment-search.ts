// Finds a fragment by its time in a file without an index: one that is being written, or whose writer died.
import type { Mp4Source } from './boxes';
import type { Fragment } from './moof';

/** So near, boxes are followed one by one, in bytes that were read at once. */
const nearBytes = 256 * 1024;
/** Bytes read to find the next fragment: they grow with each piece in which there is none. */
const firstChunkBytes = 64 * 1024;
const largestChunkBytes = 1024 * 1024;
/** A fragment that is larger is not looked for. */
const farthestBytes = 128 * 1024 * 1024;
/** `moof`, then `mfhd` of 16 bytes, the first box in it (ISO/IEC 14496-12, 8.8.4). */
const signature = Buffer.from('moof\0\0\0\x10mfhd', 'latin1');
const sizeBytes = 4;

export interface SearchedFile {
  source: Mp4Source;
  /** Of the file. */
  first: Fragment;
  last: Fragment;
  /** Reads the fragment that begins there, of these bytes or of the file; `undefined`: none, or not as a whole. */
  read(offset: number, source: Mp4Source): Promise<Fragment | undefined>;
}

/** The last whole fragment of the file: the first one where there is no other near the end. */
export async function lastFragment({ source, first, read }: Omit<SearchedFile, 'last'>): Promise<Fragment> {
  let end = source.size;
  let chunkBytes = firstChunkBytes;
  const least = Math.max(first.end, source.size - farthestBytes);
  while (end > least) {
    const from = Math.max(least, end - chunkBytes);
    // A signature may lie across the border of two chunks.
    const until = Math.min(end + sizeBytes + signature.length, source.size);
    const chunk = await source.read(from, until - from);
    for (let hit = chunk.lastIndexOf(signature); hit >= sizeBytes; hit = chunk.lastIndexOf(signature, hit - 1)) {
      const found = await read(from + hit - sizeBytes, withBytes(source, from, chunk));
      if (found) return found;
    }
    end = from;
    chunkBytes = Math.min(chunkBytes * 2, largestChunkBytes);
  }
  return first.end < source.size ? ((await read(first.end, source)) ?? first) : first;
}

/** The last whole fragment that begins at or before that time; the first one where none does. */
export async function searchFragment({ source, first, last, read }: SearchedFile, seconds: number): Promise<Fragment> {
  if (seconds >= last.startSeconds) return last;
  let low = first;
  /** No fragment between here and the end begins at or before that time. */
  let high = { offset: last.offset, seconds: last.startSeconds };
  for (let step = 0; high.offset - low.end > nearBytes; step += 1) {
    // Most cameras fill a file evenly; where one does not, halves get there as well.
    const seen = high.seconds - low.startSeconds;
    const share = step % 2 === 1 || seen <= 0 ? 0.5 : (seconds - low.startSeconds) / seen;
    const guess = low.end + Math.floor((high.offset - low.end - nearBytes / 2) * Math.min(1, Math.max(0, share)));
    const found = await nextFragment(source, guess, high.offset, read);
    if (found && found.startSeconds <= seconds) low = found;
    else high = { offset: guess, seconds: found?.startSeconds ?? high.seconds };
  }
  const length = high.offset + firstChunkBytes > source.size ? source.size - low.end : high.offset - low.end;
  const near = length > 0 ? withBytes(source, low.end, await source.read(low.end, length)) : source;
  for (;;) {
    const next = low.end < source.size ? await read(low.end, near) : undefined;
    if (!next || next.startSeconds > seconds) return low;
    low = next;
  }
}

/** The first whole fragment that begins between two places. */
async function nextFragment(
  source: Mp4Source,
  from: number,
  to: number,
  read: SearchedFile['read'],
): Promise<Fragment | undefined> {
  let chunkBytes = firstChunkBytes;
  for (let at = from; at < to;) {
    // A signature may lie across the border of two chunks.
    const chunk = await source.read(at, Math.min(chunkBytes + signature.length, source.size - at));
    for (let hit = chunk.indexOf(signature); hit >= 0; hit = chunk.indexOf(signature, hit + 1)) {
      const offset = at + hit - sizeBytes;
      if (offset < from || offset >= to) continue;
      const found = await read(offset, withBytes(source, at, chunk));
      if (found) return found;
    }
    at += chunkBytes;
    chunkBytes = Math.min(chunkBytes * 2, largestChunkBytes);
  }
  return undefined;
}

/** Answers from memory what was read before. */
export function withBytes(source: Mp4Source, from: number, bytes: Buffer): Mp4Source {
  return {
    size: source.size,
    async read(offset, count) {
      const at = offset - from;
      if (at >= 0 && at + count <= bytes.length) return bytes.subarray(at, at + count);
      return source.read(offset, count);
    },
  };
}
