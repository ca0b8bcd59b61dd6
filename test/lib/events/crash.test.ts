import assert from 'node:assert/strict';
import { aNode, feedRig, type FeedRig } from './rig';

/** A crash lets nothing happen any more, and may have come before or after what was just being done. */
interface Moment {
  at: number;
  isAfter: boolean;
}

interface Way {
  /** How many events the vendor has before each look. */
  batches: number[];
  /** So many may be in a page. */
  pageSize: number;
}

const ways: Record<string, Way> = {
  'in one page': { batches: [3, 4], pageSize: 100 },
  'in several pages': { batches: [25, 22], pageSize: 20 },
};

async function runUntil(
  { at, isAfter }: Moment,
  { batches, pageSize }: Way,
): Promise<{ rig: FeedRig; sent: string[]; steps: number; begunAt: number }> {
  const rig = feedRig();
  rig.vendor.overlap = 2;
  const sent: string[] = [];
  let [steps, begunAt, isDead] = [0, 0, false];
  const step = (effect: () => void): void => {
    if (isDead) throw new Error('the process is dead');
    steps += 1;
    const isLast = steps === at;
    if (!isLast || isAfter) effect();
    isDead = isLast;
    if (isDead) throw new Error('the process dies');
  };
  const node = aNode({ send: ({ event }) => step(() => sent.push(event.id)), maxWaiting: pageSize });
  rig.memory.onWrite = (nodeId, state) => {
    step(() => rig.memory.states.set(nodeId, structuredClone(state)));
    begunAt ||= steps;
  };
  // Before and after: a question changes nothing.
  rig.vendor.answer = () => (step(() => undefined), {});
  rig.start(node);
  await rig.pass();
  const open = rig.vendor.add({ open: true, end: undefined });
  for (const [index, count] of batches.entries()) {
    for (let number = index === 0 ? 1 : 0; number < count; number += 1) rig.vendor.add();
    await rig.pass();
    if (index === 0) Object.assign(open, { open: false, end: new Date(rig.clock.now()).toISOString() });
  }
  rig.memory.onWrite = rig.vendor.answer = undefined;
  rig.memory.lose();
  return { rig, sent, steps, begunAt };
}

describe('a crash of a feed', () => {
  for (const [name, way] of Object.entries(ways)) {
    it(`at any moment loses nothing ${name}, and what comes again is marked as late`, async function () {
      this.timeout(120_000);
      const eventsInAll = way.batches.reduce((sum, count) => sum + count, 0);
      const all = Array.from({ length: eventsInAll }, (_, index) => String(index + 1)).sort();
      const { steps, begunAt } = await runUntil({ at: Infinity, isAfter: false }, way);
      // Questions, sendings, and what is stored before and after them.
      assert.ok(steps >= eventsInAll + 8, `${steps} steps`);
      // Before its first state is stored, it has not begun.
      for (let at = begunAt + 1; at <= steps; at += 1) {
        for (const isAfter of [false, true]) {
          const { rig, sent } = await runUntil({ at, isAfter }, way);
          const again = aNode();
          rig.start(again);
          await rig.pass(2);
          const found = [...sent, ...again.messages.map(({ event }) => event.id)];
          const moment = `${isAfter ? 'after' : 'before'} step ${at}`;
          assert.deepEqual([...new Set(found)].sort(), all, moment);
          const repeated = again.messages.filter(({ event }) => sent.includes(event.id));
          assert.ok(repeated.length <= way.pageSize && repeated.every(({ event }) => event.late), moment);
        }
      }
    });
  }

  it('sends an event again with the range that it had', async () => {
    const rig = feedRig();
    rig.start(aNode({ send: () => assert.fail('the process dies') }));
    await rig.pass();
    rig.vendor.add({ end: new Date(rig.clock.now() + 60_000).toISOString() });
    rig.memory.onWrite = (_, { outbox }) => {
      if (outbox.length === 0) return;
      // Stored, and never sent.
      setImmediate(() => (rig.memory.onWrite = () => assert.fail('the process is dead')));
    };
    await rig.pass();
    const [stored] = [...rig.memory.states.values()];
    rig.memory.onWrite = undefined;
    rig.memory.lose();
    const again = aNode();
    rig.start(again);
    await rig.pass(2);
    const [message] = again.messages;
    assert.deepEqual({ start: message?.start, end: message?.end }, stored?.outbox[0]?.range);
  });
});

