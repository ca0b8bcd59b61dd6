import assert from 'node:assert/strict';
import { handOver } from '../../../../lib/jobs/bullmq/hand-over';
import { describeWithRedis, startRedis, type RedisServer } from '../../../support/redis';
import { redisRig } from './rig';

describeWithRedis('an outcome that is told again after a crash', () => {
  const rig = redisRig();
  let server: RedisServer;
  before(async () => void (server = await startRedis()));
  after(() => server.close());

  const from = { id: 'parent', count: 0 };
  const crash = new Error('crash');

  function aHandOver() {
    const stored: string[] = [];
    const client = rig.observe(server.url);
    return {
      ...handOver(client, rig.prefix),
      client,
      stored,
      add: async (id: string) => void stored.push(id),
      addAndCrash: async (id: string) => {
        stored.push(id);
        throw crash;
      },
    };
  }

  it('leads to the same job where that waits still', async () => {
    const { add, addAndCrash, addOnce, stored } = aHandOver();
    await assert.rejects(addOnce(from, { id: 'first', nodeId: 'node' }, addAndCrash), crash);
    assert.equal(await addOnce(from, { id: 'second', nodeId: 'node' }, add), 'first');
    assert.deepEqual(stored, ['first', 'first'], 'a job of this id is stored once');
  });

  it('adds nothing where the job has run since, and may be over', async () => {
    const { add, addAndCrash, addOnce, began, stored } = aHandOver();
    await assert.rejects(addOnce(from, { id: 'first', nodeId: 'node' }, addAndCrash), crash);
    await began({ id: 'first', parentJobId: 'parent' });
    assert.equal(await addOnce(from, { id: 'second', nodeId: 'node' }, add), 'first');
    assert.deepEqual(stored, ['first']);
  });

  it('adds the job where the crash came before', async () => {
    const { add, addOnce, stored } = aHandOver();
    await assert.rejects(
      addOnce(from, { id: 'first', nodeId: 'node' }, () => Promise.reject(crash)),
      crash,
    );
    assert.equal(await addOnce(from, { id: 'second', nodeId: 'node' }, add), 'first');
    assert.deepEqual(stored, ['first']);
  });

  it('is forgotten once it was told to its end, also by jobs that begin later', async () => {
    const { add, addOnce, began, client, forget } = aHandOver();
    await addOnce(from, { id: 'first', nodeId: 'node' }, add);
    forget('parent');
    await began({ id: 'first', parentJobId: 'parent' });
    assert.deepEqual(await client.keys(`${rig.prefix}:from:*`), []);
  });
});
