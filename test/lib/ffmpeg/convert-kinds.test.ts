import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeSource, runQuietly } from '../../support/ffmpeg';
import { convertRig, mpeg4, x264 } from './convert-rig';

/** Sources that are unlike those of most cameras. */
describe('converting', function () {
  this.timeout(120_000);
  const { convert, ffmpeg, folder, make, part } = convertRig();
  it('gives square pixels and the width that is said', async () => {
    make({ seconds: 1, size: '192x108', args: mpeg4 });
    const { path, mp4 } = await convert({ maxHeight: 48 });
    assert.deepEqual([mp4.width, mp4.height], [86, 48]);
    assert.match(
      runQuietly(ffmpeg(), ['-i', path, '-map', '0:v', '-f', 'framemd5', '-']),
      /#dimensions 0: 86x48\n#sar 0: 1\/1/,
    );
  });

  it('gives square pixels where those of the source are not', async () => {
    make({ seconds: 1, size: '72x58', args: [...mpeg4, '-aspect', '16:9'] });
    const { path, mp4 } = await convert();
    assert.deepEqual([mp4.width, mp4.height], [104, 58]);
    assert.match(runQuietly(ffmpeg(), ['-i', path, '-map', '0:v', '-f', 'framemd5', '-']), /#sar 0: 1\/1/);
  });

  it('measures a turned picture as it is shown', async () => {
    make({ seconds: 1, size: '128x72', args: x264 });
    const bytes = readFileSync(part());
    [0, 0x10000, 0, -0x10000, 0].forEach((value, index) =>
      bytes.writeInt32BE(value, bytes.indexOf('tkhd') + 44 + index * 4),
    );
    writeFileSync(part(), bytes);
    assert.equal((await convert({ maxHeight: 128 })).mp4.height, 128);
    const { mp4 } = await convert({ maxHeight: 96 });
    assert.deepEqual([mp4.width, mp4.height], [54, 96]);
  });

  for (const format of ['yuv420p10le', 'yuv444p', 'yuv422p']) {
    it(`makes the usual H.264 of ${format}`, async () => {
      make({ seconds: 1, args: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', format] });
      const { mp4 } = await convert();
      assert.ok([66, 77, 100].includes(mp4.h264Profile!), String(mp4.h264Profile));
    });
  }

  it('gives the usual range of brightness', async () => {
    make({ seconds: 1, args: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p'] });
    const { path } = await convert();
    const made = join(folder(), 'made.y4m');
    runQuietly(ffmpeg(), ['-i', path, '-frames:v', '1', '-strict', '-1', '-y', made]);
    assert.doesNotMatch(readFileSync(made, 'latin1').slice(0, 200), /FULL/);
  });

  it('keeps the number of pictures where they are interlaced', async () => {
    make({ seconds: 2, args: ['-c:v', 'mpeg4', '-flags', '+ildct+ilme', '-top', '1', '-q:v', '4'] });
    const { mp4 } = await convert();
    assert.equal(mp4.pictures, 20);
  });

  it('calls HEVC what Apple calls it', async () => {
    make({ seconds: 1, args: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none'] });
    assert.ok(readFileSync(part()).includes('hev1'));
    const { path, problems } = await convert({ convert: 'faststart' });
    assert.ok(readFileSync(path).includes('hvc1'));
    assert.deepEqual(problems, []);
  });

  it('says what browsers do not play', async () => {
    make({ seconds: 1, args: mpeg4 });
    const { problems } = await convert({ convert: 'faststart' });
    assert.deepEqual(problems, ['browsers do not play mpeg4 video; converting to H.264 helps']);
  });

  it('keeps FLAC, and two tracks of sound', async () => {
    const two = ['-map', '0:v', '-map', '1:a', '-map', '1:a', '-c:a:0', 'flac', '-c:a:1', 'aac', '-strict', '-2'];
    make({ seconds: 1, audio: true, args: [...mpeg4, ...two] });
    const copied = await convert({ convert: 'faststart' });
    assert.deepEqual(copied.mp4.tracks.map(({ codec }) => codec), ['mpeg4', 'flac', 'aac']); // prettier-ignore
    const encoded = await convert();
    assert.deepEqual(encoded.mp4.tracks.map(({ codec }) => codec), ['h264', 'aac', 'aac']); // prettier-ignore
  });

  it('leaves out what MP4 cannot hold, and says so', async () => {
    make({ seconds: 1, args: [...mpeg4, '-timecode', '10:00:00:00'] }, 'mov');
    const { problems } = await convert();
    assert.deepEqual(problems, ['left out by the conversion: a track (tmcd)']);
  });

  it('leaves out sound that nobody can decode, and says so', async () => {
    make({ seconds: 1, audio: true, args: [...mpeg4, '-c:a', 'pcm_s16le'] }, 'mov');
    const bytes = readFileSync(part());
    bytes.write('fpcX', bytes.indexOf('sowt'), 'latin1');
    writeFileSync(part(), bytes);
    for (const kind of ['faststart', 'h264'] as const) {
      const { mp4, problems } = await convert({ convert: kind });
      assert.deepEqual([mp4.hasVideo, mp4.audioCodec], [true, undefined]);
      assert.match(problems[0]!, /^the sound \(fpcx\) was left out by the conversion: /);
    }
  });

  it('says when decoding met errors', async () => {
    make({ seconds: 3, noise: true, args: x264 });
    const bytes = readFileSync(part());
    const data = bytes.indexOf('mdat');
    for (let at = data + 3000; at < data + 9000; at += 7) bytes[at]! ^= 0xff;
    writeFileSync(part(), bytes);
    const { problems } = await convert({ maxHeight: 48 });
    assert.match(problems.join(), /^decoding the video met \d+ errors \(/);
  });

  it('fits few pictures into little room', async () => {
    makeSource(ffmpeg(), join(folder(), 'slow.mp4'), { seconds: 60, args: ['-r', '0.1', ...x264, '-g', '1'] });
    const slow = { path: join(folder(), 'slow.mp4'), maxBytes: 60_000 };
    assert.ok(statSync(slow.path).size < slow.maxBytes);
    const { size } = await convert({ ...slow, maxHeight: 48 });
    assert.ok(size <= slow.maxBytes, `${size} bytes`);
  });
});
