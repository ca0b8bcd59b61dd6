import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import type { Gap } from '../../../lib/provider';
import { downloadRig, expectFile } from './download-rig';

describe('The gaps of a clip that is downloaded', () => {
  const rig = downloadRig();
  const gap: Gap = { start: '2025-03-01T08:50:00.000Z', end: '2025-03-01T08:50:01.000Z' };
  const found =
    (gaps: Gap[], asked: unknown[] = []) =>
    async (camera: string, range: Gap) => {
      asked.push([camera, range]);
      return { gaps };
    };

  for (const output of ['file', 'buffer'] as const) {
    it(`are looked for where they were not known when it was made (${output})`, async () => {
      const asked: unknown[] = [];
      const { answer } = await rig.start({ work: { output }, methods: { surveyFootage: found([gap], asked) } });
      const file = expectFile(answer);
      assert.deepEqual([file.gaps, file.missingBefore, file.problems], [[gap], 0, []]);
      assert.deepEqual(asked, [['7/2', { start: '2025-03-01T08:50:00.000Z', end: '2025-03-01T08:50:02.000Z' }]]);
    });
  }

  it('are not looked for again where they were known', async () => {
    const asked: unknown[] = [];
    for (const gaps of [[], [gap]]) {
      const { answer } = await rig.start({ clip: { gaps }, methods: { surveyFootage: found([], asked) } });
      assert.deepEqual(expectFile(answer).gaps, gaps);
    }
    assert.deepEqual(asked, []);
  });

  it('are none where nobody can tell', async () => {
    assert.deepEqual(expectFile((await rig.start()).answer).gaps, []);
    const surveyFootage = (): never => {
      throw new ClipError('EFAILED', 'No idea');
    };
    assert.deepEqual(expectFile((await rig.start({ methods: { surveyFootage } })).answer).gaps, []);
  });
});
