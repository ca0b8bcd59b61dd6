// Tests: what Frigate has recorded.
import assert from 'node:assert/strict';
import { coverageOf } from '../../../../lib/providers/frigate/footage';
import { frigateCamera } from '../../../simulators/frigate';
import { at, closeAll, connectTo, never, noon, start, versions } from './support';

const second = 1000;
const range = { start: 100 * second, end: 160 * second };
const later = 1_000 * second;
const segments = (...starts: number[]) =>
  starts.map((start) => ({ start: start * second, end: (start + 10) * second }));

describe('Frigate: what footage covers', () => {
  it('is all of it where segments only miss each other by a moment', () => {
    const rough = segments(100, 110, 120, 130, 140, 150).map(({ start, end }, index) => ({
      start,
      end: end - (index % 2) * 900,
    }));
    assert.deepEqual(coverageOf(range, rough, later), { gaps: [], hasFootage: true, isIncomplete: false });
  });

  it('lacks what no segment holds', () => {
    const { gaps, hasFootage } = coverageOf(range, segments(90, 120, 130), later);
    assert.deepEqual(gaps, [
      { start: 100 * second, end: 120 * second },
      { start: 140 * second, end: 160 * second },
    ]);
    assert.equal(hasFootage, true);
  });

  it('is nothing where there are only neighbours', () => {
    const { gaps, hasFootage, isIncomplete } = coverageOf(range, segments(80, 200), 170 * second);
    assert.deepEqual([gaps, hasFootage, isIncomplete], [[range], false, false]);
  });

  it('is not known yet where a segment may still come', () => {
    const now = 165 * second;
    const { gaps, isIncomplete } = coverageOf(range, segments(100, 110, 120), now);
    assert.deepEqual([gaps, isIncomplete], [[{ start: 130 * second, end: 135 * second }], true]);
    assert.equal(coverageOf(range, segments(100, 110, 120), 215 * second).isIncomplete, false);
    assert.equal(coverageOf(range, segments(100, 110, 120, 130, 140, 150), now).isIncomplete, false);
  });
});

describe('Frigate: surveys', () => {
  afterEach(closeAll);

  for (const version of versions) {
    it(`find the gaps of days, and none that is too new to be one (${version})`, async () => {
      const gap = { start: (noon - 30 * 3600) * 1000, end: (noon - 29 * 3600) * 1000 };
      const sim = await start({ version, cameras: [frigateCamera({ id: 'front_door', gaps: [gap] })] });
      const found = await connectTo(sim).surveyFootage('front_door', { start: at(-40 * 3600), end: at(0) }, never);
      const rounded = found.gaps.map(({ start, end }) => [
        Math.round((Date.parse(start) / 1000 - noon) / 10) * 10,
        Math.round((Date.parse(end) / 1000 - noon) / 10) * 10,
      ]);
      assert.deepEqual(rounded, [[-30 * 3600, -29 * 3600]]);
      assert.equal(found.maxClipSeconds, 3600);
      assert.equal(sim.requestsFor('recordings').length, 2);
    });
  }

  it('read a day of short segments, however long that answer is', async () => {
    const sim = await start({ cameras: [frigateCamera({ id: 'front_door', segmentSeconds: 2 })] });
    const found = await connectTo(sim).surveyFootage('front_door', { start: at(-24 * 3600), end: at(-60) }, never);
    assert.deepEqual(found.gaps, []);
    const [sent] = sim.requestsFor('recordings');
    assert.ok(sent!.bytesSent > 4 * 2 ** 20, `${sent!.bytesSent} bytes`);
  });
});
