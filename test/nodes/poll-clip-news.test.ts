import assert from 'node:assert/strict';
import type { Clip } from '../../lib/provider';
import { startAipix, type Aipix } from '../simulators/aipix';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';

/** Nothing but news can end these waits within a test. */
const seldom = { interval: 3600, maxInterval: 3600 };

describe('poll-clip on news', () => {
  let sim: Aipix;
  beforeEach(async () => {
    sim = await startAipix({ making: { makeMs: Infinity }, record: { statusIn: [] } });
  });
  afterEach(() => sim.close());

  const vms = (id: string) => ({ id, type: 'clip-provider', provider: 'aipix', settings: { url: sim.url } });
  const items = () => [
    vms('vms'),
    vms('vms2'),
    { id: 'create', type: 'create-clip', connection: 'vms', before: 4, after: 0, settle: 0, wires: [['created']] },
    { id: 'create2', type: 'create-clip', connection: 'vms2', before: 4, after: 0, settle: 0, wires: [['created']] },
    { id: 'poll', type: 'poll-clip', ...seldom, wires: [['polled'], ['progress'], ['failed']] },
    { id: 'poll2', type: 'poll-clip', ...seldom, wires: [['polled2']] },
    ...['created', 'polled', 'polled2', 'progress', 'failed'].map((id) => ({ id, type: 'helper' })),
  ];
  const account = { username: 'nodered', password: 's3cret-passw0rd' };
  const run = (test: (flow: Flow) => Promise<void>) =>
    withFlow(items(), test, { credentials: { vms: account, vms2: account } });

  async function create(flow: Flow, node = 'create'): Promise<Clip> {
    flow.send(node, { camera: '2' });
    return (await flow.next('created')).clip as Clip;
  }

  /** Sends a clip to be polled, and waits for the first poll. */
  async function wait(flow: Flow, clip: Clip, node = 'poll'): Promise<void> {
    const before = sim.requestsFor('list').length;
    flow.send(node, { clip });
    await eventually(() => assert.ok(sim.requestsFor('list').length > before));
    await eventually(() => assert.ok(flow.statuses(node).length > 0));
  }

  /** Sends another clip, whose first poll is in no hurry. */
  async function join(flow: Flow, clip: Clip): Promise<void> {
    flow.send('poll', { clip });
    await eventually(() => flow.statuses('poll').some(({ text }) => text?.includes('several')));
  }

  it('hands on a clip as soon as the vendor tells that it is finished', () =>
    run(async (flow) => {
      const clip = await create(flow);
      await wait(flow, clip);
      sim.finish(clip.id);
      assert.equal(((await flow.next('polled')).clip as Clip).id, clip.id);
    }));

  it('does so for each of the nodes that wait for it', () =>
    run(async (flow) => {
      const clip = await create(flow);
      await wait(flow, clip);
      flow.send('poll2', { clip });
      await eventually(() => assert.equal(flow.statuses('poll2').length, 1));
      sim.finish(clip.id);
      await Promise.all([flow.next('polled'), flow.next('polled2')]);
    }));

  it('asks only for the clip that they are about', () =>
    run(async (flow) => {
      const [one, two] = [await create(flow), await create(flow)];
      await wait(flow, one);
      await join(flow, two);
      sim.finish(two.id);
      assert.equal(((await flow.next('polled')).clip as Clip).id, two.id);
      const progress = flow.received('progress').map((message) => (message.clip as Clip).id);
      assert.equal(progress.filter((id) => id === one.id).length, 1);
    }));

  it('asks for all of its clips when it is not told which', () =>
    run(async (flow) => {
      sim.options.push.failure = 'anonymous';
      const [one, two] = [await create(flow), await create(flow)];
      await wait(flow, one);
      await join(flow, two);
      sim.records[0]!.state = 'ready';
      sim.options.record.statusIn = ['users/downloads'];
      sim.finish(two.id, 'failed');
      assert.equal(((await flow.next('polled')).clip as Clip).id, one.id);
      assert.equal(((await flow.next('failed')).clip as Clip).id, two.id);
    }));

  it('is not disturbed by those of another connection', () =>
    run(async (flow) => {
      const [one, two] = [await create(flow), await create(flow, 'create2')];
      await wait(flow, one);
      await wait(flow, two);
      const before = sim.requestsFor('list').length;
      sim.finish(two.id);
      await flow.next('polled');
      assert.equal(sim.requestsFor('list').length, before + 1);
    }));

  for (const type of ['full', 'nodes'] as const) {
    it(`hears them from a connection that was deployed again (${type})`, () =>
      run(async (flow) => {
        const first = await create(flow);
        await wait(flow, first);
        // Its next poll is far off: one that went on after the deploy would make whatever comes then wait for that.
        sim.finish(first.id);
        await flow.next('polled');
        const changed = { ...vms('vms'), settings: { url: sim.url, clientType: 'thick-legal' } };
        await flow.deploy([changed, ...items().slice(1)], type);
        await eventually(() => assert.equal(sim.push.clients[0]!.isOpen, false));
        // A token hears only of what it has asked for itself.
        const clip = await create(flow);
        await wait(flow, clip);
        sim.finish(clip.id);
        assert.equal(((await flow.next('polled')).clip as Clip).id, clip.id);
        assert.equal(sim.requestsFor('create').at(-1)!.headers['x-client'], 'thick-legal');
      }));
  }
});
