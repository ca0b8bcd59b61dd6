// Tests: frigate is started again in the middle of its work.
import assert from 'node:assert/strict';
import { pollOrRecreate } from '../../../../lib/clips/recreate';
import type { PollJobData } from '../../../../lib/clips/poll';
import type { Connection } from '../../../../lib/connection/connection';
import type { Clip } from '../../../../lib/provider';
import { done, runJob } from '../../../contract/rig';
import type { Frigate } from '../../../simulators/frigate';
import { closeAll, connectTo, download, never, request, start } from './support';

/** Waits for a clip as a job does; a minute passes on the server between two looks. */
function wait(sim: Frigate, connection: Connection, clip: Clip, between: () => void): Promise<PollJobData> {
  const work: PollJobData = { connection: 'nvr', clip, intervalMs: 1000, maxIntervalMs: 1000, polls: 0, misses: 0 };
  const rounds = (job: Parameters<typeof pollOrRecreate>[0], context: Parameters<typeof pollOrRecreate>[2]) =>
    pollOrRecreate(job, connection, context, sim.now);
  return done(runJob(work, rounds, { between }));
}

describe('Frigate: a restart in the middle', () => {
  afterEach(closeAll);

  it('that loses the queue leads to one more export, and to no other', async () => {
    const sim = await start({ exports: { makeMs: 30_000, workers: 0 } });
    const connection = connectTo(sim);
    const made = await connection.createClip(request(), never);
    let looks = 0;
    const { clip } = await wait(sim, connection, made, () => {
      looks += 1;
      if (looks === 2) {
        sim.restart();
        sim.options.exports.workers = 3;
      }
      sim.advance(10_000);
    });
    assert.equal(clip.status, 'finished');
    assert.equal(sim.exports.length, 2);
    assert.notEqual(clip.id, made.id);
    assert.equal((await download(connection, clip)).length, clip.size);
  });
});
