import assert from 'node:assert/strict';
import { pollClip, type PollJobData } from '../../../../lib/clips/poll';
import { ClipError } from '../../../../lib/errors';
import type { Clip } from '../../../../lib/provider';
import { pagesAtMost } from '../../../../lib/providers/rhombus/status';
import { readClip } from '../../../../lib/providers/rhombus/types';
import { failingSteps, offlineSteps, usualSteps, type Rhombus, type Step } from '../../../simulators/rhombus';
import { manualClock } from '../../../support/manual-clock';
import { clipOf, closeAll, connectTo, dock, fails, never, NOON, request, sent, startCloud } from './support';

const DAY = 24 * 3600 * 1000;
const busy: Step[] = [{ status: 'UPLOADING', ms: Infinity }];

describe('Rhombus: the status of a clip', () => {
  afterEach(closeAll);

  const one = (steps: Step[]) => ({ deviceUuids: [dock], startMs: Date.parse(NOON) - 60_000, durationSec: 2, steps });

  async function follow(sim: Rhombus, steps: Step[], times: number, everyMs: number): Promise<Clip[]> {
    const connection = connectTo(sim);
    const { uuid } = sim.putClip(one(steps));
    const seen: Clip[] = [];
    for (let round = 0; round < times; round += 1) {
      seen.push((await connection.pollClip(clipOf(sim, uuid), 1000, never))!);
      sim.advance(everyMs);
    }
    return seen;
  }

  it('goes through all stages with a progress that never runs back', async () => {
    const sim = await startCloud();
    const seen = await follow(sim, usualSteps(1000), 31, 100);
    assert.deepEqual([...new Set(seen.map(({ status }) => status))], ['pending', 'busy', 'finished']);
    const progress = seen.map((clip) => clip.progress!);
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b),
    );
    assert.deepEqual([progress[0], progress[10], progress[20], progress[30]], [0, 5, 60, 100]);
    assert.ok(new Set(progress).size > 20, 'it moves within a stage');
  });

  it('is busy while the camera is away, and says nothing about the progress then', async () => {
    const sim = await startCloud();
    const seen = await follow(sim, offlineSteps(1000, 1000), 6, 1000);
    assert.deepEqual(
      seen.map(({ status }) => status),
      ['pending', 'busy', 'busy', 'busy', 'busy', 'finished'],
    );
    assert.equal(seen[2]!.progress, undefined);
  });

  it('failed tells why in the words of the vendor', async () => {
    const sim = await startCloud();
    const [failed, silent] = [
      ...(await follow(sim, failingSteps('Camera has no segments', 0), 1, 0)),
      ...(await follow(sim, failingSteps(null, 0), 1, 0)),
    ];
    assert.deepEqual([failed?.status, failed?.reason], ['failed', 'Camera has no segments']);
    assert.deepEqual([silent?.status, silent?.reason], ['failed', undefined]);
  });

  it('of a clip that was deleted is expired', async () => {
    const sim = await startCloud();
    const [gone] = await follow(sim, [{ status: 'DELETED', ms: Infinity }], 1, 0);
    assert.deepEqual([gone?.status, gone?.reason], ['expired', 'deleted on the server']);
  });

  it('that nobody has seen before means that the clip is still being made', async () => {
    const sim = await startCloud();
    for (const status of ['UNKNOWN', 'TRANSCODING', 'toString', '', null]) {
      const [clip] = await follow(sim, [{ status, ms: Infinity, percent: 70 }], 1, 0);
      assert.deepEqual([clip?.status, clip?.progress], ['busy', undefined], String(status));
    }
  });

  it('is finished where only percentage and operation tell so, but not by one of them', async () => {
    const sim = await startCloud();
    const statusOf = async (step: Omit<Step, 'ms'>) =>
      (await follow(sim, [{ ...step, ms: Infinity }], 1, 0))[0]?.status;
    assert.equal(await statusOf({ status: null, percent: 100, operation: 'Complete' }), 'finished');
    assert.equal(await statusOf({ status: 'RENDERING', percent: 100, operation: 'Complete' }), 'finished');
    assert.equal(await statusOf({ status: 'RENDERING', percent: 100, operation: 'Processing video' }), 'busy');
    assert.equal(await statusOf({ status: 'RENDERING', percent: 99, operation: 'Complete' }), 'busy');
    assert.equal(await statusOf({ status: 'FAILED', percent: 100, operation: 'Complete' }), 'failed');
    assert.equal(await statusOf({ status: 'complete', percent: null }), 'finished');
  });

  it('keeps what is declared about the file, in the form of our own', async () => {
    const sim = await startCloud({ status: { sha256: 'upper-case' }, replies: { longsAsText: true } });
    const [clip] = await follow(sim, usualSteps(0), 1, 0);
    const { media, sha256 } = await sim.mediaOf(clip!.id);
    assert.deepEqual([clip!.size, clip!.sha256, clip!.width], [media.size, sha256, 640]);
    sim.options.status.sha256 = 'null';
    sim.options.status.byteCount = 'null';
    const [bare] = await follow(sim, usualSteps(0), 1, 0);
    assert.deepEqual([bare!.status, bare!.size, bare!.sha256], ['finished', undefined, undefined]);
  });

  it('of what is no clip is nothing', () => {
    for (const value of [null, undefined, 'x', [], {}, { uuid: null }, { uuid: '' }, { uuid: 7 }]) {
      assert.equal(readClip(value), undefined);
    }
    assert.deepEqual(JSON.parse(JSON.stringify(readClip({ uuid: '-a_', percentComplete: 'x', deviceUuids: 'x' }))), {
      id: '-a_',
      status: 'busy',
      title: '',
      devices: [],
    });
    const odd = {
      uuid: 'a',
      status: 'COMPLETE',
      byteCount: 12.5,
      sha256Hex: 'xyz',
      videoResolution: 7,
      clipLocation: [],
    };
    const { size, sha256, width, region } = readClip(odd)!;
    assert.deepEqual([size, sha256, width, region], [undefined, undefined, undefined, undefined]);
  });

  it('of a clip that the vendor does not have is nothing, in every form of that answer', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    const { uuid } = sim.putClip(one(busy));
    const clip = clipOf(sim, uuid);
    sim.removeClip(uuid);
    for (const unknown of ['null', 'absent', 'in-band', '400', '404', '500'] as const) {
      sim.options.status.unknown = unknown;
      assert.equal(await connection.pollClip(clip, 1000, never), undefined, unknown);
    }
  });

  for (const unknown of ['null', 'in-band', '404'] as const) {
    it(`of a new clip that the vendor does not know at first is waited for (${unknown})`, async () => {
      const sim = await startCloud({ status: { hiddenMs: 10_000, unknown } });
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      const waits = { intervalMs: 500, maxIntervalMs: 500, polls: 0, misses: 0 };
      let data: PollJobData = { connection: connection.id, clip, ...waits };
      const job = { id: 'job', nodeId: 'node', createdAt: 0, runAt: 0, failures: 0 };
      for (;;) {
        const context = { signal: never, save: async () => undefined };
        const answer = await pollClip({ ...job, data }, connection, context, sim.now);
        if (answer.type === 'done') break;
        assert.ok(answer.type === 'retry', JSON.stringify(answer));
        data = answer.data ?? data;
        sim.advance(answer.afterMs);
      }
      assert.ok(sim.now() - Date.parse(NOON) >= 10_000);
    });
  }

  it('of a clip that the vendor never gets to know is nothing after a minute', async () => {
    const sim = await startCloud({ status: { hiddenMs: Infinity }, list: { hiddenMs: Infinity } });
    const connection = connectTo(sim);
    const clips = await Promise.all(Array.from({ length: 6 }, () => connection.createClip(request(), never)));
    const found = async () =>
      (await Promise.all(clips.map((clip) => connection.pollClip(clip, 1000, never)))).map((clip) => clip?.status);
    assert.deepEqual(await found(), Array(6).fill('pending'));
    sim.advance(60_000);
    assert.deepEqual(await found(), Array(6).fill(undefined));
  });

  it('is asked for again after an answer that is not understood', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    const { uuid } = sim.putClip(one(busy));
    const clip = clipOf(sim, uuid);
    const answers = async (body: string, status = 200): Promise<ClipError> => {
      sim.failNext({ kind: 'reply', reply: { status, body } }, 'getClipWithProgress');
      return connection.pollClip(clip, 1000, never).then(
        () => assert.fail(body),
        (error: ClipError) => error,
      );
    };
    for (const body of ['', '<html>busy</html>', '[]', 'null', '{"clip":']) {
      assert.equal((await answers(body)).code, 'EPROTOCOL', body);
    }
    const strange = await answers('{"error":true,"errorMsg":"Something is odd"}');
    assert.deepEqual([strange.code, strange.retryable], ['EFAILED', true]);
    assert.match(strange.message, /^The server refused: Something is odd \(asking for the clip of camera b0Yw.*\)$/);
  });
});

