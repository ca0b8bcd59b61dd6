import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis';
import { clipOf, credentials, dock, finishedClip, outcome, senseFlow } from '../support/sense-flow';

const waits = /\[video clips\] (\d+) job\(s\) wait for the connection "sense"/;

function describeJobs(settings: () => object): void {
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense();
  });
  afterEach(() => sim.close());

  const disabled = () => senseFlow(sim).map((node) => (node.id === 'sense' ? { ...node, d: true } : node));

  /** Jobs of two nodes are on their way when their connection is disabled: one waits for its clip, one transfers. */
  const run = (test: (flow: Flow) => Promise<void>) =>
    withFlow(
      senseFlow(sim),
      async (flow) => {
        sim.options.download.largeMedia = 2_000_000;
        const clip = await finishedClip(sim);
        sim.options.queue.makeMs = Infinity;
        flow.send('create', { camera: dock, topic: 'created' });
        await eventually(() => sim.requestsFor('getClips').length >= 1);
        sim.failNext({ kind: 'stall', afterBytes: 1_000_000 }, 'downloadClip');
        flow.send('download', { clip, topic: 'transferred' });
        await eventually(() => sim.requestsFor('downloadClip').length === 1);
        await flow.deploy(disabled());
        await test(flow);
      },
      { credentials, settings: settings() },
    );

  it('wait, which is logged once, and go on when it is enabled', () =>
    run(async (flow) => {
      await eventually(() => flow.logged().some((line) => waits.exec(line)?.[1] === '2'));
      const asked = sim.requests.length;
      sim.options.queue.makeMs = 0;
      await flow.deploy(senseFlow(sim));
      const topics = [(await outcome(flow, 'file')).topic, (await outcome(flow, 'file')).topic];
      assert.deepEqual(topics.sort(), ['created', 'transferred']);
      assert.ok(sim.requests.length > asked);
      assert.equal(flow.logged().filter((line) => waits.test(line)).length, 1);
      assert.deepEqual(flow.received('caught'), []);
    }));

  it('can be cancelled', () =>
    run(async (flow) => {
      flow.send('poll', { cancel: true });
      flow.send('download', { cancel: true });
      const { error } = await flow.next('failed');
      assert.equal((error as { code: string }).code, 'EABORTED');
      const message = await flow.next('caught');
      assert.equal((message.error as { code: string }).code, 'EABORTED');
      assert.equal(clipOf(message).file, undefined);
      await eventually(() => flow.logged().some((line) => /Cancelled here, but not at the vendor/.test(line)));
    }));
}

describe('jobs whose connection is disabled', () => describeJobs(() => ({})));

describeWithRedis('jobs in Redis whose connection is disabled', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.close());
  describeJobs(() => ({ clipProviderJobs: { redis: redis.url } }));
});
