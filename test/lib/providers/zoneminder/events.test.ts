// Tests: ZoneMinder's events, which are clips as well.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Clip, EventQuery } from '../../../../lib/provider';
import type { SimEvent, ZoneMinder, ZoneMinderSettings } from '../../../simulators/zoneminder';
import { sha256Of } from '../../../simulators/video';
import { only, follow, idsOf, type Follower } from '../../../support/event-follower';
import {
  at,
  clipOf,
  closeAll,
  connectTo,
  errorOf,
  failsOn,
  never,
  noonMs,
  openProvider,
  plain,
  poll,
  readAll,
  startServer,
  type Options,
} from './support';

async function begin(
  settings: ZoneMinderSettings = {},
  changes: Partial<EventQuery> = {},
  options: Options = {},
): Promise<{ sim: ZoneMinder; events: Follower }> {
  const sim = await startServer(settings);
  sim.addEvent({ startMs: noonMs - 3600_000, seconds: 10 });
  const { provider, call } = await openProvider(sim, options);
  const events = follow((query) => provider.listEvents!(query, call), { kinds: ['event'], ...changes });
  assert.deepEqual(await events.look(), []);
  return { sim, events };
}

describe('ZoneMinder: events', () => {
  afterEach(closeAll);

  for (const numbersAsText of [false, true]) {
    it(`says what an event tells, with numbers as ${numbersAsText ? 'text' : 'numbers'}`, async () => {
      const { sim, events } = await begin({ numbersAsText });
      sim.addEvent({
        startMs: noonMs,
        seconds: 14,
        cause: 'Motion',
        notes: '[a] detected:person:97%,car:88%\nMotion: Yard',
        alarmFrames: 20,
      });
      assert.deepEqual(plain(await only(events)), {
        id: '2',
        kind: 'event',
        camera: '1',
        start: at(0),
        end: at(14),
        type: 'person',
        label: 'person',
        labels: ['person', 'car'],
        text: '[a] detected:person:97%,car:88% Motion: Yard',
        ref: { type: 'Motion', maxScore: '30' },
        clip: {
          id: '2',
          camera: '1',
          start: at(0),
          end: at(14),
          status: 'finished',
          progress: 100,
          ref: { event: '2', events: '2' },
        },
      });
    });
  }

  for (const [seen, type] of [
    [{ cause: 'Motion' }, 'motion'],
    [{ cause: 'Continuous' }, 'footage'],
    [{ cause: 'Continuous', alarmFrames: 3 }, 'motion'],
    [{ cause: 'Signal' }, 'system'],
    [{ cause: 'Forced Web' }, 'alarm'],
    [{ cause: 'Something else' }, 'other'],
    [{ cause: '', notes: 'detected:umbrella:50%' }, 'object'],
    [{ cause: 'Motion', notes: 'detected:nothing' }, 'motion'],
  ] satisfies [Partial<SimEvent>, string][]) {
    it(`has the common word "${type}" for ${JSON.stringify(seen)}`, async () => {
      const { sim, events } = await begin();
      sim.addEvent({ startMs: noonMs, seconds: 5, ...seen });
      assert.equal((await only(events)).type, type);
    });
  }

  it('gives the clip of an event, which is its whole file, also where others touch it', async () => {
    const { sim, events } = await begin();
    sim.addEvent({ startMs: noonMs - 10_000, seconds: 10 });
    sim.addEvent({ startMs: noonMs, seconds: 10 });
    sim.addEvent({ startMs: noonMs + 10_000, seconds: 10 });
    sim.advance(120_000);
    const [, event] = await events.look();
    const clip: Clip = { ...clipOf(), ...event!.clip };
    const connection = connectTo(sim);
    const opened = await connection.openClip(clip, { offset: 0 }, never);
    const bytes = await readAll(opened.body);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), await sha256Of(await sim.mediaOf(Number(clip.id))));
    assert.equal(bytes.length, opened.size);
    const again = await poll(connection, clip);
    assert.deepEqual([again?.status, again?.ref], ['finished', clip.ref]);
    sim.removeEvent(Number(clip.id));
    assert.equal((await poll(connection, clip))?.status, 'expired');
    const gone = await errorOf(connection.openClip(clip, { offset: 0 }, never));
    assert.equal(gone.code, 'EEXPIRED', gone.message);
  });

  for (const [what, change] of [
    ['is still being recorded', { state: 'running' }],
    ['has pictures only', { video: 'pictures' }],
    ['has no video', { video: 'none' }],
  ] satisfies [string, Partial<SimEvent>][]) {
    it(`gives no clip of an event that ${what}`, async () => {
      const { sim, events } = await begin();
      sim.addEvent({ startMs: noonMs, seconds: 5, ...change });
      assert.equal((await only(events)).clip, undefined);
    });
  }

  it('waits for what is numbered earlier and listed later', async () => {
    const { sim, events } = await begin();
    sim.addEvent({ id: 7, startMs: noonMs, seconds: 5 });
    assert.deepEqual(idsOf(await events.look()), ['7']);
    sim.addEvent({ id: 6, startMs: noonMs, seconds: 5, monitorId: 2 });
    assert.deepEqual(idsOf(await events.look()), ['6']);
    sim.advance(60_000);
    assert.deepEqual(await events.look(), []);
    assert.match(events.cursor, /after=7$/);
  });

  it('takes an event without an end for open, and counts it as ended when its recorder has died', async () => {
    const { sim, events } = await begin();
    const { id } = sim.addEvent({ startMs: noonMs, seconds: 60, state: 'orphan', writtenSeconds: 5 });
    assert.equal((await only(events)).open, true);
    sim.advance(595_000);
    assert.deepEqual(await events.look(), []);
    sim.advance(10_000);
    const over = await only(events);
    assert.deepEqual([over.id, over.end, over.clip?.end], [String(id), at(5), at(5)]);
    sim.advance(10_000);
    assert.deepEqual(await events.look(), []);
  });

  it('gives up an event that has nothing to play, without a clip', async () => {
    const { sim, events } = await begin();
    sim.addEvent({ startMs: noonMs, seconds: 60, state: 'orphan', video: 'none' });
    await events.look();
    sim.advance(700_000);
    const over = await only(events);
    assert.deepEqual([over.start, over.end, over.clip], [at(0), at(0), undefined]);
  });

  it('does not give up one that goes on for hours', async () => {
    const { sim, events } = await begin({ accessSeconds: 86_400 });
    sim.addEvent({ startMs: noonMs, seconds: 5 * 3600, state: 'running' });
    assert.equal((await only(events)).open, true);
    for (let count = 0; count < 8; count += 1) {
      sim.advance(1800_000);
      assert.deepEqual(await events.look(), []);
    }
  });

  it('asks for what is new and for what is open by one request each', async () => {
    const { sim, events } = await begin();
    for (const monitorId of [1, 2]) sim.addEvent({ startMs: noonMs, seconds: 500, state: 'running', monitorId });
    await events.look();
    sim.advance(60_000);
    await events.look();
    const before = sim.requests.length;
    await events.look();
    assert.equal(sim.requests.length - before, 2);
    assert.match(decodeURIComponent(sim.requests.at(-1)!.target), /index\/Id\[\]:2\/Id\[\]:3\.json/);
  });

  it('reads times in the zone of the server', async () => {
    const { sim, events } = await begin({ timezone: 'Europe/Amsterdam' });
    sim.addEvent({ startMs: noonMs, seconds: 5 });
    assert.deepEqual((({ start, end }) => [start, end])(await only(events)), [at(0), at(5)]);
  });

  it('keeps numbers that a double cannot hold', async () => {
    const { sim, events } = await begin();
    const { cursor } = events;
    const big = '9007199254740993';
    const row = (id: string): string =>
      `{"Event":{"Id":${id},"MonitorId":1,"StartDateTime":"2025-03-01 12:00:00","EndDateTime":"2025-03-01 12:00:05","DefaultVideo":""}}`;
    const body = `{"events":[${row('9007199254740995')},${row(big)},${row('9')}],"pagination":{"nextPage":false}}`;
    sim.failNext({ kind: 'reply', reply: { headers: { 'content-type': 'application/json' }, body } }, 'events');
    sim.advance(60_000);
    assert.deepEqual(idsOf(await events.look()).sort(), ['9', big, '9007199254740995'].sort());
    assert.match(events.cursor, /after=9007199254740995$/);
    assert.notEqual(events.cursor, cursor);
    sim.addEvent({ startMs: noonMs, seconds: 5 });
    assert.deepEqual(await events.look(), []);
    assert.match(decodeURIComponent(sim.requests.at(-1)!.target), /Id >:9007199254740995/);
  });

  it('begins at nothing where there are no events', async () => {
    const sim = await startServer();
    const { provider, call } = await openProvider(sim);
    const events = follow((query) => provider.listEvents!(query, call), { kinds: ['event'] });
    await events.look();
    sim.addEvent({ startMs: noonMs, seconds: 5 });
    assert.deepEqual(idsOf(await events.look()), ['1']);
  });

  it('lists a backlog by a hundred at a time', async () => {
    const { sim, events } = await begin({}, { limit: 500 });
    const ids = Array.from({ length: 250 }, (_, number) =>
      String(sim.addEvent({ startMs: noonMs + number * 1000, seconds: 1 }).id),
    );
    sim.advance(3600_000);
    assert.deepEqual(idsOf(await events.look()), ids);
    assert.deepEqual([events.pages.length, Math.max(...events.pages)], [3, 100]);
  });

  it('says that the user may not see events', async () => {
    const sim = await startServer();
    const { provider, call } = await openProvider(sim, { username: 'no-events' });
    const query = { cursor: '', kinds: ['event'], cameras: [], open: [], limit: 10 };
    await assert.rejects(provider.listEvents!(query, call), failsOn(sim)('EFORBIDDEN', /Events: View/));
  });
});