describe('Rhombus: the status of many clips', () => {
  afterEach(closeAll);

  /** Clips of one camera, made one millisecond after the other. */
  function putMany(sim: Rhombus, count: number, steps: Step[] = busy, device = dock): Clip[] {
    return Array.from({ length: count }, (_, index) => {
      sim.advance(1);
      const startMs = Date.parse(NOON) - 3_600_000 + index;
      const { uuid } = sim.putClip({ deviceUuids: [device], startMs, durationSec: 2, steps });
      return clipOf(sim, uuid);
    });
  }

  async function pollAll(sim: Rhombus, clips: Clip[], connection = connectTo(sim)) {
    return Promise.allSettled(clips.map((clip) => connection.pollClip(clip, 1000, never)));
  }

  const found = (results: PromiseSettledResult<Clip | undefined>[]) =>
    results.map((result) => (result.status === 'fulfilled' ? result.value?.id : (result.reason as ClipError).code));
  const counts = (sim: Rhombus) => [
    sim.requestsFor('getClipsWithProgress').length,
    sim.requestsFor('getClipWithProgress').length,
  ];

  it('reads no more pages than it would take single requests', () => {
    const pages = [1, 4, 5, 7, 8, 12, 100, 200, 201, 500, 600, 601, 1000].map((count) => pagesAtMost(count));
    assert.deepEqual(pages, [0, 0, 1, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5]);
  });

  it('is asked for one by one for a few', async () => {
    const sim = await startCloud();
    const clips = putMany(sim, 4);
    assert.deepEqual(
      found(await pollAll(sim, clips)),
      clips.map(({ id }) => id),
    );
    assert.deepEqual(counts(sim), [0, 4]);
  });

  it('is read from one page for dozens', async () => {
    const sim = await startCloud();
    const clips = putMany(sim, 40);
    assert.deepEqual(
      found(await pollAll(sim, clips)),
      clips.map(({ id }) => id),
    );
    assert.deepEqual(counts(sim), [1, 0]);
    assert.deepEqual(sent(sim, 'getClipsWithProgress'), {
      pageSize: 200,
      sortOrder: 'desc',
      timestampMsAfter: Date.parse(clips[0]!.start) - DAY,
      deviceUuidFilters: [dock.split('.')[0]],
    });
  });

  it('of 500 takes three requests', async () => {
    const sim = await startCloud();
    const clips = putMany(sim, 500);
    assert.deepEqual(
      found(await pollAll(sim, clips)),
      clips.map(({ id }) => id),
    );
    assert.deepEqual(counts(sim), [3, 0]);
  });

  it('of 500 takes no more than three requests for lists in each interval', async () => {
    const clock = manualClock();
    const sim = await startCloud();
    const clips = putMany(sim, 500);
    const connection = connectTo(sim, { clock });
    for (let interval = 1; interval <= 5; interval += 1) {
      const polls = clips.map((clip) => connection.pollClip(clip, 2_000, never));
      await clock.advance(2_000);
      await Promise.all(polls);
      assert.deepEqual(counts(sim), [3 * interval, 0]);
    }
  });

  it('does not depend on what the list is sorted by, nor on which time its filter means', async () => {
    const sim = await startCloud();
    const clips = putMany(sim, 30);
    const connection = connectTo(sim);
    for (const time of ['footage', 'creation'] as const) {
      sim.options.list.time = time;
      assert.deepEqual(
        found(await pollAll(sim, clips, connection)),
        clips.map(({ id }) => id),
      );
    }
    assert.deepEqual(counts(sim), [2, 0]);
  });

  it('leaves the filter by camera out where there are too many', async () => {
    const sim = await startCloud();
    const clips = Array.from({ length: 60 }, (_, index) => putMany(sim, 1, busy, `camera-${index}.v0`)[0]!);
    assert.deepEqual(
      found(await pollAll(sim, clips)),
      clips.map(({ id }) => id),
    );
    assert.equal(sent(sim, 'getClipsWithProgress').deviceUuidFilters, undefined);
  });

  it('is asked for one by one where the list does not show a clip yet', async () => {
    const sim = await startCloud({ list: { hiddenMs: 10_000 } });
    const old = putMany(sim, 10);
    sim.advance(10_000);
    const fresh = putMany(sim, 3);
    assert.deepEqual(
      found(await pollAll(sim, [...old, ...fresh])),
      [...old, ...fresh].map(({ id }) => id),
    );
    assert.deepEqual(counts(sim), [1, 3]);
  });

  it('tells which clips are gone', async () => {
    const sim = await startCloud();
    const clips = putMany(sim, 20);
    sim.removeClip(clips[3]!.id);
    const results = await pollAll(sim, clips);
    assert.deepEqual(
      found(results),
      clips.map(({ id }, index) => (index === 3 ? undefined : id)),
    );
  });

  it('goes on to further pages while many are missing, then gives each of the others its turn', async () => {
    const sim = await startCloud();
    const clips = putMany(sim, 60);
    putMany(sim, 1000);
    const connection = connectTo(sim);
    const seen = new Set<unknown>();
    for (let round = 1; round <= 3; round += 1) {
      const results = found(await pollAll(sim, clips, connection));
      assert.equal(
        results.filter((result) => result === 'ETHROTTLED').length,
        40,
        'not asked for, so nothing is known',
      );
      for (const id of results) seen.add(id);
      assert.deepEqual(counts(sim), [3 * round, 20 * round]);
    }
    seen.delete('ETHROTTLED');
    assert.equal(seen.size, 60);
  });

  it('ends with the last page, and with a list that has no end', async () => {
    const sim = await startCloud({ list: { endless: true } });
    const clips = putMany(sim, 30);
    for (const { id } of clips.slice(0, 10)) sim.removeClip(id);
    const results = found(await pollAll(sim, clips));
    assert.equal(results.filter(Boolean).length, 20);
    assert.deepEqual(counts(sim), [3, 10]);
  });

  it('keeps what is known when a later page fails', async () => {
    const sim = await startCloud();
    const clips = putMany(sim, 300);
    const second = (request: { path: string; body: Buffer }): boolean => request.body.includes('pageToken');
    sim.failNext({ kind: 'reply', reply: { status: 503 } }, second);
    const results = found(await pollAll(sim, clips));
    assert.equal(results.filter((result) => result === 'ENETWORK').length, 100);
    assert.deepEqual(counts(sim), [2, 0]);
  });

  it('stops asking one by one when the vendor has enough', async () => {
    const sim = await startCloud({ list: { hiddenMs: Infinity } });
    const clips = putMany(sim, 16);
    const reply = { status: 429, headers: { 'retry-after': '7' }, body: 'Slow down.' };
    sim.failNext({ kind: 'reply', reply }, 'getClipWithProgress', 99);
    const results = await pollAll(sim, clips);
    assert.ok(results.every((result) => result.status === 'rejected'));
    for (const result of results) {
      const { reason } = result;
      assert.ok(fails('ETHROTTLED', /Slow down/, { retryAfterMs: 7000 })(reason));
    }
    assert.deepEqual(counts(sim), [1, 4]);
  });

  it('fails for all when nothing could be asked', async () => {
    const sim = await startCloud();
    const clips = putMany(sim, 10);
    sim.failNext({ kind: 'reply', reply: { status: 503 } }, 'getClipsWithProgress');
    const results = await pollAll(sim, clips);
    assert.deepEqual(found(results), Array(10).fill('ENETWORK'));
    assert.deepEqual(counts(sim), [1, 0]);
  });

  for (const answer of ['in-band', '400', '404', '500'] as const) {
    it(`is asked for one by one where the list is refused (${answer})`, async () => {
      const sim = await startCloud({ list: { answer } });
      const clips = putMany(sim, 10);
      assert.deepEqual(
        found(await pollAll(sim, clips)),
        clips.map(({ id }) => id),
      );
      assert.deepEqual(counts(sim), [1, 10]);
    });
  }

  it('fails for all when the key is refused', async () => {
    const sim = await startCloud({ wrongKey: '401' });
    const clips = putMany(sim, 10);
    const connection = connectTo(sim, { token: 'another-key' });
    assert.deepEqual(found(await pollAll(sim, clips, connection)), Array(10).fill('EAUTH'));
    assert.deepEqual(found(await pollAll(sim, clips, connection)), Array(10).fill('EAUTH'));
    assert.deepEqual(counts(sim), [0, 0]);
    assert.equal(sim.requests.length, 1, 'the key is tried once');
  });
});
