import assert from 'node:assert/strict';
import { standingOf, surveyOf } from '../../../../lib/providers/zoneminder/footage';
import { groupsOf } from '../../../../lib/providers/zoneminder/search';
import { toRecordings } from '../../../../lib/providers/zoneminder/timeline';
import type { ZoneMinderEvent } from '../../../../lib/providers/zoneminder/types';
import { changesNear, isZone, toInstants, toLocalText } from '../../../../lib/providers/zoneminder/zone';
import type { TimeRange } from '../../../../lib/time-range';
import { eventually } from '../../../support/eventually';
import { localText } from '../../../simulators/zoneminder';
import {
  at,
  clipOf,
  closeAll,
  connectTo,
  failsOn,
  finished,
  never,
  noonMs,
  openProvider,
  poll,
  request,
  startServer,
} from './support';

const amsterdam = 'Europe/Amsterdam';
const utc = (text: string): number => Date.parse(`${text}Z`);

describe('ZoneMinder: local times', () => {
  it('are read in their zone', () => {
    assert.deepEqual(toInstants('2026-11-29 21:00:55', amsterdam), [utc('2026-11-29T20:00:55')]);
    assert.deepEqual(toInstants('2026-07-01 00:00:00', 'America/New_York'), [utc('2026-07-01T04:00:00')]);
    assert.deepEqual(toInstants('2026-07-01 00:00:00', 'Asia/Kathmandu'), [utc('2026-06-30T18:15:00')]);
    assert.deepEqual(toInstants('0000-00-00 00:00:00', 'Etc/UTC').length <= 1, true);
    assert.deepEqual(toInstants('soon', amsterdam), []);
  });

  it('come twice in autumn, and are left out in spring', () => {
    assert.deepEqual(toInstants('2026-10-25 02:30:00', amsterdam), [
      utc('2026-10-25T00:30:00'),
      utc('2026-10-25T01:30:00'),
    ]);
    assert.deepEqual(toInstants('2026-03-29 02:30:00', amsterdam), [utc('2026-03-29T01:30:00')]);
    assert.equal(changesNear(utc('2026-10-25T02:00:00'), 3 * 3600_000, amsterdam), true);
    assert.equal(changesNear(utc('2026-10-26T12:00:00'), 3 * 3600_000, amsterdam), false);
  });

  it('are written as the server writes them', () => {
    for (const zone of [amsterdam, 'Etc/UTC', 'America/St_Johns', 'Australia/Lord_Howe']) {
      for (let ms = utc('2026-03-01T00:00:00'); ms < utc('2026-12-01T00:00:00'); ms += 7.3 * 3600_000) {
        const text = toLocalText(ms, zone);
        assert.equal(text, localText(ms, zone));
        assert.ok(toInstants(text, zone).includes(Math.floor(ms / 1000) * 1000), `${text} in ${zone}`);
      }
    }
  });

  it('need a zone that is known', () => {
    assert.deepEqual(['Europe/Amsterdam', 'UTC', '', 'Mars/Olympus'].map(isZone), [true, true, false, false]);
  });
});

