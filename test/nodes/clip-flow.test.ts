import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clip } from '../../lib/provider';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { withFlow } from '../support/flows';

describe('create, poll and download in a flow', () => {
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense();
  });
  afterEach(() => sim.close());

  const flow = () => [
    { id: 'sense', type: 'clip-provider', provider: 'vdg-sense', settings: { url: sim.url } },
    { id: 'create', type: 'create-clip', connection: 'sense', before: 4, after: 0, settle: 0, wires: [['poll']] },
    { id: 'poll', type: 'poll-clip', interval: 0.1, wires: [['download'], ['progress'], ['failed']] },
    { id: 'download', type: 'download-clip', wires: [['file']] },
    { id: 'progress', type: 'helper' },
    { id: 'failed', type: 'helper' },
    { id: 'file', type: 'helper' },
    { id: 'caught', type: 'helper' },
    { id: 'catcher', type: 'catch', scope: null, uncaught: false, wires: [['caught']] },
  ];
  const credentials = { sense: { username: 'nodered', password: 's3cret' } };

  it('hand on a verified file', async () => {
    await withFlow(
      flow(),
      async ({ send, next, userDir, received }) => {
        send('create', { camera: '6917529027641081901/2', payload: 'alarm', other: { kept: true } });
        const message = await Promise.race([
          next('file'),
          next('caught').then((m) => assert.fail(JSON.stringify(m.error))),
          next('failed').then((m) => assert.fail(JSON.stringify(m.error))),
        ]);
        const { file, ...clip } = message.clip as Clip;
        assert.equal(clip.provider, 'vdg-sense');
        assert.equal(clip.connection, 'sense');
        assert.equal(clip.status, 'finished');
        assert.equal(message.filename, file!.path);
        assert.equal(message.payload, file!.path);
        assert.deepEqual(message.other, { kept: true });
        const bytes = await readFile(file!.path);
        assert.equal(bytes.length, file!.size);
        assert.equal(createHash('sha256').update(bytes).digest('hex'), file!.sha256);
        assert.equal(file!.codec, 'h264');
        assert.ok(Math.abs(file!.duration! - 4) < 0.5, `duration ${file!.duration}`);
        assert.deepEqual(file!.problems, []);
        assert.ok(received('progress').length >= 1);
        assert.deepEqual(await readdir(join(userDir, 'video-clips', 'jobs')), []);
        assert.equal(sim.logins, 1);
      },
      { credentials },
    );
  });
});
