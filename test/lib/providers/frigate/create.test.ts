// Tests: creating clips of Frigate: footage first, and one export for each request.
import assert from 'node:assert/strict';
import type { Gap } from '../../../../lib/provider';
import { manualClock } from '../../../support/manual-clock';
import { frigateCamera } from '../../../simulators/frigate';
import {
  admin,
  at,
  calls,
  closeAll,
  connectTo,
  createFinished,
  errorOf,
  fails,
  guard,
  never,
  noon,
  poll,
  request,
  start,
  versions,
} from './support';

/** Lengths of segments are no whole seconds. */
function rounded(gaps: Gap[] = []): Gap[] {
  const round = (time: string): string => new Date(Math.round(Date.parse(time) / 1000) * 1000).toISOString();
  return gaps.map(({ start, end }) => ({ start: round(start), end: round(end) }));
}

describe('Frigate: creating clips', () => {
  afterEach(closeAll);

  for (const version of versions) {
    it(`asks ${version} for whole seconds, without chapters, under a name of its own`, async () => {
      const sim = await start({ version });
      const connection = connectTo(sim);
      const asked = request({ start: '2025-03-01T11:00:04.250Z', end: '2025-03-01T11:00:08.750Z' });
      const clip = await connection.createClip(asked, never);
      const [made] = sim.exports;
      const late = version === '0.16.4' ? 2 : 0;
      assert.deepEqual([made!.start, made!.end], [noon - 3600 + 4 - late, noon - 3600 + 9]);
      assert.equal(made!.name, 'Alarm 17 2025-03-01T11:00:04.250Z - 2025-03-01T11:00:08.750Z');
      assert.equal(made!.hasChapters, false);
      assert.deepEqual([clip.start, clip.end], ['2025-03-01T11:00:04.000Z', '2025-03-01T11:00:09.000Z']);
      assert.deepEqual([clip.status, clip.gaps, clip.title], ['pending', [], 'Alarm 17']);
      const [sent] = sim.requestsFor('create');
      assert.equal(sent!.headers['x-csrf-token'], '1');
      const body = JSON.parse(sent!.body.toString()) as object;
      assert.deepEqual(Object.keys(body), ['source', 'playback', 'name', 'chapters']);
    });
  }

  it('begins earlier by the margin, and says so', async () => {
    const sim = await start();
    const clip = await connectTo(sim, { settings: { margin: 5 } }).createClip(request(), never);
    assert.equal(sim.exports[0]!.start, noon - 3600 - 1);
    assert.deepEqual(clip.footage, { start: '2025-03-01T10:59:59.000Z', end: '2025-03-01T11:00:08.000Z' });
  });

  it('begins at least 2 s earlier on 0.16, so that nothing is cut off at the start', async () => {
    const sim = await start({ version: '0.16.4' });
    const connection = connectTo(sim);
    const clip = await createFinished(connection, { start: '2025-03-01T11:00:05.000Z' });
    const { content } = sim.exports[0]!;
    assert.ok(content.from <= Date.parse(clip.start), new Date(content.from).toISOString());
  });

  it('passes the cache of the server by at every look', async () => {
    const sim = await start();
    await createFinished(connectTo(sim));
    const gets = sim.requests.filter(({ method, path }) => method === 'GET' && path.startsWith('/api/'));
    assert.ok(gets.length > 3);
    for (const { headers, path } of gets) assert.equal(headers['x-cache-bypass'], '1', path);
  });

  describe('where footage is missing', () => {
    const gap = { start: (noon - 3600 + 20) * 1000, end: (noon - 3600 + 40) * 1000 };
    const cameras = [frigateCamera({ id: 'front_door', gaps: [gap] })];

    it('tells the gap', async () => {
      const sim = await start({ cameras });
      const asked = request({ end: '2025-03-01T11:01:00.000Z' });
      const clip = await connectTo(sim).createClip(asked, never);
      assert.deepEqual(rounded(clip.gaps), [{ start: '2025-03-01T11:00:20.000Z', end: '2025-03-01T11:00:40.000Z' }]);
    });

    it('asks for no export where there is nothing at all, and says so once', async () => {
      const sim = await start({ cameras });
      const asked = request({ start: '2025-03-01T11:00:25.000Z', end: '2025-03-01T11:00:35.000Z' });
      const error = await errorOf(connectTo(sim).createClip(asked, never));
      assert.deepEqual([error.code, error.retryable], ['ENOFOOTAGE', false]);
      assert.equal(sim.exports.length, 0);
    });

    it('says that recording is turned off', async () => {
      const sim = await start();
      const work = connectTo(sim).createClip(request({ camera: 'attic' }), never);
      await assert.rejects(work, fails('ENOFOOTAGE', /turned off.*record: enabled/, { retryable: false }));
    });

    it('says that the camera is not known, or not for this user', async () => {
      const sim = await start({ login: { required: true } });
      const unknown = connectTo(sim, { credentials: admin }).createClip(request({ camera: 'cellar' }), never);
      await assert.rejects(unknown, fails('ENOTFOUND', /no camera "cellar".*configuration file/));
      const forbidden = connectTo(sim, { credentials: guard }).createClip(request(), never);
      await assert.rejects(forbidden, fails('EFORBIDDEN', /Access denied to camera 'front_door'/));
      assert.equal(sim.exports.length, 0);
    });
  });

  describe('at the very end of an event', () => {
    /** Asks as a job does, in the time that it waits between its tries. */
    async function patiently(sim: Awaited<ReturnType<typeof start>>, asked = request()) {
      const connection = connectTo(sim);
      for (let tries = 1; ; tries += 1) {
        try {
          return { clip: await connection.createClip(asked, never), connection, tries };
        } catch (thrown) {
          const { code, retryable, retryAfterMs = 0 } = await errorOf(Promise.reject(thrown));
          assert.deepEqual([code, retryable], ['ENOFOOTAGE', true]);
          assert.ok(tries < 5, 'a job has five tries');
          sim.advance(retryAfterMs);
        }
      }
    }

    for (const listedAfterMs of [10_000, 20_000, 40_000]) {
      it(`waits until the recording is there (${listedAfterMs / 1000} s behind the camera)`, async () => {
        const sim = await start({ cameras: [frigateCamera({ id: 'front_door', listedAfterMs })] });
        const { clip, connection } = await patiently(sim, request({ start: at(-15), end: at(0) }));
        assert.deepEqual(clip.gaps, []);
        assert.equal((await poll(connection, clip))?.status, 'finished');
        // One key-frame interval more at the start.
        assert.ok(sim.exports[0]!.content.seconds >= 15, String(sim.exports[0]!.content.seconds));
      });
    }

    it('takes what there is of a camera that was lost in the middle, and tells the rest', async () => {
      const until = (noon - 7) * 1000;
      const sim = await start({ cameras: [frigateCamera({ id: 'front_door', until })] });
      const { clip, tries } = await patiently(sim, request({ start: at(-20), end: at(0) }));
      assert.equal(tries, 5);
      assert.deepEqual(clip.gaps, [{ start: at(-7), end: at(0) }]);
    });

    it('does not wait where a later recording proves that nothing more comes', async () => {
      const gaps = [{ start: (noon - 60) * 1000, end: (noon - 40) * 1000 }];
      const sim = await start({ cameras: [frigateCamera({ id: 'front_door', gaps, listedAfterMs: 5_000 })] });
      const clip = await connectTo(sim).createClip(request({ start: at(-70), end: at(-45) }), never);
      assert.deepEqual(rounded(clip.gaps), [{ start: at(-60), end: at(-45) }]);
    });

    it('says in the end that nothing came', async () => {
      const sim = await start({ cameras: [frigateCamera({ id: 'front_door', until: (noon - 600) * 1000 })] });
      const connection = connectTo(sim);
      const asked = request({ start: at(-15), end: at(0) });
      assert.equal((await errorOf(connection.createClip(asked, never))).retryable, true);
      sim.advance(60_000);
      assert.equal((await errorOf(connection.createClip(asked, never))).retryable, false);
    });
  });

  it('leaves a full queue alone for a while', async () => {
    const sim = await start({ exports: { isFull: true } });
    const clock = manualClock();
    const connection = connectTo(sim, { clock });
    await connection.listCameras(never);
    const error = await errorOf(connection.createClip(request(), never));
    assert.deepEqual([error.code, error.retryable, error.retryAfterMs], ['ETHROTTLED', true, undefined]);
    assert.match(error.message, /queue is full/);
    sim.options.exports.isFull = false;
    const second = connection.createClip(request(), never);
    // Everything else goes on meanwhile.
    await connection.listCameras(never);
    await clock.advance(9_000);
    assert.equal(sim.requestsFor('create').length, 1);
    await clock.advance(1_000);
    await second;
    assert.equal(sim.exports.length, 1);
  });

  it('says that a version is too old', async () => {
    const sim = await start({ version: '0.16.4', versionText: '0.15.2-abcdef0' });
    const work = connectTo(sim).createClip(request(), never);
    await assert.rejects(work, fails('EUNSUPPORTED', /0\.15\.2.*0\.16/));
    assert.equal(sim.exports.length, 0);
  });

  for (const version of versions) {
    it(`finds out what a build without a number can do (${version})`, async () => {
      const sim = await start({ version, versionText: 'dev-abcdef0' });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      await connection.deleteClip(clip, never);
      assert.ok(sim.exports[0]!.isDeleted);
    });
  }

  describe('whose answer was lost', () => {
    const lose = { kind: 'reset', when: 'reply' } as const;

    for (const version of versions) {
      it(`are found again and not made twice (${version})`, async () => {
        const sim = await start({ version });
        const connection = connectTo(sim);
        sim.failNext(lose, 'create');
        assert.equal((await errorOf(connection.createClip(request(), never))).code, 'ENETWORK');
        const found = await connection.findClip(request(), never);
        assert.equal(found?.id, sim.exports[0]!.id);
        assert.equal((await poll(connection, found))?.status, 'finished');
      });
    }

    it('are looked for twice where the row is only written after the thumbnail', async () => {
      const sim = await start({ version: '0.17.2', exports: { rowDelayMs: 3_000 } });
      const connection = connectTo(sim);
      sim.failNext(lose, 'create');
      await errorOf(connection.createClip(request(), never));
      const error = await errorOf(connection.findClip(request(), never));
      assert.equal(error.retryable, true);
      sim.advance(error.retryAfterMs!);
      assert.equal((await connection.findClip(request(), never))?.id, sim.exports[0]!.id);
    });

    it('are made once more where nothing was made', async () => {
      const sim = await start({ version: '0.17.2' });
      const connection = connectTo(sim);
      sim.failNext({ kind: 'reset', when: 'request' }, 'create');
      await errorOf(connection.createClip(request(), never));
      await errorOf(connection.findClip(request(), never));
      assert.equal(await connection.findClip(request(), never), undefined);
      await connection.createClip(request(), never);
      assert.equal(sim.exports.length, 1);
    });

    it('are never taken for those of another request, nor for one that has its clip', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const first = await connection.createClip(request(), never);
      sim.putExport({ camera: 'front_door', name: 'By hand', start: noon - 3596, end: noon - 3592 });
      sim.failNext({ kind: 'reset', when: 'request' }, 'create');
      await errorOf(connection.createClip(request(), never));
      assert.equal(await connection.findClip(request(), never), undefined);
      assert.equal(sim.exports[0]!.id, first.id);
    });

    it('need no look where nothing was ever sent', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const asked = request({ camera: 'cellar' });
      await errorOf(connection.createClip(asked, never));
      const before = calls(sim).length;
      assert.equal(await connection.findClip(asked, never), undefined);
      assert.equal(calls(sim).length, before);
    });
  });
});
