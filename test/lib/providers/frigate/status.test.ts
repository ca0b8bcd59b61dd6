// Tests: following exports of Frigate, of all versions.
import assert from 'node:assert/strict';
import type { Clip } from '../../../../lib/provider';
import type { Frigate } from '../../../simulators/frigate';
import {
  calls,
  closeAll,
  connectTo,
  createFinished,
  errorOf,
  never,
  poll,
  request,
  start,
  type Options,
} from './support';

const minute = 60_000;
const slow = { makeMs: 60_000 };

/** A clip that is being made, as the next message would carry it. */
async function begun(sim: Frigate, options: Options = {}) {
  const connection = connectTo(sim, options);
  const made = await connection.createClip(request(), never);
  const look = async (clip: Clip): Promise<Clip | undefined> => {
    const found = await poll(connection, clip);
    return found && { ...clip, ...found };
  };
  return { connection, made, look };
}

describe('Frigate: following exports', () => {
  afterEach(closeAll);

  describe('of the queue (0.18)', () => {
    it('shows how far they are, in the words of the server', async () => {
      const sim = await start({ exports: { ...slow, workers: 1 } });
      const { connection, made, look } = await begun(sim);
      const second = await connection.createClip(request({ title: 'Second' }), never);
      assert.deepEqual(pick(await look(made)), ['busy', 'preparing', 0]);
      assert.deepEqual(pick(await look(second)), ['pending', 'queued', 0]);
      sim.advance(30_000);
      assert.deepEqual(pick(await look(made)), ['busy', 'copying', 50]);
      sim.advance(28_000);
      assert.deepEqual(pick(await look(made)), ['busy', 'finalizing', 99]);
      sim.advance(3_000);
      const finished = await look(made);
      assert.deepEqual([finished?.status, finished?.progress], ['finished', 100]);
      assert.equal(finished?.size, (await sim.mediaOf(made.id)).size);
      assert.equal((await look(second))?.status, 'busy');
    });

    it('says why one has failed, but not as if the server knew', async () => {
      const sim = await start({ exports: { ...slow, fails: () => true } });
      const { made, look } = await begun(sim);
      sim.advance(minute);
      const failed = await look(made);
      assert.equal(failed?.status, 'failed');
      assert.match(failed?.reason ?? '', /Is a directory.*may not be the cause.*log/);
    });

    it('says that one has failed whose job is forgotten', async () => {
      const sim = await start({ exports: { ...slow, fails: () => true } });
      const { made, look } = await begun(sim);
      const busy = await look(made);
      sim.advance(minute + 10_000);
      const failed = await look(busy!);
      assert.deepEqual([failed?.status, /its log says why/.test(failed?.reason ?? '')], ['failed', true]);
    });

    it('does not list one that a restart has taken out of the queue: it is made again', async () => {
      const sim = await start({ exports: { ...slow, workers: 0 } });
      const { made, look } = await begun(sim);
      assert.equal((await look(made))?.status, 'pending');
      sim.restart();
      assert.equal(await look(made), undefined);
    });

    it('says that a cancelled one will not come', async () => {
      const sim = await start({ exports: { ...slow, workers: 0 } });
      const { made, look } = await begun(sim);
      Object.assign(sim.exports[0]!, { caseId: 'case1', status: 'cancelled' });
      assert.match((await look(made))?.reason ?? '', /cancelled/);
    });

    it('does not list one that was deleted', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.removeExport(clip.id);
      assert.equal(await poll(connection, clip), undefined);
    });

    it('asks for two lists, and for the sizes of files once something is finished', async () => {
      const sim = await start({ exports: slow });
      const { made, look } = await begun(sim);
      const round = async (): Promise<string[]> => {
        const before = sim.requests.length;
        await look(made);
        return calls(sim).slice(before);
      };
      assert.deepEqual(await round(), ['GET /api/jobs/export', 'GET /api/exports']);
      const filter = sim.requestsFor('status').at(-1)!.query;
      assert.deepEqual([filter.get('cameras'), filter.get('start_date')], ['front_door', '1740826803']);
      sim.advance(minute);
      assert.deepEqual(await round(), ['GET /api/jobs/export', 'GET /api/exports', 'GET /exports/']);
    });
  });

  for (const version of ['0.16.4', '0.17.2'] as const) {
    describe(`of ${version}`, () => {
      it('waits for the row, and for its end', async () => {
        const sim = await start({ version, exports: { rowDelayMs: 3_000, makeMs: 10_000 } });
        const { made, look } = await begun(sim);
        assert.equal((await look(made))?.status, 'pending');
        sim.advance(3_000);
        assert.equal((await look(made))?.status, 'busy');
        sim.advance(10_000);
        assert.equal((await look(made))?.status, 'finished');
      });

      it('says that one has failed whose row is gone', async () => {
        const sim = await start({ version, exports: { ...slow, fails: () => true } });
        const { made, look } = await begun(sim);
        const busy = await look(made);
        assert.equal(busy?.status, 'busy');
        sim.advance(minute);
        const failed = await look(busy);
        assert.deepEqual([failed?.status, /no reason.*log/.test(failed?.reason ?? '')], ['failed', true]);
      });

      it('says that one has failed whose row never came', async () => {
        const sim = await start({ version, exports: { rowDelayMs: Infinity } });
        const { made, look } = await begun(sim);
        assert.equal((await look(made))?.status, 'pending');
        sim.advance(3 * minute);
        assert.equal((await look(made))?.status, 'failed');
      });

      it('notices that a restart has left one for ever', async () => {
        const sim = await start({ version, exports: slow });
        const { made, look } = await begun(sim);
        sim.restart();
        for (const minutes of [1, 4, 4]) {
          sim.advance(minutes * minute);
          assert.equal((await look(made))?.status, 'busy', `${minutes} minutes`);
        }
        sim.advance(2 * minute);
        const dead = await look({ ...made, status: 'busy' });
        assert.deepEqual([dead?.status, /restarted.*Delete/.test(dead?.reason ?? '')], ['failed', true]);
      });

      it('does not give up one whose file still grows', async () => {
        const sim = await start({ version, exports: { makeMs: 40 * minute } });
        const { made, look } = await begun(sim);
        for (let minutes = 0; minutes < 36; minutes += 6) {
          sim.advance(6 * minute);
          assert.equal((await look(made))?.status, 'busy');
        }
      });

      it('asks for few one by one, and for many at once', async () => {
        const sim = await start({ version, exports: { makeMs: Infinity } });
        const connection = connectTo(sim, { maxConcurrent: 20 });
        const make = (title: string): Promise<Clip> => connection.createClip(request({ title }), never);
        const clips = await Promise.all(Array.from({ length: 12 }, (_, index) => make(`Clip ${index}`)));
        const before = sim.requests.length;
        await Promise.all(clips.slice(0, 3).map((clip) => poll(connection, clip)));
        assert.equal(sim.requests.length - before, 3);
        await Promise.all(clips.map((clip) => poll(connection, clip)));
        assert.deepEqual(calls(sim).slice(before + 3), ['GET /api/exports']);
      });
    });
  }

  it('waits for a server that is starting', async () => {
    const sim = await start({ exports: slow });
    const { connection, made } = await begun(sim);
    sim.options.isStarting = true;
    const error = await errorOf(poll(connection, made));
    assert.deepEqual([error.code, error.retryable, error.inconclusive], ['ENETWORK', true, true]);
  });

  it('looks at the gaps once more when a clip is finished', async () => {
    const sim = await start();
    const gap = { start: Date.parse('2025-03-01T11:00:20Z'), end: Date.parse('2025-03-01T11:00:40Z') };
    const camera = sim.options.cameras[0]!;
    camera.gaps = [gap];
    const connection = connectTo(sim);
    const made = await connection.createClip(request({ end: '2025-03-01T11:01:00.000Z' }), never);
    assert.equal(made.gaps?.length, 1);
    camera.gaps = [];
    assert.deepEqual((await poll(connection, made))?.gaps, []);
  });
});

function pick(clip: Clip | undefined): unknown[] {
  return [clip?.status, clip?.vendorStatus, clip?.progress];
}
