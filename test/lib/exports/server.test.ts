import assert from 'node:assert/strict';
import { ClipError, type ErrorCode } from '../../../lib/errors';
import {
  cancelServerExport,
  checkServerExport,
  runServerExport,
  serverExportWaiting,
  showServerExport,
  type ServerExportJobData,
} from '../../../lib/exports/server';
import type { JobResult } from '../../../lib/jobs/job';
import type { ClipStatus, Provider, ServerExport, ServerExportRequest } from '../../../lib/provider';
import { vdgSense } from '../../../lib/providers/vdg-sense';
import { manualClock, type ManualClock } from '../../support/manual-clock';
import { untilAborted } from '../../support/promises';
import { aContext, aJob, connect, type TestContext } from '../clips/fake';

const ranges = [
  { camera: '7/2', start: '2025-03-01T06:00:00.000Z', end: '2025-03-01T07:00:00.000Z' },
  { camera: '7/3', start: '2025-03-01T06:30:00.000Z', end: '2025-03-01T06:45:00.000Z' },
];
const request: ServerExportRequest = { cameras: ranges, path: 'E:\\Case 42', bandwidth: 0 };
const never = new AbortController().signal;

function anExport(status: ClipStatus = 'pending', progress = 0, more: Partial<ServerExport> = {}): ServerExport {
  const cameras = ranges.map((range) => ({ ...range, status, progress }));
  return { id: '1', status, progress, path: request.path, cameras, ref: { session: 'one' }, ...more };
}

function work(more: Partial<ServerExportJobData> = {}): ServerExportJobData {
  return { to: 'server', connection: 'connection-1', id: 'export-1', request, ...serverExportWaiting, ...more };
}

const under = (started: ServerExport, more: Partial<ServerExportJobData> = {}): ServerExportJobData =>
  work({ requestSent: true, started, ...more });

interface Options {
  failures?: number;
  clock?: ManualClock;
  context?: TestContext<ServerExportJobData>;
}

async function run(
  data: ServerExportJobData,
  methods: Partial<Provider>,
  { failures = 0, clock = manualClock(0), context = aContext() }: Options = {},
): Promise<JobResult<ServerExportJobData>> {
  const connection = connect({ exportVideo: unexpected, ...methods }, clock);
  Object.assign(connection, { phaseMs: 0 });
  const running = runServerExport(aJob(data, { failures }), connection, context, clock.now);
  await clock.advance(0);
  return running;
}

const unexpected = (): never => assert.fail('not expected in this test');

/** One round of waiting in which the vendor says this. */
const round = (
  data: ServerExportJobData,
  found: ServerExport | ClipError | undefined,
  options?: Options,
): Promise<JobResult<ServerExportJobData>> => run(data, { getExports: async () => [found] }, options);

function expectRetry(answer: JobResult<ServerExportJobData>) {
  assert.ok(answer.type === 'retry', JSON.stringify(answer));
  return answer;
}

function expectFailed(answer: JobResult<ServerExportJobData>, code: ErrorCode, message = /./) {
  assert.ok(answer.type === 'failed', JSON.stringify(answer));
  assert.equal(answer.error.code, code, answer.error.message);
  assert.match(answer.error.message, message);
  return answer;
}

