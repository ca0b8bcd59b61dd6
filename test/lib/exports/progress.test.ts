/** How far an export is, how fast it goes, and how long the rest will take. */
import assert from 'node:assert/strict';
import { progressOf, type Progress } from '../../../lib/exports/progress';
import { newFilesJobData, type FilesJobData, type Part } from '../../../lib/exports/work';
import type { ClipTransfer } from '../../../lib/provider';
import { manualClock } from '../../support/manual-clock';
import { range } from './rig';

describe('the progress of an export', () => {
  let clock: ReturnType<typeof manualClock>;
  let work: FilesJobData;
  let parts: Part[];
  let told: ClipTransfer[];
  let progress: Progress;

  beforeEach(() => {
    clock = manualClock();
    const common = { connection: 'c', id: 'i', folder: '/x', root: '/x', join: true, options: {} };
    work = newFilesJobData([{ camera: '7/1', ...range(0, 100) }], common);
    parts = [range(0, 50), range(50, 100)];
    Object.assign(work.cameras[0]!, { parts, status: 'busy' });
    told = [];
    progress = progressOf(work, clock, (transfer) => void told.push(transfer));
    progress.report();
  });

  it('tells bytes a second over all clips that come at once', async () => {
    progress.part(parts[0]!, 0.5, 0);
    progress.part(parts[1]!, 0.5, 0);
    for (let second = 1; second <= 4; second += 1) {
      await clock.advance(1_000);
      progress.part(parts[0]!, 0.5, second * 1e6);
      progress.part(parts[1]!, 0.5, second * 2e6);
    }
    await clock.advance(1_000);
    progress.report();
    const { bytes, bytesPerSecond } = told.at(-1)!;
    assert.equal(bytes, 12e6);
    assert.ok(Math.abs(bytesPerSecond - 2.4e6) < 0.5e6, String(bytesPerSecond));
  });

  it('does not count what an earlier transfer had brought', async () => {
    progress.part(parts[0]!, 0.6, 500e6);
    await clock.advance(1_000);
    progress.part(parts[0]!, 0.7, 501e6);
    assert.equal(told.at(-1)!.bytes, 1e6);
  });

  it('tells how long the rest takes by how long the part that is done has taken', async () => {
    await clock.advance(1_000);
    progress.part(parts[0]!, 0.001);
    assert.equal(told.at(-1)!.etaSeconds, undefined);
    await clock.advance(19_000);
    progress.part(parts[0]!, 1);
    const left = told.at(-1)!.etaSeconds!;
    // Half of it in 20 s; joining takes a little more.
    assert.ok(left >= 20 && left <= 24, String(left));
  });

  it('knows nothing of the rest when an earlier run has done all that is done', async () => {
    const file = { ...range(0, 50), size: 1, sha256: 'ab', gaps: [], problems: [], isShort: false };
    parts[0]!.file = file;
    const again = progressOf(work, clock, (transfer) => void told.push(transfer));
    again.report();
    await clock.advance(60_000);
    again.part(parts[0]!, 1);
    assert.equal(told.at(-1)!.etaSeconds, undefined);
    assert.equal(work.progress, 47);
  });
});
