import assert from 'node:assert/strict';
import type { DownloadJobData } from '../../../lib/clips/download';
import type { PollJobData } from '../../../lib/clips/poll';
import { downloadOrRecreate, pollOrRecreate } from '../../../lib/clips/recreate';
import { ClipError, type ErrorCode } from '../../../lib/errors';
import type { JobResult } from '../../../lib/jobs/job';
import type { ClipRequest, ClipStatus, ProviderClip } from '../../../lib/provider';
import { manualClock, type ManualClock } from '../../support/manual-clock';
import { aClip, aContext, aDownload, aJob, connect, type TestContext } from './fake';

const title = 'Door';
const options = { vca: 'all' };

/** A vendor that lists what it has, and nothing else. */
function startVendor(clock: ManualClock, isIdempotent = true) {
  const clips = new Map<string, ProviderClip>();
  const requests: ClipRequest[] = [];
  const looked: ClipRequest[] = [];
  /** What the next requests for clips fail with. */
  const refusals: ClipError[] = [];
  const { connection: _connection, provider: _provider, ...made } = aClip({ status: 'pending', title });
  const find = (id: string): ProviderClip => {
    const clip = clips.get(id);
    if (!clip) throw new ClipError('ENOTFOUND', 'unknown clip');
    return clip;
  };
  const connection = connect(
    {
      async createClip(request) {
        requests.push(request);
        const refusal = refusals.shift();
        if (refusal) throw refusal;
        const clip = { ...made, id: `clip-${requests.length + 1}` };
        clips.set(clip.id, clip);
        return clip;
      },
      findClip: async (request) => (looked.push(request), [...clips.values()].at(-1)),
      getClip: async ({ id }) => find(id),
    },
    clock,
    2,
    isIdempotent,
  );
  const set = (id: string, status: ClipStatus): unknown => clips.set(id, { ...find(id), status });
  return { clips, connection, looked, refusals, requests, set };
}

const request = { camera: aClip().camera, start: aClip().start, end: aClip().end, title, options };

function expectRetry<Work>(answer: JobResult<Work>) {
  assert.ok(answer.type === 'retry' && answer.data, JSON.stringify(answer));
  return { ...answer, data: answer.data };
}

function expectFailed(answer: JobResult<unknown>, code: ErrorCode): string {
  assert.ok(answer.type === 'failed', JSON.stringify(answer));
  assert.equal(answer.error.code, code);
  return answer.error.message;
}

