/** The soak in short: its counts hold for some two hundred clips, and it finds what is amiss. */
import assert from 'node:assert/strict';
import { findProgram } from '../support/programs';
import { soak, type SoakOptions } from './run';
import { isFlat, slopeOf } from './slope';

describe('a soak', function () {
  this.timeout(300_000);

  async function expectAllEnded(options: SoakOptions): Promise<void> {
    const found = await soak(options);
    const { asked, crashes, disturbances, errors, faults, files, lost, simulatorErrors, told, wrong } = found;
    assert.deepEqual(
      { lost, wrong, crashes, simulatorErrors },
      { lost: [], wrong: [], crashes: 0, simulatorErrors: [] },
    );
    const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
    assert.deepEqual([asked, files + failed], [options.clips, options.clips]);
    // Asked for on purpose.
    assert.ok((errors.ENOFOOTAGE ?? 0) > 0, JSON.stringify(errors));
    assert.ok(faults > 0, 'no fault was met');
    if (options.unrest === 'none') assert.deepEqual(told, []);
    else assert.ok(disturbances > 0, 'nothing disturbed it');
  }

  it('ends every clip once, whatever its servers do', () =>
    expectAllEnded({ unrest: 'none', clips: 80, roundClips: 40 }));

  it('ends every clip once, whenever the nodes are deployed', () =>
    expectAllEnded({ unrest: 'redeploys', clips: 80, roundClips: 80, pauseMs: 1_000 }));

  it('ends every clip once, whichever instance is killed', function () {
    if (!findProgram('redis-server', 'valkey-server')) this.skip();
    return expectAllEnded({ unrest: 'instances', clips: 40, roundClips: 40, pauseMs: 1_000 });
  });

  describe('tells what grows', () => {
    const points = (ys: number[]) => ys.map((y, x) => ({ x, y }));

    it('by the line that fits best', () => {
      assert.deepEqual(slopeOf(points([1, 3, 5, 7])), { slope: 2, error: 0 });
      const { slope, error } = slopeOf(points([10, 12, 9, 11, 10]));
      assert.ok(Math.abs(slope) < 2 * error, `${slope} +- ${error}`);
    });

    const flat: [ys: number[], isFlat: boolean][] = [
      [[100, 100, 100, 100], true],
      [[100, 104, 98, 103], true],
      [[1000, 1001, 1002, 1003], true],
      [[104, 103, 102, 100], true],
      [[100, 103, 106, 110], false],
      [[4, 5, 6, 7], false],
    ];
    for (const [ys, isExpected] of flat) {
      it(`and calls ${ys.join(', ')} ${isExpected ? 'flat' : 'growing'}`, () => {
        assert.equal(isFlat(points(ys)), isExpected);
      });
    }
  });
});
