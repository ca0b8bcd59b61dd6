import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { mock } from 'node:test';
import { sweepStaleParts } from '../../../lib/files/part';
import { manualClock } from '../../support/manual-clock';
import { tempFolder } from '../../support/temp-folder';

const day = 24 * 3_600_000;

describe('parts that will never go on', () => {
  const temp = tempFolder();
  afterEach(() => mock.restoreAll());
  const stale = 'a.mp4.01234567.012345.part';

  async function leave(name: string, at: number): Promise<void> {
    await fs.writeFile(join(temp(), name), '');
    await fs.utimes(join(temp(), name), new Date(at), new Date(at));
  }

  it('are looked for once an hour in each folder, however many files come', async () => {
    const clock = manualClock();
    const { readdir } = fs;
    let listed = 0;
    mock.method(fs, 'readdir', (folder: string) => {
      listed += 1;
      return readdir(folder);
    });
    for (let file = 0; file < 50; file += 1) await sweepStaleParts(temp(), clock);
    assert.equal(listed, 1);
    await leave(stale, clock.now() - 8 * day);
    await sweepStaleParts(join(temp(), 'other'), clock);
    assert.deepEqual([listed, await readdir(temp())], [2, [stale]]);
    await clock.advance(3_600_000);
    await sweepStaleParts(temp(), clock);
    assert.deepEqual([listed, await readdir(temp())], [3, []]);
  });

  it('are looked for in an hour, also when the clock of the system is set back', async () => {
    const clock = manualClock();
    await sweepStaleParts(temp(), clock);
    clock.step(-5 * 3_600_000);
    await clock.advance(3_600_000);
    await leave(stale, clock.now() - 8 * day);
    await sweepStaleParts(temp(), clock);
    assert.deepEqual(await fs.readdir(temp()), []);
  });
});
