import assert from 'node:assert/strict';
import { box, chunk, ftyp, mp4Factory, mvhd, read, stts, tkhd, trak, trex, u32 } from './files';

/** Valid files that few writers make: they are taken, and told where players may be surprised. */
describe('readMp4 with unusual files', function () {
  this.timeout(120_000);
  const factory = mp4Factory();
  after(() => factory.remove());

  const mdat = box('mdat', Buffer.alloc(8, 1));
  const tables = [stts(2, 1500), ...chunk(24, 4, 4)];
  const movie = (...content: Buffer[]) => Buffer.concat([ftyp, mdat, box('moov', mvhd(9000), ...content)]);
  const whole = () => movie(trak({ tables }));

  const paddings: [string, Buffer, number][] = [
    ['four zeros', Buffer.alloc(4), 4],
    ['a block of zeros', Buffer.alloc(4096), 4096],
    ['a line end', Buffer.from('\r\n'), 2],
  ];
  for (const [what, padding, bytes] of paddings) {
    it(`tells ${what} behind the last box, and takes the file`, async () => {
      const info = await read(Buffer.concat([whole(), padding]));
      assert.deepEqual([info.whole, info.problems], [true, [`${bytes} bytes of padding follow the last box`]]);
      assert.equal(info.duration, 3);
    });
  }

  it('takes a video track without pictures beside one that has some', async () => {
    const info = await read(movie(trak({ id: 1 }), trak({ id: 2, tables, tkhd: tkhd(2, 640, 480) })));
    assert.deepEqual([info.whole, info.problems, info.duration, info.width, info.pictures], [true, [], 3, 640, 2]);
  });

  it('tells pictures that have no time', async () => {
    const info = await read(movie(trak({ tables: [stts(1, 1500), ...chunk(24, 4, 4)] })));
    assert.deepEqual([info.whole, info.problems], [true, ['the index lists 2 pictures and times for 1 of them']]);
  });

  describe('in fragments', () => {
    const header = Buffer.concat([ftyp, box('moov', mvhd(), trak({ id: 1 }), box('mvex', trex(1, 40, 1)))]);
    /** 25 pictures of 40 ms and one byte each. @param at decode time in ms @param data where the pictures lie */
    const fragment = (number: number, at: number, data?: number): Buffer => {
      const tfhd = box('tfhd', data === undefined ? u32(0x20000, 1) : u32(1, 1, 0, data));
      const run = data === undefined ? box('trun', u32(1, 25, 0)) : box('trun', u32(0, 25));
      const made = box('moof', box('mfhd', u32(0, number)), box('traf', tfhd, box('tfdt', u32(0, at)), run));
      if (data === undefined) made.writeInt32BE(made.length + 8, made.indexOf('trun') + 12);
      return made;
    };
    const data = box('mdat', Buffer.alloc(25, 1));
    const file = (...parts: Buffer[]) => read(Buffer.concat([header, ...parts]));

    it('finds media data that lies before the fragment', async () => {
      const at = header.length + 8;
      const info = await file(data, fragment(1, 0, at), data, fragment(2, 1000, at + 33 + fragment(1, 0, at).length));
      assert.deepEqual([info.whole, info.problems, info.duration], [true, [], 2]);
    });

    const losses: [string, Buffer[], RegExp][] = [
      ['is left out', [fragment(1, 0), fragment(2, 1000), data], /^25 of the 50 bytes that the index lists/],
      ['is empty', [fragment(1, 0), box('mdat'), fragment(2, 1000), data], /^25 of the 50 bytes/],
      ['is half of it', [fragment(1, 0), box('mdat', Buffer.alloc(12, 1)), fragment(2, 1000), data], /^25 of the 50/],
      ['became free space', [fragment(1, 0), data, fragment(2, 1000), box('free', Buffer.alloc(25))], /^25 of the 50/],
      ['is not there', [fragment(1, 0), data, fragment(2, 1000)], /^the index lists media data up to \d+ bytes past/],
    ];
    for (const [what, parts, message] of losses) {
      it(`misses media data that ${what}`, async () => {
        const { whole: isWhole, problems } = await file(...parts);
        assert.equal(isWhole, false);
        assert.match(problems.join(), message);
      });
    }

    it('takes time that has no pictures, and says how much that is', async () => {
      const info = await file(fragment(1, 0), data, fragment(2, 11_000), data);
      assert.deepEqual([info.whole, info.duration], [true, 2]);
      assert.deepEqual(info.problems, ['between fragments 10.0 s have no pictures']);
    });

    it('says when the numbers of fragments tell that some are left out', async () => {
      const info = await file(fragment(1, 0), data, fragment(4, 3000), data);
      assert.match(info.problems.join(), /^between fragments 2\.0 s have no pictures \(fragments left out .*: 2\)$/);
    });

    it('counts a fragment once that comes twice', async () => {
      const info = await file(fragment(1, 0), data, fragment(2, 1000), data, fragment(2, 1000), data);
      assert.deepEqual([info.whole, info.duration], [true, 2]);
      assert.deepEqual(info.problems, ['1.0 s of the fragments are there twice']);
    });

    it('takes a clock that began before the file', async () => {
      const info = await file(fragment(7, 3_600_000), data, fragment(8, 3_601_000), data);
      assert.deepEqual([info.whole, info.problems, info.duration], [true, [], 2]);
    });

    it('takes what was announced and did not come as a hint', async () => {
      const announced = box('moov', mvhd(), trak({ id: 1 }), box('mvex', box('mehd', u32(0, 66_000)), trex(1, 40, 1)));
      const info = await read(Buffer.concat([ftyp, announced, fragment(1, 0), data]));
      assert.equal(info.whole, true);
      assert.deepEqual(info.problems, ['the fragments end at 1.0 s of the 66.0 s that the index announces']);
      const late = await read(Buffer.concat([ftyp, announced, fragment(1, 0), data, fragment(2, 65_000), data]));
      assert.deepEqual([late.whole, late.problems], [true, ['between fragments 64.0 s have no pictures']]);
    });
  });

  describe('names codecs by their object type:', () => {
    const encoders: [codec: string, args: string[], audio?: boolean][] = [
      ['mpeg4', ['-c:v', 'mpeg4']],
      ['mjpeg', ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p']],
      ['mpeg2video', ['-c:v', 'mpeg2video', '-r', '25']],
      ['mp3', ['-vn', '-c:a', 'libmp3lame'], true],
      ['aac', ['-vn', '-c:a', 'aac'], true],
    ];
    for (const [codec, args, audio = false] of encoders) {
      it(codec, async () => {
        const info = await read(factory.read(factory.make({ seconds: 1, audio, args })));
        assert.equal(audio ? info.audioCodec : info.codec, codec);
      });
    }
  });

  it('tells the profile of H.264', async () => {
    const profile = async (format: string) => {
      const args = ['-c:v', 'libx264', '-bf', '0', '-pix_fmt', format];
      return (await read(factory.read(factory.make({ seconds: 1, args })))).h264Profile;
    };
    assert.equal(await profile('yuv420p'), 100);
    assert.equal(await profile('yuv444p'), 244);
  });

  it('gives the size that a turned picture is shown in', async () => {
    const file = factory.read(factory.make({ seconds: 1, args: ['-c:v', 'libx264', '-pix_fmt', 'yuv420p'] }));
    const matrix = (a: number, b: number, c: number, d: number) => {
      const turned = Buffer.from(file);
      const at = turned.indexOf('tkhd') + 44;
      [a, b].forEach((value, index) => turned.writeInt32BE(value * 65536, at + index * 4));
      [c, d].forEach((value, index) => turned.writeInt32BE(value * 65536, at + 12 + index * 4));
      return turned;
    };
    const sizeOf = async (bytes: Buffer) => {
      const { width, height } = await read(bytes);
      return [width, height];
    };
    assert.deepEqual(await sizeOf(matrix(0, 1, -1, 0)), [48, 64]);
    assert.deepEqual(await sizeOf(matrix(0, -1, 1, 0)), [48, 64]);
    assert.deepEqual(await sizeOf(matrix(-1, 0, 0, -1)), [64, 48]);
  });

  it('lets other work go on while it reads a file of boxes in memory', async () => {
    const boxes = Buffer.concat([ftyp, Buffer.concat(Array.from({ length: 200_000 }, () => box('free')))]);
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    await read(boxes);
    isOver = true;
    assert.ok(turns > 0);
  });
});