describe('ZoneMinder: events on the time line', () => {
  const event = (id: number, startText: string, change: Partial<ZoneMinderEvent> = {}): ZoneMinderEvent => ({
    id: String(id),
    camera: '1',
    startText,
    video: `${id}-video.mp4`,
    hasPictures: false,
    ...change,
  });
  const placesOf = (events: ZoneMinderEvent[], zone = amsterdam): string[] =>
    toRecordings(events, zone).map(
      ({ id, startMs, endMs, doubt }) =>
        `${id}: ${new Date(startMs).toISOString().slice(11, 19)} to ${endMs === undefined ? '?' : new Date(endMs).toISOString().slice(11, 19)}${doubt ? ' (?)' : ''}`,
    );

  it('follow each other through the hour that comes twice', () => {
    // Seen on a real server: sections of ten minutes, recorded without a break.
    const events: ZoneMinderEvent[] = [];
    for (let index = 0; index < 18; index += 1) {
      const startMs = utc('2026-10-24T23:30:00') + index * 600_000;
      const [startText, endText] = [startMs, startMs + 600_000].map((ms) => localText(ms, amsterdam));
      events.push(event(index + 1, startText!, { endText, lengthSeconds: 600 }));
    }
    const found = toRecordings(events.toReversed(), amsterdam);
    assert.deepEqual(
      found.map(({ startMs, endMs }) => [startMs, endMs! - startMs]),
      events.map((_, index) => [utc('2026-10-24T23:30:00') + index * 600_000, 600_000]),
    );
    assert.ok(found.every(({ doubt }) => doubt === undefined));
  });

  it('may end before they start, by what their texts say', () => {
    const across = { endText: '2026-10-25 02:00:05', lengthSeconds: 10 };
    assert.deepEqual(placesOf([event(1, '2026-10-25 02:59:55', across)])[0], '1: 00:59:55 to 01:00:05');
    const inSpring = { endText: '2026-03-29 03:00:05', lengthSeconds: 10 };
    assert.deepEqual(placesOf([event(1, '2026-03-29 01:59:55', inSpring)]), ['1: 00:59:55 to 01:00:05']);
  });

  it('say so where both hours would do', () => {
    const found = placesOf([event(1, '2026-10-25 02:30:00', { endText: '2026-10-25 02:30:20', lengthSeconds: 20 })]);
    assert.deepEqual(found, ['1: 00:30:00 to 00:30:20 (?)', '1: 01:30:00 to 01:30:20 (?)']);
  });

  it('are told apart by their order', () => {
    const found = placesOf([
      event(1, '2026-10-25 02:50:00', { endText: '2026-10-25 02:51:00', lengthSeconds: 60 }),
      event(2, '2026-10-25 02:10:00', { endText: '2026-10-25 02:11:00', lengthSeconds: 60 }),
    ]);
    assert.equal(found.at(-1), '2: 01:10:00 to 01:11:00');
  });

  it('are believed by their end where start and end are of different zones', () => {
    const [found] = toRecordings(
      [event(1, '2026-06-01 12:00:00', { endText: '2026-06-01 20:00:20', lengthSeconds: 20.4 })],
      'Etc/UTC',
    );
    assert.equal(found!.startMs, utc('2026-06-01T20:00:20') - 20_400);
    assert.match(found!.doubt!, /disagree by 8 h/);
    // An event that its recorder was slow with is none of these.
    const slow = event(1, '2026-06-01 12:00:00', { endText: '2026-06-01 12:07:00', lengthSeconds: 20 });
    assert.deepEqual(placesOf([slow], 'Etc/UTC'), ['1: 12:00:00 to 12:07:00']);
  });

  it('without an end end at the latest with the next one of their camera', () => {
    const found = toRecordings(
      [
        event(1, '2026-06-01 12:00:00'),
        event(2, '2026-06-01 12:05:00', { camera: '2' }),
        event(3, '2026-06-01 12:10:00'),
      ],
      'Etc/UTC',
    );
    assert.deepEqual(
      found.map(({ untilMs }) => untilMs && new Date(untilMs).toISOString().slice(11, 19)),
      ['12:10:00', undefined, undefined],
    );
  });

  it('cover a range, or leave gaps in it', () => {
    const recording = (id: string, from: number, to: number, video = 'video.mp4') => ({
      id,
      camera: '1',
      startMs: noonMs + from * 1000,
      endMs: noonMs + to * 1000,
      video,
      hasPictures: video === '',
    });
    const span: TimeRange = { start: noonMs, end: noonMs + 60_000 };
    const standing = (...all: ReturnType<typeof recording>[]) => {
      const { status, gaps, recordings, reasons } = standingOf(span, all, { now: noonMs + 3600_000, marginMs: 2000 });
      const seconds = gaps.map(({ start, end }) => [(start - noonMs) / 1000, (end - noonMs) / 1000]);
      return { status, gaps: seconds, ids: recordings.map(({ id }) => id), reasons };
    };
    assert.deepEqual(standing(recording('1', -10, 100)), { status: 'finished', gaps: [], ids: ['1'], reasons: [] });
    // Whole seconds leave holes that are none.
    assert.deepEqual(standing(recording('1', -10, 29), recording('2', 30, 70)).gaps, []);
    // At the ends of the range, they make the video shorter.
    assert.deepEqual(standing(recording('1', 1, 59)).gaps, [[0, 1], [59, 60]]); // prettier-ignore
    assert.deepEqual(standing(recording('1', -10, 20), recording('2', 30, 50)).gaps, [
      [20, 30],
      [50, 60],
    ]);
    assert.deepEqual(standing(recording('1', -10, 0), recording('2', 60, 90)).status, 'none');
    const pictures = standing(recording('1', -10, 20), recording('2', 20, 70, ''));
    assert.deepEqual([pictures.status, pictures.ids, pictures.gaps], ['finished', ['1'], [[20, 60]]]);
    assert.match(pictures.reasons.join(), /event 2 was recorded as pictures only/);
  });

  it('are the pieces of an export, which do not overlap', () => {
    const recordings = toRecordings(
      [
        event(1, '2025-03-01 11:59:50', { endText: '2025-03-01 12:00:11' }),
        event(2, '2025-03-01 12:00:10', { endText: '2025-03-01 12:00:20', bytes: 5000 }),
        event(3, '2025-03-01 12:00:40', { endText: '2025-03-01 12:00:50' }),
      ],
      'Etc/UTC',
    );
    const survey = surveyOf({ start: noonMs, end: noonMs + 60_000 }, recordings, noonMs + 3600_000);
    assert.deepEqual(survey, {
      gaps: [
        { start: at(20), end: at(40) },
        { start: at(50), end: at(60) },
      ],
      pieces: [
        { start: at(-10), end: at(11), bytes: 0 },
        { start: at(11), end: at(20), bytes: 5000 },
        { start: at(40), end: at(50), bytes: 0 },
      ],
      maxPieces: 1,
    });
    // What has just been may still be told.
    const fresh = surveyOf({ start: noonMs, end: noonMs + 60_000 }, recordings, noonMs + 55_000);
    assert.deepEqual(fresh.gaps, []);
  });
});

