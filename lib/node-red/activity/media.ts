/** Answers a browser with a file of ours, or the parts of it that a player asks for. */
import { open, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { KnownFile } from './feed';

/** Offsets of the first and the last byte. */
export interface ByteRange {
  first: number;
  last: number;
}

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
  known: KnownFile,
  contentType: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const handle = await openAsKnown(known);
  if (!handle) return end(response, 404);
  try {
    const { size } = known;
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
    await pipeline(handle.createReadStream({ start: first, end: last, autoClose: false }), response);
  } catch {
    // The player has heard enough, as after every jump, or the disk has failed: nothing more can be said.
    response.destroy();
  } finally {
    await handle.close().catch(() => undefined);
  }
}

async function openAsKnown({ path, size, mtimeMs }: KnownFile): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const found = await handle.stat();
    if (found.isFile() && found.size === size && found.mtimeMs === mtimeMs) return handle;
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
