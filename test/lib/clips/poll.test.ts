import assert from 'node:assert/strict';
import { updateClip } from '../../../lib/clips/clip';
import { pollClip, polledClip, type PollJobData } from '../../../lib/clips/poll';
import * as state from '../../../lib/clips/poll-state';
import { ClipError, type ErrorCode } from '../../../lib/errors';
import type { JobResult } from '../../../lib/jobs/job';
import type { Clip, ClipStatus } from '../../../lib/provider';
import { manualClock } from '../../support/manual-clock';
import { aClip, aContext, aJob, connect } from './fake';

const now = 1_000_000;
const middle = (): number => 0.5;

function evaluateRound(data: PollJobData, clip: Clip | undefined, at: number, phaseMs: number) {
  const found = clip && { ...data, clip: updateClip(data.clip, clip) };
  return state.evaluateRound(data, found, polledClip, at, phaseMs);
}

function evaluateFailure(data: PollJobData, error: ClipError, failures: number, at: number, random = middle) {
  return state.evaluateFailure(data, error, { failures, hasWorked: false }, polledClip, at, random);
}

function work(more: Partial<PollJobData> = {}): PollJobData {
  const clip = aClip({ status: 'busy', progress: 10 });
  return { connection: 'connection-1', clip, intervalMs: 2_000, maxIntervalMs: 30_000, polls: 0, misses: 0, ...more };
}

function expectRetry(answer: JobResult<PollJobData>) {
  assert.ok(answer.type === 'retry', JSON.stringify(answer));
  return answer;
}

function expectFailed(answer: JobResult<PollJobData>, code: ErrorCode) {
  assert.ok(answer.type === 'failed', JSON.stringify(answer));
  assert.equal(answer.error.code, code);
  return answer;
}

