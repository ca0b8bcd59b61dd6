import assert from 'node:assert/strict';
import { toMessage, widenedRange } from '../../../lib/events/message';
import { readEvent } from '../../../lib/events/read';
import { mostOpen, mostSeen, newState, readState, storedState, type FeedState } from '../../../lib/events/state';
import { takePage, type TakeOptions } from '../../../lib/events/take';
import type { ProviderEvent } from '../../../lib/provider';
import { eventTimes } from '../../../lib/providers/event-list';
import { aNode } from './rig';

const at = (seconds: number): string => new Date(Date.UTC(2025, 2, 1, 9) + seconds * 1000).toISOString();

function anEvent(change: Partial<ProviderEvent> = {}): ProviderEvent {
  return { id: '1', kind: 'motion', camera: 'cam-1', start: at(0), end: at(14), type: 'motion', ...change };
}

const idsOf = (events: ProviderEvent[]): string[] => events.map(({ id }) => id);

function take(events: ProviderEvent[], filter: Partial<TakeOptions['filter']> = {}, state?: Partial<FeedState>) {
  const whole = { ...aNode().filter, ...filter };
  return takePage({ ...newState('source'), cursor: 'c', ...state }, { events }, { filter: whole, room: Infinity });
}

describe('what a node wants', () => {
  const cases: [
    what: string,
    event: Partial<ProviderEvent>,
    filter: Partial<TakeOptions['filter']>,
    isSent: boolean,
  ][] = [
    ['a kind that is not asked for', { kind: 'alarm' }, {}, false],
    ['a camera that is asked for', {}, { cameras: ['cam-1'] }, true],
    ['another camera', {}, { cameras: ['cam-2'] }, false],
    ['no camera, where some are asked for', { camera: undefined }, { cameras: ['cam-1'] }, false],
    ['a label in another spelling', { label: 'Person' }, { labels: ['person'] }, true],
    ['one of several labels', { labels: ['car', 'dog'] }, { labels: ['dog'] }, true],
    ['a type in place of a label', { type: 'vehicle', label: 'car' }, { labels: ['vehicle'] }, true],
    ["the vendor's own word", { ref: { type: 'LICENSEPLATE_ALERT' } }, { labels: ['licenseplate_alert'] }, true],
    ['another label', { label: 'car' }, { labels: ['person'] }, false],
    ['one of the zones', { zones: ['drive', 'yard'] }, { zones: ['yard'] }, true],
    ['no zone', {}, { zones: ['yard'] }, false],
    ['a score that is too low', { score: 0.4 }, { minScore: 0.5 }, false],
    ['no score', {}, { minScore: 0.5 }, true],
    ['a length that is too short', {}, { minMs: 15_000 }, false],
    ['an instant', { end: undefined }, { minMs: 15_000 }, true],
    ['one that goes on, at its start', { open: true, end: undefined }, { when: 'start' }, true],
    ['one that goes on, at its end', { open: true, end: undefined }, { when: 'end' }, false],
  ];
  for (const [what, event, filter, isSent] of cases) {
    it(`${isSent ? 'is' : 'is not'} ${what}`, () => {
      assert.deepEqual(idsOf(take([anEvent(event)], filter).events), isSent ? ['1'] : []);
    });
  }

  it('is one event per camera and label within the cooldown, in whatever order they are listed', () => {
    const events = [
      anEvent({ id: '1', start: at(0), end: at(5) }),
      anEvent({ id: '2', start: at(10), end: at(15) }),
      anEvent({ id: '3', start: at(10), end: at(16), camera: 'cam-2' }),
      anEvent({ id: '4', start: at(10), end: at(17), label: 'car' }),
      anEvent({ id: '5', start: at(31), end: at(36) }),
    ];
    const { events: sent, state } = take(events.reverse(), { cooldownMs: 30_000 });
    assert.deepEqual(idsOf(sent), ['1', '3', '4', '5']);
    assert.deepEqual(
      idsOf(take([anEvent({ id: '6', start: at(40), end: at(41) })], { cooldownMs: 30_000 }, state).events),
      [],
    );
  });

  it('at the start is sent once, and not again when it ends or changes', () => {
    const going = anEvent({ open: true, end: undefined });
    const first = take([going], { when: 'start', labels: ['person'] });
    assert.deepEqual([idsOf(first.events), first.state.open], [[], ['motion 1']]);
    const second = take([{ ...going, label: 'person' }], { when: 'start', labels: ['person'] }, first.state);
    assert.deepEqual([idsOf(second.events), second.state.open], [['1'], []]);
    const third = take([anEvent({ label: 'person' })], { when: 'start', labels: ['person'] }, second.state);
    assert.deepEqual(idsOf(third.events), []);
  });

  it('is looked at no more once the vendor knows it no more', () => {
    const { state } = take([anEvent({ open: true, end: undefined })]);
    const filter = aNode().filter;
    assert.deepEqual(takePage(state, { events: [], gone: ['1'] }, { filter, room: 9 }).state.open, []);
  });

  it('is remembered for the last 2,000', () => {
    const many = Array.from({ length: mostSeen + 10 }, (_, index) =>
      anEvent({ id: String(index), end: at(index + 1) }),
    );
    const { state } = take(many);
    assert.equal(state.seen.length, mostSeen);
    assert.equal(state.seen.at(-1), `motion ${mostSeen + 9}`);
  });

  it('is among the last to be forgotten while it is listed again and again', () => {
    const first = take([anEvent({ id: 'again', end: at(1) }), anEvent({ id: 'other', end: at(2) })]);
    const { state, hasChanged } = take([anEvent({ id: 'again', end: at(1) })], {}, first.state);
    assert.deepEqual([state.seen, hasChanged], [['motion other', 'motion again'], false]);
  });

  it('is followed while it goes on, for the last 500', () => {
    const many = Array.from({ length: mostOpen + 10 }, (_, index) =>
      anEvent({ id: String(index), start: at(index), end: undefined, open: true }),
    );
    const { state } = take(many, { when: 'end' });
    assert.deepEqual([state.open.length, state.open.at(-1)], [mostOpen, `motion ${mostOpen + 9}`]);
  });

  describe('while it catches up', () => {
    const backlog = { sent: 0, missed: 0 };
    const late = (events: ProviderEvent[], given: FeedState['backlog'], notBefore?: number) =>
      takePage(
        { ...newState('source'), cursor: 'c', backlog: given },
        { events },
        {
          filter: aNode().filter,
          room: Infinity,
          notBefore,
        },
      );

    it('is no more than 500 events, and the rest is counted', () => {
      const many = Array.from({ length: 510 }, (_, index) => anEvent({ id: String(index), end: at(index + 1) }));
      const { events, state } = late(many, backlog);
      assert.deepEqual([events.length, state.backlog], [500, { sent: 500, missed: 10 }]);
      assert.deepEqual(backlog, { sent: 0, missed: 0 });
      const rest = late([anEvent({ id: 'more' })], state.backlog);
      assert.deepEqual([rest.events.length, rest.state.backlog], [0, { sent: 500, missed: 11 }]);
    });

    it('is what ended since then, however early it began', () => {
      const events = [
        anEvent({ id: 'long', start: at(0), end: at(20) }),
        anEvent({ id: 'early', start: at(1), end: at(9) }),
        anEvent({ id: 'instant', start: at(8), end: undefined }),
      ];
      const { events: sent, state } = late(events, backlog, Date.parse(at(10)));
      assert.deepEqual([idsOf(sent), state.backlog], [['long'], { sent: 1, missed: 2 }]);
    });
  });

  it('stays with the vendor where there is no room for it', () => {
    const events = [1, 2, 3].map((id) => anEvent({ id: String(id), end: at(id) }));
    const options = { filter: aNode().filter, room: 2 };
    const taken = takePage({ ...newState('source'), cursor: 'c' }, { events }, options);
    assert.deepEqual([idsOf(taken.events), taken.isCut], [['1', '2'], true]);
    const rest = takePage(taken.state, { events }, options);
    assert.deepEqual([idsOf(rest.events), rest.isCut], [['3'], false]);
  });
});

