import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { path as ffmpeg } from '@ffmpeg-installer/ffmpeg';
import { planCut, readCut, type Cut, type CutRequest } from '../../../lib/mp4/cut';
import { openFragmented, type CutSource, type FragmentedFile } from '../../../lib/mp4/fragmented';
import { makeRecording } from '../../simulators/zoneminder/recording';
import { mp4Factory, read } from './files';

interface CountedSource extends CutSource {
  reads: number;
  /** Bytes by `read` and by `stream`. */
  bytes: number;
}

/** @param chunkBytes what a stream hands out at once: the borders of boxes lie anywhere in it */
function sourceOf(buffer: Buffer, chunkBytes = 1000): CountedSource {
  const source: CountedSource = {
    size: buffer.length,
    reads: 0,
    bytes: 0,
    async read(offset, length) {
      assert.ok(offset >= 0 && offset + length <= buffer.length, 'nothing beyond the end is asked for');
      source.reads += 1;
      source.bytes += length;
      return buffer.subarray(offset, offset + length);
    },
    async *stream(offset, end) {
      assert.ok(end <= buffer.length, 'nothing beyond the end is asked for');
      for (let at = offset; at < end; at += chunkBytes) {
        const chunk = buffer.subarray(at, Math.min(end, at + chunkBytes));
        source.bytes += chunk.length;
        yield chunk;
      }
    },
  };
  return source;
}

async function opened(buffer: Buffer, chunkBytes?: number): Promise<FragmentedFile> {
  const file = await openFragmented(sourceOf(buffer, chunkBytes));
  assert.ok(file, 'made of fragments');
  return file;
}

async function bytesOf(cut: Cut, offset = 0): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readCut(cut, offset)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function cutOf(...requests: CutRequest[]): Promise<{ cut: Cut; bytes: Buffer }> {
  const cut = await planCut(requests);
  assert.ok(cut, 'can be joined');
  const bytes = await bytesOf(cut);
  assert.equal(bytes.length, cut.size);
  return { cut, bytes };
}

/** Expects one whole file without a problem. */
async function expectWhole(bytes: Buffer, seconds: number): Promise<void> {
  const info = await read(bytes);
  assert.deepEqual(info.problems, []);
  assert.ok(Math.abs(info.duration! - seconds) < 0.11, `${info.duration} s instead of ${seconds}`);
}

const secondsOfFrames = 10;

