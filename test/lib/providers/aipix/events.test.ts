// Tests: events of analytics and marks of Aipix.
import assert from 'node:assert/strict';
import { systemClock } from '../../../../lib/async/clock';
import type { Connection } from '../../../../lib/connection/connection';
import type { EventQuery } from '../../../../lib/provider';
import type { Aipix, AipixSettings } from '../../../simulators/aipix';
import { only, follow, idsOf, type Follower } from '../../../support/event-follower';
import { eventually } from '../../../support/eventually';
import { closeAll, connectTo, fails, never, NOON, root, start } from './support';

const at = (seconds: number): string => new Date(Date.parse(NOON) + seconds * 1000).toISOString();

async function begin(
  settings: AipixSettings = {},
  changes: Partial<EventQuery> = {},
): Promise<{ sim: Aipix; connection: Connection; events: Follower }> {
  const sim = await start(settings);
  const connection = connectTo(sim);
  const events = follow((query) => connection.listEvents(query, never), { kinds: ['analytics'], ...changes });
  assert.deepEqual(await events.look(), []);
  return { sim, connection, events };
}

describe('Aipix: events', () => {
  afterEach(closeAll);

  it('says what an event of analytics tells, and leaves its picture where it is', async () => {
    const { sim, events } = await begin();
    sim.advance(20_000);
    const [from, to] = [sim.now() - 14_000, sim.now()];
    const { id } = sim.happen({ type: 'license_plate', plate: 'B AB 1234', title: 'Gate', from, to });
    assert.deepEqual(await only(events), {
      id,
      kind: 'analytics',
      camera: '2',
      cameraName: 'Yard',
      start: at(6),
      end: at(20),
      type: 'plate',
      label: 'license_plate',
      labels: ['license_plate', 'B AB 1234'],
      text: 'Gate',
      ref: { type: 'license_plate' },
    });
  });

  it('says what a mark tells', async () => {
    const { sim, events } = await begin({}, { kinds: ['mark'] });
    const { id } = sim.happen({ kind: 'mark', title: 'Look at this', to: sim.now() + 4_000 });
    assert.deepEqual(await only(events), {
      id,
      kind: 'mark',
      camera: '2',
      cameraName: 'Yard',
      start: at(0),
      end: at(4),
      type: 'other',
      text: 'Look at this',
      ref: { type: 'mark' },
    });
  });

  for (const [word, type] of [
    ['motion-detect', 'motion'],
    ['line_intersection', 'line'],
    ['smoke-fire', 'alarm'],
    ['loud_sound', 'sound'],
    ['camera-obstacle', 'tamper'],
    ['face', 'face'],
    ['container_number_recognition', 'object'],
    ['visitor-counting', 'counting'],
    ['constructor', 'other'],
  ] as const) {
    it(`has a common word for "${word}"`, async () => {
      const { sim, events } = await begin();
      sim.happen({ type: word });
      const { type: found, ref } = await only(events);
      assert.deepEqual([found, ref?.type], [type, word]);
    });
  }

  it('takes the time at which it was stored where there is no other, and the number where there is no camera', async () => {
    const { sim, events } = await begin({ events: { camera: 'id' } });
    sim.happen({ from: undefined, camera: '3' });
    const { start: begun, end, camera, cameraName } = await only(events);
    assert.deepEqual([begun, end, camera, cameraName], [at(0), undefined, '3', undefined]);
  });

  it('tells an event whose camera is gone', async () => {
    const { sim, events } = await begin();
    const { id } = sim.happen({ camera: undefined });
    const event = await only(events);
    assert.deepEqual([event.id, event.camera], [id, undefined]);
  });

  it('lists both kinds', async () => {
    const { sim, events } = await begin({}, { kinds: ['analytics', 'mark'] });
    const [one, two] = [sim.happen({ kind: 'mark' }), sim.happen()];
    assert.deepEqual(idsOf(await events.look()).sort(), [one.id, two.id].sort());
  });

  it('finds what was stored long after it happened, as far as the list goes by the time of storing', async () => {
    const { sim, events } = await begin();
    sim.advance(7200_000);
    await events.look();
    const { id } = sim.happen({ from: sim.now() - 3600_000 });
    assert.equal((await only(events)).id, id);
  });

  for (const [what, settings] of [
    ['refuses the size of a page', { refuses: ['per_page'] }],
    ['refuses an order, and has the oldest first', { refuses: ['dir'], order: 'oldest' }],
    ['goes by when things began', { filter: 'start' }],
    ['does not heed times', { filter: 'ignored' }],
    ['gives numbers of cameras only', { camera: 'id' }],
  ] as const) {
    it(`lists a backlog of many pages, once, where the server ${what}`, async () => {
      const { sim, events } = await begin({
        events: { ...settings, refuses: [...('refuses' in settings ? settings.refuses : [])] },
      });
      const ids: string[] = [];
      for (let count = 0; count < 150; count += 1) {
        sim.advance(20_000);
        ids.push(sim.happen().id);
      }
      assert.deepEqual(idsOf(await events.look()), ids);
      assert.deepEqual(await events.look(), []);
      sim.requests.length = 0;
      sim.advance(20_000);
      const { id } = sim.happen();
      assert.deepEqual(idsOf(await events.look()), [id]);
    });
  }

  it('does not take a refused question for a refused place', async () => {
    const { sim, events } = await begin();
    const { id } = sim.happen();
    sim.options.events.refuses = ['from'];
    await assert.rejects(events.look(), fails('EINVALID', /from/, { vendorCode: 'HTTP 422' }));
    sim.options.events.refuses = [];
    assert.deepEqual(idsOf(await events.look()), [id]);
  });

  it('filters by many cameras itself', async () => {
    const cameras = ['2', ...Array.from({ length: 100 }, (_, index) => String(index + 100))];
    const { sim, events } = await begin({}, { kinds: ['mark'], cameras });
    const { id } = sim.happen({ kind: 'mark' });
    sim.happen({ kind: 'mark', camera: '3' });
    assert.deepEqual(idsOf(await events.look()), [id]);
  });

  it('says that administrators have no list', async () => {
    const connection = connectTo(await start(), { settings: { api: 'admin' }, credentials: root });
    const query = { cursor: '', kinds: ['analytics'], cameras: [], open: [], limit: 10 };
    await assert.rejects(connection.listEvents(query, never), fails('EUNSUPPORTED'));
  });

  it('hears on the channel of the user what happens, also after a broken line', async () => {
    const sim = await start({ clock: 'real' });
    const connection = connectTo(sim, { clock: systemClock, settings: { push: true } });
    const query = { cursor: '', kinds: ['analytics'], cameras: [], open: [], limit: 10 };
    await connection.listEvents(query, never);
    let news = 0;
    const stop = connection.onEventNews(() => (news += 1));
    const listening = () => sim.push.clients.filter(({ channels }) => channels.has('private-user.7'));
    await eventually(() => assert.equal(listening().length, 1));
    assert.equal(news, 0);
    sim.happen();
    sim.happen({ kind: 'mark' });
    sim.happen({ camera: '5' });
    await eventually(() => assert.equal(news, 2));
    listening()[0]!.close(1001);
    await eventually(() => assert.equal(listening().length, 1));
    await eventually(() => assert.equal(news, 3));
    stop();
    await eventually(() => assert.equal(listening().length, 0));
  });
});