describe('starting an export on the server', () => {
  it('notes that it asks before it asks, and what was started before it goes on', async () => {
    const context = aContext<ServerExportJobData>();
    const asked: ServerExportRequest[] = [];
    const exportVideo = async (given: ServerExportRequest) => {
      assert.deepEqual(context.saved, [work({ requestSent: true })]);
      asked.push(given);
      return anExport();
    };
    const answer = expectRetry(await run(work(), { exportVideo }, { context }));
    assert.deepEqual(asked, [request]);
    assert.deepEqual(context.saved[1], under(anExport()));
    assert.deepEqual([answer.data, answer.error, answer.afterMs], [under(anExport()), undefined, 2_000]);
  });

  it('after a crash first looks for what was started, and asks for no second one', async () => {
    const context = aContext<ServerExportJobData>();
    const looked: ServerExportRequest[] = [];
    const findExport = async (given: ServerExportRequest) => (looked.push(given), anExport('busy', 30));
    const answer = expectRetry(await run(work({ requestSent: true }), { findExport }, { context }));
    assert.deepEqual(looked, [request]);
    assert.deepEqual(answer.data?.started, anExport('busy', 30));
    assert.deepEqual(context.saved, [under(anExport('busy', 30))]);
  });

  it('asks again when nothing was started', async () => {
    const methods = { findExport: async () => undefined, exportVideo: async () => anExport() };
    assert.deepEqual(expectRetry(await run(work({ requestSent: true }), methods)).data?.started, anExport());
  });

  it('does not ask again while it cannot be told', async () => {
    const trouble = new ClipError('ENETWORK', 'down');
    const answer = await run(work({ requestSent: true }), { findExport: () => Promise.reject(trouble) });
    assert.equal(expectRetry(answer).error, trouble);
  });

  it('looks for nothing before it has asked', async () => {
    expectRetry(await run(work(), { findExport: unexpected, exportVideo: async () => anExport() }));
  });

  it('is tried again while the server may come back, and not for ever', async () => {
    const trouble = new ClipError('ENETWORK', 'the server is down');
    const methods = { findExport: async () => undefined, exportVideo: () => Promise.reject(trouble) };
    const after = (failures: number) => run(work({ requestSent: true }), methods, { failures });
    for (const failures of [0, 1, 2, 3, 18]) assert.equal(expectRetry(await after(failures)).error, trouble);
    assert.equal(expectFailed(await after(19), 'ENETWORK').error, trouble);
  });

  it('is over when the vendor refuses', async () => {
    const refusal = new ClipError('ENOSPACE', 'disk full', { vendorCode: '-60' });
    const answer = await run(work(), { exportVideo: () => Promise.reject(refusal) });
    assert.equal(expectFailed(answer, 'ENOSPACE').error, refusal);
  });

  it('ends with EABORTED when it is stopped', async () => {
    const context = aContext<ServerExportJobData>();
    const starting = run(work(), { exportVideo: (_request, { signal }) => untilAborted(signal) }, { context });
    context.stop.abort();
    expectFailed(await starting, 'EABORTED');
  });

  it('is not possible at a vendor without', async () => {
    const context = aContext<ServerExportJobData>();
    const answer = await run(work(), { exportVideo: undefined }, { context });
    expectFailed(answer, 'EUNSUPPORTED', /^Fake cannot export to its own storage/);
    assert.deepEqual(context.saved, []);
  });

  it('asks nobody for what cannot be', async () => {
    const context = aContext<ServerExportJobData>();
    expectFailed(await run(work({ request: { ...request, path: ' ' } }), {}, { context }), 'EINVALID');
    assert.deepEqual(context.saved, []);
  });
});

