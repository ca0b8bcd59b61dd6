// Tests: listening on Frigate's WebSocket.
import assert from 'node:assert/strict';
import { systemClock } from '../../../../lib/async/clock';
import type { FrigateSettings } from '../../../simulators/frigate';
import { eventually } from '../../../support/eventually';
import { admin, closeAll, connectTo, guard, never, request, start, type Options } from './support';

/** A connection that listens, in real time, and what it has heard. */
async function listen(settings: FrigateSettings = {}, options: Options = {}) {
  const sim = await start({ clock: 'real', ...settings, exports: { makeMs: 300, ...settings.exports } });
  const connection = connectTo(sim, { clock: systemClock, ...options, settings: { push: true, ...options.settings } });
  const heard: (string | undefined)[] = [];
  connection.onClipChanged((id) => heard.push(id));
  await connection.listCameras(never);
  return { sim, connection, heard };
}

const range = (): { start: string; end: string } => {
  const end = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  return { start: new Date(end - 2_000).toISOString(), end: new Date(end).toISOString() };
};

describe('Frigate: listening', () => {
  afterEach(closeAll);

  it('hears of an export that has left the queue', async () => {
    const { sim, connection, heard } = await listen();
    await eventually(() => assert.equal(sim.push.clients.length, 1));
    const clip = await connection.createClip(request(range()), never);
    await eventually(() => assert.deepEqual(heard, [clip.id]));
    assert.deepEqual(sim.push.clients[0]!.frames, [JSON.stringify({ topic: 'jobState', payload: '' })]);
  });

  it('hears of one that has failed while its job is still known', async () => {
    const { sim, connection, heard } = await listen({ exports: { fails: () => true } });
    await eventually(() => assert.equal(sim.push.clients.length, 1));
    const clip = await connection.createClip(request(range()), never);
    await eventually(() => assert.deepEqual(heard, [clip.id]));
    const found = await connection.pollClip(clip, 1000, never);
    assert.deepEqual([found?.status, /Frigate says/.test(found?.reason ?? '')], ['failed', true]);
  });

  it('shows its token, and listens below the path of a proxy', async () => {
    const settings = { basePath: '/frigate', login: { required: true } };
    const { sim } = await listen(settings, { credentials: admin });
    await eventually(() => assert.match(sim.push.clients[0]?.headers.authorization ?? '', /^Bearer ey/));
  });

  it('comes back after the connection broke, with a reason to ask', async () => {
    const { sim, heard } = await listen({ login: { required: true } }, { credentials: guard });
    await eventually(() => assert.equal(sim.push.clients.length, 1));
    sim.push.clients[0]!.close();
    await eventually(() => assert.equal(sim.push.clients.length, 2));
    await eventually(() => assert.deepEqual(heard, [undefined]));
  });

  it('lets other topics and nonsense pass', async () => {
    const { sim, connection, heard } = await listen();
    await eventually(() => assert.equal(sim.push.clients.length, 1));
    const [client] = sim.push.clients;
    client!.send('events', { type: 'end' });
    client!.send('job_state', 'nonsense');
    client!.send('job_state', { export: { results: { jobs: [null, 7, {}] } } });
    const clip = await connection.createClip(request(range()), never);
    await eventually(() => assert.deepEqual(heard, [clip.id]));
  });

  for (const [why, settings, options] of [
    ['that is turned off', {}, { settings: { push: false } }],
    ['there is no queue', { version: '0.17.2' }, {}],
  ] satisfies [string, FrigateSettings, Options][]) {
    it(`does not listen where ${why}`, async () => {
      const { sim, connection } = await listen(settings, options);
      await connection.check(never);
      assert.equal(sim.push.clients.length, 0);
    });
  }

  it('ends with the connection', async () => {
    const { sim, connection } = await listen();
    await eventually(() => assert.equal(sim.push.clients[0]?.isOpen, true));
    await connection.close();
    await eventually(() => assert.equal(sim.push.clients[0]?.isOpen, false));
  });
});
