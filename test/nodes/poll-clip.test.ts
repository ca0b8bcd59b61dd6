import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { clipOf, credentials, dock, finishedClip, outcome, pendingClip, senseFlow } from '../support/sense-flow';

describe('poll-clip', () => {
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense();
  });
  afterEach(() => sim.close());

  const run = (poll: Record<string, unknown>, test: (flow: Flow) => Promise<void>) =>
    withFlow(senseFlow(sim, { poll: { wires: [['polled'], ['progress'], ['failed']], ...poll } }), test, {
      credentials,
    });
  const uncaught = { wires: [['polled'], ['progress'], []] };

  describe('refuses, without asking the server,', () => {
    const good = { id: '1', connection: 'sense', provider: 'vdg-sense', camera: dock, status: 'pending' };
    const range = { start: '2026-01-02T08:00:00.000Z', end: '2026-01-02T08:00:04.000Z' };
    const cases: [what: string, clip: unknown, code: string, said: RegExp][] = [
      ['a message without a clip', undefined, 'EINVALID', /msg\.clip/],
      ['a clip that is text', 'clip', 'EINVALID', /msg\.clip/],
      ['a clip without an id', { ...good, ...range, id: undefined }, 'EINVALID', /msg\.clip\.id/],
      ['an id that is a number', { ...good, ...range, id: 8070450532247928832 }, 'EINVALID', /msg\.clip\.id/],
      ['a status from somewhere else', { ...good, ...range, status: 'DONE' }, 'EINVALID', /msg\.clip\.status/],
      ['a start without a zone', { ...good, ...range, start: '2026-01-02T08:00:00' }, 'EINVALID', /msg\.clip\.start/],
      ['a clip of another provider', { ...good, ...range, provider: 'rhombus' }, 'EINVALID', /msg\.clip\.provider/],
      ['a camera of another provider', { ...good, ...range, camera: 'x' }, 'EINVALID', /msg\.clip\.camera/],
      ['a connection that does not exist', { ...good, ...range, connection: 'gone' }, 'ENOTFOUND', /gone/],
      ['references that are not text', { ...good, ...range, ref: { a: 1 } }, 'EINVALID', /msg\.clip\.ref/],
    ];
    for (const [what, clip, code, said] of cases) {
      it(what, () =>
        run({}, async (flow) => {
          flow.send('poll', { clip });
          const { error } = await flow.next('failed');
          assert.deepEqual(Object.keys(error as object), ['code', 'message', 'retryable']);
          assert.equal((error as { code: string }).code, code);
          assert.match((error as { message: string }).message, said);
          assert.deepEqual(sim.requests, []);
        }),
      );
    }
  });

  it('reports progress and hands on the finished clip', () =>
    run({}, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      flow.send('poll', { clip: pendingClip(sim), payload: 7 });
      await flow.next('progress');
      sim.options.queue.makeMs = 0;
      const message = await outcome(flow, 'polled');
      assert.equal(clipOf(message).status, 'finished');
      assert.equal(clipOf(message).progress, 100);
      assert.ok(clipOf(message).size! > 0);
      assert.equal(message.payload, 7);
      const progress = flow.received('progress').map(clipOf);
      assert.ok(progress.length >= 1);
      assert.ok(progress.every(({ status, progress }) => ['pending', 'busy'].includes(status) && progress === 0));
    }));

  it('keeps its clip to itself: what a flow does to a progress message changes nothing else', () =>
    run({}, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      flow.send('poll', { clip: pendingClip(sim) });
      Object.assign(clipOf(await flow.next('progress')), { camera: 'elsewhere', marked: true });
      sim.options.queue.makeMs = 0;
      const clip = clipOf(await outcome(flow, 'polled'));
      assert.equal(clip.camera, dock);
      assert.equal('marked' in clip, false);
    }));

  it('answers at once for a clip that is finished already', () =>
    run({ interval: 3600, maxInterval: 3600 }, async (flow) => {
      flow.send('poll', { clip: await finishedClip(sim) });
      await outcome(flow, 'polled');
      assert.equal(sim.requestsFor('getClips').length, 1);
    }));

  it('sends a failed clip to its third output, with the reason of the server', () =>
    run({}, async (flow) => {
      sim.options.queue.fails = () => 'no recordings';
      flow.send('poll', { clip: pendingClip(sim) });
      const message = await flow.next('failed');
      assert.equal((message.error as { code: string }).code, 'ENOFOOTAGE');
      assert.match((message.error as { message: string }).message, /no recordings/);
      assert.equal(clipOf(message).status, 'failed');
      assert.match(clipOf(message).reason ?? '', /no recordings/);
      assert.deepEqual(flow.received('caught'), []);
    }));

  it('raises the failure when the third output is not wired', () =>
    run(uncaught, async (flow) => {
      sim.options.queue.fails = () => 'no recordings';
      flow.send('poll', { clip: pendingClip(sim) });
      const message = await flow.next('caught');
      const { code, message: said } = message.error as { code: string; message: string };
      assert.equal(code, 'ENOFOOTAGE');
      // Of an error, a Catch node keeps some properties only.
      const { message: kept, ...clipError } = message.clipError as Record<string, unknown>;
      assert.deepEqual(clipError, { code, retryable: false });
      assert.ok(said.endsWith(String(kept)));
      assert.equal(clipOf(message).status, 'failed');
    }));

  it('gives up in time, and keeps the clip for another try', () =>
    run({ timeout: 0.4 }, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      const clip = pendingClip(sim);
      flow.send('poll', { clip });
      const message = await flow.next('failed');
      assert.deepEqual(
        [(message.error as { code: string }).code, (message.error as { retryable: boolean }).retryable],
        ['ETIMEOUT', true],
      );
      assert.equal(clipOf(message).status, 'busy');
      sim.clips[0]!.state = 'finished';
      sim.options.queue.makeMs = 0;
      flow.send('poll', message);
      assert.equal(clipOf(await flow.next('polled')).id, clip.id);
    }));

  it('waits through an outage of the server', () =>
    run({}, async (flow) => {
      const clip = pendingClip(sim);
      await sim.stop();
      flow.send('poll', { clip });
      await eventually(() => flow.statuses('poll').some(({ text }) => text?.includes('retrying')));
      await sim.start();
      assert.equal(clipOf(await outcome(flow, 'polled')).status, 'finished');
    }));

  it('asks once more for a clip that the server has removed, and hands on the new one', () =>
    run({}, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      const clip = { ...pendingClip(sim), title: 'Door', options: { imageWidth: 640 } };
      sim.removeClip(clip.id);
      flow.send('poll', { clip });
      await eventually(() => sim.clips.length === 1);
      sim.options.queue.makeMs = 0;
      const polled = clipOf(await outcome(flow, 'polled'));
      assert.notEqual(polled.id, clip.id);
      assert.deepEqual(
        [polled.status, polled.start, polled.end, polled.title],
        ['finished', clip.start, clip.end, 'Door'],
      );
      const [asked] = sim.requestsFor('addClip');
      assert.equal(asked?.query.get('imagewidth'), '640');
      assert.ok(flow.logged().some((line) => /EEXPIRED: .* asked for once more/.test(line)));
    }));

  it('ends with EEXPIRED when the server has removed the new one, too', () =>
    run({}, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      const clip = pendingClip(sim);
      sim.removeClip(clip.id);
      flow.send('poll', { clip });
      await eventually(() => sim.clips.length === 1);
      sim.removeClip(sim.clips[0]!.id);
      const message = await flow.next('failed');
      assert.equal(sim.requestsFor('addClip').length, 1);
      assert.equal((message.error as { code: string }).code, 'EEXPIRED');
      assert.equal(clipOf(message).status, 'expired');
    }));

  it('asks once per interval for a thousand clips of three nodes', async () => {
    sim.options.queue.makeMs = Infinity;
    const flow = senseFlow(sim, { poll: { interval: 0.5, maxInterval: 0.5 } });
    const extra = ['poll2', 'poll3'].map((id) => ({ id, type: 'poll-clip', interval: 0.5, maxInterval: 0.5 }));
    await withFlow(
      [...flow, ...extra],
      async ({ send, statuses }) => {
        const clips = Array.from({ length: 1000 }, () => pendingClip(sim));
        clips.forEach((clip, index) => send(['poll', 'poll2', 'poll3'][index % 3]!, { clip }));
        await eventually(() => sim.requestsFor('getClips').length >= 5);
        const at = sim.requestsFor('getClips').map((request) => request.at);
        const pauses = at.slice(1).map((time, index) => time - at[index]!);
        assert.ok(
          pauses.every((pause) => pause >= 350),
          `pauses of ${pauses.join(', ')} ms`,
        );
        assert.ok(sim.requests.length <= at.length + 2, 'and one login and one list of cameras');
        assert.equal(sim.logins, 1);
        assert.ok(statuses('poll').length < 50, `${statuses('poll').length} statuses`);
      },
      { credentials },
    );
  });

  it('cancels the job of one clip, here and on the server, and no other', () =>
    run({}, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      const [kept, cancelled] = [pendingClip(sim), pendingClip(sim)];
      for (const clip of [kept, cancelled]) flow.send('poll', { clip });
      await eventually(() => sim.requestsFor('getClips').length >= 2);
      flow.send('poll', { cancel: true, clip: cancelled });
      const message = await flow.next('failed');
      assert.equal((message.error as { code: string }).code, 'EABORTED');
      assert.equal(clipOf(message).id, cancelled.id);
      await eventually(() => sim.clips.length === 1);
      assert.equal(sim.clips[0]!.id, kept.id);
      assert.equal(flow.received('failed').length, 1);
    }));

  it('cancels the job of a clip that had to be made again by either of its ids', () =>
    run({}, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      for (const which of ['former', 'new']) {
        const clip = pendingClip(sim);
        sim.removeClip(clip.id);
        flow.send('poll', { clip });
        await eventually(() => sim.clips.length === 1);
        const asked = sim.requestsFor('getClips').length;
        await eventually(() => sim.requestsFor('getClips').length > asked);
        const { id } = sim.clips[0]!;
        flow.send('poll', { cancel: true, clip: { id: which === 'former' ? clip.id : id } });
        const message = await flow.next('failed');
        assert.equal((message.error as { code: string }).code, 'EABORTED');
        assert.equal(clipOf(message).id, id);
        await eventually(() => sim.clips.length === 0);
      }
    }));

  it('is dropped when its node is deleted, and asks no more', () =>
    run({}, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      flow.send('poll', { clip: pendingClip(sim) });
      await eventually(() => sim.requestsFor('getClips').length >= 1);
      await flow.deploy(senseFlow(sim).filter(({ id }) => id !== 'poll'));
      await eventually(() => flow.logged().some((line) => /dropped 1/i.test(line)));
      assert.deepEqual(await readdir(join(flow.userDir, 'video-clips', 'jobs')), []);
      assert.deepEqual([flow.received('failed'), flow.received('caught')], [[], []]);
    }));

  it('leaves a clip on the server that another job still waits for', () =>
    run({}, async (flow) => {
      sim.options.queue.makeMs = Infinity;
      const clip = pendingClip(sim);
      await flow.deploy([
        ...senseFlow(sim, { poll: { wires: [[], [], ['failed']] } }),
        { id: 'other', type: 'poll-clip', interval: 0.1 },
      ]);
      flow.send('poll', { clip });
      flow.send('other', { clip });
      await eventually(() => sim.requestsFor('getClips').length >= 2);
      flow.send('poll', { cancel: true });
      await flow.next('failed');
      assert.equal(sim.clips.length, 1);
    }));

  it('goes on waiting after a redeploy', async () => {
    sim.options.queue.makeMs = Infinity;
    const flow = senseFlow(sim);
    await withFlow(
      flow,
      async ({ send, deploy, next }) => {
        send('poll', { clip: pendingClip(sim), topic: 'kept' });
        await eventually(() => sim.requestsFor('getClips').length >= 1);
        await deploy(flow);
        sim.options.queue.makeMs = 0;
        const message = await next('polled');
        assert.equal(message.topic, 'kept');
        assert.equal(clipOf(message).status, 'finished');
      },
      { credentials },
    );
  });
});
