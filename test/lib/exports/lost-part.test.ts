import assert from 'node:assert/strict';
import { rmSync, truncateSync } from 'node:fs';
import { ClipError } from '../../../lib/errors';
import { partPath } from '../../../lib/exports/folder';
import { exportRig } from './rig';

/** What lies in the work folder for hours may be removed by whoever tidies up. */
describe('an export to files whose parts another program touches', () => {
  const rig = exportRig();

  /** Two cameras of three clips each: when the last one is being made, something happens to the first one. */
  function spoilFirst(touch: (path: string) => void) {
    const work = rig.aWork({}, 6, ['7/2', '7/3']);
    // No other one is on its way at that moment.
    rig.vendor.maxConcurrent = 1;
    let opened = 0;
    rig.vendor.spoil = () => {
      opened += 1;
      if (opened === 6) touch(partPath(work, 0, 0));
    };
    return work;
  }

  const touches: [what: string, touch: (path: string) => void][] = [
    ['removed', rmSync],
    ['cut short', (path) => truncateSync(path, 1000)],
    ['removed with its folder', (path) => rmSync(path.slice(0, path.indexOf('.parts') + 6), { recursive: true })],
  ];
  for (const [what, touch] of touches) {
    it(`fetches again what was ${what} before it was joined`, async () => {
      const result = await rig.run(spoilFirst(touch));
      assert.equal(result.type, 'done');
      for (const name of ['7_2', '7_3']) {
        assert.equal(rig.pictures(rig.path(`${name} 2025-03-01T08-50-00Z.mp4`)).length, 60);
      }
    });
  }

  it('saves everything else where it cannot be had again', async () => {
    rig.vendor.onCreate = ({ camera, start }, count) => {
      if (camera === '7/2' && count > 1 && start.endsWith(':00.000Z'))
        throw new ClipError('ENOTFOUND', 'It is too late');
    };
    const result = await rig.run(spoilFirst(rmSync));
    assert.ok(result.type === 'failed' && result.data);
    assert.equal(result.error.code, 'EINCOMPLETE');
    const [first, second] = result.data.cameras;
    assert.deepEqual([first!.status, first!.files.length], ['failed', 1]);
    assert.match(first!.error!.message, /^It is too late \(missing: \S+ to \S+\)$/);
    assert.deepEqual([second!.status, second!.files.length], ['finished', 1]);
    assert.ok((await rig.files()).includes('manifest.json'));
  });
});
