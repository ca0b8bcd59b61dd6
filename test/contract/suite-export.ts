import assert from 'node:assert/strict';
import {
  cancelServerExport,
  runServerExport,
  serverExportWaiting,
  type ServerExportJobData,
} from '../../lib/exports/server';
import type { Connection } from '../../lib/connection/connection';
import type { Footage, Gap } from '../../lib/provider';
import type { Harness, World } from './harness';
import {
  done,
  expectNoSecret,
  failure,
  leaveOut,
  rejection,
  respectException,
  runCreate,
  runJob,
  useRig,
  type JobOptions,
} from './rig';

const never = (): AbortSignal => new AbortController().signal;

/** What exports of long ranges and many cameras need of a provider. */
export function exportSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  beforeEach(function () {
    respectException(this, rig().world);
  });

  describe('by clips', () => {
    it('knows no gap where there is footage, and by what to divide it', async () => {
      const { world, connect, request } = rig();
      const connection = connect();
      const found = await connection.surveyFootage(world.camera, world.footage, never());
      checkFootage(found, world.footage);
      assert.deepEqual(found.gaps, []);
      if (found.pieces) assert.ok(found.pieces[0]!.start <= world.footage.start, 'the first piece covers the start');
      // What it says must be what clips are made by.
      await done(runCreate(connection, request()));
    });

    it('claims no footage where there is none', async function () {
      const { world, provider, connect } = rig();
      if (!world.noFootage || !provider.surveyFootage) leaveOut(this, 'nobody tells where there is footage');
      const found = await connect().surveyFootage(world.camera, world.noFootage, never());
      checkFootage(found, world.noFootage);
      assert.deepEqual(found.pieces ?? [], []);
      assert.deepEqual(found.gaps, [world.noFootage]);
    });

    it('looks at a day without stumbling over where there is no footage', async () => {
      const { world, connect } = rig();
      const start = new Date(Date.parse(world.footage.start) - 23 * 3600_000).toISOString();
      const day = { start, end: world.footage.end };
      const found = await connect().surveyFootage(world.camera, day, never());
      checkFootage(found, day);
      assert.ok(!found.gaps.some((gap) => gap.start < world.footage.end && gap.end > world.footage.start));
    });

    it('stops looking as soon as it is no longer wanted', async function () {
      const { world, provider, connect } = rig();
      if (!provider.surveyFootage) leaveOut(this, 'nobody is asked');
      await rejection(connect().surveyFootage(world.camera, world.footage, AbortSignal.abort()), world, 'EABORTED');
    });
  });

  describe('by the vendor onto its own storage', () => {
    const work = (world: World, connection: Connection): ServerExportJobData => ({
      to: 'server',
      connection: connection.id,
      id: 'export-1',
      request: {
        cameras: [{ camera: world.camera, ...world.footage }],
        path: world.serverExports?.path ?? '/exports',
        bandwidth: 0,
      },
      ...serverExportWaiting,
      intervalMs: 10,
      maxIntervalMs: 10,
    });
    const run = (connection: Connection, data: ServerExportJobData, options?: JobOptions) =>
      runJob(data, (job, context) => runServerExport(job, connection, context, Date.now), options);

    it('is offered exactly where it can be done', async () => {
      const { world, provider, connect } = rig();
      const { exportsToServer = false } = world.definition;
      for (const method of ['exportVideo', 'findExport', 'getExports'] as const) {
        assert.equal(provider[method] !== undefined, exportsToServer, method);
      }
      if (exportsToServer) return;
      const connection = connect();
      const error = await failure(run(connection, work(world, connection)));
      assert.equal(error.code, 'EUNSUPPORTED');
      assert.equal(world.requests().length, 0, 'nobody was asked');
      await rejection(connection.exportVideo(work(world, connection).request, never()), world, 'EUNSUPPORTED');
    });

    it('ends finished, with the cameras that were asked for', async function () {
      const { world, connect } = rig();
      if (!world.serverExports) leaveOut(this, 'the vendor has no exports of its own');
      const connection = connect();
      const { started } = await done(run(connection, work(world, connection)));
      assert.deepEqual([started?.status, started?.progress], ['finished', 100]);
      assert.deepEqual(started?.cameras, [
        { camera: world.camera, ...world.footage, status: 'finished', progress: 100 },
      ]);
      assert.deepEqual(JSON.parse(JSON.stringify(started)), started);
      expectNoSecret(world, JSON.stringify(started));
      assert.equal(world.serverExports.count(), 1);
    });

    it('is started once though the answer was lost', async function () {
      const { world, connect } = rig();
      if (!world.serverExports) leaveOut(this, 'the vendor has no exports of its own');
      const connection = connect();
      world.serverExports.loseAnswer();
      await done(run(connection, work(world, connection)));
      assert.equal(world.serverExports.count(), 1);
    });

    it('never reports on another one after the login has ended', async function () {
      const { world, connect } = rig();
      if (!world.serverExports || !world.expireSessions) leaveOut(this, 'there are no sessions that could end');
      const connection = connect();
      let rounds = 0;
      const between = (): void => {
        rounds += 1;
        if (rounds === 1) world.expireSessions!();
      };
      const { outcome } = await run(connection, work(world, connection), { between });
      if (outcome.type === 'failed') assert.equal(outcome.error.code, 'EFAILED', outcome.error.message);
      else assert.equal(outcome.data.started?.path, world.serverExports.path);
      assert.equal(world.serverExports.count(), 1);
    });

    it('can be cancelled before it has begun', async function () {
      const { world, connect } = rig();
      if (!world.serverExports) leaveOut(this, 'the vendor has no exports of its own');
      world.serverExports.wait();
      const connection = connect();
      const { request } = work(world, connection);
      const started = await connection.exportVideo(request, never());
      await cancelServerExport({ ...work(world, connection), started }, connection, never());
      assert.equal(world.serverExports.count(), 0);
    });
  });
}

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Whatever a vendor says: cuts can be made by it. */
function checkFootage({ maxClipSeconds, gaps, pieces = [], maxPieces, maxBytes }: Footage, range: Gap): void {
  for (const count of [maxClipSeconds, maxPieces, maxBytes]) assert.ok(count === undefined || count > 0, String(count));
  for (const spans of [gaps, pieces]) {
    for (const [index, { start, end }] of spans.entries()) {
      assert.ok(isoTime.test(start) && isoTime.test(end) && start < end, `${start} to ${end}`);
      assert.ok(start < range.end && end > range.start, `${start} to ${end} lies outside`);
      assert.ok(index === 0 || spans[index - 1]!.end <= start, `${start} comes too late`);
    }
  }
  for (const gap of gaps) assert.ok(gap.start >= range.start && gap.end <= range.end, 'gaps lie in the range');
  for (const { bytes } of pieces) assert.ok(Number.isSafeInteger(bytes) && bytes >= 0, String(bytes));
}
