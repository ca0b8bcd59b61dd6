// Cuts fragmented MP4 files by whole fragments, and joins what is cut to one file. Nothing is encoded again.
import { bufferSource } from './boxes';
import type { FragmentedFile } from './fragmented';
import type { Fragment } from './moof';
import { overlapOf } from './overlap';
import { readParameters } from './parameters';
import { withDuration } from './head';
import { moved } from './move';

export interface CutRequest {
  file: FragmentedFile;
  /** Seconds on the clock of the file. */
  from: number;
  to: number;
}

/** Fragments of one file that follow each other. */
interface Piece {
  file: FragmentedFile;
  first: Fragment;
  last: Fragment;
  /** First byte of these fragments in the file, and the byte after the last. */
  offset: number;
  end: number;
}

export interface Cut {
  /** Bytes of the result. */
  size: number;
  /** Seconds of it. */
  seconds: number;
  head: Buffer;
  /** In order. Where there is one and `isWhole`, the file itself is the result. */
  pieces: (Piece & Placing)[];
  isWhole: boolean;
}

/** Place of a piece in the result. */
interface Placing {
  at: number;
  /** Seconds and number of its first fragment there. */
  seconds: number;
  number: number;
}

/**
 * The result for these ranges of files, in their order: from the key frame at or before the start of each to the one at or
 * after its end. What the end of one file shares with the beginning of the next one is taken once. `undefined` where the
 * files need different decoders.
 * @throws what the sources reject with
 */
export async function planCut(requests: CutRequest[]): Promise<Cut | undefined> {
  const files = requests.map(({ file }) => file);
  if (!(await areAlike(files))) return undefined;
  const pieces: Piece[] = [];
  for (const request of requests) {
    const piece = await pieceOf(request);
    const before = pieces.at(-1);
    if (before) await leaveOutDoubled(before, piece);
    pieces.push(piece);
  }
  return placed(pieces.filter(({ offset, end }) => offset < end));
}

async function pieceOf({ file, from, to }: CutRequest): Promise<Piece> {
  const first = await keyFragment(file, await file.find(from));
  const found = await file.find(Math.max(from, to));
  // A sample that begins exactly at the end is not wanted.
  const isBeyond = found.startSeconds >= to && found.offset > first.offset;
  const last = await lastUnder(file, isBeyond ? await fragmentBefore(file, found) : found);
  return { file, first, last, offset: first.offset, end: last.end };
}

/** Pictures can only be shown from a key frame on. */
async function keyFragment(file: FragmentedFile, found: Fragment): Promise<Fragment> {
  let first = found;
  while (!first.isKey && first.offset > file.first.offset) first = await fragmentBefore(file, first);
  return first;
}

async function fragmentBefore(file: FragmentedFile, { startSeconds, offset }: Fragment): Promise<Fragment> {
  const entry = file.index?.entries.findLast((each) => each.offset < offset);
  if (entry) return (await file.at(entry.offset)) ?? file.first;
  const found = await file.find(startSeconds - 0.001);
  return found.offset < offset ? found : file.first;
}

/** The last one of those that an index has one entry for. */
async function lastUnder(file: FragmentedFile, fragment: Fragment): Promise<Fragment> {
  const { index } = file;
  const next = index && (index.entries.find(({ offset }) => offset > fragment.offset)?.offset ?? index.end);
  let last = fragment;
  while (next !== undefined && last.end < next) {
    const following = await file.at(last.end);
    if (!following || following.offset >= next) break;
    last = following;
  }
  return last;
}

/** Leaves out the end of a file that comes again at the beginning of the next one, which has it whole. */
async function leaveOutDoubled(before: Piece, after: Piece): Promise<void> {
  const isBorder = before.last.offset === before.file.last.offset && after.first.offset === after.file.first.offset;
  const from = isBorder ? await overlapOf(before.file, after.file) : undefined;
  if (from === undefined || from.offset < before.first.offset) return;
  const last = from.offset > before.first.offset ? await fragmentBefore(before.file, from) : before.first;
  Object.assign(before, { last, end: from.offset });
}

async function placed(pieces: Piece[]): Promise<Cut> {
  const [only] = pieces;
  const isWhole =
    pieces.length === 1 &&
    only!.offset === only!.file.first.offset &&
    only!.last.offset >= only!.file.last.offset &&
    only!.file.index !== undefined;
  const total = pieces.reduce((sum, { first, last }) => sum + last.endSeconds - first.startSeconds, 0);
  const head = only ? await withDuration(only.file, total) : Buffer.alloc(0);
  let at = head.length;
  let seconds = 0;
  let number: number | undefined;
  const placings = pieces.map((piece) => {
    const placing = { ...piece, at, seconds, number: number ?? piece.first.number };
    at += piece.end - piece.offset;
    seconds += piece.last.endSeconds - piece.first.startSeconds;
    number = placing.number + piece.last.number - piece.first.number + 1;
    return placing;
  });
  return { size: isWhole ? only!.file.source.size : at, seconds, head, pieces: placings, isWhole };
}

/** The bytes of the result from `offset` on: the same ones whenever it is planned from the same files and ranges. */
export async function* readCut(cut: Cut, offset = 0): AsyncGenerator<Buffer> {
  const { head, pieces, isWhole, size } = cut;
  if (isWhole) {
    yield* pieces[0]!.file.source.stream(offset, size);
    return;
  }
  if (offset < head.length) yield head.subarray(offset);
  for (const piece of pieces) {
    const end = piece.at + piece.end - piece.offset;
    if (offset >= end) continue;
    const wanted = Math.max(0, offset - piece.at);
    const from = boundaryBefore(piece, piece.offset + wanted);
    let skip = piece.offset + wanted - from;
    for await (const chunk of moved(piece.file.source.stream(from, piece.end), moveOf(piece))) {
      if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
      skip = Math.max(0, skip - chunk.length);
    }
  }
}

/** A fragment that begins at or before a place in the file: only there can reading begin. */
function boundaryBefore({ file, offset }: Piece, place: number): number {
  const found = file.index?.entries.findLast((entry) => entry.offset <= place);
  return Math.max(offset, found?.offset ?? offset);
}

function moveOf({ file, first, offset, at, seconds, number }: Piece & Placing) {
  const ticks = new Map(
    file.movie.tracks.map(({ id, timescale }) => [id, Math.round((seconds - first.startSeconds) * timescale)]),
  );
  return { bytes: at - offset, number: number - first.number, ticks };
}

/** Can fragments of one follow those of the other? */
async function areAlike(files: FragmentedFile[]): Promise<boolean> {
  const [first, ...others] = files;
  if (others.length === 0) return true;
  const wanted = await signatureOf(first!);
  for (const other of others) if ((await signatureOf(other)) !== wanted) return false;
  return true;
}

async function signatureOf({ head, movie }: FragmentedFile): Promise<string> {
  const tracks = movie.tracks.map(({ id, handler, timescale }) => [id, handler, timescale]);
  const defaults = [...movie.defaults].map(([id, { duration, size, flags }]) => [id, duration, size, flags]);
  return JSON.stringify([await readParameters(bufferSource(head)), tracks, defaults]);
}
