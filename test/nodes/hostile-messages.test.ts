/** Messages that break whoever copies, stores or reads them: each ends in an error, and never ends Node-RED. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message } from '../../lib/node-red/node-red';
import type { Clip } from '../../lib/provider';
import { startAipix } from '../simulators/aipix';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { credentials, dock, finishedClip, pendingClip, senseFlow } from '../support/sense-flow';

describe('a hostile message', () => {
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense({ queue: { makeMs: 0 } });
  });
  afterEach(() => sim.close());

  /** Several wires at each output: then Node-RED itself copies what is sent. */
  const run = (test: (flow: Flow) => Promise<void>) =>
    withFlow(
      senseFlow(sim, {
        poll: { wires: [['polled', 'created'], ['progress'], ['failed', 'completed']] },
        download: { wires: [['file', 'created'], ['downloading']] },
      }),
      test,
      { credentials },
    );

  function nested(levels: number): object {
    let value: object = {};
    for (let level = 0; level < levels; level += 1) value = { value };
    return value;
  }

  const messages: Record<string, () => Message> = {
    'that is nested 10,000 deep': () => ({ deep: nested(10_000) }),
    'with a getter that throws': () =>
      Object.defineProperty({}, 'odd', {
        enumerable: true,
        get() {
          throw new Error('Not for you');
        },
      }),
    'that throws whatever is asked of it': () => ({
      odd: new Proxy(
        {},
        {
          get() {
            throw new Error('Not for you');
          },
          ownKeys() {
            throw new Error('Not for you');
          },
        },
      ),
    }),
    'that may not be written to': () => Object.freeze({}),
  };

  for (const [what, make] of Object.entries(messages)) {
    for (const node of ['create', 'poll', 'download']) {
      it(`${what} is refused by ${node}-clip, aloud`, () =>
        run(async (flow) => {
          flow.send(node, make());
          await eventually(
            () => flow.logged().some((line) => /msg\./.test(line)) || flow.received('caught').length > 0,
          );
          // And Node-RED goes on.
          flow.send('poll', { clip: await finishedClip(sim) });
          await flow.next('polled');
        }));
    }

    it(`${what} does not keep its clip from being waited for, and saved`, () =>
      run(async (flow) => {
        const message = Object.assign(Object.create(null) as Message, { clip: await finishedClip(sim) });
        const hostile = make();
        const sent = Object.isFrozen(hostile)
          ? Object.freeze(message)
          : Object.defineProperties(message, Object.getOwnPropertyDescriptors(hostile));
        flow.send('download', sent);
        await eventually(
          () =>
            flow.received('file').length + flow.received('caught').length > 0 ||
            flow.logged().some((line) => /cannot be sent on/.test(line)),
        );
      }));
  }

  const promises: Record<string, () => unknown> = {
    'a promise': () => new Promise(() => undefined),
    'something that claims to be a promise': () => ({ then: () => undefined }),
  };
  for (const [what, make] of Object.entries(promises)) {
    it(`with ${what} for a time is refused at once, as it may never be kept`, () =>
      withFlow(
        senseFlow(sim, { create: { time: 'when', timeType: 'msg' } }),
        async (flow) => {
          flow.send('create', { camera: dock, when: make() });
          const { error } = await flow.next('caught');
          assert.match((error as Error).message, /^msg\.when cannot be read: it is a promise/);
        },
        { credentials },
      ));
  }

  it('with a title that no server can store still gets its clip', () =>
    withFlow(
      senseFlow(sim, { create: { title: 'topic', titleType: 'msg', time: 'when', timeType: 'msg' } }),
      async (flow) => {
        const titles = ['\0Gate\u001b[2J\r\nopen\ud800', 'x'.repeat(1_000_000), Buffer.alloc(100_000, 'y')];
        const expected = ['Gate [2J open\ufffd', 'x'.repeat(500), 'y'.repeat(500)];
        for (const [index, topic] of titles.entries()) {
          flow.send('create', { camera: dock, when: Date.now() - 60_000 - index * 1000, topic });
          assert.equal(((await flow.next('created')).clip as Clip).title, expected[index]);
        }
        flow.send('create', { camera: dock, when: Date.now() - 90_000, topic: Object.create(null) as object });
        assert.equal(((await flow.next('caught')).error as Error).message, 'msg.topic must be text');
      },
      { credentials },
    ));

  /** Other nodes take these as they are. */
  const odd: Record<string, () => Message> = {
    'that cannot be turned into JSON': () => ({
      toJSON() {
        throw new Error('Not for you');
      },
    }),
    'that looks like a stream': () => ({ on: () => undefined, pipe: () => undefined }),
  };

  for (const [what, make] of Object.entries(odd)) {
    it(`${what} goes on after a restart, with all else that it holds`, async () => {
      const userDir = await mkdtemp(join(tmpdir(), 'clips-user-'));
      try {
        let makeMs = Infinity;
        await sim.close();
        sim = await startVdgSense({ queue: { makeMs: () => makeMs } });
        const flow = senseFlow(sim, { poll: { wires: [['polled'], ['progress'], ['failed']] } });
        await withFlow(
          flow,
          async ({ send }) => {
            send('poll', { ...make(), kept: 'x', clip: pendingClip(sim) });
            const folder = join(userDir, 'video-clips', 'jobs');
            await eventually(async () => (await readdir(folder)).some((name) => name.endsWith('.json')));
          },
          { credentials, userDir },
        );
        makeMs = 0;
        await withFlow(
          flow,
          async ({ next }) => {
            const { kept, clip } = await next('polled');
            assert.deepEqual([kept, (clip as Clip).status], ['x', 'finished']);
          },
          { credentials, userDir },
        );
      } finally {
        await rm(userDir, { recursive: true, force: true });
      }
    });
  }

  describe('with a clip', () => {
    const range = { start: '2026-01-02T08:00:00.000Z', end: '2026-01-02T08:00:04.000Z' };

    it('whose id is a way out of its folder asks the server for nothing else', async () => {
      const aipix = await startAipix();
      const connection = { id: 'server', type: 'clip-provider', provider: 'aipix', settings: { url: aipix.url } };
      const flow = [connection, { id: 'poll', type: 'poll-clip', interval: 0.1, wires: [[], [], ['failed']] }];
      try {
        await withFlow(
          [...flow, { id: 'failed', type: 'helper' }],
          async ({ send, next, logged }) => {
            for (const id of ['..', '.', '../../users', 'x/../..']) {
              const clip = { id, connection: 'server', provider: 'aipix', camera: '2', status: 'pending', ...range };
              send('poll', { clip });
              send('poll', { clip: { id }, cancel: true });
              assert.equal(((await next('failed')).error as { code: string }).code, 'EABORTED');
              await eventually(() => logged().some((line) => line.includes(`The id of the clip cannot be "${id}"`)));
            }
          },
          { credentials: { server: { username: 'nodered', password: 's3cret-passw0rd' } } },
        );
        const deleted = aipix.requests.filter(({ method }) => method === 'DELETE');
        assert.deepEqual(deleted, []);
      } finally {
        await aipix.close();
      }
    });

    it('that is endless, or holds what JSON cannot, is read by its named properties alone', () =>
      run(async (flow) => {
        const endless: Record<string, unknown> = { ...(await finishedClip(sim)), big: 1n };
        endless.self = endless;
        flow.send('poll', { clip: endless });
        const { clip } = await flow.next('polled');
        assert.deepEqual([(clip as { camera: string }).camera, 'self' in (clip as object)], [dock, false]);
      }));
  });
});
