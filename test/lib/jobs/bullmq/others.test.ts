import assert from 'node:assert/strict';
import type { JobNote } from '../../../../lib/jobs/bullmq/cluster';
import { meetOthers, type Others } from '../../../../lib/jobs/bullmq/cluster';
import type { Met } from '../../../../lib/jobs/bullmq/cluster';
import { checkRedisUrl, connectRedis, loadPackages } from '../../../../lib/jobs/bullmq/redis';
import { eventually } from '../../../support/eventually';
import { describeWithRedis } from '../../../support/redis';
import { hourMs, redisRig } from './rig';

describeWithRedis('instances on one Redis', () => {
  const rig = redisRig();

  /** What one of them finds. Its next beat is an hour away: whatever it hears of others, it is told. */
  function start(name: string) {
    const redis = connectRedis(checkRedisUrl(rig.redis.url), loadPackages(), assert.fail);
    const found = { owners: [name], met: [] as Met[], heard: [] as JobNote[] };
    const others: Others = meetOthers(redis, {
      prefix: rig.prefix,
      beatMs: hourMs,
      owners: () => found.owners,
      hear: (note) => void found.heard.push(note),
      met: (met) => void found.met.push(met),
      also: async () => undefined,
    });
    rig.cleanup(() => {
      others.stop();
      redis.close();
    });
    return { ...found, found, others };
  }

  type One = ReturnType<typeof start>;
  const sees = (one: One, instances: number, owners: string[]): Promise<void> =>
    eventually(() => {
      const last = one.met.at(-1);
      assert.deepEqual([last?.instances, [...(last?.owners ?? [])].sort()], [instances, owners]);
    });

  async function startBoth(): Promise<[One, One]> {
    const one = start('a');
    await eventually(async () => {
      one.others.greet();
      assert.ok(one.met.length > 0);
    });
    const two = start('b');
    await eventually(async () => {
      two.others.greet();
      assert.ok(two.met.length > 0);
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
    two.found.owners = [];
    await two.others.leave();
    await sees(one, 1, ['a', 'b']);
    assert.deepEqual([...(await one.others.owners())].sort(), ['a', 'b']);
  });

  it('take no part while they have no owners', async () => {
    const one = start('a');
    one.found.owners = [];
    one.others.greet();
    const two = start('b');
    await eventually(() => {
      two.others.greet();
      assert.ok(two.met.length > 0);
    });
    await sees(two, 1, ['b']);
    assert.deepEqual(one.met, []);
  });

  it('tell one another about jobs, and never themselves', async () => {
    const [one, two] = await startBoth();
    await sees(one, 2, ['a', 'b']);
    const note: JobNote = { type: 'ended', id: 'job', owner: 'a', how: 'done' };
    two.others.tell(note);
    await eventually(() => assert.equal(one.heard.length, 1));
    const { id, owner, type } = one.heard[0]!;
    assert.deepEqual({ id, owner, type }, { id: 'job', owner: 'a', type: 'ended' });
    assert.deepEqual(two.heard, []);
  });
});
