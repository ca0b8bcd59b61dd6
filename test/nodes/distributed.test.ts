import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { BullEngine } from '../../lib/jobs/bullmq/engine';
import { recorder } from '../lib/jobs/rig';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis';
import { clipOf, credentials, dock, finishedClip, outcome, senseFlow } from '../support/sense-flow';

const password = 'p@ss:of/redis';

describeWithRedis('nodes that share their jobs in Redis', () => {
  let sim: VdgSense;
  let redis: RedisServer;
  beforeEach(async () => {
    [sim, redis] = await Promise.all([startVdgSense(), startRedis({ keeps: true, password })]);
  });
  afterEach(() => Promise.all([sim.close(), redis.close()]));

  type Changes = Parameters<typeof senseFlow>[1];
  const settings = () => ({ clipProviderJobs: { redis: redis.url } });
  const run = (test: (flow: Flow) => Promise<void>, changes: Changes = {}) =>
    withFlow(senseFlow(sim, changes), test, { credentials, settings: settings() });

  async function storedJobs(): Promise<string[]> {
    const client = new Redis(redis.url);
    try {
      const found = await Promise.all(
        ['jobs', 'transfers.sense'].map((queue) => client.keys(`video-clips:${queue}:*-*-*-*-*`)),
      );
      return found.flat();
    } finally {
      client.disconnect();
    }
  }

  it('hand on a verified file, complete every message, and leave nothing behind', () =>
    run(async (flow) => {
      for (let number = 0; number < 3; number += 1) flow.send('create', { camera: dock, number, topic: 'door' });
      for (let number = 0; number < 3; number += 1) {
        const message = await outcome(flow, 'file');
        const { file } = clipOf(message);
        assert.equal((await readFile(file!.path)).length, file!.size);
        assert.equal(message.topic, 'door');
      }
      for (let number = 0; number < 9; number += 1) await flow.next('completed');
      assert.deepEqual(flow.received('caught'), []);
      await eventually(async () => assert.deepEqual(await storedJobs(), []));
      assert.equal(sim.logins, 1);
      assert.ok(!existsSync(join(flow.userDir, 'video-clips', 'jobs')), 'nothing is kept on disk');
    }));

  it('wait for a Redis that refuses, say so, and lose nothing', async () => {
    const admin = new Redis(redis.url);
    const { port } = redis;
    const url = `redis://clips:pw@127.0.0.1:${port}`;
    const rules = ['~video-clips:*', '&video-clips:*', '+@all', '-@dangerous'];
    try {
      await admin.call('ACL', 'SETUSER', 'clips', 'on', '>pw', ...rules);
      await withFlow(
        senseFlow(sim),
        async (flow) => {
          flow.send('create', { camera: dock, topic: 'door' });
          const lines = () => flow.logged().filter((line) => line.includes('Redis'));
          await eventually(() => assert.equal(lines().length, 1));
          assert.match(lines()[0]!, /away, jobs wait for it: its user lacks the right to use info/);
          assert.ok(flow.statuses('create').length > 0);
          await admin.call('ACL', 'SETUSER', 'clips', '+info');
          assert.equal((await outcome(flow, 'file')).topic, 'door');
          assert.deepEqual(flow.received('caught'), []);
          assert.ok(lines().length < 10, lines().join('\n'));
        },
        { credentials, settings: { clipProviderJobs: { redis: url } } },
      );
    } finally {
      admin.disconnect();
    }
  });

  it('take what the message holds only in this process along, when they run there', () =>
    run(async (flow) => {
      flow.send('download', { clip: await finishedClip(sim), res: { socket: process.stdout } });
      const message = await outcome(flow, 'file');
      assert.ok(message.res);
    }));

  it('take an event once while the first request for it is unfinished', () =>
    run(
      async (flow) => {
        sim.options.latencyMs = 300;
        const [start, end] = [180_000, 120_000].map((ms) => new Date(Date.now() - ms).toISOString());
        for (let count = 0; count < 3; count += 1)
          flow.send('create', { camera: dock, event: { id: '7' }, start, end });
        await outcome(flow, 'file');
        for (let count = 0; count < 5; count += 1) await flow.next('completed');
        assert.equal(sim.requestsFor('addClip').length, 1);
      },
      { create: { range: 'between' } },
    ));

  it('send a failure to the third output', () =>
    run(async (flow) => {
      sim.options.queue.fails = () => 'no recordings';
      flow.send('create', { camera: dock });
      const { error } = await flow.next('failed');
      assert.equal((error as { code: string }).code, 'ENOFOOTAGE');
    }));

  it('cancel a job, here and at the vendor', () =>
    run(async (flow) => {
      sim.options.queue.makeMs = Infinity;
      flow.send('create', { camera: dock });
      await eventually(() => sim.requestsFor('getClips').length >= 2);
      flow.send('poll', { cancel: true });
      const { error } = await flow.next('failed');
      assert.equal((error as { code: string }).code, 'EABORTED');
      await eventually(() => sim.clips.length === 0);
      assert.deepEqual(await storedJobs(), []);
    }));

  it('go on after a redeploy', async () => {
    sim.options.queue.makeMs = Infinity;
    await run(async (flow) => {
      flow.send('create', { camera: dock, topic: 'kept' });
      await eventually(() => sim.requestsFor('getClips').length >= 1);
      await flow.deploy(senseFlow(sim));
      sim.options.queue.makeMs = 0;
      const message = await outcome(flow, 'file');
      assert.equal(message.topic, 'kept');
      assert.equal(sim.requestsFor('addClip').length, 1);
    });
  });

  it('go on with a download that a redeploy stopped', () =>
    run(
      async (flow) => {
        sim.options.download.largeMedia = 8 * 2 ** 20;
        const clip = await finishedClip(sim);
        sim.failNext({ kind: 'stall', afterBytes: 1000 }, 'downloadClip');
        flow.send('download', { clip });
        await eventually(() => sim.requestsFor('downloadClip').length === 1);
        await flow.deploy(senseFlow(sim));
        const message = await outcome(flow, 'file');
        assert.equal((await readFile(message.filename as string)).length, clipOf(message).file!.size);
      },
      { download: { filename: 'one.mp4' } },
    ));

  it('complete messages that another instance has sent on', () =>
    run(
      async (flow) => {
        const other = new BullEngine({ redis: redis.url, warn: () => undefined });
        const owner = recorder();
        const release = other.register('create', owner);
        try {
          let sent = 0;
          while (owner.outcomes.length === 0) {
            flow.send('create', { camera: dock });
            await flow.next('completed');
            sent += 1;
          }
          assert.deepEqual(flow.received('caught'), []);
          assert.equal(flow.received('created').length + owner.outcomes.length, sent);
        } finally {
          await release();
          await other.close();
        }
      },
      { create: { wires: [['created']] } },
    ));

  it('drop the jobs of a node that is deleted', () =>
    run(
      async (flow) => {
        flow.send('create', { camera: dock });
        await eventually(async () => (await storedJobs()).length === 1);
        await flow.deploy(senseFlow(sim).filter(({ id }) => id !== 'create'));
        await eventually(() => flow.logged().some((line) => /dropped 1/i.test(line)));
        assert.deepEqual(await storedJobs(), []);
      },
      { create: { after: 60 } },
    ));

  it('show that Redis is away, and go on when it is back', () =>
    run(async (flow) => {
      const shows = (text: string): boolean => flow.statuses('poll').at(-1)?.text?.includes(text) ?? false;
      sim.options.queue.makeMs = Infinity;
      flow.send('create', { camera: dock });
      await eventually(() => sim.requestsFor('getClips').length >= 1);
      await redis.stop();
      await eventually(() => shows('paused'));
      assert.deepEqual([flow.statuses('poll').at(-1)?.fill, flow.statuses('poll').at(-1)?.shape], ['yellow', 'ring']);
      flow.send('create', { camera: dock });
      sim.options.queue.makeMs = 0;
      await redis.start();
      for (let number = 0; number < 2; number += 1) await outcome(flow, 'file');
      assert.ok(!shows('paused'));
      assert.equal(flow.logged().filter((line) => /Redis .* is away/.test(line)).length, 1);
      assert.equal(flow.logged().filter((line) => /Redis .* is back/.test(line)).length, 1);
    }));

  it('never show the password of Redis or of the vendor', () =>
    run(async (flow) => {
      flow.send('create', { camera: dock });
      await outcome(flow, 'file');
      await redis.stop();
      await eventually(() => flow.logged().some((line) => line.includes('is away')));
      const nodes = ['created', 'polled', 'progress', 'file', 'downloading', 'caught', 'completed'];
      const seen = JSON.stringify([
        nodes.map((id) => flow.received(id)),
        ['create', 'poll', 'download'].map((id) => flow.statuses(id)),
        flow.logged(),
      ]);
      for (const secret of [password, encodeURIComponent(password), 's3cret']) assert.ok(!seen.includes(secret));
      await redis.start();
    }));

  it('take the address from the environment, too', async () => {
    process.env.CLIP_JOBS_REDIS = redis.url;
    try {
      await withFlow(
        senseFlow(sim, { create: { after: 60 } }),
        async (flow) => {
          flow.send('create', { camera: dock });
          await eventually(async () => (await storedJobs()).length === 1);
        },
        { credentials },
      );
    } finally {
      delete process.env.CLIP_JOBS_REDIS;
    }
  });
});

describe('nodes that were told to share their jobs, but cannot,', () => {
  for (const redis of ['localhost', 6379, '']) {
    it(`take nothing on with ${JSON.stringify(redis)} as the address of Redis, and say why`, async () => {
      const sim = await startVdgSense();
      try {
        await withFlow(
          senseFlow(sim),
          async (flow) => {
            assert.equal(flow.logged().filter((line) => /The address of Redis/.test(line)).length, 1);
            flow.send('create', { camera: dock });
            const { error } = await flow.next('caught');
            assert.equal((error as { code: string }).code, 'EINVALID');
            assert.match((error as { message: string }).message, /address of Redis/);
            assert.deepEqual(sim.requests, []);
            assert.ok(!existsSync(join(flow.userDir, 'video-clips')));
          },
          { credentials, settings: { clipProviderJobs: { redis } } },
        );
      } finally {
        await sim.close();
      }
    });
  }
});
