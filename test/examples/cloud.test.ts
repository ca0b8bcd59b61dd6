// Runs the examples for Kinesis Video Streams and for Aipix, each against a simulator.
import assert from 'node:assert/strict';
import { relative } from 'node:path';
import { startAipix } from '../simulators/aipix';
import { exampleKey, footage, startKinesisVideo, stream } from '../simulators/kinesis-video';
import { eventually } from '../support/eventually';
import { examplesOf, findNode } from '../support/examples';
import { assertWhole, hasten, runExamples, type Saved } from './rig';

describe('the example for Kinesis Video Streams', function () {
  this.timeout(120_000);

  it('saves the video of a stream', async () => {
    const now = Date.now();
    const fragments = footage(now - 60_000, now);
    const sim = await startKinesisVideo({ streams: [stream('front-door', { fragments })] });
    const flow = hasten(await examplesOf('kinesis-video'));
    const connection = findNode(flow, 'clip-provider');
    connection.settings = { ...(connection.settings as object), endpoint: sim.url };
    const { accessKeyId: username, secretAccessKey: password } = exampleKey;
    const rig = await runExamples(flow, { credentials: { [connection.id]: { username, password } } });
    try {
      const title = 'Kinesis event to MP4';
      await rig.press(title, { camera: 'front-door', time: now - 20_000 });
      const saved = (await rig.shown(title, 'Video')) as Saved;
      await assertWhole(saved);
      assert.match(relative(rig.runtime.userDir, saved.filename), /^clips.front-door.[\dTZ-]+\.mp4$/);
      assert.deepEqual(rig.runtime.problems(), []);
    } finally {
      await rig.close();
      await sim.close();
    }
    assert.deepEqual(sim.errors, []);
  });
});

describe('the example for Aipix', function () {
  this.timeout(120_000);

  it('saves the video under the name of its camera and in local time, and deletes the export', async () => {
    const sim = await startAipix();
    const flow = hasten(await examplesOf('aipix'));
    const connection = findNode(flow, 'clip-provider');
    connection.settings = { ...(connection.settings as object), url: sim.url };
    connection.timezone = 'Asia/Kolkata';
    const login = { username: 'nodered', password: 's3cret-passw0rd' };
    const rig = await runExamples(flow, { credentials: { [connection.id]: login } });
    try {
      const title = 'Aipix event to MP4';
      const time = Date.parse('2026-01-01T20:00:00Z');
      sim.options.cameras[0]!.footage = [{ from: time - 60_000, to: time + 60_000 }];
      await rig.press(title, { camera: '2', time });
      const saved = (await rig.shown(title, 'Video')) as Saved;
      await assertWhole(saved);
      assert.match(relative(rig.runtime.userDir, saved.filename), /^clips.Yard.2026-01-02 01-29-57\.mp4$/);
      await eventually(() => assert.equal(sim.requestsFor('delete').length, 1));
      assert.deepEqual(rig.runtime.problems(), []);
    } finally {
      await rig.close();
      await sim.close();
    }
    assert.deepEqual(sim.errors, []);
  });
});
