import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeThumbnail, type Thumbnail } from '../../../lib/ffmpeg/thumbnail';
import { failsWith, makeSource, realFfmpeg } from '../../support/ffmpeg';
import { tempFolder } from '../../support/temp-folder';

/** Pixels, from the frame header of a JPEG. */
function sizeOf(jpeg: Buffer): string {
  for (let at = 2; at < jpeg.length; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg.readUInt16BE(at);
    if (marker >= 0xffc0 && marker <= 0xffc2) return `${jpeg.readUInt16BE(at + 7)}x${jpeg.readUInt16BE(at + 5)}`;
  }
  return 'no JPEG';
}

describe('making a thumbnail', () => {
  const ffmpeg = realFfmpeg();
  const folder = tempFolder();
  const path = () => join(folder(), 'clip.mp4');
  const output = () => join(folder(), 'clip.jpg');
  const take = (more: Partial<Thumbnail> = {}) =>
    makeThumbnail({
      ...{ path: path(), seconds: 2, output: output(), ffmpeg: ffmpeg(), signal: new AbortController().signal },
      ...more,
    });
  const make = (size: string, args: string[] = []) =>
    makeSource(ffmpeg(), path(), { seconds: 2, size, args: ['-c:v', 'mpeg4', ...args] });

  const sizes: [source: string, args: string[], thumbnail: string][] = [
    ['800x600', [], '640x480'],
    ['65x49', [], '65x49'],
    ['352x288', ['-aspect', '4:3'], '384x288'],
  ];
  for (const [size, args, expected] of sizes) {
    it(`is ${expected} for a video of ${[size, ...args].join(' ')}`, async () => {
      make(size, args);
      await take();
      assert.equal(sizeOf(readFileSync(output())), expected);
      assert.deepEqual(readdirSync(folder()), ['clip.jpg', 'clip.mp4']);
    });
  }

  it('shows the middle, or the beginning where the middle is not there or not known', async () => {
    make('64x48');
    const pictures: Buffer[] = [];
    for (const seconds of [2, undefined, 0, 100]) {
      await take({ seconds });
      pictures.push(readFileSync(output()));
    }
    const [middle, ...first] = pictures;
    for (const picture of first) assert.deepEqual(picture, first[0]);
    assert.notDeepEqual(middle, first[0]);
  });

  it('gets its name whatever that is', async function () {
    if (process.platform === 'win32') return this.skip();
    make('64x48');
    const odd = join(folder(), '-50%d:x.jpg');
    await take({ output: odd });
    assert.equal(sizeOf(readFileSync(odd)), '64x48');
  });

  it('leaves nothing when it fails', async () => {
    writeFileSync(path(), 'no video');
    await failsWith(take(), 'EFFMPEG', /^ffmpeg cannot read.* \(making the thumbnail\)/);
    await failsWith(take({ signal: AbortSignal.abort() }), 'EABORTED');
    assert.deepEqual(readdirSync(folder()), ['clip.mp4']);
  });

  it('fails where there is no picture', async () => {
    make('64x48');
    const fake = process.platform === 'win32' ? undefined : '/bin/true';
    if (fake) await failsWith(take({ ffmpeg: fake }), 'EFFMPEG', /no picture that can be decoded/);
    assert.deepEqual(readdirSync(folder()), ['clip.mp4']);
  });
});
