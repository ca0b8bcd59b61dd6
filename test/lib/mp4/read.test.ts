import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileSource, readMp4 } from '../../../lib/mp4';
import type { Mp4Info } from '../../../lib/mp4';
import { assertSane, box, ftyp, hasEncoder, mp4Factory, mvhd, randomNumbers, read } from './files';
import type { Recipe } from './files';

const fragments = ['-movflags', 'frag_keyframe+empty_moov', '-g', '10'];

/** Where the top-level boxes of a good file end. */
function boundaries(file: Buffer): Map<number, string> {
  const ends = new Map<number, string>();
  for (let at = 0; at < file.length;) {
    const type = file.toString('latin1', at + 4, at + 8);
    at += file.readUInt32BE(at);
    ends.set(at, type);
  }
  return ends;
}

describe('readMp4 with files by ffmpeg', function () {
  this.timeout(120_000);
  const factory = mp4Factory();
  after(() => factory.remove());

  const recipes: Record<string, Recipe & { expected: Partial<Mp4Info>; encoder?: string }> = {
    'a plain file': { seconds: 2, args: ['-c:v', 'libx264'], expected: { codec: 'h264', fragmented: false } },
    'a file with the index first': {
      seconds: 2,
      args: ['-c:v', 'libx264', '-movflags', 'faststart'],
      expected: { codec: 'h264', fragmented: false },
    },
    'a file without reordered pictures': {
      seconds: 2,
      args: ['-c:v', 'libx264', '-bf', '0'],
      expected: { codec: 'h264', fragmented: false },
    },
    'a file with audio': {
      seconds: 2,
      audio: true,
      args: ['-c:v', 'libx264', '-c:a', 'aac'],
      expected: { codec: 'h264', audioCodec: 'aac', fragmented: false },
    },
    'an MPEG-4 part 2 file': { seconds: 2, args: ['-c:v', 'mpeg4'], expected: { codec: 'mpeg4', fragmented: false } },
    'an HEVC file': { seconds: 2, args: ['-c:v', 'libx265'], encoder: 'libx265', expected: { codec: 'hevc' } },
    'an HEVC file tagged hvc1': {
      seconds: 2,
      args: ['-c:v', 'libx265', '-tag:v', 'hvc1'],
      encoder: 'libx265',
      expected: { codec: 'hevc' },
    },
    'a VP9 file': { seconds: 2, args: ['-c:v', 'libvpx-vp9'], encoder: 'libvpx-vp9', expected: { codec: 'vp9' } },
    'a QuickTime file': {
      seconds: 2,
      audio: true,
      extension: 'mov',
      args: ['-c:v', 'libx264', '-c:a', 'pcm_alaw'],
      expected: { codec: 'h264', audioCodec: 'pcm_alaw', fragmented: false },
    },
    'a fragmented file': {
      seconds: 4,
      args: ['-c:v', 'libx264', ...fragments],
      expected: { codec: 'h264', fragmented: true },
    },
    'a fragmented file with audio': {
      seconds: 4,
      audio: true,
      args: ['-c:v', 'libx264', '-c:a', 'aac', ...fragments],
      expected: { codec: 'h264', audioCodec: 'aac', fragmented: true },
    },
    'a fragmented file with pictures in the index': {
      seconds: 4,
      args: ['-c:v', 'libx264', '-g', '10', '-movflags', 'frag_keyframe'],
      expected: { codec: 'h264', fragmented: true },
    },
    'a fragmented file for streaming': {
      seconds: 4,
      args: ['-c:v', 'libx264', '-g', '10', '-movflags', 'dash+frag_keyframe+empty_moov+default_base_moof'],
      expected: { codec: 'h264', fragmented: true },
    },
    'a fragmented file with one index of all fragments': {
      seconds: 4,
      args: ['-c:v', 'libx264', '-g', '10', '-movflags', 'dash+global_sidx+frag_keyframe'],
      expected: { codec: 'h264', fragmented: true },
    },
  };

  for (const [name, recipe] of Object.entries(recipes)) {
    describe(name, () => {
      let file: string;
      let content: Buffer;
      before(function () {
        if (recipe.encoder && !hasEncoder(recipe.encoder)) {
          assert.ok(!process.env.CI, `ffmpeg has no ${recipe.encoder}`);
          this.skip();
        }
        file = factory.make({ ...recipe, args: [...recipe.args, '-pix_fmt', 'yuv420p'] });
        content = factory.read(file);
      });

      it('is whole, with its properties', async () => {
        const info = await read(content);
        assertSane(info);
        assert.deepEqual(info.problems, []);
        assert.equal(info.hasVideo, true);
        assert.deepEqual([info.width, info.height], [64, 48]);
        assert.ok(Math.abs((info.duration ?? 0) - recipe.seconds) < 0.001, `${info.duration} s`);
        for (const [key, value] of Object.entries(recipe.expected))
          assert.equal(info[key as keyof Mp4Info], value, key);
      });

      it('reads the same from disk', async () => {
        const handle = await open(file);
        try {
          assert.deepEqual(await readMp4(await fileSource(handle)), await read(content));
        } finally {
          await handle.close();
        }
      });

      it('is not whole at any shorter length, but for fragments that are missing without a trace', async () => {
        const ends = boundaries(content);
        const whole = await read(content);
        const lengths = new Set([...ends.keys()].flatMap((end) => [end - 1, end, end + 1, end + 7, end + 8, end + 9]));
        for (let length = 0; length < content.length; length += Math.ceil(content.length / 400)) lengths.add(length);
        for (const length of lengths) {
          if (length >= content.length) continue;
          const info = await read(content.subarray(0, length));
          assertSane(info);
          if (whole.fragmented && info.whole) {
            assert.ok(ends.has(length), `whole at ${length} of ${content.length}, inside a box`);
            const lastFragments = ends.get(length) === 'mdat' && info.duration! <= whole.duration!;
            // Only the table of fragments at the very end (mfra) is nothing to miss.
            assert.ok(lastFragments, `whole at ${length} after ${ends.get(length)}`);
          } else assert.equal(info.whole, false, `whole at ${length} of ${content.length}`);
        }
      });

      it('survives damage anywhere', async () => {
        const random = randomNumbers(7);
        for (let round = 0; round < 300; round++) {
          const damaged = Buffer.from(content);
          const index = Math.max(0, damaged.indexOf('moov'));
          for (let flips = 0; flips < 1 + (round % 8); flips++) {
            const at = round % 2 ? Math.floor(random() * damaged.length) : index + Math.floor(random() * 600);
            if (at < damaged.length) damaged[at] = round % 3 ? Math.floor(random() * 256) : 0xff;
          }
          assertSane(await read(damaged));
        }
      });
    });
  }

  it('counts only the pictures that an edit list shows', async () => {
    const long = factory.make({ seconds: 10, args: ['-c:v', 'libx264', '-g', '50', '-pix_fmt', 'yuv420p'] });
    // A cut between two key frames keeps the pictures since the first one, and hides them.
    const cut = factory.remake(long, ['-ss', '7'], ['-c', 'copy']);
    const { duration, problems } = await read(factory.read(cut));
    assert.deepEqual(problems, []);
    assert.ok(Math.abs(duration! - 3) < 0.21, `${duration} s`);
  });

  it('prefers the length of the video to that of longer audio', async () => {
    const short = factory.make({ seconds: 2, args: ['-c:v', 'libx264'] });
    const args = ['-f', 'lavfi', '-i', 'sine=duration=5', '-c:v', 'copy', '-c:a', 'aac'];
    const { duration } = await read(factory.read(factory.remake(short, [], args)));
    assert.ok(Math.abs(duration! - 2) < 0.001, `${duration} s`);
  });

  it('reads a file without video as whole, and says so', async () => {
    const both = factory.make({ seconds: 2, audio: true, args: ['-c:v', 'libx264', '-c:a', 'aac'] });
    const info = await read(factory.read(factory.remake(both, [], ['-vn', '-c', 'copy'])));
    assert.deepEqual([info.whole, info.hasVideo, info.codec, info.audioCodec], [true, false, undefined, 'aac']);
    assert.ok(Math.abs(info.duration! - 2) < 0.1, `${info.duration} s`);
  });

  it('misses data at the end when the media box is open-ended', async () => {
    const file = factory.make({ seconds: 2, args: ['-c:v', 'libx264', '-movflags', 'faststart'] });
    const content = factory.read(file);
    content.writeUInt32BE(0, content.lastIndexOf('mdat') - 4);
    assert.equal((await read(content)).whole, true);
    const { problems } = await read(content.subarray(0, content.length - 1));
    assert.deepEqual(problems, ['the index lists media data up to 1 bytes past the end of the file']);
  });

  it('misses fragments that one index of all fragments lists', async () => {
    const args = ['-c:v', 'libx264', '-g', '10', '-movflags', 'dash+global_sidx+frag_keyframe'];
    const content = factory.read(factory.make({ seconds: 4, args }));
    const cut = [...boundaries(content)].filter(([, type]) => type === 'mdat').at(-2)![0];
    const { problems } = await read(content.subarray(0, cut));
    assert.match(problems.join(), /index lists media data up to \d+ bytes past the end/);
  });

  it('says how much of a box is missing', async () => {
    const content = factory.read(factory.make({ seconds: 2, args: ['-c:v', 'libx264', '-movflags', 'faststart'] }));
    const { problems, duration } = await read(content.subarray(0, content.length - 100));
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, /^the mdat box at byte \d+ goes 100 bytes past the end of the file$/);
    assert.ok(duration, 'the index is still read');
  });

  it('finds files that were joined end to end', async () => {
    const content = factory.read(factory.make({ seconds: 1, args: ['-c:v', 'libx264'] }));
    const { problems } = await read(Buffer.concat([content, content]));
    assert.match(problems.join(), /second index/);
  });

  it('counts each second of fragmented files once that repeat themselves', async () => {
    const content = factory.read(factory.make({ seconds: 2, args: ['-c:v', 'libx264', ...fragments] }));
    const info = await read(Buffer.concat([content, content]));
    assert.deepEqual([info.whole, info.problems], [true, ['2.0 s of the fragments are there twice']]);
    assert.ok(Math.abs(info.duration! - 2) < 0.001, `${info.duration} s`);
  });

  it('reports a file that shrinks while it is read', async () => {
    const file = path.join(factory.folder(), 'shrinking.mp4');
    await writeFile(file, Buffer.concat([ftyp, box('free', Buffer.alloc(100_000)), box('moov', mvhd())]));
    const handle = await open(file, 'r+');
    try {
      const source = await fileSource(handle);
      await handle.truncate(50_000);
      assert.deepEqual((await readMp4(source)).problems, ['the file ends before its structure does']);
    } finally {
      await handle.close();
    }
  });
});
