import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { aNode, feedRig, intervalMs, type FeedRig } from './rig';

describe('the feed of a connection', () => {
  let rig: FeedRig;
  beforeEach(() => {
    rig = feedRig();
  });

  describe('at its first start', () => {
    it('begins now: what has been is not sent', async () => {
      rig.vendor.overlap = 3;
      for (let count = 0; count < 5; count += 1) rig.vendor.add();
      const node = aNode();
      rig.start(node);
      await rig.pass();
      rig.vendor.add();
      await rig.pass(3);
      assert.deepEqual(node.sent, ['6']);
      assert.deepEqual(
        node.reports.map(({ state }) => state),
        ['connected'],
      );
    });

    it('sends what was going on, when it ends', async () => {
      const going = rig.vendor.add({ open: true, end: undefined });
      const node = aNode();
      // In the overlap, so that it is known to go on.
      rig.vendor.answer = ({ cursor }) => (cursor === '' ? { cursor: 'at 0' } : {});
      rig.start(node);
      await rig.pass();
      assert.deepEqual(rig.vendor.queries.at(-1)?.open, ['1']);
      Object.assign(going, { open: false, end: new Date(rig.clock.now()).toISOString() });
      await rig.pass();
      assert.deepEqual(node.sent, ['1']);
      await rig.pass();
      assert.deepEqual(rig.vendor.queries.at(-1)?.open, []);
    });
  });

  describe('shared by two nodes', () => {
    it('asks once in each interval, for the kinds and cameras of both', async () => {
      const one = aNode({ id: 'one', filter: { kinds: ['motion'], cameras: ['cam-1'] } });
      const two = aNode({ id: 'two', filter: { kinds: ['alarm'], cameras: ['cam-2'] } });
      rig.start(one, two);
      await rig.pass();
      const before = rig.vendor.queries.length;
      rig.vendor.add();
      rig.vendor.add({ kind: 'alarm', camera: 'cam-2' });
      rig.vendor.add({ kind: 'alarm', camera: 'cam-1' });
      await rig.pass(5);
      assert.equal(rig.vendor.queries.length - before, 5);
      const { kinds, cameras } = rig.vendor.queries.at(-1)!;
      assert.deepEqual(
        [kinds, cameras],
        [
          ['motion', 'alarm'],
          ['cam-1', 'cam-2'],
        ],
      );
      assert.deepEqual([one.sent, two.sent], [['1'], ['2']]);
    });

    it('lets one that comes later begin now, and asks once for both from then on', async () => {
      rig.vendor.overlap = 10;
      const one = aNode({ id: 'one' });
      const { feed } = rig.start(one);
      await rig.pass();
      rig.vendor.add();
      await rig.pass();
      const two = aNode({ id: 'two' });
      feed.join(two);
      await rig.pass();
      const before = rig.vendor.queries.length;
      rig.vendor.add();
      await rig.pass(3);
      assert.equal(rig.vendor.queries.length - before, 3);
      assert.deepEqual([one.sent, two.sent], [['1', '2'], ['2']]);
    });

    it('lets one that was away catch up by itself, and then asks once for both', async () => {
      const [one, two] = [aNode({ id: 'one' }), aNode({ id: 'two' })];
      const { feed } = rig.start(one);
      const leave = feed.join(two);
      await rig.pass();
      await leave(false);
      for (let count = 0; count < 3; count += 1) rig.vendor.add();
      await rig.pass();
      const again = aNode({ id: 'two' });
      feed.join(again);
      await rig.pass();
      const before = rig.vendor.queries.length;
      rig.vendor.add();
      await rig.pass(2);
      assert.equal(rig.vendor.queries.length - before, 2);
      assert.deepEqual(
        [one.sent, again.sent],
        [
          ['1', '2', '3', '4'],
          ['1 late', '2 late', '3 late', '4'],
        ],
      );
    });

    it('keeps a node that waits for its jobs from holding up the other', async () => {
      const [patient, hungry] = [aNode({ id: 'patient', maxWaiting: 5 }), aNode({ id: 'hungry', maxWaiting: 100 })];
      rig.start(patient, hungry);
      await rig.pass();
      rig.jobs = 5;
      rig.vendor.add();
      const before = rig.vendor.queries.length;
      await rig.pass(2);
      assert.equal(rig.vendor.queries.length - before, 2);
      assert.deepEqual([patient.sent, hungry.sent], [[], ['1']]);
      assert.equal(patient.reports.at(-1)?.state, 'lagging');
      rig.jobs = 4;
      await rig.pass();
      assert.deepEqual(patient.sent, ['1 late']);
      assert.equal(patient.reports.at(-1)?.state, 'connected');
      const after = rig.vendor.queries.length;
      await rig.pass(3);
      // The first look brings the two together.
      assert.ok(rig.vendor.queries.length - after <= 4);
    });
  });

  it('sends each event once, in order, however often and in whatever order it is listed', async () => {
    rig.vendor.overlap = 5;
    const node = aNode();
    rig.start(node);
    await rig.pass();
    const at = (seconds: number): string => new Date(rig.clock.now() + seconds * 1000).toISOString();
    rig.vendor.add({ start: at(1), end: at(6) });
    rig.vendor.add({ start: at(2), end: at(4) });
    await rig.pass();
    // Listed late, with an old time.
    rig.vendor.add({ start: at(-400), end: at(-390) });
    await rig.pass(4);
    assert.deepEqual(node.sent, ['2', '1', '3']);
  });

  it('looks half a second after news, and once for many', async () => {
    const node = aNode();
    rig.start(node);
    await rig.pass();
    const before = rig.vendor.queries.length;
    await rig.clock.advance(3_000);
    rig.vendor.add();
    for (let count = 0; count < 5; count += 1) rig.vendor.news();
    await rig.clock.advance(500);
    await rig.clock.advance(0);
    assert.deepEqual(node.sent, ['1']);
    assert.equal(rig.vendor.queries.length - before, 1);
  });

  describe('when the vendor fails', () => {
    it('tries again less and less often, says so once, and loses nothing', async () => {
      const node = aNode();
      rig.start(node);
      await rig.pass();
      rig.vendor.failure = new ClipError('ENETWORK', 'the server is down');
      const before = rig.vendor.queries.length;
      await rig.pass(60);
      const tries = rig.vendor.queries.length - before;
      assert.ok(tries >= 6 && tries <= 9, `${tries} tries in ten minutes`);
      for (let count = 0; count < 300; count += 1) rig.vendor.add();
      rig.vendor.failure = undefined;
      await rig.pass(40);
      assert.deepEqual(
        node.sent,
        Array.from({ length: 300 }, (_, index) => `${index + 1} late`),
      );
      assert.deepEqual(
        node.reports.map(({ state, reason }) => [state, reason]),
        [
          ['connected', undefined],
          ['disconnected', 'the server is down'],
          ['catching-up', undefined],
          ['connected', undefined],
        ],
      );
    });

    it('waits as long as the vendor asks for', async () => {
      rig.start(aNode());
      await rig.pass();
      rig.vendor.failure = new ClipError('ETHROTTLED', 'too many requests', { retryAfterMs: 65_000 });
      await rig.pass();
      const before = rig.vendor.queries.length;
      await rig.pass(6);
      assert.equal(rig.vendor.queries.length, before);
      await rig.pass();
      assert.equal(rig.vendor.queries.length, before + 1);
    });

    it('asks a server that refuses the login no more than the connection lets it', async () => {
      const node = aNode();
      rig.vendor.failure = new ClipError('EAUTH', 'the password is refused', { retryable: false });
      rig.start(node);
      await rig.pass(20);
      assert.equal(rig.vendor.queries.length, 1);
      assert.deepEqual(
        node.reports.map(({ state, reason }) => [state, reason]),
        [['denied', 'the password is refused']],
      );
    });

    it('keeps its place where it is the question that is refused', async () => {
      const node = aNode();
      rig.start(node);
      await rig.pass();
      rig.vendor.add();
      rig.vendor.failure = new ClipError('EINVALID', 'HTTP 400', { vendorCode: 'HTTP 400' });
      await rig.pass(2);
      assert.equal(node.reports.at(-1)?.state, 'disconnected');
      rig.vendor.failure = undefined;
      await rig.pass(2);
      assert.deepEqual(node.sent, ['1 late']);
    });

    it('begins afresh with a word where it does not know the cursor', async () => {
      const node = aNode();
      rig.start(node);
      await rig.pass();
      rig.vendor.answer = () => ({ cursor: 'somewhere' });
      await rig.pass();
      rig.vendor.answer = undefined;
      rig.vendor.add();
      await rig.pass();
      rig.vendor.add();
      await rig.pass();
      assert.deepEqual(node.sent, ['2']);
      assert.match(node.reports.at(-1)?.reason ?? '', /does not know where/);
    });

    it('leaves a list that never ends for the next look', async () => {
      const node = aNode();
      rig.start(node);
      await rig.pass();
      rig.vendor.answer = () => ({ more: true });
      const before = rig.vendor.queries.length;
      await rig.pass(3);
      assert.equal(rig.vendor.queries.length - before, 3);
      rig.vendor.answer = ({ cursor }) => ({ more: true, cursor: `at ${cursor.length % 2}` });
      rig.vendor.add();
      await rig.pass();
      assert.ok(rig.warnings.some((text) => text.includes('lists no new ones')));
      assert.deepEqual(node.sent, ['1']);
    });

    it('leaves out what has no id or no time', async () => {
      const node = aNode();
      rig.start(node);
      await rig.pass();
      rig.vendor.add({ id: '' });
      rig.vendor.add({ start: 'yesterday' });
      rig.vendor.add({ camera: undefined, end: 'soon' });
      await rig.pass();
      assert.deepEqual(node.sent, ['3']);
      const [{ camera, event } = assert.fail()] = node.messages;
      assert.deepEqual([camera, event.end], [undefined, undefined]);
      assert.ok(rig.warnings.some((text) => text.includes('2 event(s)')));
    });
  });

  it('asks for nothing while it lags, goes on when there is room, and never starts more than may wait', async () => {
    const node = aNode({ maxWaiting: 30 });
    rig.start(node);
    await rig.pass();
    for (let count = 0; count < 1000; count += 1) rig.vendor.add();
    let most = 0;
    rig.onTell = () => (most = Math.max(most, (rig.jobs += 1)));
    await rig.pass();
    assert.deepEqual([node.messages.length, node.reports.at(-1)?.state], [30, 'lagging']);
    const before = rig.vendor.queries.length;
    await rig.pass(3);
    assert.equal(rig.vendor.queries.length, before);
    while (node.messages.length < 1000) {
      rig.jobs = Math.max(0, rig.jobs - 17);
      await rig.clock.advance(2_000);
      await rig.clock.advance(0);
    }
    assert.ok(most <= 30, `${most} jobs`);
    assert.equal(new Set(node.sent).size, 1000);
    rig.jobs = 0;
    await rig.pass(2);
    assert.deepEqual(
      node.reports.map(({ state }) => state),
      ['connected', 'lagging', 'connected'],
    );
  });

  it('is over when its connection is closed', async () => {
    const node = aNode();
    rig.start(node);
    await rig.pass();
    rig.vendor.failure = new ClipError('EABORTED', 'Cancelled');
    const before = rig.vendor.queries.length;
    await rig.pass(5);
    assert.deepEqual([node.closed, rig.vendor.queries.length - before], [1, 1]);
  });

  it('stores what has changed at once, and the cursor alone once a minute', async () => {
    rig.start(aNode());
    await rig.pass();
    const before = rig.memory.writes.length;
    await rig.clock.advance(5 * 60_000);
    const idle = rig.memory.writes.length - before;
    assert.ok(idle >= 4 && idle <= 6, `${idle} writes`);
    rig.vendor.add();
    await rig.pass();
    // With the event in the outbox, and without it.
    const outboxes = rig.memory.writes.slice(before + idle).map(({ state }) => state.outbox.length);
    assert.deepEqual(outboxes, [1, 0]);
  });

  it('looks at the shortest interval of its nodes', async () => {
    rig.start(aNode({ id: 'one', intervalMs: 60_000 }), aNode({ id: 'two', intervalMs: 20_000 }));
    await rig.pass();
    const before = rig.vendor.queries.length;
    await rig.clock.advance(12 * intervalMs);
    assert.equal(rig.vendor.queries.length - before, 6);
  });
});