describe('a request for an export on the server', () => {
  const good: [string, Partial<ServerExportRequest>][] = [
    ['signs that XML knows', { path: 'E:\\R&D "x" \'y\' <z> ]]>' }],
    ['any script', { path: 'E:\\Größe\\監視\\🎥' }],
    ['a bandwidth', { bandwidth: 1_000_000 }],
    ['one camera with two ranges', { cameras: ranges.map((range) => ({ ...range, camera: '7/2' })) }],
  ];
  for (const [name, change] of good) {
    it(`may have ${name}`, () => checkServerExport({ ...request, ...change }, vdgSense));
  }

  const bad: [string, Partial<ServerExportRequest>, RegExp][] = [
    ['no cameras', { cameras: [] }, /no cameras/],
    ['no path', { path: '' }, /folder on the server is missing/],
    ['a path of blanks', { path: '  ' }, /folder on the server is missing/],
    ['a line break in its path', { path: 'E:\\a\nb' }, /characters that cannot be in a path/],
    ['a NUL in its path', { path: 'E:\\a\0b' }, /"E:\\\\a\\u0000b" holds characters/],
    ['a DEL in its path', { path: 'E:\\a\x7fb' }, /characters/],
    ['half a character in its path', { path: 'E:\\\uD83C' }, /characters/],
    ['no character in its path', { path: 'E:\\\uFFFE' }, /characters/],
    ['a negative bandwidth', { bandwidth: -1 }, /bandwidth \(-1\) must be a whole number/],
    ['a broken bandwidth', { bandwidth: 0.5 }, /bandwidth \(0\.5\)/],
    ['no number for a bandwidth', { bandwidth: NaN }, /bandwidth \(NaN\)/],
    ['too much bandwidth', { bandwidth: 1e21 }, /bandwidth/],
    [
      'what is no camera',
      { cameras: [ranges[0]!, { ...ranges[1]!, camera: 'Dock' }] },
      /"Dock": a VDG Sense camera is/,
    ],
    [
      'a range that ends first',
      { cameras: [{ ...ranges[0]!, end: ranges[0]!.start }] },
      /range of camera 7\/2 must end/,
    ],
    ['a range that is none', { cameras: [{ ...ranges[0]!, end: 'noon' }] }, /range of camera 7\/2/],
  ];
  for (const [name, change, message] of bad) {
    it(`may not have ${name}`, () => {
      assert.throws(
        () => checkServerExport({ ...request, ...change }, vdgSense),
        (error: ClipError) => {
          assert.deepEqual([error.code, error.retryable], ['EINVALID', false]);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});

describe('waiting for an export on the server', () => {
  for (const status of ['pending', 'busy'] as const) {
    it(`goes on while it is ${status}`, async () => {
      const answer = expectRetry(await round(under(anExport()), anExport(status, 42)));
      assert.deepEqual([answer.error, answer.afterMs], [undefined, 2_000]);
      assert.deepEqual(answer.data, under(anExport(status, 42), { polls: 1 }));
    });
  }

  it('is over when it is finished', async () => {
    const answer = await round(under(anExport('busy', 42), { misses: 2 }), anExport('finished', 42));
    assert.deepEqual(answer, { type: 'done', data: under(anExport('finished', 100), { polls: 1 }) });
  });

  it('goes on under the number that the vendor gives it now', async () => {
    const renumbered = anExport('busy', 50, { id: '7', ref: { session: 'two' } });
    const { data } = expectRetry(await round(under(anExport()), renumbered));
    assert.deepEqual([data?.started?.id, data?.started?.ref], ['7', { session: 'two' }]);
    assert.equal(data?.id, 'export-1');
  });

  it('never shows less progress than before, nor all of it before the end', async () => {
    const { data } = expectRetry(await round(under(anExport('busy', 60)), anExport('busy', 20)));
    assert.deepEqual([data?.started?.progress, data?.started?.cameras[1]!.progress], [60, 60]);
    const later = expectRetry(await round(data!, anExport('busy', 100)));
    assert.deepEqual([later.data?.started?.progress, later.data?.started?.cameras[0]!.progress], [99, 99]);
    const unknown = anExport('busy', 0, { progress: undefined });
    assert.equal(expectRetry(await round(data!, unknown)).data?.started?.progress, 60);
  });

  it('waits longer each time, from 2 s to 30 s', async () => {
    const waits: number[] = [];
    let data = under(anExport());
    for (let rounds = 0; rounds < 10; rounds += 1) {
      // The start of every step, so that the whole of it is waited for.
      const answer = expectRetry(await round(data, anExport('busy'), { clock: manualClock(480_000) }));
      waits.push(answer.afterMs);
      data = answer.data!;
    }
    assert.deepEqual(waits, [2_000, 2_000, 4_000, 4_000, 8_000, 8_000, 16_000, 16_000, 30_000, 30_000]);
  });

  it('ends with the reason of the vendor when it has failed', async () => {
    const failed = anExport('failed', 10, { reason: 'disk was unplugged' });
    const { error, data } = expectFailed(
      await round(under(anExport()), failed),
      'EFAILED',
      /^disk was unplugged: the export of camera 7\/2, 2025-03-01T06:00:00\.000Z to .*; camera 7\/3, .*, to "E:\\Case 42", failed on the server$/,
    );
    assert.equal(error.retryable, false);
    assert.equal(data?.started?.status, 'failed');
    expectFailed(await round(under(anExport()), anExport('failed')), 'EFAILED', /^The server gave no reason/);
  });

  it('ends with EINCOMPLETE and the names of what is missing when the rest is there', async () => {
    const cameras = [
      { ...ranges[0]!, status: 'finished' as const, progress: 100 },
      { ...ranges[1]!, status: 'failed' as const, progress: 10 },
    ];
    const answer = await round(under(anExport()), anExport('failed', 50, { cameras, reason: 'no recordings' }));
    expectFailed(answer, 'EINCOMPLETE', /^no recordings: the export .* is without 7\/3\. The rest is in the folder$/);
  });

  it('forgives two rounds in which it is not listed, and no third in a row', async () => {
    const first = expectRetry(await round(under(anExport('busy')), undefined));
    assert.equal(first.data?.misses, 1);
    const listed = expectRetry(await round(first.data, anExport('busy')));
    assert.equal(listed.data?.misses, 0);
    const missed = expectRetry(await round(listed.data, undefined));
    const second = expectRetry(await round(missed.data!, undefined));
    const third = await round(second.data!, undefined);
    expectFailed(third, 'EFAILED', /^No longer listed by the server: .* look into its folder$/);
  });

  it('ends when it cannot be told any more which one it is', async () => {
    const lost = new ClipError('EFAILED', 'which one?');
    const { error, data } = expectFailed(await round(under(anExport('busy')), lost), 'EFAILED');
    assert.equal(error.message, 'which one?');
    assert.deepEqual(data, under(anExport('busy')));
  });

  it('goes on through trouble that may pass, however often', async () => {
    for (const code of ['ENETWORK', 'ETIMEOUT', 'ETHROTTLED'] as const) {
      const error = new ClipError(code, 'trouble');
      const answer = await run(under(anExport()), { getExports: () => Promise.reject(error) }, { failures: 1_000 });
      assert.equal(expectRetry(answer).error?.code, code);
    }
  });

  it('forgives four answers in a row that make no sense: a server may be starting', async () => {
    const getExports = () => Promise.reject(new ClipError('EPROTOCOL', 'not XML'));
    expectRetry(await run(under(anExport()), { getExports }, { failures: 3 }));
    expectFailed(await run(under(anExport()), { getExports }, { failures: 4 }), 'EPROTOCOL');
  });

  it('ends at once with what will not pass', async () => {
    const error = new ClipError('EAUTH', 'refused');
    const answer = await run(under(anExport()), { getExports: () => Promise.reject(error) });
    assert.deepEqual(expectFailed(answer, 'EAUTH').data, under(anExport()));
  });

  it('ends with EABORTED when it is stopped', async () => {
    const context = aContext<ServerExportJobData>();
    const waiting = run(under(anExport()), { getExports: (_, { signal }) => untilAborted(signal) }, { context });
    context.stop.abort();
    expectFailed(await waiting, 'EABORTED');
  });

  it('asks about all exports of a connection at once', async () => {
    const clock = manualClock(0);
    const asked: string[][] = [];
    const getExports = async (exports: ServerExport[]) => {
      asked.push(exports.map(({ id }) => id));
      return exports;
    };
    const connection = connect({ exportVideo: unexpected, getExports }, clock);
    const running = ['1', '2', '3'].map((id) =>
      runServerExport(aJob(under(anExport('busy', 1, { id }))), connection, aContext(), clock.now),
    );
    await clock.advance(0);
    for (const answer of await Promise.all(running)) expectRetry(answer);
    assert.deepEqual(asked, [['1', '2', '3']]);
  });

  describe('when the time is over', () => {
    const clock = (): ManualClock => manualClock(100_000);

    it('gives up, and says that the server may go on', async () => {
      const answer = await round(under(anExport(), { giveUpAt: 100_000 }), anExport('busy', 80), { clock: clock() });
      const { data } = expectFailed(
        answer,
        'ETIMEOUT',
        /^The time to wait is over: .* was still busy\. .* look into its folder$/,
      );
      assert.equal(data?.started?.progress, 80);
    });

    it('still takes one that is finished', async () => {
      const answer = await round(under(anExport(), { giveUpAt: 1 }), anExport('finished'), { clock: clock() });
      assert.equal(answer.type, 'done');
    });

    it('says what trouble there was', async () => {
      const getExports = () => Promise.reject(new ClipError('ENETWORK', 'the server is down'));
      const answer = await run(under(anExport(), { giveUpAt: 1 }), { getExports }, { clock: clock() });
      expectFailed(answer, 'ETIMEOUT', /The last request failed: the server is down\. /);
    });

    it('has taken its last look at the very end', async () => {
      const giveUpAt = 100_700;
      const waiting = await round(under(anExport(), { giveUpAt }), anExport('busy'), { clock: clock() });
      assert.equal(expectRetry(waiting).afterMs, 700);
      const started = await run(work({ giveUpAt }), { exportVideo: async () => anExport() }, { clock: clock() });
      assert.equal(expectRetry(started).afterMs, 700);
    });
  });
});

describe('cancelling an export on the server', () => {
  async function cancel(data: ServerExportJobData, methods: Partial<Provider> = {}): Promise<ServerExport[]> {
    const cancelled: ServerExport[] = [];
    const cancelExport = async (started: ServerExport) => void cancelled.push(started);
    await cancelServerExport(data, connect({ cancelExport, ...methods }), never);
    return cancelled;
  }

  it('tells the vendor of the one that was started', async () => {
    assert.deepEqual(await cancel(under(anExport('busy', 5))), [anExport('busy', 5)]);
  });

  it('looks for one that may have been started', async () => {
    assert.deepEqual(await cancel(work({ requestSent: true }), { findExport: async () => anExport() }), [anExport()]);
    assert.deepEqual(await cancel(work({ requestSent: true }), { findExport: async () => undefined }), []);
  });

  it('tells nobody of one that was never asked for, or has ended', async () => {
    assert.deepEqual(await cancel(work(), { findExport: unexpected }), []);
    for (const status of ['finished', 'failed'] as const) assert.deepEqual(await cancel(under(anExport(status))), []);
  });

  it('reports what the vendor says', async () => {
    const refusal = new ClipError('EFAILED', 'it is busy');
    await assert.rejects(
      cancel(under(anExport('busy')), { cancelExport: () => Promise.reject(refusal) }),
      (error) => error === refusal,
    );
    await assert.rejects(
      cancel(under(anExport('busy')), { cancelExport: undefined }),
      (error: ClipError) => error.code === 'EUNSUPPORTED',
    );
  });
});

describe('an export on the server in a message', () => {
  it('has the cameras that were asked for before it is started', () => {
    assert.deepEqual(showServerExport(work()), {
      id: 'export-1',
      to: 'server',
      status: 'pending',
      progress: 0,
      cameras: ranges.map((range) => ({ ...range, status: 'pending', progress: 0 })),
      folder: 'E:\\Case 42',
    });
  });

  it('has what the vendor says of each camera, and never its number or session', () => {
    const shown = showServerExport(under(anExport('busy', 40)));
    assert.deepEqual([shown.id, shown.status, shown.progress], ['export-1', 'busy', 40]);
    assert.deepEqual(shown.cameras[1], { ...ranges[1], status: 'busy', progress: 40 });
    assert.ok(!JSON.stringify(shown).includes('session'));
  });
});