describe('Cutting of fragmented files', function () {
  this.timeout(120_000);
  const factory = mp4Factory();
  after(() => factory.remove());
  let count = 0;

  /** One hash for each decoded picture. */
  function pictures(bytes: Buffer): string[] {
    const file = join(factory.folder(), `pictures-${count++}.mp4`);
    writeFileSync(file, bytes);
    const args = ['-v', 'error', '-xerror', '-i', file, '-map', '0:v', '-vsync', 'passthrough', '-f', 'framemd5', '-'];
    const { stdout, stderr } = { stdout: execFileSync(ffmpeg, args, { encoding: 'utf8' }), stderr: '' };
    assert.equal(stderr, '');
    return stdout
      .split('\n')
      .filter((line) => /^0,/.test(line))
      .map((line) => line.split(',').at(-1)!.trim());
  }

  // Small test pictures repeat themselves: noise tells them apart.
  const h264 = [
    '-vf',
    'noise=alls=60:allf=t',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '10',
    '-sc_threshold',
    '0',
  ];
  const fragmented = ['-movflags', 'frag_keyframe+empty_moov'];
  const kinds: [name: string, args: string[], audio: boolean][] = [
    ['as a recorder writes them', [...h264, '-bf', '0', ...fragmented], false],
    ['with sound', [...h264, '-bf', '0', '-c:a', 'aac', ...fragmented], true],
    ['with pictures in another order', [...h264, '-preset', 'medium', '-bf', '2', ...fragmented], false],
    ['with relative places', [...h264, '-bf', '0', '-movflags', 'frag_keyframe+empty_moov+default_base_moof'], false],
    ['with an index at their beginning', [...h264, '-bf', '0', '-movflags', 'dash+global_sidx+frag_keyframe'], false],
    ['without an index', [...h264, '-bf', '0', '-movflags', 'frag_keyframe+empty_moov+skip_trailer'], false],
  ];

  for (const [name, args, audio] of kinds) {
    describe(name, () => {
      let whole: Buffer;
      let all: string[];
      before(() => {
        whole = factory.read(factory.make({ seconds: 30, audio, args }));
        all = pictures(whole);
        assert.equal(all.length, 30 * secondsOfFrames);
      });

      for (const [from, to] of [
        [7.2, 12.6],
        [0, 3],
        [25.5, 30],
        [10, 11],
        [10.05, 10.06],
      ] as const) {
        it(`has the pictures from key frame to key frame (${from} to ${to} s)`, async () => {
          const { bytes } = await cutOf({ file: await opened(whole), from, to });
          const found = pictures(bytes);
          const first = Math.floor(from) * secondsOfFrames;
          const last = Math.ceil(to) * secondsOfFrames;
          // Presentation times of an index may lie a picture or two beside the decode times.
          const at = all.indexOf(found[0]!);
          assert.ok(at <= first && at >= first - secondsOfFrames, `begins with picture ${at}`);
          assert.deepEqual(found, all.slice(at, at + found.length));
          assert.ok(
            at + found.length >= last && at + found.length <= last + secondsOfFrames,
            `${found.length} pictures`,
          );
          await expectWhole(bytes, found.length / secondsOfFrames);
        });
      }

      it('can be continued from any byte', async () => {
        const cut = await planCut([{ file: await opened(whole, 777), from: 8, to: 12 }]);
        const bytes = await bytesOf(cut!);
        for (let offset = 0; offset <= bytes.length; offset += 997) {
          assert.ok((await bytesOf(cut!, offset)).equals(bytes.subarray(offset)), `from byte ${offset}`);
        }
      });

      it('are passed on as they are where all of them is wanted', async () => {
        const { cut, bytes } = await cutOf({ file: await opened(whole), from: -5, to: 99 });
        assert.ok(cut.isWhole ? bytes.equals(whole) : pictures(bytes).length === all.length);
      });

      it('follow each other in one file', async () => {
        const file = await opened(whole);
        const { bytes } = await cutOf({ file, from: 3, to: 6 }, { file, from: 20, to: 24 });
        const found = pictures(bytes);
        await expectWhole(bytes, found.length / secondsOfFrames);
        const second = found.findIndex((hash, index) => hash !== all[all.indexOf(found[0]!) + index]);
        assert.ok(second >= 30 && second <= 50, `${second} pictures of the first`);
        const at = all.indexOf(found[second]!);
        assert.deepEqual(found.slice(second), all.slice(at, at + found.length - second));
      });
    });
  }

  describe('of recordings', () => {
    const wholeOf = async (parameters: Parameters<typeof makeRecording>[0]): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of (await makeRecording(parameters)).read()) chunks.push(chunk);
      return Buffer.concat(chunks);
    };

    it('fetches little of a long one', async () => {
      const whole = await wholeOf({ startSecond: 100, seconds: 374, fragmentBytes: 55_000 });
      const file = await opened(whole);
      const { bytes } = await cutOf({ file, from: 100, to: 120 });
      await expectWhole(bytes, 20);
      const source = file.source as CountedSource;
      assert.ok(source.bytes < whole.length / 10, `${source.bytes} of ${whole.length} bytes`);
      assert.ok(source.reads <= 7, `${source.reads} reads`);
    });

    it('finds its way in a long one without an index', async () => {
      const whole = await wholeOf({ startSecond: 100, seconds: 374, fragmentBytes: 55_000, index: false });
      const file = await opened(whole.subarray(0, whole.length - 20_000));
      assert.equal(file.last.startSeconds, 372);
      const { bytes } = await cutOf({ file, from: 100, to: 120 });
      await expectWhole(bytes, 20);
      const { bytes: end } = await cutOf({ file, from: 370, to: 400 });
      await expectWhole(end, 3);
      const source = file.source as CountedSource;
      assert.ok(source.bytes < whole.length / 6, `${source.bytes} of ${whole.length} bytes`);
      assert.ok(source.reads < 30, `${source.reads} reads`);
    });

    it('finds the last whole fragment wherever a file breaks off', async () => {
      const { offsets } = await makeRecording({ startSecond: 0, seconds: 30, index: false });
      const whole = await wholeOf({ startSecond: 0, seconds: 30, index: false });
      for (let size = offsets[1]!; size <= whole.length; size += 1237) {
        const file = await opened(whole.subarray(0, size));
        const last = offsets.findLastIndex((offset) => offset <= size) - 1;
        assert.equal(file.last.startSeconds, last, `${size} bytes`);
      }
    });

    for (const index of [true, false]) {
      it(`takes once what two of them share (${index ? 'with' : 'without'} an index)`, async () => {
        const one = await opened(await wholeOf({ startSecond: 10, seconds: 20 }));
        const next = await opened(await wholeOf({ startSecond: index ? 27 : 29, seconds: 20, index }));
        const { bytes } = await cutOf({ file: one, from: 15, to: 99 }, { file: next, from: -9, to: 6 });
        const expected = pictures(await wholeOf({ startSecond: 25, seconds: index ? 8 + 2 : 10 }));
        const found = pictures(bytes);
        const seconds = index ? 27 + 6 - 25 : 29 + 6 - 25;
        assert.deepEqual(found, expected.slice(0, seconds * 5));
        await expectWhole(bytes, seconds);
      });
    }

    it('leaves nothing out of those that only follow each other', async () => {
      const one = await opened(await wholeOf({ startSecond: 10, seconds: 5, fragmentBytes: 20_000 }));
      const next = await opened(await wholeOf({ startSecond: 15, seconds: 5, fragmentBytes: 20_000 }));
      const { bytes } = await cutOf({ file: one, from: 0, to: 99 }, { file: next, from: 0, to: 99 });
      assert.deepEqual(pictures(bytes), pictures(await wholeOf({ startSecond: 10, seconds: 10 })));
      await expectWhole(bytes, 10);
    });

    it('does not join those that need different decoders', async () => {
      const one = await opened(await wholeOf({ startSecond: 10, seconds: 5 }));
      const other = await opened(
        factory.read(factory.make({ seconds: 5, args: [...h264, '-bf', '0', ...fragmented] })),
      );
      const requests = [one, other].map((file) => ({ file, from: 0, to: 5 }));
      assert.equal(await planCut(requests), undefined);
    });
  });

  it('is not tried with files that are not made of fragments, or have none yet', async () => {
    const plain = factory.read(factory.make({ seconds: 3, args: h264 }));
    const front = factory.read(factory.make({ seconds: 3, args: [...h264, '-movflags', 'faststart'] }));
    const recording = await makeRecording({ startSecond: 0, seconds: 3 });
    const begun: Buffer[] = [];
    for await (const chunk of recording.read(0, recording.headBytes + 200)) begun.push(chunk);
    for (const bytes of [plain, front, Buffer.concat(begun), Buffer.concat(begun).subarray(0, 36), Buffer.alloc(0)]) {
      assert.equal(await openFragmented(sourceOf(bytes)), undefined);
    }
  });
});