describe('the message of an event', () => {
  const entry = (event: ProviderEvent) => ({ id: 'a', event, range: { start: at(-5), end: at(19) } });

  it('has all that create-clip needs, and a line for people', () => {
    const event = anEvent({ label: 'person', type: 'person', cameraName: 'Front door', score: 0.9 });
    assert.deepEqual(toMessage(entry(event), 'connection', 'frigate'), {
      event: { ...event, connection: 'connection', provider: 'frigate' },
      camera: 'cam-1',
      time: at(0),
      start: at(-5),
      end: at(19),
      topic: 'person',
      payload: 'person, Front door, 14 s',
    });
  });

  it('has the clip where the vendor holds it, with the event in it', () => {
    const clip = {
      id: '9',
      camera: 'cam-1',
      start: at(0),
      end: at(14),
      status: 'finished' as const,
      ref: { events: '9' },
    };
    const message = toMessage(entry(anEvent({ id: '9', clip })), 'connection', 'zoneminder');
    const ref = { events: '9', event: '9' };
    assert.deepEqual(message.clip, { ...clip, connection: 'connection', provider: 'zoneminder', ref });
    assert.ok(!('clip' in message.event));
  });

  it('names a range that does not go beyond now, as far as clocks agree', () => {
    const now = Date.parse(at(10));
    const range = (event: ProviderEvent) => widenedRange(event, 5_000, 3_000, now);
    assert.deepEqual(range(anEvent({ end: at(8) })), { start: at(-5), end: at(11) });
    assert.deepEqual(range(anEvent({ end: at(86_400) })), { start: at(-5), end: at(13) });
    assert.deepEqual(range(anEvent({ end: undefined, open: true })), { start: at(-5), end: at(3) });
    // The vendor's clock is an hour ahead.
    assert.deepEqual(range(anEvent({ start: at(3600), end: at(3614) })), { start: at(3595), end: at(3617) });
  });
});

