/** Stored jobs whose inside is not what it should be: each is raised as an error, and the others go on. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { withFlow } from '../support/flows';
import { credentials, finishedClip, senseFlow } from '../support/sense-flow';

describe('stored jobs of an odd shape', () => {
  const message = { _msgid: 'x', kept: true };
  const odd: Record<string, object> = {
    nothing: { nodeId: 'poll', data: {} },
    numbers: { nodeId: 'poll', data: { message: 5, task: 7 } },
    lists: { nodeId: 'poll', data: { message: [], task: [] } },
    'no-clip': { nodeId: 'poll', data: { message, task: { connection: 'sense' } } },
    'half-clip': { nodeId: 'poll', data: { message, task: { connection: 'sense', clip: { start: 5 } } } },
    'no-connection': {
      nodeId: 'download',
      data: { message, task: { connection: {}, clip: null, output: 'file', filename: 7 } },
    },
    create: { nodeId: 'create', data: { message, task: { connection: 'sense' } } },
  };

  it('are raised as errors, are listed nowhere, and keep no other job from going on', async () => {
    const sim = await startVdgSense({ queue: { makeMs: 0 } });
    const userDir = await mkdtemp(join(tmpdir(), 'clips-user-'));
    const folder = join(userDir, 'video-clips', 'jobs');
    const store = (id: string, job: object): Promise<void> =>
      writeFile(
        join(folder, `${id}.json`),
        JSON.stringify({ version: 1, id, createdAt: 1, runAt: 1, failures: 0, ...job }),
      );
    try {
      await mkdir(folder, { recursive: true });
      for (const [id, job] of Object.entries(odd)) await store(id, job);
      const clip = { ...(await finishedClip(sim)), status: 'pending' };
      const task = { connection: 'sense', clip, intervalMs: 100, maxIntervalMs: 100, polls: 0, misses: 0 };
      await store('whole', { nodeId: 'poll', data: { message, task } });
      const flow = senseFlow(sim, { poll: { wires: [['polled'], [], []] } });
      await withFlow(
        flow,
        async ({ next, received }) => {
          assert.equal((await next('polled')).kept, true);
          await eventually(() => assert.equal(received('caught').length, Object.keys(odd).length));
          for (const { error } of received('caught')) {
            assert.match(
              (error as Error).message,
              /^This unfinished work cannot go on \(what is stored of it has another shape\)/,
            );
          }
          await eventually(async () => assert.deepEqual(await readdir(folder), []));
        },
        { credentials, userDir },
      );
    } finally {
      await rm(userDir, { recursive: true, force: true });
      await sim.close();
    }
  });
});
