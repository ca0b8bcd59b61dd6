import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { fakeProgram } from '../../support/ffmpeg';
import { downloadRig, expectFile } from './download-rig';

describe('What is made of a clip that is downloaded', () => {
  const rig = downloadRig();
  const failing = () => fakeProgram(rig.path(''), 'ffmpeg', 'echo "Conversion failed!" >&2; exit 1');
  const none = () => Promise.reject(new ClipError('EFFMPEG', 'ffmpeg was not found'));

  for (const convert of ['faststart', 'h264'] as const) {
    it(`is the clip as it came where converting (${convert}) fails, and that is told`, async () => {
      const options = { findFfmpeg: async () => failing() };
      const { answer } = await rig.start({ work: { convert }, options });
      const file = expectFile(answer);
      assert.equal(file.size, rig.video.length);
      assert.match(file.problems.join(), /^not converted\. ffmpeg failed.* \((moving|converting) /);
    });
  }

  it('is an error where it cannot get as small as it has to be', async () => {
    const work = { convert: 'h264' as const, maxBytes: 100 };
    const { answer } = await rig.start({ work, options: { findFfmpeg: async () => failing() } });
    assert.ok(answer.type === 'failed' && answer.error.code === 'ELIMIT', JSON.stringify(answer));
  });

  for (const findFfmpeg of [none, async () => failing()]) {
    it(`is never lost with its picture (${findFfmpeg === none ? 'no ffmpeg' : 'one that fails'})`, async () => {
      const { answer } = await rig.start({ work: { thumbnail: true }, options: { findFfmpeg } });
      const file = expectFile(answer);
      assert.equal(file.thumbnail, undefined);
      assert.equal(file.problems.length, 1);
      assert.match(file.problems[0]!, findFfmpeg === none ? /ffmpeg was not found/ : /ffmpeg failed/);
    });
  }
});
