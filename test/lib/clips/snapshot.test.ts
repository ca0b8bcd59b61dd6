import assert from 'node:assert/strict';
import { snapshotSeconds } from '../../../lib/clips/postprocess';
import { transferRate } from '../../../lib/clips/transfer-rate';

describe('the picture of a download', () => {
  const clip = { start: '2025-03-01T08:50:00.000Z', time: '2025-03-01T08:50:10.000Z' };
  const file = { missingBefore: 0, duration: 30 };

  it('is taken at the second that is asked for, wherever that is in the file', () => {
    assert.equal(snapshotSeconds(clip, file, 'middle'), undefined);
    assert.equal(snapshotSeconds(clip, file, 'instant'), 10);
    assert.equal(snapshotSeconds(clip, { ...file, extraBefore: 4 }, 'start'), 4);
    assert.equal(snapshotSeconds(clip, { ...file, missingBefore: 12 }, 'instant'), 0);
    assert.equal(snapshotSeconds(clip, { ...file, duration: 5 }, 'instant'), 4.8);
    assert.equal(snapshotSeconds({ start: clip.start }, file, 'instant'), undefined);
  });
});

describe('the rate of a transfer', () => {
  it('is that of the last seconds, with the time that is left', () => {
    let now = 0;
    const measure = transferRate({ now: () => now });
    assert.deepEqual(measure(0, 1000), { bytes: 0, total: 1000, bytesPerSecond: 0 });
    now = 2_000;
    assert.deepEqual(measure(200, 1000), { bytes: 200, total: 1000, bytesPerSecond: 100, etaSeconds: 8 });
    assert.deepEqual(measure(200), { bytes: 200, bytesPerSecond: 100 });
  });
});
