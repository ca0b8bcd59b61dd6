// Announces in the head of a fragmented MP4 file how long its fragments are together, for players that show it at once.
import { boxReader, bufferSource, children, findMoov, firstOf, unlessDamaged, type Box } from './boxes';
import type { Movie } from './movie';

const mehdBytes = 16;
const largestSize = 0xffffffff;

/** The head with its `mehd` box (ISO/IEC 14496-12, 8.8.2); as it is where there is no place for one. */
export async function withDuration({ head, movie }: { head: Buffer; movie: Movie }, seconds: number): Promise<Buffer> {
  const ticks = Math.round(seconds * movie.timescale);
  const place = await placeIn(head);
  if (!place || ticks <= 0 || ticks > largestSize) return head;
  const mehd = Buffer.alloc(mehdBytes);
  mehd.writeUInt32BE(mehdBytes, 0);
  mehd.write('mehd', 4, 'latin1');
  mehd.writeUInt32BE(ticks, 12);
  const { moov, mvex, former } = place;
  const [from, to] = former ? [former.offset, former.end] : [mvex.body, mvex.body];
  const result = Buffer.concat([head.subarray(0, from), mehd, head.subarray(to)]);
  for (const { offset } of [moov, mvex]) {
    result.writeUInt32BE(result.readUInt32BE(offset) + mehdBytes - (to - from), offset);
  }
  return result;
}

async function placeIn(head: Buffer): Promise<{ moov: Box; mvex: Box; former: Box | undefined } | undefined> {
  return unlessDamaged(async () => {
    const reader = boxReader(bufferSource(head));
    const moov = await findMoov(reader);
    const mvex = moov && firstOf(await children(reader, moov), 'mvex');
    // Sizes of 64 bits are not used for boxes this small.
    const isUsual =
      mvex && [moov, mvex].every((box) => box.body - box.offset === 8 && head.readUInt32BE(box.offset) > 8);
    return isUsual ? { moov, mvex, former: firstOf(await children(reader, mvex), 'mehd') } : undefined;
  });
}
