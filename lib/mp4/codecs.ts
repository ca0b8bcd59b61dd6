// Names the codec of a sample entry, as ffmpeg names it.

const codecs: Record<string, string> = {
  avc1: 'h264',
  avc2: 'h264',
  avc3: 'h264',
  avc4: 'h264',
  hvc1: 'hevc',
  hev1: 'hevc',
  dvh1: 'hevc',
  dvhe: 'hevc',
  vvc1: 'vvc',
  vvi1: 'vvc',
  av01: 'av1',
  vp08: 'vp8',
  vp09: 'vp9',
  s263: 'h263',
  mp4v: 'mpeg4',
  jpeg: 'mjpeg',
  mjpa: 'mjpeg',
  mjpb: 'mjpeg',
  mp4a: 'aac',
  'ac-3': 'ac3',
  'ec-3': 'eac3',
  '.mp3': 'mp3',
  dtsc: 'dts',
  dtsh: 'dts',
  dtsl: 'dts',
  dtse: 'dts',
  ulaw: 'pcm_mulaw',
  alaw: 'pcm_alaw',
  sowt: 'pcm_s16le',
  twos: 'pcm_s16be',
  samr: 'amr_nb',
  sawb: 'amr_wb',
};

/** MP4 Registration Authority, object types: `mp4v` and `mp4a` stand for any of these. */
const objectTypes: Record<number, string> = {
  0x20: 'mpeg4',
  0x21: 'h264',
  0x23: 'hevc',
  0x40: 'aac',
  0x60: 'mpeg2video',
  0x61: 'mpeg2video',
  0x62: 'mpeg2video',
  0x63: 'mpeg2video',
  0x64: 'mpeg2video',
  0x65: 'mpeg2video',
  0x66: 'aac',
  0x67: 'aac',
  0x68: 'aac',
  0x69: 'mp3',
  0x6a: 'mpeg1video',
  0x6b: 'mp3',
  0x6c: 'mjpeg',
  0x6d: 'png',
  0xa5: 'ac3',
  0xa6: 'eac3',
  0xa9: 'dts',
  0xad: 'opus',
  0xdd: 'vorbis',
};

/** Sound that MP4 holds as it is; what cameras send beside these (G.711) has to become AAC. */
const audioForMp4: ReadonlySet<string> = new Set(['aac', 'mp3', 'ac3', 'eac3', 'opus', 'alac', 'flac']);
export const isAudioForMp4 = (codec: string | undefined): boolean => audioForMp4.has(codec ?? '');

/** @param entry the sample entry, or its first kilobytes */
export function codecOf(format: string, entry: Buffer): string | undefined {
  const named = codecs[format] ?? (format.toLowerCase().trim() || undefined);
  return format === 'mp4v' || format === 'mp4a' ? (objectTypes[objectType(entry) ?? 0] ?? named) : named;
}

/** The profile that an H.264 sample entry declares (ISO/IEC 14496-15, 5.3.3.1). */
export function h264Profile(entry: Buffer): number | undefined {
  const avcC = entry.indexOf('avcC', 0, 'latin1');
  return avcC < 0 ? undefined : entry[avcC + 5];
}

/** Follows the tags of an `esds` box to its decoder configuration (ISO/IEC 14496-1, 7.2.6). */
function objectType(entry: Buffer): number | undefined {
  const esds = entry.indexOf('esds', 0, 'latin1');
  if (esds < 0) return undefined;
  // Name, version and flags; then the outermost descriptor, whose flags announce more fields.
  const outer = afterLength(entry, esds + 9);
  const flags = entry[outer + 2] ?? 0;
  if (flags & 0xe0 || entry[outer + 3] !== decoderConfigTag) return undefined;
  return entry[afterLength(entry, outer + 4)];
}

export const decoderConfigTag = 0x04;

/** Lengths take one to four bytes; all but the last have their top bit set. */
export function afterLength(bytes: Buffer, at: number): number {
  let next = at;
  while (next < at + 3 && (bytes[next] ?? 0) & 0x80) next += 1;
  return next + 1;
}
