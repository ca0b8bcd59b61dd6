/** The bytes of a clip on their way into a part file or into memory. */
import { createHash, type Hash } from 'node:crypto';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../clock';
import type { Connection } from '../connection';
import { ClipError } from '../errors';
import { bufferSource, fileSource } from '../mp4';
import type { Clip, OpenClip } from '../provider';
import { checkSpace, makeFolder, type FreeBytes } from './folder';
import { judgeFile, type Judgement } from './judge';
import { fileSink, memorySink, receive, tooLarge, type Received, type Sink } from './receive';

/** A part file that may be continued: so many of its bytes are on disk, of this version of the clip. */
export interface Partial {
  bytes: number;
  etag: string;
}

export interface TransferOptions {
  clock: Clock;
  signal: AbortSignal;
  stallMs: number;
  strict: boolean;
  lenient: boolean;
  onBytes(bytes: number, total: number | undefined): void;
}

/** How often a transfer of unknown size looks at the space that is left. */
const spaceCheckBytes = 64 * 2 ** 20;
const hashPieceBytes = 2 ** 20;

/** The whole clip in memory. @throws ELIMIT before the first byte where the size is known */
export async function transferToMemory(
  clip: Clip,
  connection: Connection,
  maxBytes: number,
  options: TransferOptions,
): Promise<Judgement & { buffer: Buffer }> {
  const source = await openClip(clip, connection, { offset: 0 }, options.signal);
  if ((source.size ?? clip.size ?? 0) > maxBytes) discard(source, tooLarge(maxBytes));
  const sink = memorySink(maxBytes);
  const received = await take(source, sink, clip, options);
  const buffer = sink.buffer();
  return { ...(await judge(clip, received, bufferSource(buffer), source, options)), buffer };
}

/**
 * The whole clip in a part file, verified and on disk. On any failure the part is gone, but for a break that can be
 * continued: then `keep` is told, and the part stays.
 * @param partial what an earlier transfer left in the part
 */
export async function transferToFile(
  clip: Clip,
  connection: Connection,
  target: { part: string; root: string; partial?: Partial; free: FreeBytes; keep(partial: Partial): Promise<void> },
  options: TransferOptions,
): Promise<Judgement & { resumed: boolean }> {
  const { part } = target;
  const folder = dirname(part);
  const before = await continuable(part, target.partial);
  const source = await openClip(clip, connection, { offset: before?.bytes ?? 0, etag: before?.etag }, options.signal);
  // The vendor may start again all the same; a transfer that starts in the middle of nowhere is of no use.
  const resumed = before !== undefined && source.offset === before.bytes;
  if (!resumed && source.offset !== 0) {
    discard(source, new ClipError('EPROTOCOL', 'The server sent another part of the clip than the one asked for'));
  }
  let handle: FileHandle | undefined;
  let isKept = false;
  try {
    await makeFolder(folder, target.root);
    const offset = resumed ? before.bytes : 0;
    const announced = source.size ?? clip.size;
    await checkSpace(folder, Math.max(0, (announced ?? 0) - offset), target.free);
    handle = await openPart(part, resumed);
    const hashed = resumed ? { before: { bytes: offset, hash: await hashStart(handle, offset) } } : {};
    const sink = fileSink(handle, offset, announced === undefined ? spaceGuard(folder, target.free) : undefined);
    const received = await take(source, sink, clip, { ...options, ...hashed });
    const { cut } = received;
    if (cut && source.resumable && source.etag && received.size > 0 && received.size < (source.size ?? Infinity)) {
      await handle.sync();
      await target.keep({ bytes: received.size, etag: source.etag });
      isKept = true;
    }
    const judgement = await judge(clip, received, await fileSource(handle), source, options);
    await handle.sync();
    isKept = true;
    return { ...judgement, resumed };
  } finally {
    source.body.destroy();
    await handle?.close();
    if (!isKept) await rm(part, { force: true }).catch(() => undefined);
  }
}

async function openClip(
  clip: Clip,
  connection: Connection,
  from: { offset: number; etag?: string },
  signal: AbortSignal,
): Promise<OpenClip> {
  const source = await connection.openClip(clip, from, signal);
  // A body may break before it is read; reading then meets the error again.
  source.body.on('error', () => undefined);
  return source;
}

/** A body that nobody will read must not hold its socket. */
function discard(source: OpenClip, error: unknown): never {
  source.body.destroy();
  throw error;
}

function take(
  source: OpenClip,
  sink: Sink,
  clip: Clip,
  options: TransferOptions & { before?: { bytes: number; hash: Hash } },
): Promise<Received> {
  return receive(source.body, sink, {
    ...options,
    size: source.size,
    onBytes: (bytes) => options.onBytes(bytes, source.size ?? clip.size),
  });
}

function judge(
  clip: Clip,
  received: Received,
  mp4: Parameters<typeof judgeFile>[2],
  source: OpenClip,
  { strict, lenient }: TransferOptions,
): Promise<Judgement> {
  const declared = source.sha256 ? { declaredSha256: source.sha256 } : {};
  return judgeFile(clip, received, mp4, { strict, lenient, ...declared });
}

/** Only what was synced by a transfer that ended in order is trusted: after a crash a part has no such note. */
async function continuable(part: string, partial: Partial | undefined): Promise<Partial | undefined> {
  const found = partial && (await stat(part).catch(() => undefined));
  return found?.isFile() && found.size >= partial!.bytes ? partial : undefined;
}

async function openPart(part: string, resumed: boolean): Promise<FileHandle> {
  if (resumed) return open(part, 'r+');
  // One left by a crash may share its bytes with the file that it became: it is replaced, never written to.
  await rm(part, { force: true });
  return open(part, 'wx+');
}

async function hashStart(handle: FileHandle, bytes: number): Promise<Hash> {
  await handle.truncate(bytes);
  const hash = createHash('sha256');
  const piece = Buffer.alloc(Math.min(bytes, hashPieceBytes));
  for (let at = 0; at < bytes;) {
    const { bytesRead } = await handle.read(piece, 0, Math.min(piece.length, bytes - at), at);
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash;
}

function spaceGuard(folder: string, free: FreeBytes): (bytes: number) => Promise<void> {
  let unchecked = spaceCheckBytes;
  return async (bytes) => {
    unchecked += bytes;
    if (unchecked < spaceCheckBytes) return;
    unchecked = 0;
    await checkSpace(folder, bytes, free);
  };
}
