// Tests: what Frigate has seen, as events.
import assert from 'node:assert/strict';
import { systemClock, type Clock } from '../../../../lib/async/clock';
import type { EventQuery } from '../../../../lib/provider';
import { openFrigate } from '../../../../lib/providers/frigate/clips';
import type { Frigate, FrigateSettings } from '../../../simulators/frigate';
import { only, follow, idsOf, type Follower } from '../../../support/event-follower';
import { eventually } from '../../../support/eventually';
import { atEnd } from '../support';
import { at, closeAll, configFor, fails, never, start, versions } from './support';

const call = { signal: never, session: undefined };

async function begin(
  settings: FrigateSettings = {},
  changes: Partial<EventQuery> = {},
): Promise<{ sim: Frigate; events: Follower }> {
  const sim = await start(settings);
  const provider = openFrigate(configFor(sim));
  atEnd(async () => provider.close?.(undefined));
  const events = follow((query) => provider.listEvents!(query, call), { kinds: ['review'], ...changes });
  assert.deepEqual(await events.look(), []);
  return { sim, events };
}

describe('Frigate: events', () => {
  afterEach(closeAll);

  it('says what a review item tells', async () => {
    const { sim, events } = await begin();
    sim.advance(14_000);
    const { id } = sim.see({
      start: sim.now() - 14_000,
      end: sim.now(),
      labels: ['person-verified', 'car'],
      subLabels: ['bob'],
      zones: ['yard'],
      title: 'Somebody washes a car',
    });
    assert.deepEqual(await only(events), {
      id,
      kind: 'review',
      camera: 'front_door',
      start: at(0),
      end: at(14),
      type: 'person',
      label: 'person',
      labels: ['person', 'car', 'bob'],
      severity: 'alert',
      zones: ['yard'],
      text: 'Somebody washes a car',
      ref: { type: 'person' },
    });
  });

  it('says what a tracked object tells', async () => {
    const { sim, events } = await begin({}, { kinds: ['object'] });
    sim.advance(10_000);
    const { id } = sim.see({ kind: 'object', labels: ['car'], start: sim.now() - 5_000, end: sim.now() });
    assert.deepEqual(await only(events), {
      id,
      kind: 'object',
      camera: 'front_door',
      start: at(5),
      end: at(10),
      type: 'vehicle',
      label: 'car',
      severity: 'alert',
      score: 0.86,
      ref: { type: 'car' },
    });
  });

  for (const [what, seen, type] of [
    ['sound', { labels: [], audio: ['bark'] }, 'sound'],
    ['an animal', { labels: ['dog'] }, 'animal'],
    ['a thing', { labels: ['umbrella'] }, 'object'],
    ['a name of the language', { labels: ['constructor'] }, 'object'],
    ['nothing that has a name', { labels: [] }, 'motion'],
  ] as const) {
    it(`has a common word for ${what}`, async () => {
      const { sim, events } = await begin();
      sim.see({ labels: [...seen.labels], audio: 'audio' in seen ? [...seen.audio] : [] });
      assert.equal((await only(events)).type, type);
    });
  }

  it('lists both kinds, and looks at open ones of either', async () => {
    const { sim, events } = await begin({}, { kinds: ['review', 'object'] });
    const review = sim.see();
    const object = sim.see({ kind: 'object' });
    assert.deepEqual(idsOf(await events.look()).sort(), [review.id, object.id].sort());
    sim.advance(3600_000);
    assert.deepEqual(await events.look(), []);
    sim.endActivity(object.id);
    assert.deepEqual(idsOf(await events.look()), [object.id]);
    sim.endActivity(review.id);
    assert.deepEqual(idsOf(await events.look()), [review.id]);
    assert.deepEqual([...events.open], []);
  });

  it('finds an object that is written down long after its start', async () => {
    const { sim, events } = await begin({}, { kinds: ['object'] });
    sim.advance(3600_000);
    const parked = sim.see({ kind: 'object', start: sim.now() - 1800_000 });
    assert.deepEqual(idsOf(await events.look()), [parked.id]);
    const gone = sim.see({ kind: 'object', start: sim.now() - 600_000, end: sim.now() });
    assert.deepEqual(idsOf(await events.look()), [gone.id]);
    sim.advance(1800_000);
    assert.deepEqual(await events.look(), []);
    sim.endActivity(parked.id);
    assert.deepEqual(idsOf(await events.look()), [parked.id]);
    assert.deepEqual([...events.open], []);
  });

  it('looks at a single object that was open and ended, and not at open review items, which are listed', async () => {
    const { sim, events } = await begin({}, { kinds: ['review', 'object'] });
    sim.see();
    const object = sim.see({ kind: 'object' });
    await events.look();
    sim.advance(3600_000);
    await events.look();
    const paths = async (): Promise<string[]> => {
      sim.requests.length = 0;
      await events.look();
      return sim.requests.map(({ path }) => path);
    };
    assert.deepEqual(await paths(), ['/api/review', '/api/events', '/api/events']);
    sim.endActivity(object.id);
    const lists = ['/api/review', '/api/events', '/api/events'];
    assert.deepEqual(await paths(), [...lists, `/api/review/${object.id}`, `/api/events/${object.id}`]);
  });

  for (const version of versions) {
    it(`tells once that an item has ended when Frigate ${version} starts again without a word`, async () => {
      const { sim, events } = await begin({ version });
      const { id } = sim.see();
      await events.look();
      sim.advance(600_000);
      sim.restart();
      const over = await only(events);
      assert.deepEqual([over.id, over.end], [id, at(600)]);
      sim.advance(60_000);
      assert.deepEqual(await events.look(), []);
    });
  }

  it('ends with the last activity, which is known much later', async () => {
    const { sim, events } = await begin();
    const { id } = sim.see();
    await events.look();
    sim.advance(100_000);
    sim.endActivity(id, sim.now() - 40_000);
    assert.equal((await only(events)).end, at(60));
  });

  it('goes by the clock of the server, also when that is set back', async () => {
    const { sim, events } = await begin();
    sim.advance(-3600_000);
    assert.deepEqual(await events.look(), []);
    const { id } = sim.see({ end: sim.now() });
    assert.deepEqual(idsOf(await events.look()), [id]);
  });

  it('passes the cache of nginx by, and asks for no pictures', async () => {
    const { sim, events } = await begin({}, { kinds: ['object'] });
    await events.look();
    const [request] = sim.requests.slice(-1);
    assert.equal(request?.headers['x-cache-bypass'], '1');
    assert.equal(request.query.get('include_thumbnails'), '0');
  });

  it('lists what happened in one moment, however much that is', async () => {
    const { sim, events } = await begin({}, { limit: 10 });
    const ids = Array.from({ length: 64 }, () => sim.see({ end: sim.now() }).id);
    sim.advance(60_000);
    assert.deepEqual(idsOf(await events.look()).sort(), ids.sort());
  });

  it('asks little more than once for each page of a backlog', async () => {
    const { sim, events } = await begin({}, { limit: 100 });
    const ids: string[] = [];
    for (let count = 0; count < 5_000; count += 1) {
      sim.advance(3_000);
      ids.push(sim.see({ end: sim.now() }).id);
    }
    sim.requests.length = 0;
    assert.deepEqual(idsOf(await events.look()), ids);
    assert.ok(sim.requests.length < 300, `${sim.requests.length} requests`);
    assert.ok(Math.max(...events.pages) <= 100);
  });

  it('loses nothing at the borders of pages, where times have more digits than milliseconds', async () => {
    const { sim, events } = await begin({}, { limit: 10 });
    const begun = sim.now();
    const ids: string[] = [];
    for (let count = 0; count < 400; count += 1) {
      const start = begun + count * 500 + 499.9996;
      ids.push(sim.see({ start, end: start + 100 }).id);
    }
    sim.advance(3600_000);
    assert.deepEqual(idsOf(await events.look()), ids);
  });

  it('takes trouble with one open event for trouble, and not for its end', async () => {
    const { sim, events } = await begin({}, { kinds: ['object'] });
    const { id } = sim.see({ kind: 'object' });
    await events.look();
    sim.advance(3600_000);
    await events.look();
    sim.endActivity(id);
    for (const reply of [
      { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>404</html>' },
      { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' },
    ]) {
      sim.failNext({ kind: 'reply', reply }, ({ path }) => path.endsWith(id));
      await assert.rejects(events.look(), fails('EPROTOCOL'));
    }
    assert.deepEqual([...events.open], [id]);
  });

  it('hears beginnings and ends, and gives Frigate a moment to write them down', async () => {
    const sim = await start({ clock: 'real' });
    const waits: { ms: number; call: () => void }[] = [];
    let isHeld = true;
    const clock: Clock = {
      ...systemClock,
      after: (ms, then) => (isHeld ? (waits.push({ ms, call: then }), () => undefined) : systemClock.after(ms, then)),
    };
    const provider = openFrigate(configFor(sim, { settings: { push: true } }), clock);
    const stop = new AbortController();
    let news = 0;
    const watching = provider.watchEvents!(() => (news += 1), { ...call, signal: stop.signal });
    await eventually(() => assert.equal(sim.push.clients.length, 1));
    const [client] = sim.push.clients;
    client!.send('events', { type: 'update', after: {} });
    client!.send('stats', {});
    client!.send('reviews', 'nonsense');
    assert.deepEqual(client!.frames, []);
    sim.see();
    sim.see();
    await eventually(() => assert.equal(waits.length, 1));
    assert.deepEqual([waits[0]!.ms, news], [1_000, 0]);
    waits[0]!.call();
    assert.equal(news, 1);
    isHeld = false;
    stop.abort();
    for (const { call: over } of waits) over();
    await watching;
    assert.equal(news, 1);
    await provider.close?.(undefined);
  });
});