describe('a restart of a feed', () => {
  const stopped = async (rig: FeedRig, change: Parameters<typeof aNode>[0] = {}): Promise<void> => {
    const { leave } = rig.start(aNode(change));
    await rig.pass();
    await leave();
  };

  it('sends late what happened meanwhile', async () => {
    const rig = feedRig();
    await stopped(rig);
    rig.vendor.add();
    await rig.clock.advance(30 * 60_000);
    const node = aNode();
    rig.start(node);
    await rig.pass();
    assert.deepEqual(node.sent, ['1 late']);
    assert.deepEqual(
      node.reports.map(({ state }) => state),
      ['catching-up', 'connected'],
    );
    assert.equal(rig.vendor.checks, 0);
  });

  it('leaves out what is too old by the clock of the vendor, and says how much', async () => {
    for (const clockSkewMs of [0, -3600_000, 3600_000]) {
      const rig = feedRig();
      rig.vendor.clockSkewMs = clockSkewMs;
      await stopped(rig);
      for (let count = 0; count < 3; count += 1) rig.vendor.add();
      await rig.clock.advance(2 * 3600_000);
      rig.vendor.add();
      const node = aNode();
      rig.start(node);
      await rig.pass(2);
      assert.deepEqual(node.sent, ['4 late'], `${clockSkewMs}`);
      const { state, missed } = node.reports.at(-1)!;
      assert.deepEqual([state, missed, rig.vendor.checks], ['connected', 3, 1]);
    }
  });

  it('sends 500 at most, and says how many it leaves out', async () => {
    const rig = feedRig();
    await stopped(rig);
    for (let count = 0; count < 1234; count += 1) rig.vendor.add();
    const node = aNode({ maxWaiting: 10_000 });
    rig.start(node);
    await rig.pass(2);
    assert.equal(node.messages.length, 500);
    assert.equal(node.reports.at(-1)?.missed, 734);
    rig.vendor.add();
    await rig.pass();
    assert.equal(node.sent.at(-1), '1235');
  });

  it('leaves nothing out that waited for jobs before it', async () => {
    const rig = feedRig();
    const before = aNode();
    const { leave } = rig.start(before);
    await rig.pass();
    rig.jobs = 200;
    for (let count = 0; count < 1234; count += 1) rig.vendor.add();
    await rig.pass();
    assert.equal(before.reports.at(-1)?.state, 'lagging');
    await leave();
    rig.jobs = 0;
    const node = aNode({ maxWaiting: 10_000 });
    rig.start(node);
    await rig.pass(2);
    assert.equal(new Set(node.sent).size, 1234);
  });

  it('begins now where nothing is to be caught up, or where it is forgotten', async () => {
    for (const isRemoved of [false, true]) {
      const rig = feedRig();
      const { leave } = rig.start(aNode());
      await rig.pass();
      await leave(isRemoved);
      rig.vendor.add();
      const node = aNode({ catchUpMs: isRemoved ? 3600_000 : 0 });
      rig.start(node);
      await rig.pass();
      rig.vendor.add();
      await rig.pass();
      assert.deepEqual(node.sent, ['2']);
    }
  });

  it('begins now for another connection, with a word', async () => {
    const rig = feedRig();
    await stopped(rig);
    rig.vendor.add();
    const node = aNode({ source: 'another' });
    rig.start(node);
    await rig.pass();
    assert.deepEqual(node.sent, []);
    assert.match(node.reports[0]?.reason ?? '', /have changed/);
  });

  it('sends exactly once what was open before it', async () => {
    const rig = feedRig();
    const { leave } = rig.start(aNode());
    await rig.pass();
    const going = rig.vendor.add({ open: true, end: undefined });
    await rig.pass();
    await leave();
    Object.assign(going, { open: false, end: new Date(rig.clock.now()).toISOString() });
    const node = aNode();
    rig.start(node);
    await rig.pass(3);
    assert.deepEqual(node.sent, ['1 late']);
  });

  it('in the middle of a page doubles nothing', async () => {
    const rig = feedRig();
    let leaving: Promise<void> | undefined;
    const first = aNode();
    const { leave } = rig.start(first);
    await rig.pass();
    for (let count = 0; count < 5; count += 1) rig.vendor.add();
    rig.onTell = () => {
      if (first.messages.length === 2) leaving ??= leave();
    };
    await rig.pass();
    await leaving;
    const second = aNode();
    rig.start(second);
    await rig.pass();
    assert.deepEqual([...first.sent, ...second.sent], ['1', '2', '3', '4 late', '5 late']);
  });
});

describe('two instances with one store', () => {
  it('ask and send once, and the other goes on where the first ends', async () => {
    const rig = feedRig();
    const [one, two] = [aNode(), aNode()];
    const first = rig.start(one);
    rig.start(two);
    await rig.pass();
    rig.vendor.add();
    await rig.pass();
    assert.deepEqual([one.sent, two.sent], [['1'], []]);
    assert.ok(two.standbys > 0);
    await first.leave();
    rig.vendor.add();
    await rig.pass(2);
    assert.deepEqual([one.sent, two.sent], [['1'], ['2 late']]);
  });

  it('send nothing once the lease is lost', async () => {
    const rig = feedRig();
    const node = aNode();
    rig.start(node);
    await rig.pass();
    for (let count = 0; count < 5; count += 1) rig.vendor.add();
    rig.onTell = () => {
      if (node.messages.length === 1) rig.memory.lose();
    };
    await rig.pass();
    // The one that was under way, and then all that were stored as unsent.
    rig.onTell = undefined;
    await rig.pass(2);
    assert.deepEqual(node.sent, ['1', '2', '1 late', '2 late', '3 late', '4 late', '5 late']);
  });
});
