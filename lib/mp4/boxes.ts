// Reads the boxes of an ISO base media (MP4, QuickTime) file by their headers, with bounded memory and work.
import { open, type FileHandle } from 'node:fs/promises';

/** Random access to the bytes of a file. `read` may answer with fewer bytes only at the end; it may reject. */
export interface Mp4Source {
  /** Bytes. */
  size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** All positions are bytes from the start of the file. */
export interface Box {
  /** Four printable characters. */
  type: string;
  offset: number;
  /** First byte of the content. */
  body: number;
  /** First byte after the box. */
  end: number;
}

/** Thrown where the file contradicts itself. Its message becomes a problem in the result; it never leaves these modules. */
export class Damaged extends Error {}

/** There is more in the file than we are willing to look at. */
export class TooMuch extends Damaged {}

// A day of one-second fragments is 0.6 million boxes; three million take a few seconds.
const maxBoxes = 3_000_000;
const maxChildren = 10_000;
const maxTableBytes = 64 * 1024 * 1024;
const windowBytes = 64 * 1024;
const jumpBytes = 4 * 1024;

/** The file stays open and belongs to the caller. */
export async function fileSource(handle: FileHandle): Promise<Mp4Source> {
  const { size } = await handle.stat();
  return {
    size,
    async read(offset, length) {
      const buffer = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
  };
}

/** Opens a file, works with it, and closes it. */
export async function withFile<T>(
  path: string,
  work: (source: Mp4Source, handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await open(path, 'r');
  try {
    return await work(await fileSource(handle), handle);
  } finally {
    await handle.close();
  }
}

/** Memory answers at once: without a pause now and then, a file of millions of boxes would hold the event loop. */
const readsPerPause = 8;

export function bufferSource(buffer: Buffer): Mp4Source {
  let reads = 0;
  return {
    size: buffer.length,
    async read(offset, length) {
      reads += 1;
      if (reads % readsPerPause === 0) await new Promise((resolve) => setImmediate(resolve));
      return buffer.subarray(offset, offset + length);
    },
  };
}

/** Reads small pieces through one window, and counts what has been looked at. */
export interface BoxReader {
  size: number;
  /** @throws Damaged when the file ends before. */
  bytes(offset: number, length: number): Promise<Buffer>;
  /** @throws TooMuch */
  countBox(): void;
  /** @throws TooMuch */
  countTable(bytes: number): void;
}

export function boxReader(source: Mp4Source): BoxReader {
  let window: Buffer = Buffer.alloc(0);
  let windowStart = 0;
  let boxes = 0;
  let tableBytes = 0;
  return {
    size: source.size,
    async bytes(offset, length) {
      if (offset < windowStart || offset + length > windowStart + window.length) {
        // Reading on: the next boxes are small and near. A jump over media data: only a header is wanted.
        const near = offset >= windowStart && offset <= windowStart + window.length;
        const wanted = Math.max(length, near ? windowBytes : jumpBytes);
        window = await source.read(offset, Math.min(wanted, source.size - offset));
        windowStart = offset;
      }
      const from = offset - windowStart;
      if (from + length > window.length) throw new Damaged('the file ends before its structure does');
      return window.subarray(from, from + length);
    },
    countBox() {
      if (++boxes > maxBoxes) throw new TooMuch(`the file has more than ${maxBoxes} boxes; the rest was not checked`);
    },
    countTable(bytes) {
      tableBytes += bytes;
      if (tableBytes > maxTableBytes) {
        throw new TooMuch(
          `the tables of the file are over ${maxTableBytes / 1024 / 1024} MiB; the rest was not checked`,
        );
      }
    },
  };
}

/**
 * The box at `offset`, which must end by `end`. Always moves on: a box is at least 8 bytes long.
 * @throws Damaged saying what is wrong with it.
 */
export async function boxAt(reader: BoxReader, offset: number, end: number, container: string): Promise<Box> {
  reader.countBox();
  const room = end - offset;
  if (room < 8) throw new Damaged(`${container} ends with ${room} stray bytes, too few for a box`);
  const head = await reader.bytes(offset, Math.min(16, room));
  const type = head.toString('latin1', 4, 8);
  if (!/^[\x20-\x7e\xa9]{4}$/.test(type)) {
    throw new Damaged(`${container} does not go on with a box at byte ${offset}, ${room} bytes before its end`);
  }
  let headerBytes = 8;
  let size = head.readUInt32BE(0);
  if (size === 0) size = room;
  else if (size === 1) {
    if (room < 16) throw new Damaged(`the header of the ${type} box at byte ${offset} is cut off`);
    headerBytes = 16;
    size = Number(head.readBigUInt64BE(8));
  }
  if (size < headerBytes)
    throw new Damaged(`the ${type} box at byte ${offset} has an impossible size of ${size} bytes`);
  if (size > room) {
    throw new Damaged(`the ${type} box at byte ${offset} goes ${size - room} bytes past the end of ${container}`);
  }
  return { type, offset, body: offset + headerBytes, end: offset + size };
}

/** The index of the file. */
export async function findMoov(reader: BoxReader): Promise<Box | undefined> {
  for (let offset = 0; offset < reader.size;) {
    const box = await boxAt(reader, offset, reader.size, 'the file');
    if (box.type === 'moov') return box;
    offset = box.end;
  }
  return undefined;
}

/** The boxes directly inside a box. Fewer than 8 bytes left over are a terminator that some writers put there. */
export async function children(reader: BoxReader, parent: Box): Promise<Box[]> {
  const found: Box[] = [];
  let offset = parent.body;
  while (parent.end - offset >= 8) {
    const box = await boxAt(reader, offset, parent.end, `the ${parent.type} box`);
    if (found.length === maxChildren) throw new TooMuch(`the ${parent.type} box holds more than ${maxChildren} boxes`);
    found.push(box);
    offset = box.end;
  }
  return found;
}

/** The first child of a type, when there is one. */
export function firstOf(boxes: Box[], ...types: string[]): Box | undefined {
  return boxes.find((box) => types.includes(box.type));
}

/** The first bytes of a box's content. @throws Damaged when the box is shorter. */
export async function head(reader: BoxReader, box: Box, length: number, skip = 0): Promise<Buffer> {
  if (box.body + skip + length > box.end) throw new Damaged(`the ${box.type} box at byte ${box.offset} is too short`);
  return reader.bytes(box.body + skip, length);
}

/** Content of a box whose version 1 has 64-bit fields. */
export async function versioned(reader: BoxReader, box: Box, length: number, wideLength: number) {
  const wide = (await head(reader, box, 1))[0] === 1;
  return { wide, content: await head(reader, box, wide ? wideLength : length) };
}

/** A 32- or 64-bit number; all bits set stands for "unknown". Beyond 2^53 it is not exact, which nobody needs. */
export function unsigned(content: Buffer, at: number, wide: boolean): number | undefined {
  if (!wide) {
    const value = content.readUInt32BE(at);
    return value === 0xffffffff ? undefined : value;
  }
  const value = content.readBigUInt64BE(at);
  return value === 0xffffffffffffffffn ? undefined : Number(value);
}

/** A table that starts `skip` bytes into a box. */
interface Table {
  skip: number;
  entryBytes: number;
  count: number;
}

/**
 * Visits `count` entries of a table that starts `skip` bytes into a box, page by page.
 * @throws Damaged when the box is too short for them, TooMuch when all tables together are too long.
 */
export async function entries(
  reader: BoxReader,
  box: Box,
  table: Table,
  visit: (page: Buffer, at: number) => void,
): Promise<void> {
  const { skip, entryBytes, count } = table;
  expectTable(reader, box, table);
  const perPage = Math.floor(windowBytes / entryBytes);
  for (let done = 0; done < count; done += perPage) {
    const length = Math.min(perPage, count - done) * entryBytes;
    const page = await reader.bytes(box.body + skip + done * entryBytes, length);
    for (let at = 0; at < length; at += entryBytes) visit(page, at);
  }
}

/** All of a table in memory, for those that are needed at random. @throws Damaged, TooMuch, like `entries` */
export async function wholeTable(reader: BoxReader, box: Box, table: Table): Promise<Buffer> {
  expectTable(reader, box, table);
  return Buffer.from(await reader.bytes(box.body + table.skip, table.count * table.entryBytes));
}

function expectTable(reader: BoxReader, box: Box, { skip, entryBytes, count }: Table): void {
  if (box.body + skip + count * entryBytes > box.end) {
    throw new Damaged(`the ${box.type} box at byte ${box.offset} is too short for its ${count} entries`);
  }
  reader.countTable(count * entryBytes);
}

/** Result of `read`; `undefined` where the file is damaged there. */
export async function unlessDamaged<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Damaged) return undefined;
    throw error;
  }
}
