import assert from 'node:assert/strict';
import { eventually } from '../../../support/eventually';
import { describeWithRedis } from '../../../support/redis';
import { quick, redisRig } from './rig';

describeWithRedis('states of nodes in Redis', () => {
  const rig = redisRig();

  it('are for one instance at a time, and for the next one when it ends', async () => {
    const [one, two] = [rig.start(quick).sharedStates(), rig.start(quick).sharedStates()];
    const lease = await one.lease('connection');
    assert.ok(lease);
    assert.equal(await two.lease('connection'), undefined);
    await lease.write('node', { cursor: '7' });
    await lease.release();
    const next = await two.lease('connection');
    assert.deepEqual(await next?.read('node'), { cursor: '7' });
    await assert.rejects(lease.write('node', { cursor: '6' }), { code: 'EABORTED' });
    assert.deepEqual(await next?.read('node'), { cursor: '7' });
    await next?.remove('node');
    assert.equal(await next?.read('node'), undefined);
  });

  it('are taken over from an instance that is silent, which then writes nothing any more', async () => {
    const silent = rig.start({ ...quick, leaseMs: 60_000 }).sharedStates();
    const lease = await silent.lease('connection');
    // As when it has been silent for so long.
    const client = rig.observe();
    await client.del(`${rig.prefix}:feed:connection`);
    const other = await rig.start(quick).sharedStates().lease('connection');
    await other!.write('node', { cursor: '8' });
    await assert.rejects(lease!.write('node', { cursor: '7' }), { code: 'EABORTED' });
    assert.ok(lease!.lost.aborted);
    assert.deepEqual(await other!.read('node'), { cursor: '8' });
  });

  it('are kept for as long as the instance lives', async () => {
    const lease = await rig
      .start({ ...quick, leaseMs: 200 })
      .sharedStates()
      .lease('connection');
    const other = rig.start(quick).sharedStates();
    for (let count = 0; count < 4; count += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(await other.lease('connection'), undefined);
    }
    await lease!.release();
    await eventually(async () => (await other.lease('connection')) !== undefined);
  });
});
