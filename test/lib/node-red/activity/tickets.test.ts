import assert from 'node:assert/strict';
import { createTickets } from '../../../../lib/node-red/activity/tickets';
import { manualClock } from '../../../support/manual-clock';

describe('a ticket', () => {
  const limits = { idleMs: 1_000, longestMs: 2_500, most: 10 };
  const forRow = (rowId: string) => ({ rowId, headers: {} });

  it('is for one thing, and cannot be guessed', () => {
    const tickets = createTickets(manualClock(), limits);
    const [one, other] = [tickets.issue(forRow('one')), tickets.issue(forRow('other'))];
    assert.deepEqual([tickets.redeem(one)?.rowId, tickets.redeem(other)?.rowId], ['one', 'other']);
    assert.ok(one.length >= 32 && one !== other);
    assert.equal(tickets.redeem('x'.repeat(one.length)), undefined);
  });

  it('lasts from its last use', async () => {
    const clock = manualClock();
    const tickets = createTickets(clock, limits);
    const ticket = tickets.issue(forRow('one'));
    await clock.advance(900);
    assert.ok(tickets.redeem(ticket));
    await clock.advance(900);
    assert.ok(tickets.redeem(ticket));
    await clock.advance(1000);
    assert.equal(tickets.redeem(ticket), undefined);
  });

  it('does not last for ever, however often it is used', async () => {
    const clock = manualClock();
    const tickets = createTickets(clock, limits);
    const ticket = tickets.issue(forRow('one'));
    for (const expected of [true, true, false]) {
      await clock.advance(900);
      assert.equal(tickets.redeem(ticket) !== undefined, expected);
    }
  });

  it('gives way when there are too many', () => {
    const tickets = createTickets(manualClock(), { ...limits, most: 2 });
    const issued = ['one', 'two', 'three'].map((row) => tickets.issue(forRow(row)));
    assert.deepEqual(
      issued.map((ticket) => tickets.redeem(ticket)?.rowId),
      [undefined, 'two', 'three'],
    );
  });
});
