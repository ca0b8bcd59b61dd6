// Tests: the events of a VDG Sense server.
import assert from 'node:assert/strict';
import type { EventQuery } from '../../../../lib/provider';
import { vdgSense } from '../../../../lib/providers/vdg-sense';
import { readFields } from '../../../../lib/fields';
import { senseCamera, type SenseEvent, type SenseSettings, type VdgSense } from '../../../simulators/vdg-sense';
import { only, follow, idsOf, type Follower } from '../../../support/event-follower';
import { atEnd } from '../support';
import { closeAll, errorOf, never, NOON, ONE, plain, startSense } from './support';

const noonMs = Date.parse(NOON);
const at = (seconds: number): string => new Date(noonMs + seconds * 1000).toISOString();

async function open(sim: VdgSense, changes: Partial<EventQuery> = {}): Promise<Follower> {
  const provider = await vdgSense.open({
    settings: readFields(vdgSense.settings, { url: sim.url }),
    credentials: { username: 'nodered', password: 's3cret', token: '' },
    now: sim.now,
  });
  atEnd(async () => provider.close?.(undefined));
  const call = { signal: never, session: await provider.login!({ signal: never }) };
  return follow((query) => provider.listEvents!(query, call), { kinds: ['Motion'], ...changes });
}

async function begin(
  settings: SenseSettings = {},
  changes: Partial<EventQuery> = {},
): Promise<{ sim: VdgSense; events: Follower }> {
  const sim = await startSense({
    devices: [senseCamera({ serverid: ONE, deviceid: '2', name: 'Dock' })],
    ...settings,
  });
  sim.putEvent({ time: sim.now() - 3600_000 });
  const events = await open(sim, changes);
  assert.deepEqual(await events.look(), []);
  return { sim, events };
}

