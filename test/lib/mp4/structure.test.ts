import assert from 'node:assert/strict';
import { readMp4 } from '../../../lib/mp4';
import { assertSane, box, chunk, ftyp, mdhd, moof, mvhd, read, stts, tkhd, trak, trex, u32, u64 } from './files';

describe('readMp4 with files made by hand', () => {
  const mdat = box('mdat', Buffer.alloc(8, 1));
  /** Video of 2 samples, 1.5 s each. */
  const tables = [stts(2, 1500), ...chunk(24, 4, 4)];
  const movie = (...content: Buffer[]) => Buffer.concat([ftyp, mdat, box('moov', mvhd(9000), ...content)]);

  const durations: [string, Buffer, number | undefined][] = [
    ['the samples', movie(trak({ tables })), 3],
    ['the samples rather than the header', movie(trak({ tables, mdhd: mdhd(7000) })), 3],
    ['the media header when samples have no duration', movie(trak({ tables: chunk(24, 4), mdhd: mdhd(7000) })), 7],
    ['the movie header when nothing else is known', movie(trak({ tables: chunk(24, 4) })), 9],
    [
      'the movie header when the media header is unknown',
      movie(trak({ tables: chunk(24, 4), mdhd: mdhd(2 ** 32 - 1) })),
      9,
    ],
    [
      'a 64-bit media header',
      movie(
        trak({ tables: chunk(24, 4), mdhd: box('mdhd', u32(0x01000000), u64(0n, 0n), u32(1000), u64(5000n), u32(0)) }),
      ),
      5,
    ],
    [
      'an unknown 64-bit media header',
      movie(
        trak({
          tables: chunk(24, 4),
          mdhd: box('mdhd', u32(0x01000000), u64(0n, 0n), u32(1000), u64(2n ** 64n - 1n), u32(0)),
        }),
      ),
      9,
    ],
    ['a timescale of 0', movie(trak({ tables: chunk(24, 4), mdhd: box('mdhd', u32(0, 0, 0, 0, 5, 0)) })), 9],
    ['an edit list', movie(trak({ tables, edts: box('edts', box('elst', u32(0, 1, 2000, 500, 0x10000))) })), 2],
    [
      'edits one after another',
      movie(trak({ tables, edts: box('edts', box('elst', u32(0, 2, 500, 0, 1, 700, 900, 1))) })),
      1.2,
    ],
    ['edits longer than the media', movie(trak({ tables, edts: box('edts', box('elst', u32(0, 1, 60000, 0, 1))) })), 3],
    ['an edit of length 0', movie(trak({ tables, edts: box('edts', box('elst', u32(0, 1, 0, 0, 1))) })), 3],
    [
      'an empty edit before the video',
      movie(trak({ tables, edts: box('edts', box('elst', u32(0, 1, 500, 2 ** 32 - 1, 1))) })),
      3,
    ],
    [
      'a 64-bit edit list',
      movie(trak({ tables, edts: box('edts', box('elst', u32(0x01000000, 1), u64(1000n, 0n), u32(0x10000))) })),
      1,
    ],
    [
      'the longest track when there is no video',
      movie(trak({ handler: 'soun', tables }), trak({ handler: 'meta', tables: [stts(4, 1000)] })),
      4,
    ],
    ['nothing', Buffer.concat([ftyp, mdat, box('moov', trak({ tables: chunk(24, 4) }))]), undefined],
  ];
  for (const [name, file, expected] of durations) {
    it(`takes the duration from ${name}`, async () => {
      const info = await read(file);
      assert.deepEqual(info.problems, []);
      assert.equal(info.duration, expected);
    });
  }

  const codecs: [string, string | undefined][] = [
    ['avc1', 'h264'],
    ['avc3', 'h264'],
    ['hvc1', 'hevc'],
    ['hev1', 'hevc'],
    ['av01', 'av1'],
    ['vp09', 'vp9'],
    ['mp4v', 'mpeg4'],
    ['XVID', 'xvid'],
    ['raw ', 'raw'],
    ['\0\x01\x02\x03', undefined],
    ['    ', undefined],
  ];
  for (const [format, codec] of codecs) {
    it(`calls ${JSON.stringify(format)} ${codec}`, async () => {
      assert.equal((await read(movie(trak({ tables, format })))).codec, codec);
    });
  }

  it('takes the size from the sample entry when the track has none', async () => {
    const { width, height } = await read(movie(trak({ tables, tkhd: tkhd(1, 0, 0) })));
    assert.deepEqual([width, height], [64, 48]);
  });

  it('prefers the size that the track is shown in', async () => {
    const { width, height } = await read(movie(trak({ tables, tkhd: tkhd(1, 640, 360.5) })));
    assert.deepEqual([width, height], [640, 361]);
  });

  it('reads 64-bit track headers', async () => {
    const wide = box('tkhd', u32(0x01000000), Buffer.alloc(84), u32(320 * 65536, 240 * 65536));
    const { width, height } = await read(movie(trak({ tables, tkhd: wide })));
    assert.deepEqual([width, height], [320, 240]);
  });

  it('reads boxes with 64-bit sizes and 64-bit chunk offsets', async () => {
    const large = Buffer.concat([u32(1), Buffer.from('mdat'), u64(32n), Buffer.alloc(16, 1)]);
    const [runs, sizes] = chunk(0, 4);
    const at = (offset: bigint) => [stts(1, 1000), runs!, sizes!, box('co64', u32(0, 1), u64(offset))];
    const good = Buffer.concat([ftyp, large, box('moov', mvhd(), trak({ tables: at(36n) }))]);
    assert.deepEqual((await read(good)).problems, []);
    const bad = Buffer.concat([ftyp, large, box('moov', mvhd(), trak({ tables: at(2n ** 40n) }))]);
    assert.match((await read(bad)).problems.join(), /index lists media data up to \d+ bytes past/);
  });

  it('allows free space and boxes that it does not know', async () => {
    const file = Buffer.concat([movie(trak({ tables })), box('free'), box('uuid', Buffer.alloc(16)), box('\xa9xyz')]);
    assert.deepEqual((await read(file)).problems, []);
  });

  it('allows the terminator that QuickTime puts behind the boxes in a box', async () => {
    assert.deepEqual((await read(movie(trak({ tables }), u32(0)))).problems, []);
  });

  it('counts samples of the same size without reading a table', async () => {
    const same = (samples: number) => [
      stts(1, 1000),
      box('stsc', u32(0, 1, 1, samples, 1)),
      box('stsz', u32(0, 4, samples)),
      box('stco', u32(0, 1, 24)),
    ];
    assert.equal((await read(movie(trak({ tables: same(2) })))).whole, true);
    assert.equal((await read(movie(trak({ tables: same(2 ** 32 - 1) })))).whole, false);
  });

  const extended = (...content: Buffer[]) =>
    box('moov', mvhd(), trak({ id: 1 }), trak({ id: 2, handler: 'soun' }), box('mvex', ...content));
  const traf = (id: number, ...runs: Buffer[]) => box('traf', box('tfhd', u32(0, id)), ...runs);
  const fragmented = (moov: Buffer, ...fragment: Buffer[]) => Buffer.concat([ftyp, moov, ...fragment]);
  const run = (samples: number) => box('trun', u32(0, samples));

  const fragmentDurations: [string, Buffer, number | undefined][] = [
    ['the default of the track', fragmented(extended(trex(1, 40)), moof(traf(1, run(25))), mdat), 1],
    [
      'several fragments and runs',
      fragmented(extended(trex(1, 40)), moof(traf(1, run(25), run(50))), mdat, moof(traf(1, run(25))), mdat),
      4,
    ],
    [
      'the default of the fragment',
      fragmented(extended(trex(1, 40)), moof(box('traf', box('tfhd', u32(0x8, 1, 100)), run(25))), mdat),
      2.5,
    ],
    [
      'the default of the fragment behind other fields',
      fragmented(extended(), moof(box('traf', box('tfhd', u32(0x3b, 1, 7, 7, 7, 100, 7, 7)), run(25))), mdat),
      2.5,
    ],
    [
      'the samples themselves',
      fragmented(extended(trex(1, 40)), moof(traf(1, box('trun', u32(0x100, 3, 100, 200, 300)))), mdat),
      0.6,
    ],
    [
      'the samples behind other fields',
      fragmented(extended(), moof(traf(1, box('trun', u32(0xf05, 2, 9, 9, 100, 9, 9, 9, 200, 9, 9, 9)))), mdat),
      0.3,
    ],
    ['video only', fragmented(extended(trex(1, 40), trex(2, 1000)), moof(traf(1, run(25)), traf(2, run(9))), mdat), 1],
    [
      'tracks that the index lists',
      fragmented(extended(trex(1, 40)), moof(traf(1, run(25)), traf(3, run(9))), mdat),
      1,
    ],
    [
      'what is announced when samples have no duration',
      fragmented(extended(box('mehd', u32(0, 1500))), moof(traf(1, run(25))), mdat),
      1.5,
    ],
    ['nothing', fragmented(extended(), moof(traf(1, run(25))), mdat), undefined],
  ];
  for (const [name, file, expected] of fragmentDurations) {
    it(`takes the duration of fragments from ${name}`, async () => {
      const info = await read(file);
      assert.equal(info.fragmented, true);
      assert.equal(info.duration, expected);
    });
  }

  it('misses fragments that were announced', async () => {
    const file = (announced: Buffer) => fragmented(extended(announced, trex(1, 40)), moof(traf(1, run(250))), mdat);
    assert.deepEqual((await read(file(box('mehd', u32(0, 10500))))).problems, []);
    const wide = await read(file(box('mehd', u32(0x01000000), u64(30_000n))));
    assert.deepEqual(wide.problems, ['the fragments end at 10.0 s of the 30.0 s that the index announces']);
    assert.equal(wide.duration, 10);
  });

  const tooFew = [box('stsc', u32(0, 1, 1, 2, 1)), ...chunk(24, 2, 2, 2).slice(1)];
  const problems: [string, Buffer, RegExp][] = [
    ['an empty file', Buffer.alloc(0), /^the file is empty$/],
    ['zeros', Buffer.alloc(100), /does not go on with a box at byte 0/],
    ['text', Buffer.from('<?xml version="1.0"?><error>no</error>'), /past the end|does not go on/],
    [
      'a page behind the last box',
      Buffer.concat([movie(trak({ tables })), Buffer.from('\r\n<html><body>504 Gateway Time-out</body></html>')]),
      /does not go on .* 48 bytes before its end|past the end/,
    ],
    ['a few stray bytes', Buffer.concat([movie(trak({ tables })), Buffer.from('end')]), /ends with 3 stray bytes/],
    [
      'room for video that never came',
      Buffer.concat([movie(trak({ tables })), Buffer.alloc(100_000)]),
      /does not go on .* 100000 bytes before its end/,
    ],
    ['zeros instead of an index', Buffer.concat([ftyp, mdat, Buffer.alloc(100)]), /does not go on/],
    ['no index', Buffer.concat([ftyp, mdat]), /^the file has no index \(moov\)$/],
    ['fragments without an index', Buffer.concat([ftyp, moof(traf(1, run(9))), mdat]), /no index/],
    [
      'no media data',
      Buffer.concat([ftyp, box('moov', mvhd(), trak({ tables }))]),
      /^the file has no media data \(mdat\)$/,
    ],
    ['no tracks', movie(), /lists no tracks/],
    ['an empty index', Buffer.concat([ftyp, box('moov'), mdat]), /lists no tracks/],
    ['an empty video track', movie(trak()), /^the video track is empty$/],
    ['no fragments', fragmented(extended()), /no media data/],
    [
      'a fragment without its data',
      fragmented(extended(trex(1, 40, 1)), moof(traf(1, run(8))), mdat, moof(traf(1, run(8)))),
      /^16 of the 16 bytes that the index lists are not in the media data \(mdat\)$/,
    ],
    [
      'an impossible size',
      Buffer.concat([ftyp, u32(7), Buffer.from('free')]),
      /free box at byte 16 has an impossible size of 7/,
    ],
    [
      'an impossible 64-bit size',
      Buffer.concat([ftyp, u32(1), Buffer.from('free'), u64(15n)]),
      /impossible size of 15/,
    ],
    [
      'an absurd 64-bit size',
      Buffer.concat([ftyp, u32(1), Buffer.from('free'), u64(2n ** 64n - 1n)]),
      /free box at byte 16 goes \d+ bytes past/,
    ],
    [
      'a cut 64-bit size',
      Buffer.concat([ftyp, u32(1), Buffer.from('free'), u32(0)]),
      /header of the free box at byte 16 is cut off/,
    ],
    [
      'a box that is longer than its container',
      Buffer.concat([ftyp, box('moov', mvhd(), u32(999), Buffer.from('trak')), mdat]),
      /trak box .* past the end of the moov box/,
    ],
    ['a track without its parts', movie(box('trak', tkhd())), /track at byte \d+ has no mdia box/],
    [
      'a header that is too short',
      movie(trak({ tables, mdhd: box('mdhd', u32(0)) })),
      /mdhd box at byte \d+ is too short/,
    ],
    [
      'a 64-bit header that is too short',
      movie(trak({ tables, mdhd: box('mdhd', u32(0x01000000), Buffer.alloc(20)) })),
      /mdhd .* too short/,
    ],
    [
      'a table that is too short',
      movie(trak({ tables: [box('stts', u32(0, 2 ** 32 - 1, 1, 1))] })),
      /stts box .* too short for its 4294967295 entries/,
    ],
    [
      'a list of chunks that is too short',
      movie(trak({ tables: [...chunk(24, 4).slice(0, 2), box('stco', u32(0, 2 ** 31))] })),
      /stco box .* too short/,
    ],
    [
      'a run that is too short',
      fragmented(extended(), moof(traf(1, box('trun', u32(0x100, 2 ** 32 - 1)))), mdat),
      /trun .* too short/,
    ],
    ['samples past the end', movie(trak({ tables: [stts(1, 1), ...chunk(24, 1_000_000)] })), /up to \d+ bytes past/],
    ['samples before the media data', movie(trak({ tables: [stts(1, 1), ...chunk(20, 8)] })), /^8 of the 8 bytes/],
    ['samples without a place', movie(trak({ tables: [stts(3, 1), ...tooFew] })), /lists 3 pictures and a place for 2/],
    [
      'chunks that the tables do not agree on',
      movie(trak({ tables: [stts(2, 1), box('stsc', u32(0, 2, 1, 1, 1, 9, 1, 1)), ...chunk(24, 4, 4).slice(1)] })),
      /stsc box at byte \d+ contradicts the list of chunks/,
    ],
  ];
  for (const [name, file, message] of problems) {
    it(`reports ${name}`, async () => {
      const info = await read(file);
      assertSane(info);
      assert.equal(info.whole, false);
      assert.match(info.problems[0]!, message);
    });
  }

  it('keeps the good tracks when one is damaged', async () => {
    const info = await read(movie(trak({ handler: 'soun', mdhd: box('mdhd') }), trak({ tables })));
    assert.deepEqual([info.whole, info.hasVideo, info.duration], [false, true, 3]);
  });

  it('goes on behind a damaged fragment', async () => {
    const bad = moof(traf(1, box('trun', u32(0x100, 99))));
    const info = await read(fragmented(extended(trex(1, 40)), bad, mdat, moof(traf(1, run(25))), mdat));
    assert.deepEqual([info.problems.length, info.duration], [1, 1]);
  });

  it('reports a bounded number of problems', async () => {
    const bad = moof(traf(1, box('trun', u32(0x100, 99))));
    const info = await read(fragmented(extended(), ...Array.from({ length: 500 }, () => [bad, mdat]).flat()));
    assertSane(info);
    assert.equal(info.problems.at(-1), 'and more');
  });

  it('rejects when reading fails', async () => {
    const failure = new Error('EIO');
    await assert.rejects(readMp4({ size: 100, read: () => Promise.reject(failure) }), failure);
  });
});
