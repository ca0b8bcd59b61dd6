// Answers a browser with a file that our jobs have written, or with the parts of it that a player asks for.
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { isSameFile, recordFile, toRecord, type WrittenFile } from '../../files/written-file';

/** Offsets of the first and the last byte. */
export interface ByteRange {
  first: number;
  last: number;
}

const chunkBytes = 256 * 1024;
// Opening a FIFO without this blocks a thread until somebody writes into it. Windows has neither.
const readOnly = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * The one range that a `Range` header asks for (RFC 9110, 14.1.2). `undefined`: the whole file, as for everything that need
 * not be understood: several ranges, other units, nonsense. `'none'`: there is nothing of the file in it.
 */
export function readRange(header: string | undefined, size: number): ByteRange | 'none' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') {
    const length = Math.min(Number(to), size);
    return length === 0 ? 'none' : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== '' && Number(to) < first) return undefined;
  return first >= size ? 'none' : { first, last };
}

/** Sends the file as it was when it was finished: another one that lies there now is not found. Never rejects. */
export async function sendFile(
  written: WrittenFile,
  contentType: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const handle = await openUnchanged(written);
  if (!handle) return end(response, 404);
  try {
    const { size } = written;
    response.setHeader('Content-Type', contentType);
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Accept-Ranges', 'bytes');
    // Without a validator of ours, none that comes along can be right.
    const range = request.headers['if-range'] === undefined ? readRange(request.headers.range, size) : undefined;
    if (range === 'none') {
      response.setHeader('Content-Range', `bytes */${size}`);
      return end(response, 416);
    }
    const { first, last } = range ?? { first: 0, last: size - 1 };
    if (range) response.setHeader('Content-Range', `bytes ${first}-${last}/${size}`);
    response.setHeader('Content-Length', last - first + 1);
    response.statusCode = range ? 206 : 200;
    if (request.method === 'HEAD') return void response.end();
    await pipeline(readBytes(handle, first, last), response);
  } catch {
    // The player has left, as after every jump, or the file cannot be read to its end: the headers are sent already.
    response.destroy();
  } finally {
    await handle.close().catch(() => undefined);
  }
}

/** @throws when the file ends too early: as a whole answer, the player would wait for the rest for ever */
async function* readBytes(handle: FileHandle, first: number, last: number): AsyncGenerator<Buffer> {
  for (let position = first; position <= last;) {
    const length = Math.min(chunkBytes, last + 1 - position);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead === 0) throw new Error('The file has become shorter');
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

async function openUnchanged(written: WrittenFile): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined;
  try {
    // Looked at before: opening a device may do something.
    if (!isSameFile(written, await recordFile(written.path))) return undefined;
    handle = await open(written.path, readOnly);
    const found = await handle.stat();
    if (found.isFile() && isSameFile(written, toRecord(written.path, found))) return handle;
  } catch {
    // Gone, or not to be read.
  }
  await handle?.close().catch(() => undefined);
  return undefined;
}

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.end();
}
