import assert from 'node:assert/strict';
import { readMp4 } from '../../../lib/mp4';
import { assertSane, box, chunk, ftyp, moof, mvhd, randomNumbers, read, stts, trak, trex, u32, u64 } from './files';

describe('readMp4 with hostile files', function () {
  this.timeout(120_000);

  /** A file that is `head` and then `part`, over and over; never held in memory. */
  function endless(head: Buffer, part: Buffer, times: number) {
    let reads = 0;
    let longest = 0;
    const pattern = Buffer.concat(Array.from({ length: Math.ceil(70_000 / part.length) + 1 }, () => part));
    return {
      size: head.length + part.length * times,
      get reads() {
        return reads;
      },
      get longest() {
        return longest;
      },
      async read(offset: number, length: number) {
        reads++;
        longest = Math.max(longest, length);
        const fromHead = head.subarray(Math.min(offset, head.length), offset + length);
        const at = (Math.max(offset, head.length) - head.length) % part.length;
        return Buffer.concat([fromHead, pattern.subarray(at, at + length - fromHead.length)]);
      },
    };
  }

  it('survives random bytes', async () => {
    const random = randomNumbers(1);
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 4000) }, () => Math.floor(random() * 256)));
      const info = await read(bytes);
      assertSane(info);
      assert.equal(info.whole, false);
      for (const start of [ftyp, Buffer.concat([ftyp, u32(bytes.length + 8), Buffer.from('moov')])]) {
        assertSane(await read(Buffer.concat([start, bytes])));
      }
    }
  });

  it('survives random boxes in one another', async () => {
    const random = randomNumbers(2);
    const types =
      'moov trak mdia minf stbl mvex moof traf mvhd mdhd hdlr tkhd stts stsd stsc stsz stco co64 elst edts trex mehd trun tfhd sidx mdat'.split(
        ' ',
      );
    const pick = () => types[Math.floor(random() * types.length)]!;
    const grow = (depth: number): Buffer => {
      if (depth === 0 || random() < 0.3) {
        return box(
          pick(),
          Buffer.from(
            Array.from({ length: Math.floor(random() * 120) }, () => (random() < 0.6 ? 0 : Math.floor(random() * 256))),
          ),
        );
      }
      return box(pick(), ...Array.from({ length: Math.floor(random() * 6) }, () => grow(depth - 1)));
    };
    for (let round = 0; round < 1000; round++) {
      assertSane(await read(Buffer.concat([ftyp, box('moov', grow(3), grow(4), grow(5)), grow(3), grow(3)])));
    }
  });

  it('follows deep nesting only where it knows the way', async () => {
    let deep = box('moov');
    for (let depth = 0; depth < 2000; depth++) deep = box(depth % 2 ? 'moov' : 'trak', deep);
    assertSane(await read(Buffer.concat([ftyp, deep])));
  });

  it('stops counting fragments at some point, and then goes by what is announced', async () => {
    const moov = box('moov', mvhd(), trak(), box('mvex', box('mehd', u32(0, 40_000_000)), trex(1, 40)));
    const fragment = Buffer.concat([
      moof(box('traf', box('tfhd', u32(0, 1)), box('tfdt', u32(0, 0)), box('trun', u32(0, 1)))),
      box('mdat'),
    ]);
    const source = endless(Buffer.concat([ftyp, moov]), fragment, 1_000_000);
    const info = await readMp4(source);
    assertSane(info);
    assert.match(info.problems.join(), /^the file has more than 3000000 boxes; the rest was not checked$/);
    assert.equal(info.duration, 40_000);
    assert.ok(source.longest <= 64 * 1024, 'small pieces');
  });

  it('checks a hundred thousand fragments to the end', async () => {
    const moov = box('moov', mvhd(), trak(), box('mvex', trex(1, 40)));
    const fragment = Buffer.concat([moof(box('traf', box('tfhd', u32(0, 1)), box('trun', u32(0, 25)))), box('mdat')]);
    const info = await readMp4(endless(Buffer.concat([ftyp, moov]), fragment, 100_000));
    assert.deepEqual([info.whole, info.duration], [true, 100_000]);
  });

  it('stops at a file of empty boxes', async () => {
    const info = await readMp4(endless(ftyp, box('free'), 10_000_000));
    assert.match(info.problems.join(), /more than 3000000 boxes/);
  });

  it('stops at a fragment of empty boxes', async () => {
    const start = Buffer.concat([ftyp, u32(8 + 8 * 1_000_000), Buffer.from('moof')]);
    const info = await readMp4(endless(start, box('traf'), 1_000_000));
    assert.match(info.problems.join(), /moof box holds more than 10000 boxes/);
  });

  it('stops at tables that are too long', async () => {
    const entries = 20_000_000;
    const table = Buffer.concat([u32(16 + 8 * entries), Buffer.from('stts'), u32(0, entries)]);
    const full = trak({ tables: [table] });
    // All containers must be long enough for the table, which is their last part.
    for (const type of ['trak', 'mdia', 'minf', 'stbl']) {
      const at = full.indexOf(type) - 4;
      full.writeUInt32BE(full.readUInt32BE(at) + 8 * entries, at);
    }
    const moov = box('moov', mvhd(), full);
    moov.writeUInt32BE(moov.length + 8 * entries, 0);
    const source = endless(Buffer.concat([ftyp, moov]), u32(1, 1), entries);
    const info = await readMp4(source);
    assert.match(info.problems.join(), /tables of the file are over 64 MiB/);
    assert.ok(source.reads < 20, `${source.reads} reads`);
  });

  it('jumps over media data instead of reading it', async () => {
    const index = (at: number) => box('moov', mvhd(), trak({ tables: [stts(1, 1000), ...chunk(at, 10)] }));
    const moov = index(ftyp.length + index(0).length + 16);
    const start = Buffer.concat([ftyp, moov, u32(1), Buffer.from('mdat'), u64(16n + 2n ** 40n)]);
    const source = endless(start, Buffer.alloc(1024, 1), 2 ** 30);
    const info = await readMp4(source);
    assert.deepEqual(info.problems, []);
    assert.ok(source.reads < 5, `${source.reads} reads`);
  });
});
