import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { bufferSource, readParameters } from '../../../lib/mp4';
import { mp4Factory } from './files';

describe('the parameters of the tracks of a file', () => {
  const factory = mp4Factory();
  after(() => factory.remove());
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
  const of = (file: string) => readParameters(bufferSource(readFileSync(file)));
  const made = (args: string[], more: { seconds?: number; audio?: boolean } = {}) => {
    const { seconds = 1, audio = false } = more;
    return of(factory.make({ seconds, audio, args: [...h264, ...args] }));
  };

  it('are the same for the same settings, whatever the length, the picture and the bit rate', async () => {
    const rate = (bits: string, seconds?: number) => made(['-b:v', bits], { seconds });
    const [one, two, three] = await Promise.all([rate('30k'), rate('30k', 3), rate('10k')]);
    assert.equal(one.length, 1);
    assert.match(`${one[0]!.handler} ${one[0]!.decoder}`, /^vide avc1 .*avcC:/);
    assert.deepEqual(two, one);
    assert.deepEqual(three, one);
  });

  const different: [what: string, args: string[]][] = [
    ['another size', ['-s', '32x32']],
    ['another profile', ['-profile:v', 'baseline', '-level', '3']],
    ['another codec', ['-c:v', 'mpeg4']],
  ];
  for (const [what, args] of different) {
    it(`are others with ${what}`, async () => assert.notDeepEqual(await made(args), await made([])));
  }

  it('tell sound from no sound and from other sound, but not by its bit rate', async () => {
    const sound = (...args: string[]) => made(['-c:a', 'aac', ...args], { audio: true });
    const plain = await sound();
    assert.equal(plain.length, 2);
    assert.match(`${plain[1]!.handler} ${plain[1]!.decoder}`, /^soun mp4a .*esds:/);
    assert.deepEqual(await sound('-b:a', '24k'), plain);
    assert.notDeepEqual(await sound('-ar', '22050'), plain);
    assert.notDeepEqual(await sound('-ac', '2'), plain);
  });

  it('do not depend on where in the file the index is, or whether there are fragments', async () => {
    const plain = await made([]);
    assert.deepEqual(await made(['-movflags', '+faststart']), plain);
    assert.deepEqual(await made(['-movflags', '+frag_keyframe+empty_moov']), plain);
  });

  it('tell how the picture is shown, and in what its times are counted', async () => {
    const [plain] = await made([]);
    const [finer] = await made(['-video_track_timescale', '90000']);
    assert.deepEqual([finer!.decoder, finer!.display, finer!.timescale], [plain!.decoder, plain!.display, 90_000]);
    const turned = readFileSync(factory.make({ seconds: 1, args: h264 }));
    turned.writeInt32BE(-0x10000, turned.indexOf('tkhd') + 44);
    const [other] = await readParameters(bufferSource(turned));
    assert.equal(other!.decoder, plain!.decoder);
    assert.notEqual(other!.display, plain!.display);
  });

  it('are none in what is no video, or ends too soon', async () => {
    const file = readFileSync(factory.make({ seconds: 1, args: [...h264, '-movflags', '+faststart'] }));
    for (const bytes of [Buffer.alloc(0), Buffer.from('<xml/>'), Buffer.alloc(5000, 1)]) {
      assert.deepEqual(await readParameters(bufferSource(bytes)), []);
    }
    for (let length = 0; length < 1500; length += 37) await readParameters(bufferSource(file.subarray(0, length)));
    const damaged = Buffer.from(file);
    for (let at = 40; at < 1500; at += 1) {
      damaged[at] = 255 - damaged[at]!;
      await readParameters(bufferSource(damaged));
      damaged[at] = 255 - damaged[at]!;
    }
  });
});
