import assert from 'node:assert/strict';
import { beginsAnew } from '../../../lib/mp4';
import { box, u32 } from './files';

/** A sample entry whose units have lengths of so many bytes. */
const avc = (lengthBytes: number) => box('stsd', u32(0, 1), box('avc1', box('avcC', Buffer.from([1, 100, 0, 30, 0xfc | (lengthBytes - 1)])))); // prettier-ignore
const hvc = (lengthBytes: number) => box('stsd', u32(0, 1), box('hvc1', box('hvcC', Buffer.alloc(21), Buffer.from([0xfc | (lengthBytes - 1)])))); // prettier-ignore

function sample(lengthBytes: number, ...headers: number[]): Buffer {
  return Buffer.concat(
    headers.map((header) => {
      const unit = Buffer.alloc(lengthBytes + 5, header);
      unit.writeUIntBE(5, 0, lengthBytes);
      return unit;
    }),
  );
}

describe('a picture at which decoding begins', () => {
  const cases: [what: string, codec: string, stsd: Buffer, bytes: Buffer, expected: boolean][] = [
    ['an H.264 refresh behind parameter sets', 'h264', avc(4), sample(4, 0x09, 0x67, 0x68, 0x65), true],
    ['an H.264 key frame of an open group', 'h264', avc(4), sample(4, 0x67, 0x06, 0x61), false],
    ['with short lengths', 'h264', avc(2), sample(2, 0x09, 0x65), true],
    ['an HEVC refresh', 'hevc', hvc(4), sample(4, 32 << 1, 33 << 1, 19 << 1), true],
    ['an HEVC key frame of an open group', 'hevc', hvc(4), sample(4, 35 << 1, 21 << 1), false],
    ['another HEVC picture', 'hevc', hvc(4), sample(4, 1 << 1), false],
    ['no picture at all', 'h264', avc(4), sample(4, 0x09), true],
    ['an impossible length', 'h264', avc(4), Buffer.alloc(9, 0xff), true],
    ['another codec', 'av1', avc(4), sample(4, 0x61), true],
    ['no configuration', 'h264', Buffer.alloc(16), sample(4, 0x61), true],
  ];
  for (const [what, codec, stsd, bytes, expected] of cases) {
    it(`${expected ? 'is' : 'is not'} ${what}`, () => assert.equal(beginsAnew(codec, stsd, bytes), expected));
  }
});
