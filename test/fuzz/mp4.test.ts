import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { bufferSource, readMp4, readParameters, readTracks } from '../../lib/mp4';
import { assertSane } from '../lib/mp4/files';
import { makeVideo } from '../simulators/video';
import { fuzz, suiteTimeoutMs } from './fuzz';

const types =
  'ftyp moov trak mdia minf stbl mvex moof traf mvhd mdhd hdlr tkhd stts ctts stsd stsc stsz stco co64 stss elst edts trex mehd trun tfhd tfdt sidx mfra mdat free uuid avc1 avcC'.split(
    ' ',
  );

function box(type: string, content: Buffer, size: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(size >>> 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content]);
}

const { boxes } = fc.letrec<{ boxes: Buffer }>((tie) => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
    fc.nat(80).map((length) => Buffer.alloc(length)),
    fc.array(fc.constantFrom(0, 1, 2, 0xff, 0x7f, 0x80), { maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  );
  const one = fc.record({
    type: fc.constantFrom(...types),
    content: fc.oneof({ maxDepth: 6, depthSize: 'large' }, noise, tie('boxes')),
    // Mostly true; sometimes nothing, more than there is, or the mark of a large one.
    lie: fc.option(fc.constantFrom(0, 1, 7, 8, 0xffff_ffff, 0x7fff_ffff), { freq: 8 }),
  });
  return {
    boxes: fc
      .array(one, { maxLength: 5 })
      .map((all) => Buffer.concat(all.map(({ type, content, lie }) => box(type, content, lie ?? content.length + 8)))),
  };
});

async function readAll(bytes: Buffer): Promise<void> {
  const source = bufferSource(bytes);
  assertSane(await readMp4(source));
  for (const read of [readParameters, readTracks]) {
    await read(source).catch((thrown: unknown) => {
      assert.ok(thrown instanceof Error);
      // In words, as they stand in the message of an export that cannot be joined.
      assert.doesNotMatch(`${thrown.name}: ${thrown.message}`, /^(Type|Range)Error|\bundefined\b|NaN/);
    });
  }
}

describe('Fuzz: MP4 files', function () {
  this.timeout(suiteTimeoutMs);

  it('boxes of all kinds in one another are read', async () => {
    await fuzz(boxes, (bytes) => readAll(bytes));
    await fuzz(boxes, (bytes) =>
      readAll(Buffer.concat([Buffer.from('\0\0\0\u0014ftypisom\0\0\0\u0001isom', 'latin1'), bytes])),
    );
  });

  it('a real file of which bytes are changed, cut or doubled is read', async () => {
    const real = readFileSync(await makeVideo({ seconds: 4, width: 320, height: 180 }));
    const edit = fc.record({
      at: fc.nat(),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      how: fc.constantFrom('set', 'cut', 'put'),
    });
    // Most of a file is media data: what matters stands at its ends.
    const place = (at: number): number =>
      at % 3 === 0 ? at % real.length : Math.max(0, real.length - 1 - (at % 3_000));
    await fuzz(fc.array(edit, { minLength: 1, maxLength: 8 }), async (edits) => {
      let bytes = Buffer.from(real);
      for (const { at, bytes: changed, how } of edits) {
        const from = Math.min(place(at), bytes.length);
        if (how === 'set') bytes.set(changed.subarray(0, Math.max(0, bytes.length - from)), from);
        else if (how === 'cut') bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + changed.length)]);
        else bytes = Buffer.concat([bytes.subarray(0, from), changed, bytes.subarray(from)]);
      }
      await readAll(bytes);
    });
  });
});
