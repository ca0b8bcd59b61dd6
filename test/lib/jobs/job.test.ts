import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { applyResult, type Job } from '../../../lib/jobs/job';

const now = 1_000_000;
const job: Job<string> = { id: 'a', nodeId: 'node', data: 'old', createdAt: 5, runAt: 7, failures: 2 };
const trouble = new ClipError('ENETWORK', 'away', { retryAfterMs: 9_000 });

describe('the result of a run', () => {
  it('with an error is one more failure in a row, and keeps the pause that the vendor asked for', () => {
    const applied = applyResult(job, { type: 'retry', afterMs: 12_000, error: trouble }, now);
    assert.deepEqual(applied, { job: { ...job, failures: 3, runAt: now + 12_000 }, restUntil: now + 9_000 });
  });

  it('without an error ends the row of failures', () => {
    const applied = applyResult(job, { type: 'retry', afterMs: 500, data: 'new' }, now);
    assert.deepEqual(applied, { job: { ...job, data: 'new', failures: 0, runAt: now + 500 }, restUntil: now });
  });

  it('that ends the job only changes what is known', () => {
    assert.deepEqual(applyResult(job, { type: 'done', data: 'new' }, now).job, { ...job, data: 'new' });
    assert.deepEqual(applyResult(job, { type: 'failed', error: trouble }, now).job, job);
  });

  it('leaves the job that it was given alone', () => {
    applyResult(job, { type: 'retry', afterMs: 1, data: 'new', error: trouble }, now);
    assert.deepEqual([job.data, job.failures, job.runAt], ['old', 2, 7]);
  });
});
