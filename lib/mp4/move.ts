// Passes the fragments of an MP4 file on as a stream, with the places, numbers and times of another file.
import { Damaged } from './boxes';
import { moveFragment, type Move } from './moof';

/** An hour of pictures in one fragment would be a few MB. */
const mostMoofBytes = 8 * 1024 * 1024;
const headerBytes = 8;
const wideHeaderBytes = 16;

/**
 * @param chunks from the beginning of a box on
 * @throws Damaged where these are no boxes
 */
export async function* moved(chunks: AsyncIterable<Buffer>, move: Move): AsyncGenerator<Buffer> {
  /** Bytes of a header or a whole `moof` box so far. */
  let held: Buffer = Buffer.alloc(0);
  /** Bytes of the current box that are still to be passed on as they are. */
  let passing = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) {
      if (passing > 0) {
        yield rest.subarray(0, passing);
        const passed = Math.min(passing, rest.length);
        passing -= passed;
        rest = rest.subarray(passed);
        continue;
      }
      const wanted = neededOf(held);
      const taken = rest.subarray(0, wanted - held.length);
      held = held.length > 0 ? Buffer.concat([held, taken]) : taken;
      rest = rest.subarray(taken.length);
      if (held.length < neededOf(held)) continue;
      const box = boxOf(held);
      if (box.type === 'moof') {
        // Not the bytes of the source, which may hold on to them.
        const fragment = Buffer.from(held);
        await moveFragment(fragment, move);
        yield fragment;
      } else {
        yield held;
        passing = box.size - held.length;
      }
      held = Buffer.alloc(0);
    }
  }
  if (held.length > 0) yield held;
}

/** Number of bytes that must be there: a header, and all of a `moof` box. */
function neededOf(held: Buffer): number {
  if (held.length < headerBytes) return headerBytes;
  const isWide = held.readUInt32BE(0) === 1;
  if (isWide && held.length < wideHeaderBytes) return wideHeaderBytes;
  const { type, size } = boxOf(held);
  if (type !== 'moof') return held.length;
  if (size > mostMoofBytes) throw new Damaged(`a fragment has ${size} bytes of times and places`);
  return size;
}

function boxOf(held: Buffer): { type: string; size: number } {
  const short = held.readUInt32BE(0);
  const size = short === 1 ? Number(held.readBigUInt64BE(headerBytes)) : short;
  if (size < headerBytes) throw new Damaged('a fragment does not go on with a box');
  return { type: held.toString('latin1', 4, headerBytes), size };
}