describe('a clip that is gone', () => {
  let clock: ManualClock;
  let vendor: ReturnType<typeof startVendor>;

  beforeEach(() => {
    clock = manualClock();
    vendor = startVendor(clock);
  });

  describe('while it is waited for', () => {
    let context: TestContext<PollJobData>;
    beforeEach(() => (context = aContext()));

    const pending = aClip({ status: 'busy', title, options });
    const waits: PollJobData = {
      connection: 'connection-1',
      clip: pending,
      intervalMs: 2_000,
      maxIntervalMs: 30_000,
      polls: 0,
      // It was not there in the last two rounds.
      misses: 2,
    };

    async function run(data: PollJobData, failures = 0): Promise<JobResult<PollJobData>> {
      const running = pollOrRecreate(aJob(data, { failures }), vendor.connection, context, clock.now);
      await clock.advance(60_000);
      return running;
    }

    it('is asked for once more, as it was, and the job goes on with the new one', async () => {
      const answer = expectRetry(await run(waits));
      assert.deepEqual(vendor.requests, [request]);
      assert.deepEqual(answer.data.clip, aClip({ id: 'clip-2', status: 'pending', title, options }));
      assert.equal(answer.data.previousId, pending.id);
      assert.equal(answer.error?.code, 'EEXPIRED');
      assert.match(answer.error.message, /^No longer on the server: .* camera 7\/2, .*asked for once more/);
      assert.equal(answer.afterMs, waits.intervalMs);
      vendor.set('clip-2', 'finished');
      const last = await run(answer.data);
      assert.ok(last.type === 'done');
      assert.deepEqual([last.data.clip.id, last.data.clip.status], ['clip-2', 'finished']);
    });

    it('is asked for where the vendor says that it has expired, too', async () => {
      const { connection: _connection, provider: _provider, ...clip } = pending;
      vendor.clips.set(clip.id, { ...clip, status: 'expired' });
      expectRetry(await run({ ...waits, misses: 0 }));
      assert.equal(vendor.requests.length, 1);
    });

    it('is asked for with the defaults where its message has no options', async () => {
      await run({ ...waits, clip: aClip({ status: 'busy' }) });
      assert.deepEqual(vendor.requests, [{ ...request, title: '', options: { vca: '' } }]);
    });

    it('is not asked for a third time', async () => {
      let { data } = expectRetry(await run(waits));
      vendor.clips.clear();
      for (let misses = 1; misses < 9; misses += 1) ({ data } = expectRetry(await run(data)));
      const answer = await run(data);
      expectFailed(answer, 'EEXPIRED');
      assert.deepEqual([answer.data?.clip.id, answer.data?.clip.status], ['clip-2', 'expired']);
      assert.equal(vendor.requests.length, 1);
    });

    it('is not asked for where the vendor could not make it', async () => {
      const { connection: _connection, provider: _provider, ...clip } = pending;
      vendor.clips.set(clip.id, { ...clip, status: 'failed' });
      expectFailed(await run(waits), 'EFAILED');
      assert.deepEqual(vendor.requests, []);
    });

    it('ends with EEXPIRED and the reason where it cannot be made any more', async () => {
      vendor.refusals.push(new ClipError('ENOTFOUND', 'there is no footage'));
      const answer = await run(waits);
      assert.match(expectFailed(answer, 'EEXPIRED'), /^No longer on the server.*there is no footage/);
      assert.equal(answer.data?.clip.status, 'expired');
    });

    it('ends with EINVALID inside where its options are none of the provider', async () => {
      const clip = { ...pending, options: { vca: true } };
      assert.match(expectFailed(await run({ ...waits, clip }), 'EEXPIRED'), /"Analytics" \(vca\) must be text/);
      assert.deepEqual(vendor.requests, []);
    });

    it('keeps the code of a refused login', async () => {
      for (let count = 0; count < 3; count += 1) vendor.refusals.push(new ClipError('EAUTH', 'wrong password'));
      // The credentials have worked: they are tried for two minutes.
      let answer = await run(waits);
      while (answer.type === 'retry') answer = await run(answer.data!, 1);
      expectFailed(answer, 'EAUTH');
    });

    it('is asked for again and again through trouble that may pass, until the time is over', async () => {
      const trouble = new ClipError('ENETWORK', 'down');
      vendor.refusals.push(trouble, trouble);
      const giveUpAt = clock.now() + 300_000;
      const first = expectRetry(await run({ ...waits, giveUpAt }));
      assert.equal(first.error, trouble);
      const second = expectRetry(await run(first.data, 1));
      const { data } = expectRetry(await run(second.data, 2));
      assert.equal(data.clip.status, 'pending');
      assert.equal(vendor.requests.length, 3);
      vendor.refusals.push(trouble);
      await clock.advance(300_000);
      assert.match(expectFailed(await run(first.data, 3), 'EEXPIRED'), /could not be made again: down/);
    });

    it('ends with EABORTED when it is stopped meanwhile', async () => {
      vendor.refusals.push(new ClipError('EABORTED', 'Cancelled'));
      expectFailed(await run(waits), 'EABORTED');
    });

    it('is not asked for by a run after a crash that comes after its answer', async () => {
      await run(waits);
      const saved = context.saved.at(-1)!;
      assert.equal(saved.clip.id, 'clip-2');
      expectRetry(await run(saved));
      assert.equal(vendor.requests.length, 1);
    });

    describe('at a vendor that makes a second clip when asked twice', () => {
      beforeEach(() => (vendor = startVendor(clock, false)));

      it('is noted before it is asked for', async () => {
        await run(waits);
        assert.equal(context.saved[0]?.recreation?.requestSent, true);
        assert.equal(context.saved[0].recreation.clip, undefined);
        assert.deepEqual([vendor.requests.length, vendor.looked.length], [1, 0]);
      });

      it('is looked for by a run after a crash before it is asked for again', async () => {
        await run(waits);
        const { data } = expectRetry(await run(context.saved[0]!));
        assert.equal(data.clip.id, 'clip-2');
        assert.deepEqual([vendor.requests.length, vendor.looked], [1, [request]]);
      });
    });
  });

  describe('when it is downloaded', () => {
    let context: TestContext<DownloadJobData>;
    let downloads: DownloadJobData[];
    /** What becomes of the next downloads; the rest succeed. */
    let failures: ClipError[];
    beforeEach(() => {
      context = aContext();
      downloads = [];
      failures = [new ClipError('EEXPIRED', 'it has been deleted')];
    });

    const wanted = aDownload({
      clip: aClip({ title, options }),
      filename: '/videos/a.mp4',
      root: '/videos',
      partial: { bytes: 5 } as DownloadJobData['partial'],
    });

    async function run(data: DownloadJobData): Promise<JobResult<DownloadJobData>> {
      const running = downloadOrRecreate(aJob(data), vendor.connection, context, clock.now, async (job) => {
        downloads.push(job.data);
        const error = failures.shift();
        return error ? { type: 'failed', error } : { type: 'done', data: job.data };
      });
      await clock.advance(60_000);
      return running;
    }

    for (const code of ['EEXPIRED', 'ENOTFOUND'] as const) {
      it(`is asked for once more and waited for, then it is downloaded from the beginning (${code})`, async () => {
        failures = [new ClipError(code, 'it has been deleted')];
        let answer = expectRetry(await run(wanted));
        assert.deepEqual(vendor.requests, [request]);
        assert.equal(answer.data.clip.id, 'clip-2');
        answer = expectRetry(await run(answer.data));
        assert.equal(answer.error, undefined);
        vendor.set('clip-2', 'finished');
        const last = await run(answer.data);
        assert.ok(last.type === 'done');
        assert.deepEqual([last.data.clip.id, last.data.clip.status], ['clip-2', 'finished']);
        assert.equal(downloads.length, 2);
        assert.equal(downloads[1]?.partial, undefined);
        assert.equal(downloads[1]?.filename, wanted.filename);
      });
    }

    it('is not asked for by a run after a crash that comes after its answer', async () => {
      await run(wanted);
      vendor.set('clip-2', 'finished');
      const last = await run(context.saved.at(-1)!);
      assert.equal(last.type, 'done');
      assert.equal(vendor.requests.length, 1);
    });

    it('is not asked for a third time', async () => {
      const { data } = expectRetry(await run(wanted));
      vendor.set('clip-2', 'finished');
      failures = [new ClipError('ENOTFOUND', 'it has been deleted')];
      assert.match(expectFailed(await run(data), 'EEXPIRED'), /once more already: it has been deleted/);
      assert.equal(vendor.requests.length, 1);
    });

    it('ends with EEXPIRED where it is gone a second time before it is finished', async () => {
      let { data } = expectRetry(await run(wanted));
      vendor.clips.clear();
      for (let misses = 1; misses < 9; misses += 1) ({ data } = expectRetry(await run(data)));
      expectFailed(await run(data), 'EEXPIRED');
      assert.deepEqual([vendor.requests.length, downloads.length], [1, 1]);
    });

    it('ends with EFAILED where it cannot be made this time', async () => {
      const { data } = expectRetry(await run(wanted));
      vendor.set('clip-2', 'failed');
      expectFailed(await run(data), 'EFAILED');
    });

    it('is given up when it takes too long', async () => {
      const { data } = expectRetry(await run(wanted));
      await clock.advance(3600_000);
      expectFailed(await run(data), 'ETIMEOUT');
    });

    it('is left alone where something else is wrong', async () => {
      failures = [new ClipError('EINCOMPLETE', 'short')];
      expectFailed(await run(wanted), 'EINCOMPLETE');
      assert.deepEqual(vendor.requests, []);
    });
  });
});
