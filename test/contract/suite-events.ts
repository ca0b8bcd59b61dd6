import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EventFeed } from '../../lib/events/feed';
import { aNode, memoryStates } from '../lib/events/rig';
import { idsOf } from '../support/event-follower';
import { eventually } from '../support/eventually';
import { manualClock } from '../support/manual-clock';
import { never, useEventRig } from './event-rig';
import type { Harness } from './harness';
import { checkError, inTime, leaveOut, rejection } from './rig';

/** Cursors of others, of another time, and what has been made of them. */
const cursors: Record<string, string> = {
  'vdg-sense': 'vdg-sense?after=7&seen=7%401740823200000',
  rhombus: 'rhombus?alerts=1740823200000+1740823200000',
  'kinesis-video': 'kinesis-video?dock=1740823200000+1740823200000',
  aipix: 'aipix?analytics=1740823200000+1740823200000',
  zoneminder: 'zoneminder?after=7',
  frigate: 'frigate?review=1740823200000+1740823200000',
  sample: 'sample 7',
};
const foreign = ['1', '-1', 'null', '{}', '[]', 'other?from=1', '2025-03-01T12:00:00Z', '0 0', ' ', '%', '?', '\u0000'];

/** What happened, in the vendor's own list. */
export function eventSuite(harness: () => Harness): void {
  const rig = useEventRig(harness);

  it('declares its kinds of events, and how often to ask', () => {
    const { world } = rig();
    const { eventKinds = [], eventIntervalSeconds = 10 } = world.definition;
    assert.ok(eventKinds.length > 0 && eventKinds.every(({ value, label }) => value && label));
    assert.ok(eventIntervalSeconds >= 5 && eventIntervalSeconds <= 60);
  });

  it('begins from now on', async () => {
    const { events, open, list, follower } = rig();
    events.happen({ agoMs: 60_000 });
    const page = await list(open(), { limit: 100 });
    assert.deepEqual([page.events, page.more], [[], false]);
    assert.notEqual(page.cursor, '');
    const begun = follower({ cursor: page.cursor });
    assert.deepEqual(await begun.look(), []);
    events.pass(2 * events.lateMs + 60_000);
    assert.deepEqual(await begun.look(), []);
  });

  it('lists what happens, once', async () => {
    const { world, events, kinds, started } = rig();
    const begun = await started();
    const id = events.happen();
    const [event] = await begun.look();
    assert.equal(event?.id, id);
    assert.equal(event.camera, world.camera);
    assert.equal(event.kind, kinds[0]);
    const second = events.happen();
    assert.deepEqual(idsOf(await begun.look()), [second]);
    assert.deepEqual(await begun.look(), []);
    events.pass(events.lateMs * 2);
    assert.deepEqual(await begun.look(), []);
  });

  it('lists what happened while nobody asked, oldest first, also after a restart', async () => {
    const { events, follower, started } = rig();
    const { cursor } = await started();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      ids.push(events.happen());
      events.pass(600_000);
    }
    assert.deepEqual(idsOf(await follower({ cursor }).look()), ids);
  });

  it('finds what the vendor lists late', async () => {
    const { events, started } = rig();
    const begun = await started();
    const first = events.happen();
    events.pass(events.lateMs * 2);
    assert.deepEqual(idsOf(await begun.look()), [first]);
    const late = events.happen({ agoMs: events.lateMs * 0.75 });
    assert.deepEqual(idsOf(await begun.look()), [late]);
    assert.deepEqual(await begun.look(), []);
  });

  it('finds all of what is listed out of order, and tells it in order', async function () {
    const { events, started } = rig();
    if (!events.disorder) leaveOut(this, 'its list is always in order');
    const begun = await started();
    events.disorder();
    events.pass(10_000);
    const ids = [4, 1, 3, 2, 0].map((seconds) => [events.happen({ agoMs: seconds * 1000 }), seconds] as const);
    events.pass(events.settlesMs ?? 0);
    const inOrder = ids.sort(([, a], [, b]) => b - a).map(([id]) => id);
    assert.deepEqual(idsOf(await begun.look()), inOrder);
  });

  it('lists once what the vendor lists twice', async function () {
    const { events, started } = rig();
    if (!events.double) leaveOut(this, 'nothing can be listed twice');
    const begun = await started();
    events.double();
    const ids = [events.happen(), events.happen()];
    assert.deepEqual(idsOf(await begun.look()).sort(), ids.sort());
    assert.ok(begun.pages.every((size) => size <= 2));
  });

  it('tells that an event goes on, and then once that it has ended', async function () {
    const { events, started } = rig();
    if (!events.end) leaveOut(this, 'its events are instants');
    const begun = await started();
    const id = events.happen({ isOpen: true });
    const [open] = await begun.look();
    assert.deepEqual([open?.id, open?.open, open?.end], [id, true, undefined]);
    events.pass(events.lateMs * 2);
    events.keepOpen?.(id);
    assert.deepEqual(await begun.look(), []);
    events.end(id);
    const [over, ...others] = await begun.look();
    assert.deepEqual([over?.id, over?.open, others], [id, undefined, []]);
    assert.ok(Date.parse(over!.end!) >= Date.parse(over!.start));
    assert.deepEqual(await begun.look(), []);
  });

  it('says which open events the vendor knows no more', async function () {
    const { events, started } = rig();
    if (!events.end || !events.remove) leaveOut(this, 'nothing open can be removed');
    const begun = await started();
    const id = events.happen({ isOpen: true });
    await begun.look();
    events.remove(id);
    events.pass(events.lateMs * 2);
    await begun.look();
    assert.deepEqual([...begun.open], []);
  });

  it('lists many in pages that are no larger than asked for', async () => {
    const { events, started } = rig();
    const begun = await started({ limit: 10 });
    const ids: string[] = [];
    for (let count = 0; count < 42; count += 1) {
      await nextTurn();
      ids.push(events.happen());
      events.pass(20_000);
    }
    assert.deepEqual(idsOf(await begun.look()).sort(), ids.sort());
    assert.ok(begun.pages.length >= 5, begun.pages.join());
    assert.ok(
      begun.pages.every((size) => size <= 10),
      begun.pages.join(),
    );
  });

  it('comes to an end where the pages of the vendor do not', async function () {
    const { world, events, started } = rig();
    if (!events.endless) leaveOut(this, 'the vendor has no pages');
    const begun = await started();
    const id = events.happen();
    events.endless();
    const met = world.requestsFor('events').length;
    const seen = await begun.look().then(idsOf, (error: unknown): string[] => [checkError(error, world).code]);
    assert.ok(seen.includes(id) || seen.includes('EPROTOCOL'), seen.join());
    assert.ok(world.requestsFor('events').length - met < 60, 'requests');
  });

  it('lists the cameras that are asked for', async () => {
    const { events, started } = rig();
    const begun = await started({ cameras: [events.otherCamera] });
    events.happen();
    const id = events.happen({ camera: events.otherCamera });
    const [event, ...others] = await begun.look();
    assert.deepEqual([event?.id, event?.camera, others], [id, events.otherCamera, []]);
  });

  it('refuses a cursor that is not its own', async () => {
    const { world, open, list } = rig();
    const handle = open();
    const { cursor } = await list(handle, { limit: 1 });
    for (const strange of [...foreign, `x${cursor}`, cursor.slice(0, -1).replace(/\d/g, 'x'), 'y'.repeat(10_000)]) {
      const asked = list(handle, { cursor: strange });
      const error = await rejection(asked, world, 'EINVALID');
      assert.equal(error.retryable, false, strange);
    }
  });

  it('refuses the cursors of all other providers', async () => {
    const { world, open, list } = rig();
    const handle = open();
    for (const [id, cursor] of Object.entries(cursors)) {
      if (id !== world.definition.id) await rejection(list(handle, { cursor }), world, 'EINVALID');
    }
  });

  it('does not take a question that is refused for a cursor that is', async () => {
    const { world, events, open, list, started } = rig();
    const begun = await started();
    const id = events.happen();
    for (const status of [400, 422]) {
      const headers = { 'content-type': 'application/json' };
      world.force('events', { status, headers, body: '{"message":"The from field is invalid.","success":false}' }, 10);
      const error = await rejection(list(open(), { cursor: begun.cursor }), world);
      assert.ok(error.code !== 'EINVALID' || error.vendorCode !== undefined, error.message);
      world.clearFaults?.();
    }
    assert.deepEqual(idsOf(await begun.look()), [id]);
  });

  for (const [what, byMs] of [
    ['ahead', 4200_000],
    ['behind', -4200_000],
  ] as const) {
    it(`goes by the clock of the vendor, which is more than an hour ${what}`, async () => {
      const { events, started } = rig();
      events.pass(byMs);
      const begun = await started();
      events.pass(20_000);
      const id = events.happen();
      assert.deepEqual(idsOf(await begun.look()), [id]);
      events.pass(events.lateMs * 2);
      assert.deepEqual(await begun.look(), []);
    });
  }

  it('tells an event without a camera, but not to who asks for cameras', async function () {
    const { world, events, started } = rig();
    if (!events.happenNowhere) leaveOut(this, 'all of its events belong to cameras');
    const [all, some] = [await started(), await started({ cameras: [world.camera] })];
    const id = events.happenNowhere();
    const [event] = await all.look();
    assert.deepEqual([event?.id, event?.camera], [id, undefined]);
    assert.deepEqual(await some.look(), []);
  });

  it('is denied after one attempt with a refused password, and stays so', async () => {
    const { world, kinds, open } = rig();
    const handle = open(world.wrongCredentials);
    const clock = manualClock();
    const node = aNode({ filter: { kinds } });
    const store = memoryStates().store();
    const feed = new EventFeed({
      connection: {
        id: 'connection',
        definition: world.definition,
        listEvents: (query, signal) => handle.call(signal, async (own, call) => own.listEvents!(query, call)),
        onEventNews: () => () => undefined,
        check: async () => ({ name: '', warnings: [] }),
        cameras: { refresh: () => undefined },
      },
      clock,
      states: () => store,
      unfinished: async () => 0,
      warn: () => undefined,
      deliver: async (_, call) => (call(), () => undefined),
    });
    const leave = feed.join(node);
    await clock.advance(0);
    await eventually(() => node.reports.length > 0);
    for (let look = 0; look < 3; look += 1) {
      await clock.advance(600_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await leave(false);
    assert.deepEqual(
      node.reports.map(({ state }) => state),
      ['denied'],
    );
    assert.equal(world.requests().length, 1);
  });

  it('tries a refused password once', async () => {
    const { world, open, list } = rig();
    const handle = open(world.wrongCredentials);
    const query = { limit: 10 };
    await rejection(list(handle, query), world, 'EAUTH');
    assert.equal(world.requests().length, 1);
    await rejection(list(handle, query), world, 'EAUTH');
    assert.equal(world.requests().length, 1);
  });

  it('logs in again, once, when the session ends', async function () {
    const { world, events, started } = rig();
    if (!world.expireSessions) leaveOut(this, 'the vendor hands out no sessions');
    const begun = await started();
    const logins = world.requestsFor('login').length;
    world.expireSessions();
    const id = events.happen();
    assert.deepEqual(idsOf(await begun.look()), [id]);
    assert.equal(world.requestsFor('login').length - logins, 1);
  });

  it('says that it is to wait, and loses nothing', async () => {
    const { world, clock, events, started } = rig();
    const begun = await started();
    const id = events.happen();
    world.throttle('events', 1);
    await rejection(begun.look(), world, 'ETHROTTLED');
    clock.skip(60_000);
    assert.deepEqual(idsOf(await begun.look()), [id]);
  });

  it('hears that it is time to ask, and no more once it is to stop', async function () {
    const { provider, events, open } = rig();
    if (!provider.watchEvents) leaveOut(this, 'the vendor tells nothing of its own');
    const stop = new AbortController();
    let news = 0;
    const watching = open().call(never(), async (provider, call) => {
      await provider.watchEvents!(() => (news += 1), { ...call, signal: stop.signal });
    });
    await eventually(() => {
      events.happen();
      return new Promise((resolve) => setTimeout(() => resolve(news > 0), 300));
    });
    stop.abort();
    await inTime(watching);
    const heard = news;
    events.happen();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(news, heard);
  });
}
