import assert from 'node:assert/strict';
import { aNode, feedRig, type FeedRig } from './rig';

/** A crash lets nothing happen any more, and may have come before or after what was just being done. */
interface Moment {
  at: number;
  isAfter: boolean;
}

const eventsInAll = 7;

async function runUntil({ at, isAfter }: Moment): Promise<{ rig: FeedRig; sent: string[]; steps: number }> {
  const rig = feedRig();
  const sent: string[] = [];
  let [steps, isDead] = [0, false];
  const step = (effect: () => void): void => {
    if (isDead) throw new Error('the process is dead');
    steps += 1;
    const isLast = steps === at;
    if (!isLast || isAfter) effect();
    isDead = isLast;
    if (isDead) throw new Error('the process dies');
  };
  const node = aNode({ send: ({ event }) => step(() => sent.push(event.id)) });
  rig.memory.onWrite = (nodeId, state) => step(() => rig.memory.states.set(nodeId, structuredClone(state)));
  rig.start(node);
  await rig.pass();
  for (let count = 0; count < 3; count += 1) rig.vendor.add();
  await rig.pass();
  for (let count = 3; count < eventsInAll; count += 1) rig.vendor.add();
  await rig.pass();
  rig.memory.onWrite = undefined;
  rig.memory.lose();
  return { rig, sent, steps };
}

describe('a crash of a feed', () => {
  it('at any moment loses nothing, and what comes again is marked as late', async () => {
    const { steps } = await runUntil({ at: Infinity, isAfter: false });
    assert.ok(steps >= eventsInAll + 5, `${steps} steps`);
    // Before its first state is stored, it has not begun.
    for (let at = 2; at <= steps; at += 1) {
      for (const isAfter of [false, true]) {
        const { rig, sent } = await runUntil({ at, isAfter });
        const again = aNode();
        rig.start(again);
        await rig.pass(2);
        const all = [...sent, ...again.messages.map(({ event }) => event.id)];
        const moment = `${isAfter ? 'after' : 'before'} step ${at}`;
        assert.deepEqual([...new Set(all)].sort(), ['1', '2', '3', '4', '5', '6', '7'], moment);
        const repeated = again.messages.filter(({ event }) => sent.includes(event.id));
        assert.ok(repeated.length <= 4 && repeated.every(({ event }) => event.late), moment);
      }
    }
  });

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
    assert.deepEqual(new Set(node.messages.map(({ event }) => event.id)).size, 5);
  });
});
