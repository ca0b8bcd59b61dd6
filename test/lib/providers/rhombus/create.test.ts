import assert from 'node:assert/strict';
import { readFields } from '../../../../lib/fields';
import { failingSteps } from '../../../simulators/rhombus';
import { exampleCameras, exampleKeys, rhombusCamera } from '../../../simulators/rhombus';
import {
  call,
  closeAll,
  connectTo,
  createFinished,
  definition,
  dock,
  download,
  fails,
  never,
  NOON,
  openProvider,
  operations,
  plain,
  readAll,
  request,
  sent,
  startCloud,
} from './support';

const MINUTE = 60_000;
const iso = (ms: number): string => new Date(Date.parse(NOON) + ms).toISOString();

describe('Rhombus: creating clips', () => {
  afterEach(closeAll);

  it('asks for a clip, finds it finished, downloads and deletes it', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    const asked = {
      id: sim.clips[0]!.uuid,
      camera: dock,
      start: '2025-03-01T11:00:00.000Z',
      end: '2025-03-01T11:00:02.000Z',
      title: 'Alarm 17',
      connection: 'cloud',
      provider: 'rhombus',
    };
    const ref = { devices: dock, madeAt: '2025-03-01T12:00:00.000Z' };
    assert.deepEqual(plain(clip), { ...asked, status: 'pending', progress: 0, gaps: [], ref });
    const finished = await connection.pollClip(clip, 1000, never);
    const { media, sha256 } = await sim.mediaOf(clip.id);
    assert.deepEqual(plain(finished), {
      ...asked,
      ...{ status: 'finished', progress: 100, size: media.size, sha256, width: 640, height: 360 },
      ref: { ...ref, region: 'us-west-2' },
    });
    assert.ok((await download(connection, finished!)).equals(await readAll(media.read())));
    await connection.deleteClip(finished!, never);
    assert.deepEqual(sim.clips, []);
    assert.equal(await connection.pollClip(finished!, 1000, never), undefined);
    assert.deepEqual(operations(sim).toSorted(), [
      ...[`${clip.id}.mp4`, 'deleteSavedClip', 'getClipWithProgress', 'getClipWithProgress', 'getMaxSpliceDuration'],
      ...['getMinimalCameraStateList', 'getPresenceWindows', 'spliceV3'],
    ]);
  });

  it('sends exactly the documented fields', async () => {
    const sim = await startCloud();
    await connectTo(sim).createClip(request(), never);
    assert.deepEqual(sent(sim, 'spliceV3'), {
      deviceUuids: [dock],
      startTimeMillis: Date.parse('2025-03-01T11:00:00Z'),
      durationSec: 2,
      title: 'Alarm 17',
      accessSettings: { visibility: 'PRIVATE' },
      audioIncluded: false,
      saveToConsole: true,
    });
  });

  it('adds the audio of the device, and lets the whole organisation see the clip, when asked to', async () => {
    const sim = await startCloud();
    const options = readFields(definition.clipOptions, { audio: 'true', visibility: 'ORG_WIDE' });
    const clip = await connectTo(sim).createClip(request({ options }), never);
    const body = sent(sim, 'spliceV3');
    assert.deepEqual(body.deviceUuids, [dock, `${exampleCameras.dock}.a0`]);
    assert.deepEqual(body.accessSettings, { visibility: 'ORG_WIDE' });
    assert.equal(body.audioIncluded, true);
    assert.equal(clip.ref?.devices, `${dock} ${exampleCameras.dock}.a0`);
  });

  it('takes a camera without a facet for its first video, and keeps the id as it was given', async () => {
    const sim = await startCloud();
    const clip = await connectTo(sim).createClip(request({ camera: exampleCameras.dock }), never);
    assert.equal(clip.camera, exampleCameras.dock);
    assert.deepEqual(sent(sim, 'spliceV3').deviceUuids, [dock]);
    assert.equal(sent(sim, 'getPresenceWindows').cameraUuid, exampleCameras.dock);
  });

  it('asks for another sensor of a camera by its facet', async () => {
    const sim = await startCloud();
    await connectTo(sim).createClip(request({ camera: `${exampleCameras.gate}.v1` }), never);
    assert.deepEqual(sent(sim, 'spliceV3').deviceUuids, [`${exampleCameras.gate}.v1`]);
    assert.equal(sent(sim, 'getPresenceWindows').cameraUuid, exampleCameras.gate);
  });

  it('rounds the length up to whole seconds, so that nothing asked for is cut off', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    const clip = await connection.createClip(
      request({ start: '2025-03-01T11:00:00.300Z', end: '2025-03-01T11:00:02.301Z' }),
      never,
    );
    assert.deepEqual([clip.start, clip.end], ['2025-03-01T11:00:00.300Z', '2025-03-01T11:00:03.300Z']);
    assert.equal(sent(sim, 'spliceV3').durationSec, 3);
    assert.deepEqual(
      [sent(sim, 'getPresenceWindows').startTimeSec, sent(sim, 'getPresenceWindows').durationSec],
      [Date.parse('2025-03-01T11:00:00Z') / 1000, 4],
    );
    await connection.createClip(request({ end: '2025-03-01T11:00:00.001Z' }), never);
    assert.equal(sent(sim, 'spliceV3').durationSec, 1);
  });

  it('gives a clip without a title one by which it is found again', async () => {
    const sim = await startCloud();
    const clip = await connectTo(sim).createClip(request({ title: ' ' }), never);
    assert.equal(clip.title, 'Clip 2025-03-01T11:00:00.000Z');
    assert.equal(sim.clips[0]!.title, clip.title);
  });

  it('takes every form of a success', async () => {
    const sim = await startCloud({ splice: { answer: 'list' } });
    const connection = connectTo(sim);
    for (const success of ['false', 'null', 'absent'] as const) {
      sim.options.replies.success = success;
      for (const answer of ['both', 'uuid', 'list'] as const) {
        for (const omitNulls of [true, false]) {
          Object.assign(sim.options.splice, { answer });
          Object.assign(sim.options.replies, { omitNulls });
          const clip = await connection.createClip(request(), never);
          assert.equal(clip.id, sim.clips.at(-1)!.uuid);
        }
      }
    }
  });

  it('fails when no clip is returned, whatever `error` says, and hands on what the vendor warns of', async () => {
    const sim = await startCloud({ splice: { answer: 'none' } });
    const connection = connectTo(sim);
    await assert.rejects(connection.createClip(request(), never), fails('EFAILED', /returned no clip \(creating/));
    sim.options.replies.warning = 'Shared storage is full';
    await assert.rejects(connection.createClip(request(), never), fails('EFAILED', /no clip: Shared storage is full/));
  });

  it('shows a caveat of a success', async () => {
    const sim = await startCloud({ replies: { warning: 'Audio is disabled by a policy' } });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    assert.deepEqual([clip.status, clip.reason], ['pending', 'Audio is disabled by a policy']);
    const found = await connection.pollClip(clip, 1000, never);
    assert.deepEqual([found?.status, found?.reason], ['finished', 'Audio is disabled by a policy']);
  });

  describe('the longest clip', () => {
    const hour = { start: '2025-03-01T10:00:00.000Z', end: '2025-03-01T11:00:00.000Z' };

    it('is asked for once per connection', async () => {
      const sim = await startCloud();
      const connection = connectTo(sim);
      await Promise.all([connection.createClip(request(), never), connection.createClip(request(), never)]);
      await connection.createClip(request(), never);
      assert.equal(sim.requestsFor('getMaxSpliceDuration').length, 1);
    });

    it('of the organisation is kept to before anything is made', async () => {
      const sim = await startCloud({ splice: { maxDuration: 600 } });
      const connection = connectTo(sim);
      const error = fails('ELIMIT', /up to 600 s, and this one has 3600 s.*camera .*b0Yw.*10:00:00.000Z to /, {
        retryable: false,
      });
      await assert.rejects(connection.createClip(request(hour), never), error);
      assert.equal(sim.requestsFor('spliceV3').length, 0);
      await connection.createClip(request({ start: hour.start, end: '2025-03-01T10:10:00.000Z' }), never);
    });

    it('may be unknown: then the vendor refuses what is too long', async () => {
      const sim = await startCloud({ splice: { maxDuration: 600 } });
      for (const tell of ['missing', 'error', '403'] as const) {
        sim.options.splice.tell = tell;
        const connection = connectTo(sim);
        for (const refusal of ['in-band', '400', '500'] as const) {
          sim.options.refusal = refusal;
          await assert.rejects(
            connection.createClip(request(hour), never),
            fails('ELIMIT', /exceeds the maximum splice duration/, { retryable: false }),
          );
        }
        await connection.createClip(request(), never);
      }
      assert.equal(sim.requestsFor('getMaxSpliceDuration').length, 3);
    });

    it('is asked for again after trouble that may pass', async () => {
      const sim = await startCloud();
      const connection = connectTo(sim);
      sim.failNext({ kind: 'reply', reply: { status: 503 } }, 'getMaxSpliceDuration');
      await connection.createClip(request(), never);
      await connection.createClip(request(), never);
      await connection.createClip(request(), never);
      assert.equal(sim.requestsFor('getMaxSpliceDuration').length, 2);
    });

    it('in general is an hour', () => {
      assert.equal(definition.maxClipSeconds?.({}), 3600);
    });
  });

  describe('footage', () => {
    it('that is missing everywhere is an error, and no clip of filler frames is made', async () => {
      const sim = await startCloud();
      const camera = `${exampleCameras.empty}.v0`;
      await assert.rejects(
        connectTo(sim).createClip(request({ camera }), never),
        fails('ENOFOOTAGE', /no recording of .*e_pty.*11:00:00.000Z to /, { retryable: false }),
      );
      assert.equal(sim.made, 0);
    });

    it('that is missing in parts becomes gaps of the clip, seams between pieces do not', async () => {
      const uuid = 'gapsK9w2Q1u3xkQ7n5T1Zg';
      const sim = await startCloud({
        cameras: [
          rhombusCamera({
            uuid,
            cloud: [
              { from: iso(-20 * MINUTE), to: iso(-15 * MINUTE) },
              { from: iso(-15 * MINUTE + 1000), to: iso(-10 * MINUTE) },
            ],
            local: [{ from: iso(-11 * MINUTE), to: iso(-8 * MINUTE) }, { from: iso(-6 * MINUTE) }],
          }),
        ],
        presence: { pieceMs: 30_000 },
      });
      const connection = connectTo(sim);
      const clip = await connection.createClip(
        request({ camera: uuid, start: iso(-25 * MINUTE), end: iso(-5 * MINUTE) }),
        never,
      );
      const gaps = [
        { start: iso(-25 * MINUTE), end: iso(-20 * MINUTE) },
        { start: iso(-8 * MINUTE), end: iso(-6 * MINUTE) },
      ];
      assert.deepEqual(clip.gaps, gaps);
      const range = { start: iso(-25 * MINUTE), end: iso(-5 * MINUTE) };
      assert.deepEqual((await connection.surveyFootage(uuid, range, never)).gaps, gaps);
    });

    it('on a camera that is away counts: it may come back', async () => {
      const sim = await startCloud();
      const clip = await connectTo(sim).createClip(request({ camera: exampleCameras.barn }), never);
      assert.deepEqual(clip.gaps, []);
    });

    it('of the last two minutes is not known yet, and never taken for missing', async () => {
      const sim = await startCloud();
      const connection = connectTo(sim);
      const clip = await connection.createClip(request({ start: iso(-5 * MINUTE), end: iso(-MINUTE) }), never);
      assert.equal(clip.gaps, undefined);
      const asked = sim.requestsFor('getPresenceWindows').length;
      const fresh = await connection.createClip(
        request({ camera: exampleCameras.empty, start: iso(-100_000), end: iso(-90_000) }),
        never,
      );
      assert.equal(fresh.gaps, undefined);
      assert.equal(sim.requestsFor('getPresenceWindows').length, asked, 'no request whose answer says nothing');
      const older = await connection.createClip(
        request({ camera: exampleCameras.empty, start: iso(-130_000), end: iso(-110_000) }),
        never,
      );
      assert.equal(older.gaps, undefined, 'that of a part says nothing of the whole');
      assert.deepEqual(await connection.findGaps(older, never), [{ start: iso(-130_000), end: iso(-120_000) }]);
      sim.advance(MINUTE);
      assert.deepEqual(await connection.findGaps(older, never), [{ start: iso(-130_000), end: iso(-110_000) }]);
    });

    it('that cannot be looked up stops no clip', async () => {
      const sim = await startCloud();
      const connection = connectTo(sim);
      for (const answer of ['missing', 'null', 'error', '403', '500'] as const) {
        sim.options.presence.answer = answer;
        const clip = await connection.createClip(request({ camera: exampleCameras.empty }), never);
        assert.equal(clip.gaps, undefined, answer);
      }
      sim.failNext({ kind: 'reset', when: 'request' }, 'getPresenceWindows');
      await connection.createClip(request({ camera: exampleCameras.empty }), never);
      assert.equal(sim.made, 6);
    });
  });

  describe('a clip whose creation was not answered', () => {
    it('is found by title, camera, start and length', async () => {
      const sim = await startCloud();
      const provider = await openProvider(sim);
      sim.failNext({ kind: 'reset', when: 'reply' }, 'spliceV3');
      await assert.rejects(provider.createClip(request(), call), fails('ENETWORK', /creating/, { retryable: true }));
      assert.equal(sim.made, 1);
      const found = await provider.findClip!(request(), call);
      assert.deepEqual(
        [found?.id, found?.status, found?.camera, found?.start, found?.title],
        [sim.clips[0]!.uuid, 'finished', dock, request().start, 'Alarm 17'],
      );
      assert.equal(found?.ref?.devices, dock);
      assert.deepEqual(sent(sim, 'getClipsWithProgress').deviceUuidFilters, [exampleCameras.dock]);
      assert.equal(definition.idempotentCreate, false);
    });

    it('is not taken for another one, nor for one that failed', async () => {
      const sim = await startCloud();
      const provider = await openProvider(sim);
      const gate = exampleCameras.gate;
      const startMs = Date.parse(request().start);
      const same = { deviceUuids: [`${gate}.v0`], startMs, durationSec: 2, title: 'Alarm 17' };
      sim.putClip({ ...same, title: 'Alarm 18' });
      sim.putClip({ ...same, startMs: startMs + 2_001 });
      sim.putClip({ ...same, durationSec: 5 });
      sim.putClip({ ...same, deviceUuids: [`${gate}.v1`] });
      sim.putClip({ ...same, steps: failingSteps('no', 0) });
      sim.putClip({ ...same, steps: [{ status: 'DELETED', ms: Infinity }] });
      const wanted = request({ camera: gate });
      assert.equal(await provider.findClip!(wanted, call), undefined);
      const older = sim.putClip({ ...same });
      sim.advance(1000);
      const newer = sim.putClip({ ...same });
      for (const device of ['facet', 'bare', 'absent'] as const) {
        sim.options.status.device = device;
        sim.options.replies.longsAsText = device === 'bare';
        assert.equal((await provider.findClip!(wanted, call))?.id, newer.uuid);
      }
      sim.removeClip(newer.uuid);
      sim.options.list.time = 'footage';
      assert.equal((await provider.findClip!(wanted, call))?.id, older.uuid);
    });

    it('is found behind many others of its camera', async () => {
      const sim = await startCloud({ list: { time: 'creation' } });
      const provider = await openProvider(sim);
      const other = { deviceUuids: [dock], startMs: 1, durationSec: 1, steps: [{ status: 'RENDERING', ms: Infinity }] };
      const { start } = request();
      const wanted = { ...other, startMs: Date.parse(start), durationSec: 2, title: 'Alarm 17' };
      const { uuid } = sim.putClip(wanted);
      for (let count = 0; count < 450; count += 1) sim.putClip(other);
      assert.equal((await provider.findClip!(request(), call))?.id, uuid);
      assert.equal(sim.requestsFor('getClipsWithProgress').length, 3);
    });
  });

  it('names a camera that the vendor does not know', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    for (const refusal of ['in-band', '400', '404', '500'] as const) {
      sim.options.refusal = refusal;
      await assert.rejects(
        connection.createClip(request({ camera: 'n0_such-camera_1234567.v0' }), never),
        fails('ENOTFOUND', /Device not found.*camera n0_such-camera_1234567.v0, 2025/, { retryable: false }),
      );
    }
  });

  it('does not try again what it does not understand', async () => {
    const sim = await startCloud({ texts: { camera: 'Splice service says no' } });
    await assert.rejects(
      connectTo(sim).createClip(request({ camera: 'n0_such-camera_1234567' }), never),
      fails('EFAILED', /the server refused: Splice service says no/, { retryable: false }),
    );
  });

  it('works for the client of a partner', async () => {
    const sim = await startCloud();
    const settings = { authScheme: 'partner-api-token', organization: exampleKeys.organization };
    const connection = connectTo(sim, { token: exampleKeys.partner, settings });
    const clip = await createFinished(connection);
    await download(connection, clip);
    for (const { headers } of sim.requests) {
      assert.equal(headers['x-auth-scheme'], 'partner-api-token');
      assert.equal(headers['x-auth-org'], exampleKeys.organization);
    }
    assert.equal(sim.clips[0]!.organization, exampleKeys.organization);
  });

  it('names no organisation to the key of one', async () => {
    const sim = await startCloud();
    await connectTo(sim, { settings: { organization: 'left-over' } }).createClip(request(), never);
    assert.equal(sim.requests[0]!.headers['x-auth-org'], undefined);
  });

  describe('cancelling', () => {
    it('stops what is being made', async () => {
      const sim = await startCloud({ splice: { steps: () => [{ status: 'UPLOADING', ms: Infinity }] } });
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      assert.equal(await connection.cancelClip(clip, never), true);
      assert.deepEqual(sent(sim, 'cancelSpliceV2'), { clipUuid: clip.id, deviceUuids: [dock] });
      assert.deepEqual(sim.clips, []);
      // Again: there is nothing left to stop.
      for (const refusal of ['in-band', '404', '400'] as const) {
        sim.options.refusal = refusal;
        await connection.cancelClip({ ...clip, ref: undefined }, never);
      }
    });

    it('and deleting report what else is wrong', async () => {
      const sim = await startCloud();
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      sim.failNext({ kind: 'reply', reply: { status: 403, body: '{"error":"Forbidden","msg":"Access Denied"}' } });
      await assert.rejects(connection.cancelClip(clip, never), fails('EFORBIDDEN', /Access Denied \(cancelling /));
      sim.failNext({ kind: 'reply', reply: { body: '{"error":true,"errorMsg":"Clip is locked"}' } });
      await assert.rejects(connection.deleteClip(clip, never), fails('EFAILED', /Clip is locked \(deleting /));
    });

    it('and deleting do nothing to what is gone already', async () => {
      const sim = await startCloud();
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      sim.removeClip(clip.id);
      for (const deleteUnknown of ['fine', 'in-band', '404'] as const) {
        sim.options.deleteUnknown = deleteUnknown;
        await connection.deleteClip(clip, never);
      }
    });
  });
});
