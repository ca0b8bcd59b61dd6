import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { inParallel, oneAtATime, pauses, untilDone, withRetries, type Pause } from '../../../lib/exports/steps';
import type { JobResult } from '../../../lib/jobs/job';
import { manualClock } from '../../support/manual-clock';
import { aJob, connect } from '../clips/fake';

const never = new AbortController().signal;
const at = Promise.resolve();

describe('a pause within an export', () => {
  /** A connection whose vendor can be made to tell news. */
  async function withNews() {
    const clock = manualClock();
    let tell: (id?: string) => void = () => undefined;
    const connection = connect({ listCameras: async () => [], watch: async (changed) => void (tell = changed) }, clock);
    await connection.listCameras(never);
    const stop = new AbortController();
    const { pause, stop: deafen } = pauses(clock, connection, stop.signal);
    return { clock, pause, deafen, abort: () => stop.abort(), tell: (id?: string) => tell(id) };
  }

  const isOver = (pause: Promise<void>): (() => string) => {
    let how = 'waits';
    pause.then(
      () => (how = 'over'),
      (error: ClipError) => (how = error.code),
    );
    return () => how;
  };

  it('lasts as long as it is told to', async () => {
    const { clock, pause } = await withNews();
    const how = isOver(pause(1000));
    await clock.advance(999);
    assert.equal(how(), 'waits');
    await clock.advance(1);
    assert.equal(how(), 'over');
  });

  it('ends early with news of its clip, or of any, but not of another one', async () => {
    const { clock, pause, tell } = await withNews();
    const [one, two, none] = [isOver(pause(1000, 'one')), isOver(pause(1000, 'two')), isOver(pause(1000))];
    tell('one');
    await clock.advance(0);
    assert.deepEqual([one(), two(), none()], ['over', 'waits', 'waits']);
    tell();
    await clock.advance(0);
    assert.deepEqual([two(), none()], ['over', 'waits']);
  });

  it('ends with an error when the export is stopped, at once or later, and leaves no timer', async () => {
    const { abort, clock, pause } = await withNews();
    const before = isOver(pause(1000));
    abort();
    const after = isOver(pause(1000));
    await at;
    assert.deepEqual([before(), after()], ['EABORTED', 'EABORTED']);
    assert.equal(clock.waiting, 0);
  });

  it('hears nothing any more once that was ended', async () => {
    const { clock, deafen, pause, tell } = await withNews();
    const how = isOver(pause(1000, 'one'));
    deafen();
    tell('one');
    await clock.advance(0);
    assert.equal(how(), 'waits');
  });
});

describe('a step of an export', () => {
  const noPause: Pause = async () => undefined;
  const options = { job: aJob({}), signal: never, pause: noPause, keep: () => undefined };

  it('is run again with what it answered, and counts only failures', async () => {
    const seen: [number, number][] = [];
    const pauses: [number, string | undefined][] = [];
    const error = new ClipError('ENETWORK', 'away');
    const asked = new ClipError('ETHROTTLED', 'slower', { retryAfterMs: 900 });
    const answers: JobResult<number>[] = [
      { type: 'retry', afterMs: 5, error },
      { type: 'retry', afterMs: 6, error: asked },
      { type: 'retry', afterMs: 7, data: 2 },
      { type: 'done', data: 3 },
    ];
    const result = await untilDone(
      1,
      async ({ data, failures }) => {
        seen.push([data, failures]);
        return answers[seen.length - 1]!;
      },
      { ...options, clipId: 'clip', pause: async (ms, clipId) => void pauses.push([ms, clipId]) },
    );
    assert.equal(result, 3);
    assert.deepEqual(seen, [[1, 0], [1, 1], [1, 2], [2, 0]]); // prettier-ignore
    assert.deepEqual(pauses, [[5, 'clip'], [6, undefined], [7, 'clip']]); // prettier-ignore
  });

  it('tells what is to be stored at once, and what only is known', async () => {
    const kept: [number, boolean][] = [];
    await untilDone(
      1,
      async (_job, { save }) => {
        await save(2);
        return { type: 'done', data: 3 };
      },
      { ...options, keep: (work, isToBeStored) => void kept.push([work, isToBeStored]) },
    );
    assert.deepEqual(kept, [[2, true], [3, false]]); // prettier-ignore
  });

  it('fails with its error, after its last data was kept', async () => {
    const error = new ClipError('EFAILED', 'no');
    const kept: number[] = [];
    const failing = untilDone(1, async () => ({ type: 'failed', error, data: 2 }), {
      ...options,
      keep: (work) => void kept.push(work),
    });
    await assert.rejects(failing, error);
    assert.deepEqual(kept, [2]);
  });

  it('is tried again when it is a request, as long as it is worth it', async () => {
    let tries = 0;
    const away = async (): Promise<string> => {
      tries += 1;
      throw new ClipError('ENETWORK', 'away');
    };
    await assert.rejects(withRetries(away, noPause), { code: 'ENETWORK' });
    assert.equal(tries, 5);
    tries = 0;
    assert.equal(await withRetries(async () => (tries++ < 2 ? away() : 'here'), noPause), 'here');
    tries = 0;
    const refused = async () => {
      tries += 1;
      throw new ClipError('EFORBIDDEN', 'no');
    };
    await assert.rejects(withRetries(refused, noPause), { code: 'EFORBIDDEN' });
    assert.equal(tries, 1);
  });
});

describe('work that goes on at once', () => {
  it('is so much at a time, in order', async () => {
    const [started, ends]: [number[], (() => void)[]] = [[], []];
    const all = inParallel([1, 2, 3, 4], 2, async (item) => {
      started.push(item);
      await new Promise<void>((resolve) => ends.push(resolve));
    });
    assert.deepEqual(started, [1, 2]);
    ends.shift()!();
    await at.then(() => undefined);
    assert.deepEqual(started, [1, 2, 3]);
    while (ends.length > 0) {
      ends.shift()!();
      await new Promise(setImmediate);
    }
    await all;
    assert.deepEqual(started, [1, 2, 3, 4]);
  });

  it('begins nothing more after a failure, and waits for what has begun', async () => {
    const ended: number[] = [];
    const all = inParallel([1, 2, 3], 2, async (item) => {
      if (item === 1) throw new Error('first');
      await new Promise(setImmediate);
      ended.push(item);
    });
    await assert.rejects(all, /first/);
    assert.deepEqual(ended, [2]);
  });

  it('is stored in writes that do not overlap, each with all that has changed', async () => {
    let [state, running] = [0, 0];
    const stored: number[] = [];
    const save = oneAtATime(async () => {
      assert.equal((running += 1), 1);
      const now = state;
      await new Promise(setImmediate);
      stored.push(now);
      running -= 1;
    });
    const saved: Promise<void>[] = [];
    for (state = 1; state <= 3; state += 1) saved.push(save());
    await new Promise(setImmediate);
    state = 10;
    saved.push(save(), save());
    await Promise.all(saved);
    assert.deepEqual(stored, [4, 10]);
  });
});
