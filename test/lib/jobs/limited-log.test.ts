import assert from 'node:assert/strict';
import { limitedLog } from '../../../lib/jobs/limited-log';
import { manualClock } from '../../support/manual-clock';

describe('the log that limits equal lines', () => {
  it('writes one a minute, and says how many it has left out', async () => {
    const clock = manualClock();
    const lines: string[] = [];
    const log = limitedLog((text) => lines.push(text), clock);
    for (let number = 0; number < 1_000; number += 1) log(`job 0a1b2c3d-${number} failed at ${number}`);
    log('another');
    assert.deepEqual(lines, ['job 0a1b2c3d-0 failed at 0', 'another']);
    await clock.advance(60_000);
    log('job 0a1b2c3d-7 failed at 7');
    log('another');
    assert.deepEqual(lines.slice(2), [
      'job 0a1b2c3d-7 failed at 7 (and 999 times more since it was logged last)',
      'another',
    ]);
  });

  for (const hours of [-1, 1]) {
    it(`keeps to the minute when the clock of the system is set by ${hours} h`, async () => {
      const clock = manualClock();
      const lines: string[] = [];
      const log = limitedLog((text) => lines.push(text), clock);
      log('away');
      clock.step(hours * 3_600_000);
      log('away');
      assert.deepEqual(lines, ['away']);
      await clock.advance(60_000);
      log('away');
      assert.equal(lines.length, 2);
    });
  }
});
