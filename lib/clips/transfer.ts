// Transfers a clip into a part file or into memory, and verifies it.
import { fstatSync } from 'node:fs';
import { rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../async/clock';
import type { Connection } from '../connection/connection';
import { ClipError } from '../errors';
import { bufferSource } from '../mp4';
import type { Clip, ClipFile, OpenClip, Range } from '../provider';
import { secondsOf } from '../time-range';
import { stateOf, type VerifiedFileState } from '../files/publish';
import { syncFile } from '../files/sync';
import { checkSpace, makeFolder, type FreeBytes } from '../files/folder';
import { verifyFile, refuseCut, type VerifiedFile } from './verify';
import { receive, type Received } from './receive';
import { openPart, partialOf, takeOver, type PartialFile } from './resume';
import { fileSink, memorySink, tooLarge, type FileSink, type Sink } from './sink';

export type ReceivedFile = VerifiedFile & Required<Pick<VerifiedFileState, 'state'>> & { resumed: boolean };

export interface TransferOptions {
  clock: Clock;
  signal: AbortSignal;
  stallMs: number;
  strict: boolean;
  lenient: boolean;
  damagedSha256?: string;
  onDamaged(sha256: string): Promise<void>;
  onBytes(bytes: number, total: number | undefined): void;
}

export interface PartTarget {
  /** Of this run alone. */
  part: string;
  /** The folder that must not be left. */
  root: string;
  /** Bytes that an earlier transfer left in the part. */
  partial?: PartialFile;
  free: FreeBytes;
  /** Finds the clip among the files that are here, by what the server announces of it. */
  find?(announced: Pick<Clip, 'size' | 'sha256'>): Promise<ClipFile | undefined>;
  /** Stores what can be continued of the part; `undefined`: nothing any more. */
  keep(partial: PartialFile | undefined): Promise<void>;
}

/** A transfer looks at the space that is left this often: other programs write, too, and sizes that are announced may be wrong. */
const spaceCheckBytes = 4 * 2 ** 20;

/** Limit of a video whose size is not known: 200 Mbit/s, and room for what recorders add before and after. */
const mostBytesPerSecond = 25_000_000;
const mostBytesBesides = 2 ** 30;

/** The whole clip in memory. @throws ELIMIT before the first byte where the size is known */
export async function transferToMemory(
  clip: Clip,
  connection: Connection,
  maxBytes: number,
  options: TransferOptions,
): Promise<VerifiedFile & { buffer: Buffer }> {
  const source = await openClip(clip, connection, { offset: 0 }, options.signal);
  if ((source.size ?? clip.size ?? 0) > maxBytes) discard(source, tooLarge(maxBytes));
  const sink = memorySink(maxBytes);
  const received = await take(source, sink, clip, options);
  refuseCut(clip, received, options);
  const { buffer, sha256 } = sink.end();
  return { ...(await verifyReceived(clip, { ...received, sha256 }, bufferSource(buffer), source, options)), buffer };
}

/**
 * The whole clip in a part file, verified and on disk. On any failure the part is gone, unless the transfer broke off or was
 * stopped and can be continued: then `keep` is called.
 * @returns what was received, or the file that `find` found
 */
export async function transferToFile(
  clip: Clip,
  connection: Connection,
  target: PartTarget,
  options: TransferOptions,
): Promise<ReceivedFile | { found: ClipFile }> {
  const { part, free } = target;
  const folder = dirname(part);
  const before = target.partial && (await takeOver(target.partial, part));
  if (before) await target.keep(before);
  const { bytes: offset = 0, etag, size } = before ?? {};
  const source = await openClip(clip, connection, { offset, etag, size }, options.signal);
  // The vendor may start again all the same.
  const resumed = before !== undefined && source.offset === before.bytes;
  if (!resumed && source.offset !== 0) {
    // Without a part, the next try asks for no range.
    if (target.partial) await target.keep(undefined);
    const message = 'The server sent another part of the clip than the one asked for';
    discard(source, new ClipError('EPROTOCOL', message, { retryable: before !== undefined }));
  }
  const found = await target.find?.(source).catch((error: unknown) => discard(source, error));
  if (found) {
    source.body.destroy();
    return { found };
  }
  const position = resumed ? before.bytes : 0;
  let handle: FileHandle | undefined;
  let sink: FileSink | undefined;
  let received: Received | undefined;
  let isKept = false;
  try {
    await makeFolder(folder, target.root);
    const announced = source.size ?? clip.size;
    await checkSpace(folder, Math.max(0, (announced ?? 0) - position), free);
    // Notes of an earlier transfer say nothing about the bytes that come now.
    if (target.partial && !resumed) await target.keep(undefined);
    handle = await openPart(part, position);
    sink = fileSink(part, handle, { position, check: spaceGuard(folder, free) });
    received = await take(source, sink, clip, { ...options, before: position });
    refuseCut(clip, received, options);
    // All is written: what changes while it is hashed and looked at shows. Of an open file, nothing has to be waited for.
    const state = stateOf(fstatSync(handle.fd));
    const sha256 = await sink.end(options.signal);
    const verified = await verifyReceived(clip, { ...received, sha256 }, await sink.source(), source, options);
    isKept = true;
    return { ...verified, resumed, state };
  } catch (thrown) {
    const partial = received?.cut || options.signal.aborted ? partialOf(part, source, sink?.position ?? 0) : undefined;
    if (partial) {
      await syncFile(handle!);
      await target.keep(partial);
      isKept = true;
    }
    throw thrown;
  } finally {
    source.body.destroy();
    await sink?.close();
    await handle?.close();
    if (!isKept) await rm(part, { force: true }).catch(() => undefined);
  }
}

async function openClip(
  clip: Clip,
  connection: Connection,
  from: { offset: number; etag?: string; size?: number },
  signal: AbortSignal,
): Promise<OpenClip> {
  const source = await connection.openClip(clip, from, signal);
  // A body may break before it is read; reading then meets the error again.
  source.body.on('error', () => undefined);
  return source;
}

/** A body that is not read must not hold its socket. */
function discard(source: OpenClip, error: unknown): never {
  source.body.destroy();
  throw error;
}

function take(
  source: OpenClip,
  sink: Sink,
  clip: Clip,
  options: TransferOptions & { before?: number },
): Promise<Received> {
  return receive(source.body, sink, {
    ...options,
    size: source.size,
    mostBytes: mostBytesOf(source.footage ?? clip),
    onBytes: (bytes) => options.onBytes(bytes, source.size ?? clip.size),
  });
}

function mostBytesOf(range: Range): number {
  return mostBytesBesides + secondsOf(range) * mostBytesPerSecond;
}

function verifyReceived(
  clip: Clip,
  received: Received & { sha256: string },
  mp4: Parameters<typeof verifyFile>[2],
  source: OpenClip,
  options: TransferOptions,
): Promise<VerifiedFile> {
  const declared = source.sha256 ? { declaredSha256: source.sha256 } : {};
  const footage = source.footage ?? clip.footage;
  return verifyFile({ ...clip, ...(footage ? { footage } : {}) }, received, mp4, { ...options, ...declared });
}

function spaceGuard(folder: string, free: FreeBytes): (bytes: number) => Promise<void> {
  // Looked at just before the transfer.
  let unchecked = 0;
  return async (bytes) => {
    unchecked += bytes;
    if (unchecked < spaceCheckBytes) return;
    unchecked = 0;
    await checkSpace(folder, bytes, free);
  };
}