describe('VDG Sense: events', () => {
  afterEach(closeAll);

  it('says what an event tells', async () => {
    const { sim, events } = await begin();
    const { id } = sim.putEvent();
    assert.deepEqual(plain(await only(events)), {
      id: `${ONE}/${id}`,
      kind: 'Motion',
      camera: `${ONE}/2`,
      cameraName: 'Dock',
      start: at(0),
      type: 'motion',
      text: 'Motion detected',
      ref: { type: 'Motion', value: '1' },
    });
  });

  for (const [type, category, word] of [
    ['AlarmInput3', 'Alarm', 'alarm'],
    ['CamAlarmInputHigh', 'Alarm', 'alarm'],
    ['CarRLicensePlateFound', 'CarR', 'plate'],
    ['FaceRMatch', 'FaceR', 'face'],
    ['ObjectRRule4', 'ObjectR', 'object'],
    ['GenericEvent', 'Generic', 'other'],
    ['ConnectionLost', 'Connection', 'system'],
    ['SystemStateError', 'System', 'system'],
    ['NobodyKnows', 'Other', 'other'],
  ] as const) {
    it(`puts ${type} into the kind ${category}, with the common word "${word}"`, async () => {
      const { sim, events } = await begin({}, { kinds: ['Motion', category] });
      sim.putEvent({ type, category });
      const { kind, type: common, ref } = await only(events);
      assert.deepEqual([kind, common, ref?.type], [category, word, type]);
    });
  }

  it('asks for the kinds that are wanted', async () => {
    const { sim, events } = await begin({}, { kinds: ['Alarm', 'FaceR'] });
    sim.putEvent();
    assert.deepEqual(await events.look(), []);
    assert.equal(sim.requestsFor('getEvents').at(-1)!.query.get('types'), 'Alarm,FaceR');
  });

  it('takes an event without a camera as it is', async () => {
    const { sim, events } = await begin({}, { kinds: ['System'] });
    sim.putEvent({ type: 'SystemStateOk', category: 'System', deviceid: '0' });
    const event = await only(events);
    assert.deepEqual([event.camera, event.cameraName], [undefined, undefined]);
  });

  it('finds event 4, which was stored after event 5 had been listed', async () => {
    const { sim, events } = await begin();
    const base = sim.putEvent().id;
    assert.equal((await only(events)).id, `${ONE}/${base}`);
    sim.putEvent({ id: base + 2n });
    sim.putEvent({ id: base + 1n, storedAt: sim.now() + 30_000 });
    assert.deepEqual(idsOf(await events.look()), [`${ONE}/${base + 2n}`]);
    for (let looks = 0; looks < 3; looks += 1) {
      sim.advance(9_000);
      assert.deepEqual(await events.look(), []);
    }
    sim.advance(9_000);
    assert.deepEqual(idsOf(await events.look()), [`${ONE}/${base + 1n}`]);
  });

  it('keeps few places, however often it looks', async () => {
    const { sim, events } = await begin();
    for (let looks = 0; looks < 300; looks += 1) {
      sim.advance(1_000);
      if (looks % 10 === 0) sim.putEvent();
      await events.look();
    }
    assert.ok(events.cursor.length < 800, events.cursor);
  });

  it('finds all of a backlog that is out of order, page by page', async () => {
    const { sim, events } = await begin({}, { limit: 20 });
    const base = sim.putEvent().id;
    const ids = Array.from({ length: 200 }, (_, number) => {
      // Each four have changed places: 3, 2, 1, 0.
      const swapped = number ^ 3;
      sim.advance(1_000);
      return `${ONE}/${sim.putEvent({ id: base + 1n + BigInt(swapped) }).id}`;
    });
    const seen = idsOf(await events.look());
    assert.deepEqual(seen.slice().sort(), [`${ONE}/${base}`, ...ids].sort());
    assert.ok(Math.max(...events.pages) <= 20);
  });

  it('goes on where the server lists no more than 25, whatever the limit', async () => {
    for (const lastId of ['all', 'listed'] as const) {
      const { sim, events } = await begin({ events: { mostListed: 25, lastId } });
      const ids = Array.from({ length: 130 }, () => {
        sim.advance(1_000);
        return `${ONE}/${sim.putEvent().id}`;
      });
      const seen: string[] = [];
      for (let looks = 0; looks < 10; looks += 1) {
        seen.push(...idsOf(await events.look()));
        sim.advance(61_000);
      }
      assert.deepEqual(seen, ids, lastId);
    }
  });

  for (const hours of [2, -5, 5.5]) {
    it(`notices that times are local, ${hours} hours ahead of UTC`, async () => {
      const { sim, events } = await begin({
        events: { offsetMs: hours * 3600_000 },
        session: { idleMs: Infinity },
      });
      sim.advance(10_000);
      sim.putEvent();
      assert.equal((await only(events)).start, at(10));
      sim.advance(12 * 3600_000);
      sim.putEvent({ time: sim.now() - 3600_000 });
      assert.equal((await only(events)).start, at(10 + 11 * 3600));
      assert.match(events.cursor, /offset/);
    });
  }

  it('takes times for UTC that are told late', async () => {
    const { sim, events } = await begin();
    sim.advance(50_000);
    sim.putEvent({ time: sim.now() - 45_000 });
    assert.equal((await only(events)).start, at(5));
  });

  it('notices a change of the clocks', async () => {
    const { sim, events } = await begin({ events: { offsetMs: 3600_000 } });
    sim.putEvent();
    await events.look();
    sim.options.events.offsetMs = 7200_000;
    sim.advance(20_000);
    sim.putEvent();
    assert.equal((await only(events)).start, at(20));
  });

  it('says that events need a licence', async () => {
    const sim = await startSense({ withoutLicence: ['getEvents'] });
    const error = await errorOf((await open(sim)).look());
    assert.deepEqual([error.code, error.vendorCode], ['EUNSUPPORTED', '-1']);
    assert.match(error.message, /API licence/);
  });

  it('begins at the first event of a server that never had one', async () => {
    const sim = await startSense();
    const events = await open(sim);
    await events.look();
    sim.advance(10_000);
    const { id, serverid }: SenseEvent = sim.putEvent();
    assert.deepEqual(idsOf(await events.look()), [`${serverid}/${id}`]);
  });
});
