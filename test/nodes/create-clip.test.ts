import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { clipOf, credentials, dock, outcome, senseFlow } from '../support/sense-flow';

const minuteMs = 60_000;

describe('create-clip', () => {
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense();
  });
  afterEach(() => sim.close());

  const run = (create: Record<string, unknown>, test: (flow: Flow) => Promise<void>, sense = {}) =>
    withFlow(senseFlow(sim, { create, sense }), test, { credentials });
  const between = { range: 'between' };
  const ago = (minutes: number): string => new Date(Date.now() - minutes * minuteMs).toISOString();

  describe('takes a camera by its name', () => {
    it('and finds it where one camera has it; the clip has both', () =>
      run({}, async (flow) => {
        flow.send('create', { camera: 'dock 1' });
        const { camera, cameraName } = clipOf(await flow.next('created'));
        assert.deepEqual([camera, cameraName], [dock, 'Dock 1']);
      }));

    it('but not where no camera has it', () =>
      run({}, async (flow) => {
        flow.send('create', { camera: 'Nowhere' });
        const { message } = (await flow.next('caught')).clipError as { message: string };
        assert.match(message, /msg\.camera \("Nowhere"\): .*serverid\/deviceid.*No camera is called so/);
        assert.equal(sim.clips.length, 0);
      }));
  });

  describe('refuses, without asking the server,', () => {
    const cases: [what: string, create: Record<string, unknown>, message: object, code: string, said: RegExp][] = [
      ['a missing camera', {}, {}, 'EINVALID', /msg\.camera/],
      ['an empty camera', {}, { camera: '  ' }, 'EINVALID', /msg\.camera/],
      ['a camera number that has lost digits', {}, { camera: 7015498111931795223 }, 'EINVALID', /msg\.camera/],
      ['an object as camera', {}, { camera: { id: dock } }, 'EINVALID', /msg\.camera/],
      ['a missing start', between, { camera: dock, end: ago(1) }, 'EINVALID', /msg\.start/],
      ['a missing end', between, { camera: dock, start: ago(1) }, 'EINVALID', /msg\.end/],
      [
        'a time without a zone',
        between,
        { camera: dock, start: '2025-03-01T08:50:00', end: ago(1) },
        'EINVALID',
        /msg\.start.*zone/,
      ],
      [
        'a start after the end',
        between,
        { camera: dock, start: ago(1), end: ago(2) },
        'EINVALID',
        /start.*end|end.*start/,
      ],
      [
        'a start that is the end',
        between,
        { camera: dock, start: 1750000000000, end: 1750000000000 },
        'EINVALID',
        /start|end/,
      ],
      [
        'a range over five minutes',
        between,
        { camera: dock, start: ago(7), end: ago(1) },
        'ELIMIT',
        /360|6 min|300|5 min/,
      ],
      [
        'a time far in the future',
        { time: 'at', timeType: 'msg' },
        { camera: dock, at: Date.now() + 2 * 86_400_000 },
        'EINVALID',
        /msg\.at/,
      ],
      ['a time from before 2000', { time: 'at', timeType: 'msg' }, { camera: dock, at: 1000 }, 'EINVALID', /msg\.at/],
      ['a broken JSONata expression', { camera: '$nope(', cameraType: 'jsonata' }, {}, 'EINVALID', /camera/],
      ['an unknown connection', { connection: 'nowhere' }, { camera: dock }, 'ENOTFOUND', /nowhere/],
      ['an image width below the minimum', { options: { imageWidth: 64 } }, { camera: dock }, 'EINVALID', /imageWidth/],
      ['an unknown way of drawing analytics', { options: { vca: 'loud' } }, { camera: dock }, 'EINVALID', /vca/],
      ['a pre-roll that is not a number', { before: 'ten' }, { camera: dock }, 'EINVALID', /before/],
      ['a range mode that does not exist', { range: 'sometimes' }, { camera: dock }, 'EINVALID', /range/],
    ];
    for (const [what, create, message, code, said] of cases) {
      it(what, () =>
        run(create, async (flow) => {
          flow.send('create', message);
          const { error } = await flow.next('caught');
          assert.equal((error as { code: string }).code, code);
          assert.match((error as { message: string }).message, said);
          assert.deepEqual(sim.requests, []);
        }),
      );
    }
  });

  it('asks for the time around now by default, once the footage exists', () =>
    run({ before: 2, after: 0.3, settle: 0.2 }, async (flow) => {
      const sentAt = Date.now();
      flow.send('create', { camera: dock });
      const clip = clipOf(await outcome(flow, 'created'));
      assert.ok(Math.abs(Date.parse(clip.start) - (sentAt - 2000)) < 250);
      assert.equal(Date.parse(clip.end) - Date.parse(clip.start), 2300);
      assert.ok(sim.requestsFor('addClip')[0]!.at >= Date.parse(clip.end) + 200);
      assert.ok(flow.statuses('create').some(({ fill, text }) => fill === 'yellow' && text?.includes('waiting')));
    }));

  it('reads an instant from the message in any accepted form', () =>
    run({ time: 'at', timeType: 'msg', before: 2, after: 2 }, async (flow) => {
      const at = Math.floor(Date.now() / 1000 - 60) * 1000;
      for (const form of [at, String(at), at / 1000, new Date(at), new Date(at).toISOString()]) {
        flow.send('create', { camera: dock, at: form });
        const clip = clipOf(await outcome(flow, 'created'));
        assert.equal(Date.parse(clip.start), at - 2000);
        assert.equal(Date.parse(clip.end), at + 2000);
      }
    }));

  it('asks for exactly the range between two instants, with title and options', () =>
    run({ ...between, title: 'what', titleType: 'msg', options: { imageWidth: 320, vca: 'alarms' } }, async (flow) => {
      flow.send('create', {
        camera: dock,
        start: '2026-01-02T10:00:00.250+02:00',
        end: '2026-01-02T08:00:04Z',
        what: 'Tür & Tor',
      });
      const clip = clipOf(await outcome(flow, 'created'));
      const [request] = sim.requestsFor('addClip');
      const { startdate, enddate, description, imagewidth, vca, imageheight } = Object.fromEntries(
        new URL(request!.target, sim.url).searchParams,
      );
      assert.deepEqual(
        { startdate, enddate, description, imagewidth, vca, imageheight },
        {
          startdate: '2026-01-02 08:00:00.250',
          enddate: '2026-01-02 08:00:04.000',
          description: 'Tür & Tor',
          imagewidth: '320',
          vca: 'alarms',
          imageheight: undefined,
        },
      );
      assert.equal(clip.title, 'Tür & Tor');
      assert.deepEqual(clip.options, { imageWidth: 320, vca: 'alarms' });
      assert.equal(clip.start, '2026-01-02T08:00:00.250Z');
    }));

  it('hands on what the server refuses as an error that names camera, range and reason', () =>
    run({}, async (flow) => {
      flow.send('create', { camera: '6917529027641081901/4711' });
      const { error, payload } = await flow.next('caught');
      const { code, message } = error as { code: string; message: string };
      assert.equal(code, 'ENOTFOUND');
      assert.match(message, /^No such device.*6917529027641081901\/4711.*Z to .*Z/);
      assert.equal(payload, undefined);
      assert.equal(sim.requestsFor('addClip').length, 1);
    }));

  it('tries again when the server was out of order for a moment, and says so', () =>
    run({}, async (flow) => {
      sim.failNext({ kind: 'reply', reply: { status: 503, body: 'busy' } }, 'addClip');
      flow.send('create', { camera: dock });
      await outcome(flow, 'created');
      assert.equal(sim.requestsFor('addClip').length, 2);
      assert.ok(flow.statuses('create').some(({ text }) => text?.includes('retrying')));
    }));

  it('sends a refused password once, and nothing after it', async () => {
    await withFlow(
      senseFlow(sim),
      async (flow) => {
        for (let i = 0; i < 4; i += 1) flow.send('create', { camera: dock });
        for (let i = 0; i < 4; i += 1) {
          const { error } = await flow.next('caught');
          assert.equal((error as { code: string }).code, 'EAUTH');
        }
        assert.equal(sim.requestsFor('login').length, 1);
        assert.equal(sim.requests.length, 1);
        assert.ok(flow.statuses('create').some(({ fill }) => fill === 'red'));
      },
      { credentials: { sense: { username: 'nodered', password: 'wrong-one' } } },
    );
  });

  it('logs in again after a redeploy with the right password', async () => {
    const flow = senseFlow(sim);
    const wrong = { sense: { username: 'nodered', password: 'wrong-one' } };
    await withFlow(
      flow,
      async ({ send, next, deploy }) => {
        send('create', { camera: dock });
        await next('caught');
        wrong.sense.password = 's3cret';
        await deploy(flow);
        send('create', { camera: dock });
        assert.equal(clipOf(await next('created')).status, 'pending');
      },
      { credentials: wrong },
    );
  });

  it('says at start that its connection is not usable, and why when a message comes', () =>
    run(
      {},
      async (flow) => {
        assert.ok(flow.statuses('create').every(({ fill }) => fill === 'red'));
        flow.send('create', { camera: dock });
        const { error } = await flow.next('caught');
        assert.match((error as { message: string }).message, /Address.*url/);
      },
      { settings: { url: 'ftp://server' } },
    ));

  describe('asked twice for the same event', () => {
    const event = { id: 'event-7', kind: 'alarm', label: 'person' };
    const aMessage = () => ({ camera: dock, event, start: ago(3), end: ago(2) });

    it('takes it once while the first request is unfinished, and completes both messages', () =>
      run(between, async (flow) => {
        const message = aMessage();
        sim.options.latencyMs = 300;
        for (let count = 0; count < 3; count += 1) flow.send('create', { ...message });
        flow.send('create', { ...message, end: ago(1) });
        flow.send('create', { ...message, event: { ...event, id: 'event-8' } });
        for (let count = 0; count < 3; count += 1) {
          assert.equal(clipOf(await flow.next('created')).ref?.label, 'person');
        }
        for (let count = 0; count < 5; count += 1) await flow.next('completed');
        assert.equal(sim.requestsFor('addClip').length, 3);
      }));

    it('takes it again once the first request is over', () =>
      run(between, async (flow) => {
        const message = aMessage();
        flow.send('create', { ...message });
        await flow.next('created');
        await flow.next('completed');
        await eventually(async () => {
          flow.send('create', { ...message });
          await new Promise((resolve) => setTimeout(resolve, 50));
          return flow.received('created').length > 1;
        });
      }));

    it('names the file after it', () =>
      withFlow(
        senseFlow(sim, { create: between, download: { filename: '{label}-{event}.mp4' } }),
        async (flow) => {
          flow.send('create', aMessage());
          assert.match(String((await outcome(flow, 'file')).filename), /person-event-7\.mp4$/);
        },
        { credentials },
      ));
  });

  describe('while it waits for footage', () => {
    const slow = { after: 60, settle: 0 };

    it('is cancelled by a message: every job ends with EABORTED', () =>
      run(slow, async (flow) => {
        for (const number of [1, 2, 3]) flow.send('create', { camera: dock, number });
        await eventually(() => flow.statuses('create').some(({ fill }) => fill === 'yellow'));
        flow.send('create', { cancel: true });
        for (let i = 0; i < 3; i += 1) {
          const { error } = await flow.next('caught');
          assert.equal((error as { code: string }).code, 'EABORTED');
        }
        assert.deepEqual(sim.requests, []);
        assert.equal(flow.received('created').length, 0);
      }));

    it('goes on after a redeploy', async () => {
      const flow = senseFlow(sim, { create: { after: 0.5 } });
      await withFlow(
        flow,
        async ({ send, deploy, next, statuses }) => {
          send('create', { camera: dock, topic: 'kept', picture: Buffer.from('pixels') });
          await eventually(() => statuses('create').some(({ fill }) => fill === 'yellow'));
          await deploy(flow);
          const message = await next('created');
          assert.equal(message.topic, 'kept');
          assert.deepEqual(message.picture, Buffer.from('pixels'));
          assert.equal(sim.requestsFor('addClip').length, 1);
        },
        { credentials },
      );
    });

    it('is dropped when its node is deleted', async () => {
      const flow = senseFlow(sim, { create: slow });
      await withFlow(
        flow,
        async ({ send, deploy, statuses, logged }) => {
          send('create', { camera: dock });
          await eventually(() => statuses('create').some(({ fill }) => fill === 'yellow'));
          await deploy(flow.filter(({ id }) => id !== 'create'));
          await eventually(() => logged().some((line) => /dropped 1/i.test(line)));
        },
        { credentials },
      );
    });
  });

  it('warns once about what a restart would lose', () =>
    run({ after: 0.2, wires: [['created']] }, async (flow) => {
      for (let i = 0; i < 2; i += 1) flow.send('create', { camera: dock, res: { socket: process.stdout }, fine: 1 });
      const message = await outcome(flow, 'created');
      assert.ok(message.res, 'the message of this process keeps it');
      assert.equal(flow.logged().filter((line) => line.includes('msg.res')).length, 1);
    }));
});