describe('a round of polling', () => {
  for (const status of ['pending', 'busy'] as const) {
    it(`goes on while the clip is ${status}`, () => {
      const answer = expectRetry(evaluateRound(work(), aClip({ status, progress: 42 }), now, 0));
      assert.equal(answer.error, undefined);
      assert.equal(answer.afterMs, 2_000);
      assert.deepEqual(answer.data, work({ clip: aClip({ status, progress: 42 }), polls: 1 }));
    });
  }

  it('is the last one when the clip is finished', () => {
    const answer = evaluateRound(work({ polls: 4, misses: 2 }), aClip({ status: 'finished', size: 9 }), now, 0);
    assert.deepEqual(answer, {
      type: 'done',
      data: work({ clip: aClip({ status: 'finished', size: 9, progress: 100 }), polls: 5 }),
    });
  });

  const ends: { status: ClipStatus; reason?: string; code: ErrorCode; says: RegExp }[] = [
    {
      status: 'failed',
      reason: 'no recordings',
      code: 'EFAILED',
      says: /^no recordings: the clip of .* could not be made\. Check/,
    },
    { status: 'failed', code: 'EFAILED', says: /^The server gave no reason: the clip/ },
    { status: 'failed', reason: '', code: 'EFAILED', says: /^The server gave no reason: the clip/ },
    { status: 'expired', code: 'EEXPIRED', says: /^No longer on the server: .*create it again/ },
  ];
  for (const { status, reason, code, says } of ends) {
    it(`is the last one when the clip is ${status}${reason ? ' for a reason' : ''}`, () => {
      const found = aClip({ status, ...(reason === undefined ? {} : { reason }) });
      const answer = expectFailed(evaluateRound(work(), found, now, 0), code);
      assert.match(answer.error.message, says);
      assert.match(answer.error.message, /camera 7\/2, 2025-03-01T08:50:00\.000Z to 2025-03-01T08:50:02\.000Z/);
      assert.equal(answer.error.retryable, false);
      assert.equal(answer.data?.clip.status, status);
    });
  }

  it('waits longer each time, from the interval up to the longest one', () => {
    const waits: number[] = [];
    let data = work();
    for (let round = 0; round < 10; round += 1) {
      // The start of every step, so that the whole of it is waited for.
      const answer = expectRetry(evaluateRound(data, aClip({ status: 'busy' }), 480_000, 0));
      waits.push(answer.afterMs);
      data = answer.data!;
    }
    assert.deepEqual(waits, [2_000, 2_000, 4_000, 4_000, 8_000, 8_000, 16_000, 16_000, 30_000, 30_000]);
  });

  it('lets clips of any age come due at the same moments', () => {
    const dueAt = (polls: number, at: number, phaseMs = 0) =>
      at + expectRetry(evaluateRound(work({ polls }), aClip({ status: 'busy' }), at, phaseMs)).afterMs;
    assert.deepEqual([dueAt(0, 7_999), dueAt(2, 6_500), dueAt(4, 100)], [8_000, 8_000, 8_000]);
    assert.equal(dueAt(0, 7_999, 1_500), 8_500);
    assert.equal(dueAt(0, 8_000), 10_000);
  });

  it('never waits longer than the longest interval, also after a million rounds', () => {
    const answer = evaluateRound(work({ polls: 1_000_000 }), aClip({ status: 'busy' }), 30_001, 0);
    assert.equal(expectRetry(answer).afterMs, 29_999);
  });

  it('shows the word of the vendor while it lasts, and names it at the end', () => {
    const offline = aClip({ status: 'busy', vendorStatus: 'OFFLINE' });
    const { data } = expectRetry(evaluateRound(work(), offline, now, 0));
    assert.equal(data?.clip.vendorStatus, 'OFFLINE');
    const late = evaluateRound(work({ giveUpAt: now }), offline, now, 0);
    assert.match(expectFailed(late, 'ETIMEOUT').error.message, /was still busy \(the server says "OFFLINE"\)/);
    const after = expectRetry(evaluateRound(data, aClip({ status: 'busy' }), now, 0));
    assert.equal('vendorStatus' in after.data!.clip, false);
    const failed = evaluateRound(work(), aClip({ status: 'failed', vendorStatus: 'BROKEN' }), now, 0);
    assert.match(expectFailed(failed, 'EFAILED').error.message, /^The server says "BROKEN": the clip/);
  });

  it('that finds the whole range without footage says so', () => {
    const { start, end } = aClip();
    const answer = evaluateRound(work(), aClip({ status: 'failed', gaps: [{ start, end }] }), now, 0);
    assert.match(expectFailed(answer, 'ENOFOOTAGE').error.message, /^There is no recording of camera 7\/2/);
  });

  it('never shows less progress than before', () => {
    const answer = evaluateRound(work(), aClip({ status: 'busy', progress: 3 }), now, 0);
    assert.equal(expectRetry(answer).data?.clip.progress, 10);
  });

  describe('in which the clip is not listed', () => {
    it('says nothing of a clip that was finished when it was last listed', () => {
      const finished = work({ clip: aClip({ status: 'finished' }) });
      expectRetry(evaluateRound(finished, undefined, now, 0));
      const gone = evaluateRound({ ...finished, misses: 2 }, undefined, now, 0);
      assert.equal(gone.type === 'failed' && gone.error.code, 'EEXPIRED');
    });

    it('is forgiven for a minute while it never has been, as it is with servers that list it when they begin with it', () => {
      let data = work();
      let waitedMs = 0;
      for (let round = 1; round < 9; round += 1) {
        const answer = expectRetry(evaluateRound(data, undefined, now + waitedMs, 0));
        waitedMs += answer.afterMs;
        data = answer.data!;
      }
      assert.deepEqual(data, work({ polls: 8, misses: 8 }));
      assert.ok(waitedMs >= 45_000, `${waitedMs} ms`);
      expectFailed(evaluateRound(data, undefined, now, 0), 'EEXPIRED');
    });

    it('is forgiven twice once it has been, and the third in a row means that the clip is gone', () => {
      const listed = work({ polls: 1 });
      const first = expectRetry(evaluateRound(listed, undefined, now, 0));
      assert.deepEqual(first.data, work({ polls: 2, misses: 1 }));
      const second = expectRetry(evaluateRound(first.data, undefined, now, 0));
      assert.equal(second.data?.misses, 2);
      const third = expectFailed(evaluateRound(second.data, undefined, now, 0), 'EEXPIRED');
      assert.equal(third.data?.clip.status, 'expired');
    });

    it('is forgotten when the clip is listed again', () => {
      const answer = expectRetry(evaluateRound(work({ misses: 2 }), aClip({ status: 'busy' }), now, 0));
      assert.equal(answer.data?.misses, 0);
    });
  });

  describe('when the time is over', () => {
    it('gives up with the clip as it is, and says how to go on', () => {
      const answer = evaluateRound(work({ giveUpAt: now }), aClip({ status: 'busy', progress: 80 }), now, 0);
      const { error, data } = expectFailed(answer, 'ETIMEOUT');
      assert.match(
        error.message,
        /^The time to wait is over: .* was still busy\. .* send the message to poll-clip again/,
      );
      assert.equal(data?.clip.status, 'busy');
      assert.equal(data?.clip.progress, 80);
    });

    it('still takes a clip that is finished', () => {
      assert.equal(evaluateRound(work({ giveUpAt: now }), aClip({ status: 'finished' }), now + 5_000, 0).type, 'done');
    });

    it('says that the clip failed rather than that it took too long', () => {
      expectFailed(evaluateRound(work({ giveUpAt: now }), aClip({ status: 'failed' }), now, 0), 'EFAILED');
    });

    it('has taken its last look at the very end', () => {
      const before = expectRetry(evaluateRound(work({ giveUpAt: now + 700 }), aClip({ status: 'busy' }), now, 0));
      assert.equal(before.afterMs, 700);
    });

    it('is never without a limit', () => {
      assert.equal(evaluateRound(work(), aClip({ status: 'busy' }), Number.MAX_SAFE_INTEGER, 0).type, 'retry');
    });
  });
});

