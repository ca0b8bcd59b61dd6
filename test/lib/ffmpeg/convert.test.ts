import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { failsWith, infoOf, makeSource, runQuietly, type Recipe } from '../../support/ffmpeg';
import { convertRig, mpeg4, x264 } from './convert-rig';

describe('converting a file', () => {
  const { convert, ffmpeg, folder, make, onlyTheOriginal, part } = convertRig();
  const orderOf = (file: string) => {
    const bytes = readFileSync(file, 'latin1');
    return bytes.indexOf('moov') < bytes.indexOf('mdat') ? 'index first' : 'index last';
  };
  /** Tells whether streams were copied bit by bit. */
  const fingerprint = (file: string, stream: string) =>
    runQuietly(ffmpeg(), ['-i', file, '-map', stream, '-c', 'copy', '-f', 'md5', '-']);

  describe('to have its index first', () => {
    it('keeps every stream as it is, and the original, too', async () => {
      make({ seconds: 2, audio: true, args: [...mpeg4, '-c:a', 'aac'] });
      const before = readFileSync(part());
      const { path, size, mp4 } = await convert({ convert: 'faststart', maxHeight: 48, maxBytes: 1 });
      assert.equal(orderOf(part()), 'index last');
      assert.equal(orderOf(path), 'index first');
      assert.equal(size, statSync(path).size);
      assert.deepEqual([mp4.whole, mp4.codec, mp4.audioCodec, mp4.height], [true, 'mpeg4', 'aac', 96]);
      for (const stream of ['0:v', '0:a']) assert.equal(fingerprint(path, stream), fingerprint(part(), stream));
      assert.deepEqual(readFileSync(part()), before);
      assert.deepEqual(readdirSync(folder()), ['clip.part', 'clip.part.converted']);
    });

    it('makes one piece of fragments', async () => {
      make({ seconds: 2, args: [...mpeg4, '-g', '5', '-movflags', 'frag_keyframe+empty_moov'] });
      const { mp4 } = await convert({ convert: 'faststart' });
      assert.deepEqual([mp4.whole, mp4.fragmented, Math.round(mp4.duration ?? 0)], [true, false, 2]);
    });

    it('makes AAC of sound that MP4 cannot hold, and leaves time codes out', async () => {
      const args = [...mpeg4, '-c:a', 'pcm_alaw', '-ar', '8000', '-timecode', '10:00:00:00'];
      make({ seconds: 1, audio: true, args }, 'mov');
      assert.equal((await infoOf(part())).audioCodec, 'pcm_alaw');
      const { mp4 } = await convert({ convert: 'faststart' });
      assert.deepEqual([mp4.codec, mp4.audioCodec], ['mpeg4', 'aac']);
    });
  });

  describe('to H.264', () => {
    it('makes odd sizes even, and keeps sound as AAC', async () => {
      make({ seconds: 1, size: '65x49', audio: true, args: [...mpeg4, '-c:a', 'mp3'] });
      const { path, mp4 } = await convert();
      assert.deepEqual([mp4.whole, mp4.codec, mp4.width, mp4.height], [true, 'h264', 64, 48]);
      assert.equal(mp4.audioCodec, 'aac');
      assert.equal(orderOf(path), 'index first');
    });

    it('takes HEVC', async function () {
      if (!runQuietly(ffmpeg(), ['-encoders']).includes(' libx265 ')) {
        if (process.env['CI']) throw new Error('This ffmpeg has no HEVC encoder');
        return this.skip();
      }
      const args = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-c:a', 'aac'];
      make({ seconds: 1, audio: true, args });
      assert.equal((await infoOf(part())).codec, 'hevc');
      const { path, mp4 } = await convert();
      assert.deepEqual([mp4.codec, mp4.audioCodec], ['h264', 'aac']);
      assert.equal(fingerprint(path, '0:a'), fingerprint(part(), '0:a'));
    });

    for (const [maxHeight, height] of [
      [48, 48],
      [51, 50],
      [1080, 96],
    ] as const) {
      it(`makes 96 pixels ${height} when ${maxHeight} are allowed`, async () => {
        make({ seconds: 1, args: mpeg4 });
        assert.equal((await convert({ maxHeight })).mp4.height, height);
      });
    }

    it('copies pictures that are all right as they are, and makes AAC of other sound', async () => {
      make({ seconds: 1, audio: true, args: [...x264, '-c:a', 'ac3'] });
      const { path, mp4 } = await convert({ maxHeight: 96, maxBytes: 2 * statSync(part()).size });
      assert.equal(fingerprint(path, '0:v'), fingerprint(part(), '0:v'));
      assert.equal(mp4.audioCodec, 'aac');
      assert.equal(orderOf(path), 'index first');
    });

    it('encodes H.264 that is too high', async () => {
      make({ seconds: 1, args: x264 });
      const { mp4 } = await convert({ maxHeight: 48 });
      assert.equal(mp4.height, 48);
    });

    it('keeps the moment of every picture of an uneven recording', async () => {
      // Matroska takes pictures as they come; MP4 would be filled up to a constant rate.
      const uneven = join(folder(), 'uneven.mkv');
      makeSource(ffmpeg(), uneven, { seconds: 3, args: ['-vf', "select='lt(mod(n*7,11),5)'", ...mpeg4] });
      runQuietly(ffmpeg(), ['-i', uneven, '-c', 'copy', '-f', 'mp4', part()]);
      const frames = (file: string) =>
        runQuietly(ffmpeg(), ['-i', file, '-c', 'copy', '-f', 'framecrc', '-'])
          .split('\n')
          .filter((line) => /^0,/.test(line)).length;
      const { path } = await convert();
      assert.ok(frames(part()) < 20);
      assert.equal(frames(path), frames(part()));
    });
  });

  describe('to a size', () => {
    const noisy: Recipe = { seconds: 3, noise: true, audio: true, args: ['-c:v', 'mpeg4', '-q:v', '2', '-c:a', 'aac'] };

    for (const maxBytes of [250_000, 100_000]) {
      it(`fits ${maxBytes} bytes, sound included`, async () => {
        make(noisy);
        assert.ok(statSync(part()).size > maxBytes);
        const percents: number[] = [];
        const { size, mp4 } = await convert({ maxBytes, onProgress: (percent) => percents.push(percent) });
        assert.ok(size <= maxBytes, `${size} bytes`);
        assert.ok(size > maxBytes / 3, `${size} bytes`);
        assert.deepEqual([mp4.whole, mp4.codec, mp4.audioCodec], [true, 'h264', 'aac']);
        assert.equal(percents.at(-1), 100);
        assert.deepEqual(
          percents,
          [...new Set(percents)].sort((a, b) => a - b),
        );
      });
    }

    it('does not fill room that is not needed', async () => {
      make({ seconds: 2, args: mpeg4 });
      const { size } = await convert({ maxBytes: 100_000_000 });
      assert.ok(size < 2 * statSync(part()).size, `${size} bytes`);
    });

    it('refuses a size at which nothing could be seen, before any work', async () => {
      make({ seconds: 2, args: x264 });
      const work = convert({ maxBytes: 10_000, ffmpeg: '/not/there' });
      await failsWith(work, 'ELIMIT', /2\.0 s of video do not fit in 0\.0100 MB; they need at least 0\.0\d+ MB/);
      onlyTheOriginal();
    });
  });
});
