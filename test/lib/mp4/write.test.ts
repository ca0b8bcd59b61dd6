import assert from 'node:assert/strict';
import { readMp4, readTracks, shownAt, type Mp4Source } from '../../../lib/mp4';
import { fileHead, TrackWriter, type NewSample } from '../../../lib/mp4/write';
import { box, ftyp, stsd, u32 } from './files';

const matrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const display = Buffer.concat([matrix, u32(64 * 65536, 48 * 65536)]);
const head = { handler: 'vide', display, stsd: stsd('avc1') } as const;

/** 40 ms each, in the order of decoding. @param order places on the screen */
function pictures(order: number[], bytes = 10): NewSample[] {
  return order.map((place, index) => ({
    source: 0,
    offset: index * bytes,
    bytes,
    description: 1,
    decodedAt: index * 0.04,
    shownAt: place * 0.04,
    length: 0.04,
    sync: index === 0,
  }));
}

/** A file that begins like this, and then is nothing but ones. */
function fileOf(start: Buffer, size: number): Mp4Source {
  return {
    size,
    async read(offset, length) {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)), 1);
      if (offset < start.length) start.copy(bytes, 0, offset, offset + length);
      return bytes;
    },
  };
}

function written(samples: NewSample[], end: number, timescale = 12_800) {
  const track = new TrackWriter(head, timescale);
  samples.forEach((sample) => track.add(sample));
  track.finish(end);
  let target = 0;
  for (const piece of track.pieces) {
    piece.target = target;
    target += piece.bytes;
  }
  const start = fileHead(ftyp, [track], timescale, target);
  return { track, file: fileOf(start, start.length + target), start };
}

describe('a file that is written', () => {
  it('has its index first, and is whole', async () => {
    const { file, start } = written(pictures([0, 1, 2, 3]), 0.16);
    const info = await readMp4(file);
    assert.deepEqual([info.whole, info.problems, info.pictures, info.duration], [true, [], 4, 0.16]);
    assert.deepEqual([info.width, info.height, info.codec], [64, 48, 'h264']);
    const [track] = await readTracks(file);
    assert.deepEqual(track!.samples.offset.map((offset) => offset - start.length), [0, 10, 20, 30]); // prettier-ignore
    assert.deepEqual(track!.samples.sync, [true, false, false, false]);
  });

  const orders: [what: string, order: number[]][] = [
    ['in the order of decoding', [0, 1, 2, 3, 4]],
    ['before they are decoded, by the numbers', [0, 3, 1, 2, 4]],
    ['late', [2, 5, 3, 4, 6]],
    ['hidden before the start', [-2, -1, 0, 1, 2]],
  ];
  for (const [what, order] of orders) {
    it(`shows pictures when it has to (${what})`, async () => {
      const { file } = written(pictures(order), (Math.max(...order) + 1) * 0.04);
      const [track] = await readTracks(file);
      order.forEach((place, index) => assert.ok(Math.abs(shownAt(track!, index) - place * 0.04) < 1e-6));
      for (const shift of track!.samples.shift) assert.ok(shift >= 0, 'players take no negative shifts');
      assert.equal((await readMp4(file)).whole, true);
    });
  }

  it('goes on in time whatever it is told', async () => {
    const [first, second, third] = pictures([0, 1, 2]);
    const { file } = written([first!, { ...second!, decodedAt: -5 }, { ...third!, decodedAt: 0 }], 0.12);
    const [track] = await readTracks(file);
    const { time } = track!.samples;
    assert.ok(time[0]! < time[1]! && time[1]! < time[2]!, time.join());
    [0, 0.04, 0.08].forEach((at, index) => assert.ok(Math.abs(shownAt(track!, index) - at) < 1e-6));
  });

  it('may be larger than 4 GiB, and longer than 32 bits tell', async () => {
    const large = 2 ** 31;
    const samples = pictures([0, 1, 2, 3], large).map((sample, index) => ({
      ...sample,
      decodedAt: index * 2000,
      shownAt: index * 2000,
      length: 2000,
    }));
    const { file, start } = written(samples, 8000, 1_000_000);
    const info = await readMp4(file);
    assert.deepEqual([info.whole, info.problems, info.duration], [true, [], 8000]);
    const [track] = await readTracks(file);
    assert.deepEqual(track!.samples.offset, [0, 1, 2, 3].map((index) => start.length + index * large)); // prettier-ignore
  });

  it('lets pictures and sound take turns each second, and keeps apart what lies apart', () => {
    const { track } = written(pictures(Array.from({ length: 60 }, (_, index) => index)), 2.4);
    assert.deepEqual(track.pieces.map(({ samples }) => samples), [25, 25, 10]); // prettier-ignore
    const [first, second] = pictures([0, 1]);
    const apart = written([first!, { ...second!, offset: 500 }], 0.08).track;
    assert.equal(apart.pieces.length, 2);
  });

  it('calls HEVC what Apple calls it where all its parameter sets are in the index', () => {
    const entry = (sets: number) => {
      const config = Buffer.alloc(23);
      config[22] = sets;
      return box('stsd', u32(0, 1), box('hev1', Buffer.alloc(78), box('hvcC', config)));
    };
    const nameOf = (sets: number): string => {
      const track = new TrackWriter({ ...head, stsd: entry(sets) }, 1000);
      pictures([0]).forEach((sample) => track.add(sample));
      track.finish(0.04);
      const bytes = fileHead(ftyp, [track], 1000, 10);
      return bytes.includes('hvc1') ? 'hvc1' : 'hev1';
    };
    assert.deepEqual([nameOf(3), nameOf(0)], ['hvc1', 'hev1']);
  });
});
