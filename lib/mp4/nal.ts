// Finds out whether decoding can begin anew at a picture of H.264 or HEVC, whatever was decoded before it.

/**
 * A key frame of an open group of pictures takes its place on the screen, and its numbers, from what comes before it: put
 * behind other pictures than its own, it confuses decoders. Codecs without such frames always begin anew.
 * @param stsd box of the track
 * @param sample the picture
 */
export function beginsAnew(codec: string | undefined, stsd: Buffer, sample: Buffer): boolean {
  if (codec !== 'h264' && codec !== 'hevc') return true;
  const isH264 = codec === 'h264';
  const config = stsd.indexOf(isH264 ? 'avcC' : 'hvcC', 0, 'latin1') + 4;
  // Bytes of the length in front of a unit (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1).
  const lengthBytes = ((stsd[config + (isH264 ? 4 : 21)] ?? 3) & 3) + 1;
  for (let at = 0; config > 3 && at + lengthBytes < sample.length;) {
    const header = sample[at + lengthBytes]!;
    const kind = isH264 ? h264Kind(header & 31) : hevcKind((header >> 1) & 63);
    if (kind !== 'no picture') return kind === 'new';
    at += lengthBytes + sample.readUIntBE(at, lengthBytes);
  }
  return true;
}

type Kind = 'new' | 'depends' | 'no picture';

/** ITU-T H.264, table 7-1. */
function h264Kind(type: number): Kind {
  if (type === 5) return 'new';
  return type >= 1 && type <= 4 ? 'depends' : 'no picture';
}

/** ITU-T H.265, table 7-1: 16 to 20 begin anew, 21 is the key frame of an open group. */
function hevcKind(type: number): Kind {
  if (type >= 16 && type <= 20) return 'new';
  return type <= 21 ? 'depends' : 'no picture';
}
