import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { withFlow } from '../support/flows';
import { clipOf, credentials, dock, outcome, senseFlow } from '../support/sense-flow';

describe('create-clip, poll-clip and download-clip together', () => {
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense();
  });
  afterEach(() => sim.close());

  it('hand on a verified file and leave everything else of the message alone', async () => {
    await withFlow(
      senseFlow(sim),
      async (flow) => {
        flow.send('create', { camera: dock, payload: 'alarm', topic: 'door', other: { kept: true } });
        const created = await outcome(flow, 'created');
        assert.equal(created.payload, 'alarm');
        assert.equal(clipOf(created).status, 'pending');
        const polled = await outcome(flow, 'polled');
        assert.equal(polled.payload, 'alarm');
        const message = await outcome(flow, 'file');
        const { file, ...clip } = clipOf(message);
        assert.deepEqual(
          { provider: clip.provider, connection: clip.connection, camera: clip.camera, status: clip.status },
          { provider: 'vdg-sense', connection: 'sense', camera: dock, status: 'finished' },
        );
        assert.equal(message.filename, file!.path);
        assert.equal(message.payload, file!.path);
        assert.equal(message.topic, 'door');
        assert.deepEqual(message.other, { kept: true });

        const bytes = await readFile(file!.path);
        assert.equal(bytes.length, file!.size);
        assert.equal(createHash('sha256').update(bytes).digest('hex'), file!.sha256);
        assert.deepEqual([file!.codec, file!.width, file!.height], ['h264', 640, 360]);
        assert.ok(Math.abs(file!.duration! - 4) < 0.5, `duration ${file!.duration}`);
        assert.deepEqual(file!.problems, []);
        assert.equal(JSON.stringify(message.clip), JSON.stringify(JSON.parse(JSON.stringify(message.clip))));
      },
      { credentials },
    );
  });

  it('log in once, complete every message, and leave no job behind', async () => {
    await withFlow(
      senseFlow(sim),
      async (flow) => {
        for (let i = 0; i < 5; i += 1) flow.send('create', { camera: dock, number: i, start: i });
        for (let i = 0; i < 5; i += 1) await outcome(flow, 'file');
        assert.equal(sim.logins, 1);
        for (let i = 0; i < 15; i += 1) await flow.next('completed');
        assert.equal(flow.received('completed').length, 15);
        await eventually(async () => assert.deepEqual(await readdir(join(flow.userDir, 'video-clips', 'jobs')), []));
        assert.deepEqual(flow.received('caught'), []);
      },
      { credentials },
    );
  });

  it('never show a secret in a message, a status or the log', async () => {
    await withFlow(
      senseFlow(sim),
      async (flow) => {
        flow.send('create', { camera: dock });
        await outcome(flow, 'file');
        sim.failNext({ kind: 'reply', reply: { status: 500, body: 'your password is s3cret' } }, 'addClip', 99);
        flow.send('create', { camera: dock });
        await eventually(() => flow.statuses('create').some(({ text }) => text?.includes('retrying')));
        const seen = JSON.stringify([
          ['created', 'polled', 'progress', 'file', 'downloading', 'caught', 'completed'].map((id) =>
            flow.received(id),
          ),
          ['create', 'poll', 'download'].map((id) => flow.statuses(id)),
          flow.logged(),
        ]);
        assert.ok(!seen.includes('s3cret'));
        for (const key of sim.sessions.keys()) assert.ok(!seen.includes(key));
      },
      { credentials },
    );
  });
});