describe('an event of a provider', () => {
  it('is read as far as it can be used', () => {
    const { end: _none, ...instant } = anEvent();
    assert.deepEqual(readEvent(anEvent({ start: '2025-03-01T10:00:00+01:00', end: '' })), instant);
    assert.equal(readEvent(anEvent({ type: 'explosion' as never }))?.type, 'other');
    assert.equal(readEvent(anEvent({ end: at(-10) }))?.end, undefined);
    for (const broken of [{ id: '' }, { id: 7 as never }, { kind: '' }, { start: 'soon' }]) {
      assert.equal(readEvent(anEvent(broken)), undefined);
    }
  });

  it('of a time that no calendar has comes at one that can be reckoned with, and a document is no id', () => {
    const far = readEvent(anEvent({ start: '+275760-09-13T00:00:00Z', end: '-271821-04-20T00:00:00Z' }))!;
    assert.deepEqual([far.start, far.end], ['2100-01-01T00:00:00.000Z', undefined]);
    widenedRange(far, 86_400_000, 86_400_000, Date.parse(at(0)));
    assert.equal(readEvent(anEvent({ id: 'x'.repeat(10_000_000) })), undefined);
  });

  it('has times whatever number a vendor tells', () => {
    const far = '2100-01-01T00:00:00.000Z';
    const [began, none] = ['1900-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'];
    const table: [number, number | undefined, object][] = [
      [1e300, undefined, { start: far }],
      [-1e300, 1e300, { start: began, end: far }],
      [NaN, undefined, { start: none }],
      [Infinity, Infinity, { start: far, end: far }],
      [8.64e15 + 1, undefined, { start: far }],
    ];
    for (const [start, end, expected] of table) assert.deepEqual(eventTimes(start, end), expected);
  });
});

describe('what is stored of a feed', () => {
  it('comes back as it was, and not from another version', () => {
    const state = newState('source');
    assert.deepEqual(readState(JSON.parse(JSON.stringify(storedState(state)))), state);
    for (const strange of [
      undefined,
      null,
      7,
      {},
      { ...storedState(state), version: 2 },
      { version: 1, source: 's' },
      { ...storedState(state), seen: 'motion 1' },
      { ...storedState(state), open: {} },
      { ...storedState(state), outbox: undefined },
    ]) {
      assert.equal(readState(strange), undefined);
    }
  });
});