describe('a round of polling that fails', () => {
  const passing: ErrorCode[] = ['ENETWORK', 'ETIMEOUT', 'ETHROTTLED'];
  for (const code of passing) {
    it(`with ${code} is tried again as long as there is time, however often`, () => {
      const error = new ClipError(code, 'trouble');
      const answer = expectRetry(evaluateFailure(work(), error, 1_000, now, middle));
      assert.equal(answer.error, error);
      assert.equal(answer.afterMs, 60_000);
    });
  }

  const final: ErrorCode[] = ['EAUTH', 'EFORBIDDEN', 'ENOTFOUND', 'EINVALID', 'EUNSUPPORTED', 'EABORTED', 'EFAILED'];
  for (const code of final) {
    it(`with ${code} is the last one, and hands the clip on`, () => {
      const error = new ClipError(code, 'trouble');
      const answer = expectFailed(evaluateFailure(work(), error, 1, now), code);
      assert.equal(answer.error, error);
      assert.deepEqual(answer.data, work());
    });
  }

  it('with an answer that makes no sense is tried again four times: a server may be starting', () => {
    const error = new ClipError('EPROTOCOL', 'not XML');
    for (const failures of [1, 2, 3, 4]) expectRetry(evaluateFailure(work(), error, failures, now));
    expectFailed(evaluateFailure(work(), error, 5, now), 'EPROTOCOL');
  });

  const noVerdicts = [
    new ClipError('ENOTFOUND', 'HTTP 404', { inconclusive: true }),
    new ClipError('EFORBIDDEN', 'HTTP 403', { inconclusive: true }),
    new ClipError('EPROTOCOL', 'a page'),
    new ClipError('EAUTH', 'no session', { sessionExpired: true }),
  ];
  for (const error of noVerdicts) {
    it(`with ${error.code} that is no verdict (${error.message}) is waited out once the vendor has answered`, () => {
      expectRetry(evaluateFailure(work({ polls: 1 }), error, 1_000, now));
      const worked = { failures: 1_000, hasWorked: true };
      expectRetry(state.evaluateFailure(work(), error, worked, polledClip, now));
      const late = expectFailed(evaluateFailure(work({ polls: 1, giveUpAt: now }), error, 9, now), 'ETIMEOUT');
      assert.match(late.error.message, new RegExp(`The last request failed: ${error.message}`));
    });
  }

  it('waits longer each time', () => {
    const error = new ClipError('ENETWORK', 'x');
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map(
      (failures) => expectRetry(evaluateFailure(work(), error, failures, now, middle)).afterMs,
    );
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('waits as long as the server asks for', () => {
    const error = new ClipError('ETHROTTLED', 'x', { retryAfterMs: 120_000 });
    assert.equal(expectRetry(evaluateFailure(work(), error, 1, now, middle)).afterMs, 120_000);
  });

  it('takes a last look at the very end of the time', () => {
    const error = new ClipError('ETHROTTLED', 'x', { retryAfterMs: 120_000 });
    const answer = evaluateFailure(work({ giveUpAt: now + 3_000 }), error, 1, now, middle);
    assert.equal(expectRetry(answer).afterMs, 3_000);
  });

  it('after the time is over says so, with the trouble that there was', () => {
    const error = new ClipError('ENETWORK', 'the server cannot be reached');
    const answer = expectFailed(evaluateFailure(work({ giveUpAt: now }), error, 3, now), 'ETIMEOUT');
    assert.match(answer.error.message, /still busy\. The last request failed: the server cannot be reached\. It may/);
  });
});

describe('polling through a connection', () => {
  async function poll(getClip: () => Promise<ReturnType<typeof aClip>>, failures = 0): Promise<JobResult<PollJobData>> {
    const clock = manualClock();
    const connection = connect({ getClip }, clock);
    const context = aContext<PollJobData>();
    const polling = pollClip(aJob(work(), { failures }), connection, context, clock.now);
    await clock.advance(0);
    return polling;
  }

  it('reports what the vendor says, as a clip of this connection', async () => {
    const answer = await poll(async () => aClip({ status: 'busy', progress: 50, connection: '', provider: '' }));
    const { clip } = expectRetry(answer).data!;
    assert.deepEqual(clip, aClip({ status: 'busy', progress: 50 }));
  });

  it('takes ENOTFOUND for a clip that is not listed', async () => {
    const answer = await poll(() => Promise.reject(new ClipError('ENOTFOUND', 'unknown clip')));
    assert.equal(expectRetry(answer).data?.misses, 1);
  });

  it('counts the failure that comes to those before', async () => {
    const trouble = () => Promise.reject(new ClipError('EPROTOCOL', 'not XML'));
    expectRetry(await poll(trouble, 3));
    expectFailed(await poll(trouble, 4), 'EPROTOCOL');
  });

  for (const hours of [1, -1]) {
    it(`ends neither earlier nor later when the clock of the system is set by ${hours} h`, async () => {
      const clock = manualClock();
      const connection = connect({ getClip: async () => aClip({ status: 'busy' }) }, clock);
      const data = work({ giveUpAt: clock.steadyNow() + 900_000 });
      const poll = async (): Promise<JobResult<PollJobData>> => {
        const polling = pollClip(aJob(data), connection, aContext<PollJobData>(), clock.steadyNow);
        await clock.advance(2_000);
        return polling;
      };
      expectRetry(await poll());
      clock.step(hours * 3600_000);
      expectRetry(await poll());
      await clock.advance(900_000);
      expectFailed(await poll(), 'ETIMEOUT');
    });
  }

  it('ends with EABORTED when it is stopped', async () => {
    const clock = manualClock();
    const context = aContext<PollJobData>();
    const connection = connect({ getClip: () => new Promise(() => undefined) }, clock);
    const polling = pollClip(aJob(work()), connection, context, clock.now);
    await clock.advance(0);
    context.stop.abort();
    expectFailed(await polling, 'EABORTED');
  });
});
