import assert from 'node:assert/strict';
import type { JobMessage } from '../../../../lib/jobs/bullmq/cluster';
import { joinCluster, type Cluster } from '../../../../lib/jobs/bullmq/cluster';
import type { Membership } from '../../../../lib/jobs/bullmq/cluster';
import { connectRedis, loadPackages } from '../../../../lib/jobs/bullmq/redis';
import { readRedisSettings } from '../../../../lib/jobs/bullmq/settings';
import { eventually } from '../../../support/eventually';
import { describeWithRedis } from '../../../support/redis';
import { hourMs, redisRig } from './rig';

describeWithRedis('instances on one Redis', () => {
  const rig = redisRig();

  /** What one of them finds. Its next beat is an hour away: whatever it hears of others, it is told. */
  function start(name: string) {
    const redis = connectRedis(readRedisSettings(rig.redis.url), loadPackages(), assert.fail);
    const found = { nodeIds: [name], onMembership: [] as Membership[], onEnded: [] as JobMessage[] };
    const cluster: Cluster = joinCluster(redis, {
      prefix: rig.prefix,
      heartbeatMs: hourMs,
      nodeIds: () => found.nodeIds,
      onMessage: (message) => void found.onEnded.push(message),
      onMembership: (onMembership) => void found.onMembership.push(onMembership),
      onHeartbeat: async () => undefined,
    });
    rig.cleanup(() => {
      cluster.stop();
      redis.close();
    });
    return { ...found, found, cluster };
  }

  type One = ReturnType<typeof start>;
  const sees = (one: One, instances: number, nodeIds: string[]): Promise<void> =>
    eventually(() => {
      const last = one.onMembership.at(-1);
      assert.deepEqual([last?.instances, [...(last?.nodeIds ?? [])].sort()], [instances, nodeIds]);
    });

  async function startBoth(): Promise<[One, One]> {
    const one = start('a');
    await eventually(async () => {
      one.cluster.announce();
      assert.ok(one.onMembership.length > 0);
    });
    const two = start('b');
    await eventually(async () => {
      two.cluster.announce();
      assert.ok(two.onMembership.length > 0);
    });
    return [one, two];
  }

  it('hear of one another as soon as one of them comes', async () => {
    const [one, two] = await startBoth();
    await sees(two, 2, ['a', 'b']);
    await sees(one, 2, ['a', 'b']);
  });

  it('hear of it when one of them goes, and what it had is not forgotten', async () => {
    const [one, two] = await startBoth();
    await sees(one, 2, ['a', 'b']);
    two.found.nodeIds = [];
    await two.cluster.leave();
    await sees(one, 1, ['a', 'b']);
    assert.deepEqual([...(await one.cluster.nodeIds())].sort(), ['a', 'b']);
  });

  it('take no part while they have no handlers', async () => {
    const one = start('a');
    one.found.nodeIds = [];
    one.cluster.announce();
    const two = start('b');
    await eventually(() => {
      two.cluster.announce();
      assert.ok(two.onMembership.length > 0);
    });
    await sees(two, 1, ['b']);
    assert.deepEqual(one.onMembership, []);
  });

  it('tell one another about jobs, and never themselves', async () => {
    const [one, two] = await startBoth();
    await sees(one, 2, ['a', 'b']);
    const message: JobMessage = { type: 'ended', id: 'job', nodeId: 'a', how: 'done' };
    two.cluster.send(message);
    await eventually(() => assert.equal(one.onEnded.length, 1));
    const { id, nodeId, type } = one.onEnded[0]!;
    assert.deepEqual({ id, nodeId, type }, { id: 'job', nodeId: 'a', type: 'ended' });
    assert.deepEqual(two.onEnded, []);
  });
});
