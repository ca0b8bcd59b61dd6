import assert from 'node:assert/strict';
import { mp4Factory, read } from './files';

/** Footage that is not there, although all boxes and times are. */
describe('readMp4 finds footage that is missing', function () {
  this.timeout(120_000);
  const factory = mp4Factory();
  after(() => factory.remove());

  const h264 = ['-c:v', 'libx264', '-g', '10', '-pix_fmt', 'yuv420p'];
  const kinds: [what: string, args: string[]][] = [
    ['with its index first', [...h264, '-movflags', '+faststart']],
    ['with its index last', h264],
    ['in fragments', [...h264, '-movflags', 'frag_keyframe+empty_moov']],
  ];
  const make = (seconds: number, args: string[]): Buffer => factory.read(factory.make({ seconds, args }));

  for (const [what, args] of kinds) {
    it(`behind zeros, in a file ${what}`, async () => {
      const bytes = make(20, args);
      assert.deepEqual((await read(bytes)).problems, []);
      // Within the media data of the second fragment, or of the whole file.
      const at = bytes.lastIndexOf('mdat', bytes.length / 2) + 4;
      const end = bytes.indexOf('moo', at);
      bytes.fill(0, at, end < 0 ? bytes.length : end - 4);
      const info = await read(bytes);
      assert.equal(info.whole, false);
      assert.match(info.problems.join(), /^\d+ of \d+ pictures that were looked at are nothing but zeros$/);
    });

    it(`behind a picture that stands for seconds, in a file ${what}`, async () => {
      const hole = ['-vf', "select='lt(t,3)+gte(t,7)'", '-vsync', 'vfr', ...args];
      const info = await read(make(10, hole));
      assert.deepEqual([info.whole, info.pictures], [true, 60]);
      assert.deepEqual(info.problems, ['one picture is shown for 4.1 s: there may be no footage of that time']);
    });

    it(`and takes few pictures for what they are, in a file ${what}`, async () => {
      const info = await read(make(20, ['-vf', 'fps=0.2', ...args]));
      assert.deepEqual([info.whole, info.problems], [true, []]);
    });
  }
});
