/** Versions of Redis: what they are taken for by what they say of themselves, and a server that lacks a newer command. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { inspect } from '../../../../lib/jobs/bullmq/inspect';
import { eventually } from '../../../support/eventually';
import { describeWithRedis, startRedis } from '../../../support/redis';
import { recorder } from '../rig';
import { quick, redisRig } from './rig';

describeWithRedis('Redis of version', () => {
  const rig = redisRig();

  /** The server, with another version in its INFO. */
  async function calling(version: string): Promise<Redis> {
    const client = rig.observe();
    // The client looks into it itself when it connects.
    await once(client, 'ready');
    const told = async (): Promise<string> =>
      String(await client.call('INFO')).replace(/^redis_version:.*$/m, `redis_version:${version}`);
    return Object.assign(client, { info: told });
  }

  const versions: [version: string, isUsed: boolean][] = [
    ['4.0.14', false],
    ['4.9.9', false],
    ['5.0.0', true],
    ['5.0.14', true],
    ['6.2.14', true],
    ['7.2.5', true],
    ['10.0.0', true],
    ['', true],
    ['unknown', true],
  ];
  for (const [version, isUsed] of versions) {
    it(`${JSON.stringify(version)} is ${isUsed ? 'used' : 'refused, in one sentence'}`, async () => {
      const { refused } = await inspect(await calling(version), rig.observe(), rig.prefix, 'instance');
      assert.equal(refused, isUsed ? undefined : `it is version ${version}, and BullMQ needs 5.0.0 or later`);
    });
  }

  it('5, which does not know LPOS, runs jobs', async () => {
    const server = await startRedis({ more: ['--rename-command', 'LPOS', ''] });
    rig.cleanup(() => server.close());
    const engine = rig.start({ ...quick, url: server.url });
    const handler = recorder();
    engine.register('node', handler);
    await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    await eventually(() => assert.equal(handler.outcomes.length, 1));
    assert.deepEqual(
      rig.warnings.filter((text) => /away|unknown/.test(text)),
      [],
    );
  });
});