describe('ZoneMinder: status of clips', () => {
  afterEach(closeAll);

  it('tells of gaps, and why there are some', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: noonMs - 3610_000, seconds: 20 });
    sim.addEvent({ startMs: noonMs - 3590_000, seconds: 60, video: 'pictures' });
    const clip = await connectTo(sim).createClip(request(), never);
    assert.equal(clip.status, 'finished');
    assert.deepEqual(clip.gaps, [{ start: at(-3590), end: at(-3580) }]);
    assert.match(clip.reason!, /event 2 was recorded as pictures only/);
    assert.deepEqual([clip.ref, clip.cameraName], [{ events: '1' }, 'Gate']);
  });

  it('says that there is no footage, and why', async () => {
    const sim = await startServer();
    const connection = connectTo(sim);
    await assert.rejects(connection.createClip(request(), never), failsOn(sim)('ENOFOOTAGE', /there is no footage \(/));
    sim.addEvent({ startMs: noonMs - 3610_000, seconds: 60, video: 'pictures' });
    await assert.rejects(
      connection.createClip(request(), never),
      failsOn(sim)('ENOFOOTAGE', /no footage: event 1 was recorded as pictures only/),
    );
  });

  it('waits a minute for an event that may still come, and no longer', async () => {
    const sim = await startServer();
    const connection = connectTo(sim);
    const made = await connection.createClip(request({ start: at(-20), end: at(-5) }), never);
    assert.equal(made.status, 'pending');
    sim.advance(54_000);
    assert.equal((await poll(connection, made))?.status, 'pending');
    sim.advance(2_000);
    await assert.rejects(poll(connection, made), failsOn(sim)('ENOFOOTAGE'));
  });

  it('takes the clock of the server for its own', async () => {
    const sim = await startServer();
    const { provider, call } = await openProvider(sim);
    sim.addEvent({ startMs: noonMs - 60_000, seconds: 50 });
    // Half a minute ago on the clock of the server, an hour ago on ours.
    const clip = await provider.createClip(request({ start: at(-40), end: at(-5) }), call);
    assert.equal(clip.status, 'busy');
  });

  it('takes a running event as soon as its file covers the range', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: noonMs - 100_000, seconds: 600, state: 'running', secondBytes: 50_000 });
    const connection = connectTo(sim);
    const made = await connection.createClip(request({ start: at(-20), end: at(-1) }), never);
    assert.deepEqual([made.status, made.vendorStatus], ['busy', 'event 1 is being recorded']);
    sim.advance(3_000);
    assert.equal((await poll(connection, made))?.status, 'busy', 'the last 256 KiB are not written yet');
    sim.advance(10_000);
    const done = await finished(connection, made);
    assert.deepEqual([done.gaps, done.progress], [[], 100]);
  });

  it('does not look at a file before the range is over', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: noonMs - 100_000, seconds: 600, state: 'running', secondBytes: 50_000 });
    const made = await connectTo(sim).createClip(request({ start: at(-20), end: at(10) }), never);
    assert.equal(made.status, 'busy');
    assert.equal(sim.requestsFor('video').length, 0);
  });

  it('waits for the end of a running event where that is wanted', async () => {
    const sim = await startServer();
    const event = sim.addEvent({ startMs: noonMs - 100_000, seconds: 200, state: 'running', secondBytes: 50_000 });
    const connection = connectTo(sim, { settings: { running: 'wait' } });
    const made = await connection.createClip(request({ start: at(-60), end: at(-40) }), never);
    assert.equal(made.status, 'busy');
    sim.advance(100_000);
    event.state = 'ended';
    await finished(connection, made);
  });

  for (const [name, another] of [
    ['goes on to another event', true],
    ['has written nothing for minutes', false],
  ] as const) {
    it(`takes what there is of an event whose recorder died: the camera ${name}`, async () => {
      const sim = await startServer();
      sim.addEvent({
        startMs: noonMs - 3610_000,
        seconds: 600,
        state: 'orphan',
        writtenSeconds: 20,
        secondBytes: 9000,
      });
      if (another) sim.addEvent({ startMs: noonMs - 3000_000, seconds: 60 });
      const clip = await connectTo(sim).createClip(request(), never);
      assert.equal(clip.status, 'finished');
      assert.deepEqual(clip.gaps, [{ start: at(-3590), end: at(-3580) }]);
      assert.match(clip.reason!, /event 1: its recorder stopped/);
    });
  }

  it('does not take an event that died hours ago for one that is still recorded', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: noonMs - 10 * 3600_000, seconds: 600, state: 'orphan' });
    await assert.rejects(connectTo(sim).createClip(request(), never), failsOn(sim)('ENOFOOTAGE'));
    sim.addEvent({ startMs: noonMs - 3610_000, seconds: 60 });
    const clip = await connectTo(sim).createClip(request(), never);
    assert.deepEqual([clip.status, clip.ref], ['finished', { events: '2' }]);
  });

  it('says that a camera is not known, also for a range that has just passed', async () => {
    const sim = await startServer();
    const asked = request({ camera: '9', start: at(-20), end: at(-5) });
    await assert.rejects(connectTo(sim).createClip(asked, never), failsOn(sim)('ENOTFOUND', /there is no monitor 9/));
  });

  it('is expired once the events have been deleted', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: noonMs - 3610_000, seconds: 60 });
    const connection = connectTo(sim);
    const made = await connection.createClip(request(), never);
    sim.removeEvent(1);
    assert.equal((await poll(connection, made))?.status, 'expired');
    await assert.rejects(connection.openClip(made, { offset: 0 }, never), failsOn(sim)('EEXPIRED', /deleted/));
  });

  it('is asked for all clips by one search', async () => {
    const sim = await startServer();
    for (let index = 0; index < 250; index += 1) {
      sim.addEvent({ startMs: noonMs - 25_000_000 + index * 60_000, seconds: 60, monitorId: 1 + (index % 2) });
    }
    const connection = connectTo(sim);
    const clips = Array.from({ length: 60 }, (_, index) => {
      const startMs = noonMs - 24_000_000 + index * 200_000;
      const range = { start: new Date(startMs).toISOString(), end: new Date(startMs + 20_000).toISOString() };
      return clipOf({ id: `clip-${index}`, camera: String(1 + (index % 2)), status: 'busy', ...range });
    });
    await connection.listCameras(never);
    const before = sim.requests.length;
    const answers = await Promise.allSettled(clips.map((clip) => poll(connection, clip)));
    assert.ok(answers.some((answer) => answer.status === 'fulfilled' && answer.value?.status === 'finished'));
    const asked = sim.requests.slice(before);
    // Three pages of one search, and the time zone.
    assert.ok(asked.length <= 4, asked.map(({ target }) => target).join('\n'));
    const pages = sim.requestsFor('events').map(({ query }) => query.get('page'));
    assert.deepEqual(pages, ['1', '2', '3'].slice(0, pages.length));
  });

  it('is asked for by another search where clips lie far apart, or are of very many cameras', async () => {
    const spans = Array.from({ length: 250 }, (_, index) => ({
      camera: String(index + 1),
      start: noonMs + index * 1000,
      end: noonMs + index * 1000 + 20_000,
    }));
    const yesterday = { camera: '7', start: noonMs - 86_400_000, end: noonMs - 86_380_000 };
    const groups = groupsOf([...spans, yesterday]);
    assert.deepEqual(
      groups.map(({ cameras }) => cameras.length),
      [1, 100, 100, 50],
    );
    assert.deepEqual(groups[0]!.span, { start: yesterday.start, end: yesterday.end });
  });

  for (const [name, change] of [
    ['as text', { numbersAsText: true }],
    ['without pages', { pagination: false }],
    ['by 1.38', { version: '1.38.4' }],
    ['by 1.39', { version: '1.39.22' }],
  ] as const) {
    it(`reads events that are told ${name}`, async () => {
      const sim = await startServer(change);
      for (let index = 0; index < 120; index += 1) {
        sim.addEvent({ startMs: noonMs - 3600_000 - (119 - index) * 60_000, seconds: 60 });
      }
      const clip = await connectTo(sim).createClip(request({ start: at(-10_000), end: at(-3590) }), never);
      assert.deepEqual([clip.status, clip.gaps], ['finished', []]);
      assert.equal(clip.ref!.events!.split(' ').length, 108);
    });
  }

  it('finds events in the hour that comes twice', async () => {
    const sim = await startServer({ clock: { at: '2026-10-25T12:00:00Z' }, timezone: amsterdam });
    for (let index = 0; index < 24; index += 1) {
      sim.addEvent({ startMs: utc('2026-10-24T23:00:00') + index * 600_000, seconds: 600 });
    }
    const connection = connectTo(sim);
    for (const [start, end, events] of [
      ['2026-10-25T00:29:50Z', '2026-10-25T00:30:10Z', '9 10'],
      ['2026-10-25T01:29:50Z', '2026-10-25T01:30:10Z', '15 16'],
      ['2026-10-25T00:59:50Z', '2026-10-25T01:00:10Z', '12 13'],
    ] as const) {
      const clip = await connection.createClip(request({ start, end }), never);
      assert.deepEqual([clip.ref?.events, clip.gaps, clip.reason], [events, [], undefined], start);
    }
  });

  it('believes the end of events where the recorder is in another zone', async () => {
    const sim = await startServer({ recorderZone: 'America/Los_Angeles', databaseZone: 'Etc/UTC', version: '1.38.4' });
    sim.addEvent({ startMs: noonMs - 3610_000, seconds: 60 });
    const clip = await connectTo(sim).createClip(request(), never);
    assert.deepEqual([clip.status, clip.gaps], ['finished', []]);
    assert.match(clip.reason!, /start and end disagree by 8 h/);
  });

  it('lets go of a search as soon as it is no longer wanted', async () => {
    const sim = await startServer();
    const connection = connectTo(sim);
    await connection.listCameras(never);
    sim.failNext({ kind: 'delay', ms: Infinity }, 'zone');
    const stop = new AbortController();
    const cancelled = assert.rejects(connection.createClip(request(), stop.signal), failsOn(sim)('EABORTED'));
    await eventually(() => sim.requestsFor('zone').length === 1);
    stop.abort();
    await cancelled;
    // Another caller is not concerned.
    await assert.rejects(connection.createClip(request(), never), failsOn(sim)('ENOFOOTAGE'));
  });
});
