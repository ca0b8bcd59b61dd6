import assert from 'node:assert/strict';
import { eventually } from '../../../support/eventually';
import { describeWithRedis, startRedis, type RedisServer } from '../../../support/redis';
import { hanging, outcomesOf, recorder } from '../rig';
import { hasty, hourMs, redisRig } from './rig';

describeWithRedis('a Redis that has lost its data', () => {
  const rig = redisRig();
  let server: RedisServer;
  beforeEach(async () => {
    server = await startRedis({ forgets: true });
    rig.cleanup(() => server.close());
  });

  for (const [how, lose] of [
    ['was emptied', () => rig.observe(server.url).flushall()],
    ['has restarted empty', () => server.stop().then(() => server.start())],
  ] as const) {
    it(`because it ${how}: what an instance had taken in ends once, as an error, and the log says why`, async () => {
      const engines = [rig.start({ ...hasty, url: server.url }), rig.start({ ...hasty, url: server.url })];
      const handlers = engines.map(() => recorder(hanging));
      engines.forEach((engine, index) => engine.register('node', handlers[index]!));
      const waiting = await engines[0]!.add({ nodeId: 'node', data: {}, runAt: Date.now() + hourMs });
      const running = await engines[1]!.add({ nodeId: 'node', data: {}, runAt: 0 });
      const outcomes = (): [string, string][] => handlers.flatMap(outcomesOf).sort();
      await eventually(() => handlers.flatMap(({ runs }) => runs).length === 1);
      // All instances have seen the data by now.
      await eventually(async () => assert.ok(await rig.observe(server.url).get(`${rig.prefix}:data-id`)));
      await new Promise((resolve) => setTimeout(resolve, 200));
      await lose();
      await eventually(() => assert.deepEqual(outcomes(), [waiting, running].map(({ id }) => [id, 'EFAILED']).sort()));
      assert.match(rig.warnings.join('\n'), /has lost \d job\(s\).*they end as errors\. Switch its persistence on/);
      const next = await engines[0]!.add({ nodeId: 'node', data: {}, runAt: Date.now() + hourMs });
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(outcomes().length, 2);
      assert.deepEqual(
        (await engines[0]!.list()).map(({ id }) => id),
        [next.id],
      );
    });
  }
});
