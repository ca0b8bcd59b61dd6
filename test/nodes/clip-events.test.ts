import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Clip } from '../../lib/provider';
import { startFrigate, type Frigate } from '../simulators/frigate';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis';

type Properties = Record<string, unknown>;

describe('clip-events', function () {
  this.timeout(120_000);
  let sim: Frigate;
  beforeEach(async () => {
    sim = await startFrigate();
  });
  afterEach(() => sim.close());

  function flowOf(events: Properties = {}, connection: Properties = {}): Properties[] {
    return [
      {
        id: 'nvr',
        type: 'clip-provider',
        provider: 'frigate',
        settings: { url: sim.url, push: false },
        ...connection,
      },
      {
        id: 'events',
        type: 'clip-events',
        connection: 'nvr',
        interval: 0.2,
        wires: [['event', 'create'], ['state']],
        ...events,
      },
      { id: 'create', type: 'create-clip', connection: 'nvr', range: 'between', settle: 0, wires: [['poll']] },
      { id: 'poll', type: 'poll-clip', interval: 0.1, wires: [['download'], [], ['failed']] },
      { id: 'download', type: 'download-clip', filename: '{label}/{event}.mp4', wires: [['file'], []] },
      ...['event', 'state', 'file', 'failed', 'caught'].map((id) => ({ id, type: 'helper' })),
      { id: 'catcher', type: 'catch', scope: null, uncaught: false, wires: [['caught']] },
    ];
  }

  const run = (
    test: (flow: Flow) => Promise<void>,
    events: Properties = {},
    connection: Properties = {},
    settings = {},
  ) => withFlow(flowOf(events, connection), test, { settings });

  /** Something that is just over. */
  const see = (seconds = 12): string => sim.see({ start: sim.now() - seconds * 1000, end: sim.now() }).id;

  it('sends what happens from its first start on, and the nodes behind it make a file of it', () =>
    run(async (flow) => {
      sim.see({ start: sim.now() - 60_000, end: sim.now() - 30_000 });
      assert.equal((await flow.next('state')).state, 'connected');
      const id = see();
      const message = await flow.next('event');
      const event = message.event as Properties;
      assert.deepEqual([event.id, event.connection, event.provider, event.late], [id, 'nvr', 'frigate', undefined]);
      assert.deepEqual([message.camera, message.time, message.topic], [event.camera, event.start, event.type]);
      assert.match(String(message.payload), /^\w+, Front door, 12 s$/);
      const saved = await flow.next('file');
      const clip = saved.clip as Clip;
      assert.equal(clip.ref?.event, id);
      assert.ok(String(saved.filename).endsWith(`${id}.mp4`));
      assert.equal((await readFile(String(saved.filename))).length, clip.file?.size);
      assert.deepEqual(flow.received('caught'), []);
      const texts = flow.statuses('events').map(({ text }) => text);
      assert.match(String(texts.at(-1)), /status\.looked|connected/);
    }));

  it('sends once over redeploys, and late what happened meanwhile', () =>
    run(async (flow) => {
      await flow.next('state');
      const first = see();
      await flow.next('event');
      await flow.deploy(flowOf());
      const second = see(15);
      const again = await flow.next('event');
      assert.equal((again.event as Properties).id, second);
      const ids = flow.received('event').map(({ event }) => (event as Properties).id);
      assert.deepEqual(ids, [first, second]);
    }));

  it('begins afresh, with a word, for other kinds of events', () =>
    run(async (flow) => {
      await flow.next('state');
      await flow.deploy(flowOf({ kinds: ['object'] }));
      assert.match(String((await flow.next('state')).reason), /have changed/);
    }));

  const refused: [what: string, events: Properties, connection: Properties, said: RegExp][] = [
    ['a kind that there is not', { kinds: ['earthquake'] }, {}, /earthquake/],
    ['a score beyond 1', { minScore: 2 }, {}, /minScore/],
    ['a camera that there cannot be', { cameras: ['no camera/'] }, {}, /cameras/],
    ['no connection', { connection: '' }, {}, /No connection/],
    ['a system without events', {}, { provider: 'unknown' }, /No provider "unknown" is installed/],
  ];
  for (const [what, events, connection, said] of refused) {
    it(`says in its status that it cannot work with ${what}`, () =>
      run(
        async (flow) => {
          await eventually(() => assert.ok(flow.logged().some((line) => said.test(line))));
          await eventually(() => assert.equal(flow.statuses('events').at(-1)?.fill, 'red'));
          assert.equal(sim.requests.length, 0);
        },
        events,
        connection,
      ));
  }

  describeWithRedis('with its state in Redis', () => {
    let redis: RedisServer;
    before(async () => {
      redis = await startRedis();
    });
    after(() => redis.close());

    it('goes on after a redeploy', () =>
      run(
        async (flow) => {
          await flow.next('state');
          const first = see();
          await flow.next('event');
          await flow.deploy(flowOf());
          const second = see(15);
          await flow.next('event');
          const ids = flow.received('event').map(({ event }) => (event as Properties).id);
          assert.deepEqual(ids, [first, second]);
        },
        {},
        {},
        { clipProviderJobs: { redis: redis.url } },
      ));
  });
});
