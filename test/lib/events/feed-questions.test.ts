/** What a feed asks its vendor and its store, and when: no question too many, none too few. */
import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import type { StateLease } from '../../../lib/jobs/node-states';
import { aNode, feedRig, intervalMs, type FeedRig } from './rig';

describe('a feed', () => {
  let rig: FeedRig;
  beforeEach(() => {
    rig = feedRig();
  });

  it('brings its nodes together though no two answers have the same cursor', async () => {
    let answers = 0;
    rig.vendor.answer = () => ({ cursor: `at ${String(rig.vendor.events.length).padStart((answers += 1), '0')}` });
    const [one, two] = [aNode({ id: 'one' }), aNode({ id: 'two' })];
    const { feed } = rig.start(one);
    const leave = feed.join(two);
    await rig.pass(2);
    await leave(false);
    rig.vendor.add();
    await rig.pass();
    const again = aNode({ id: 'two' });
    feed.join(again);
    await rig.pass();
    const before = rig.vendor.queries.length;
    await rig.pass(3);
    assert.equal(rig.vendor.queries.length - before, 3);
    assert.deepEqual([one.sent, again.sent], [['1'], ['1 late']]);
  });

  it('leaves pages that bring nothing new, each with another cursor, for the next look', async () => {
    const node = aNode();
    rig.start(node);
    await rig.pass();
    let answers = 0;
    rig.vendor.answer = () => {
      answers += 1;
      assert.ok(answers < 1_000, 'it asks for ever');
      return { more: true, cursor: `at ${'0'.repeat(answers + 1)}` };
    };
    await rig.pass();
    assert.ok(rig.warnings.some((text) => text.includes('lists no new ones')));
    rig.vendor.answer = undefined;
    rig.vendor.add();
    await rig.pass(2);
    assert.deepEqual(node.sent, ['1']);
  });

  it('asks for twenty events where fewer jobs may begin: most of a page may be none of the node', async () => {
    const node = aNode({ maxWaiting: 30 });
    rig.start(node);
    await rig.pass();
    rig.jobs = 29;
    rig.onTell = () => (rig.jobs += 1);
    for (let count = 0; count < 3; count += 1) rig.vendor.add();
    await rig.pass();
    assert.equal(rig.vendor.queries.at(-1)?.limit, 20);
    assert.deepEqual(node.sent, ['1']);
  });

  it('goes on asking for what a stopped node wants, which may be back, and not for a removed one', async () => {
    const [one, two, three] = ['1', '2', '3'].map((name) => aNode({ id: name, filter: { cameras: [`cam-${name}`] } }));
    const { feed } = rig.start(one!);
    const [stop, remove] = [feed.join(two!), feed.join(three!)];
    await rig.pass();
    await stop(false);
    await remove(true);
    await rig.pass();
    assert.deepEqual(rig.vendor.queries.at(-1)?.cameras, ['cam-1', 'cam-2']);
  });

  it('is not hurried by news while the vendor fails', async () => {
    rig.start(aNode());
    await rig.pass();
    rig.vendor.failure = new ClipError('ENETWORK', 'the server is down');
    // By now it pauses for more than a minute.
    await rig.pass(9);
    const before = rig.vendor.queries.length;
    for (let count = 0; count < 5; count += 1) {
      rig.vendor.news();
      await rig.clock.advance(1_000);
    }
    assert.equal(rig.vendor.queries.length, before);
  });

  it('looks on time however long a look takes', async () => {
    const node = aNode();
    const slow = rig.vendor.connection();
    const { listEvents } = slow;
    rig.vendor.connection = () => ({
      ...slow,
      async listEvents(query, signal) {
        await new Promise<void>((resolve) => rig.clock.after(4_000, resolve));
        return listEvents(query, signal);
      },
    });
    rig.start(node);
    await rig.pass(3);
    const before = rig.vendor.queries.length;
    await rig.pass(10);
    assert.equal(rig.vendor.queries.length - before, 10);
  });

  it('gives a lease back that comes after its end', async () => {
    const store = rig.memory.store();
    let give = (_lease: StateLease | undefined): void => undefined;
    rig.memory.store = () => ({ lease: () => new Promise((resolve) => (give = resolve)) });
    const early = rig.start(aNode());
    await rig.pass();
    const lease = await store.lease('connection');
    await early.leave();
    assert.equal(lease?.lost.aborted, false);
    give(lease);
    await rig.pass();
    assert.equal(lease?.lost.aborted, true);
  });

  it('forgets what is stored of a node that is removed', async () => {
    const { leave } = rig.start(aNode());
    await rig.pass();
    assert.ok(rig.memory.states.has('node'));
    await leave(true);
    assert.equal(rig.memory.states.has('node'), false);
  });

  it('stores where a node has come to when it is stopped', async () => {
    const node = aNode();
    const { leave } = rig.start(node);
    await rig.pass();
    // Of another kind, so that nothing but the cursor goes on.
    rig.vendor.add({ kind: 'alarm' });
    await rig.pass();
    assert.equal(rig.memory.states.get('node')?.cursor, 'at 0');
    await leave();
    assert.equal(rig.memory.states.get('node')?.cursor, 'at 1');
    assert.ok(intervalMs < 60_000, 'else it would have been stored anyway');
  });
});
