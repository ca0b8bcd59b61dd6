import assert from 'node:assert/strict';
import { resume } from '../../../lib/events/resume';
import { newState, type FeedState } from '../../../lib/events/state';

const now = Date.UTC(2025, 2, 1, 9);
const ago = (ms: number): string => new Date(now - ms).toISOString();
const minuteMs = 60_000;
const wanted = { source: 'here', catchUpMs: 60 * minuteMs, now };

const stored = (change: Partial<FeedState> = {}): FeedState => ({
  ...newState('here'),
  cursor: 'c',
  seen: ['motion 1'],
  open: ['motion 2'],
  lastLook: ago(minuteMs),
  ...change,
});

const entry = {
  id: 'a',
  event: { id: '3', kind: 'motion', start: ago(9_000), type: 'motion' as const },
  range: { start: ago(9_000), end: ago(0) },
};

describe('a node of a feed that comes back', () => {
  it('goes on from its place, and knows what it has seen', () => {
    const { state, isAfresh, isOverdue } = resume(stored(), wanted);
    assert.deepEqual([state.cursor, state.seen, state.open], ['c', ['motion 1'], ['motion 2']]);
    assert.deepEqual(state.backlog, { sent: 0, missed: 0 });
    assert.deepEqual([isAfresh, isOverdue], [false, false]);
  });

  it('goes on with how far catching up has come', () => {
    const backlog = { sent: 7, missed: 3 };
    assert.deepEqual(resume(stored({ backlog }), wanted).state.backlog, backlog);
  });

  it('begins now where nothing is stored, or nothing was asked for yet', () => {
    assert.deepEqual(resume(undefined, wanted), { state: newState('here'), isOverdue: false, isAfresh: false });
    assert.deepEqual(resume(stored({ cursor: '' }), wanted).state, newState('here'));
  });

  it('begins now with another server or other kinds of events, and says so', () => {
    const { state, isAfresh } = resume(stored({ source: 'elsewhere', outbox: [entry] }), wanted);
    assert.equal(isAfresh, true);
    // What was on its way out is sent all the same.
    assert.deepEqual(state, { ...newState('here'), outbox: [{ ...entry, late: true }] });
  });

  it('begins now where it is not to catch up, and says nothing', () => {
    assert.deepEqual(resume(stored(), { ...wanted, catchUpMs: 0 }), {
      state: newState('here'),
      isOverdue: false,
      isAfresh: false,
    });
  });

  it('marks as late what may have been sent before', () => {
    assert.deepEqual(resume(stored({ outbox: [entry] }), wanted).state.outbox, [{ ...entry, late: true }]);
  });

  it('has been away too long once more has passed than it catches up', () => {
    const isOverdue = (awayMs: number): boolean => resume(stored({ lastLook: ago(awayMs) }), wanted).isOverdue;
    assert.deepEqual([isOverdue(60 * minuteMs), isOverdue(60 * minuteMs + 1)], [false, true]);
  });

  it('has no limit for what the vendor kept while it waited for its jobs, unless it was away too long', () => {
    const behind = stored({ isBehind: true });
    assert.equal(resume(behind, wanted).state.backlog, undefined);
    const late = resume({ ...behind, lastLook: ago(61 * minuteMs) }, wanted);
    assert.deepEqual([late.isOverdue, late.state.backlog], [true, { sent: 0, missed: 0 }]);
  });
});
