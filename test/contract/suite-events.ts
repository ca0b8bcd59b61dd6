import assert from 'node:assert/strict';
import { ProviderHandle } from '../../lib/connection/provider-handle';
import { loginGuards } from '../../lib/connection/login-guard';
import { readFields } from '../../lib/fields';
import { eventTypes, type EventPage, type EventQuery, type ProviderEvent } from '../../lib/provider';
import { follow, idsOf, type Follower } from '../support/event-follower';
import { eventually } from '../support/eventually';
import { distort, garbage } from './distortions';
import type { ForcedReply, Harness, World, WorldEvents } from './harness';
import { checkError, checkEvent, expectNoSecret, inTime, leaveOut, rejection, respectException, useRig } from './rig';
import { repeat } from './suite-hostile';

const never = (): AbortSignal => new AbortController().signal;

/** Cursors of others, of another time, and what has been made of them. */
const foreign = ['1', '-1', 'null', '{}', '[]', 'other?from=1', '2025-03-01T12:00:00Z', '0 0', ' ', '%', '?', '\u0000'];

/** What happened, in the vendor's own list. */
export function eventSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  let handles: { handle: ProviderHandle; closing: AbortController }[];
  let events: WorldEvents;
  let world: World;

  beforeEach(function () {
    handles = [];
    ({ world } = rig());
    if (!rig().provider.listEvents) leaveOut(this, 'it lists no events');
    if (!world.events) throw new Error('The harness makes no events');
    events = world.events;
    respectException(this, world);
  });

  afterEach(async () => {
    for (const { handle, closing } of handles) {
      closing.abort();
      await handle.close();
    }
  });

  /** The provider under its session, as a connection has it. */
  function open(credentials = world.credentials): ProviderHandle {
    const { definition, settings } = world;
    const closing = new AbortController();
    const { clock } = rig();
    const handle = new ProviderHandle({
      definition,
      config: { settings: readFields(definition.settings, settings), credentials, now: Date.now },
      guard: loginGuards(clock)(`${credentials.username}${credentials.password}${credentials.token}`),
      clock,
      closing: closing.signal,
      changed: () => undefined,
    });
    handles.push({ handle, closing });
    return handle;
  }

  const kinds = (): string[] => [world.definition.eventKinds![0]!.value];

  function list(handle: ProviderHandle, query: EventQuery): Promise<EventPage> {
    return handle.call(never(), async (provider, call) => provider.listEvents!(query, call));
  }

  function follower(changes: Partial<EventQuery> = {}, handle = open()): Follower {
    const checked = async (query: EventQuery): Promise<EventPage> => {
      const page = await inTime(list(handle, query));
      checkPage(page, world);
      return page;
    };
    return follow(checked, { kinds: kinds(), ...changes });
  }

  /** One that has begun already. */
  async function started(changes: Partial<EventQuery> = {}): Promise<Follower> {
    const begun = follower(changes);
    assert.deepEqual(await begun.look(), []);
    return begun;
  }

  it('declares its kinds of events, and how often to ask', () => {
    const { eventKinds = [], eventIntervalSeconds = 10 } = world.definition;
    assert.ok(eventKinds.length > 0 && eventKinds.every(({ value, label }) => value && label));
    assert.ok(eventIntervalSeconds >= 5 && eventIntervalSeconds <= 60);
  });

  it('begins from now on', async () => {
    events.happen({ agoMs: 60_000 });
    const page = await list(open(), { cursor: '', kinds: kinds(), cameras: [], open: [], limit: 100 });
    assert.deepEqual([page.events, page.more], [[], false]);
    assert.notEqual(page.cursor, '');
    const begun = follower({ cursor: page.cursor });
    assert.deepEqual(await begun.look(), []);
    events.pass(2 * events.lateMs + 60_000);
    assert.deepEqual(await begun.look(), []);
  });

  it('lists what happens, once', async () => {
    const begun = await started();
    const id = events.happen();
    const [event] = await begun.look();
    assert.equal(event?.id, id);
    assert.equal(event.camera, world.camera);
    assert.equal(event.kind, kinds()[0]);
    const second = events.happen();
    assert.deepEqual(idsOf(await begun.look()), [second]);
    assert.deepEqual(await begun.look(), []);
    events.pass(events.lateMs * 2);
    assert.deepEqual(await begun.look(), []);
  });

  it('lists what happened while nobody asked, oldest first, also after a restart', async () => {
    const { cursor } = await started();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      ids.push(events.happen());
      events.pass(600_000);
    }
    assert.deepEqual(idsOf(await follower({ cursor }).look()), ids);
  });

  it('finds what the vendor lists late', async () => {
    const begun = await started();
    const first = events.happen();
    events.pass(events.lateMs * 2);
    assert.deepEqual(idsOf(await begun.look()), [first]);
    const late = events.happen({ agoMs: events.lateMs * 0.75 });
    assert.deepEqual(idsOf(await begun.look()), [late]);
    assert.deepEqual(await begun.look(), []);
  });

  it('finds all of what is listed out of order, and tells it in order', async function () {
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
    if (!events.double) leaveOut(this, 'nothing can be listed twice');
    const begun = await started();
    events.double();
    const ids = [events.happen(), events.happen()];
    assert.deepEqual(idsOf(await begun.look()).sort(), ids.sort());
    assert.ok(begun.pages.every((size) => size <= 2));
  });

  it('tells that an event goes on, and then once that it has ended', async function () {
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
    const begun = await started({ limit: 10 });
    const ids: string[] = [];
    for (let count = 0; count < 42; count += 1) {
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
    const begun = await started({ cameras: [events.otherCamera] });
    events.happen();
    const id = events.happen({ camera: events.otherCamera });
    const [event, ...others] = await begun.look();
    assert.deepEqual([event?.id, event?.camera, others], [id, events.otherCamera, []]);
  });

  it('refuses a cursor that is not its own', async () => {
    const handle = open();
    const { cursor } = await list(handle, { cursor: '', kinds: kinds(), cameras: [], open: [], limit: 1 });
    for (const strange of [...foreign, `x${cursor}`, cursor.slice(0, -1).replace(/\d/g, 'x'), 'y'.repeat(10_000)]) {
      const asked = list(handle, { cursor: strange, kinds: kinds(), cameras: [], open: [], limit: 1 });
      const error = await rejection(asked, world, 'EINVALID');
      assert.equal(error.retryable, false, strange);
    }
  });

  it('tries a refused password once', async () => {
    const handle = open(world.wrongCredentials);
    const query = { cursor: '', kinds: kinds(), cameras: [], open: [], limit: 10 };
    await rejection(list(handle, query), world, 'EAUTH');
    assert.equal(world.requests().length, 1);
    await rejection(list(handle, query), world, 'EAUTH');
    assert.equal(world.requests().length, 1);
  });

  it('logs in again, once, when the session ends', async function () {
    if (!world.expireSessions) leaveOut(this, 'the vendor hands out no sessions');
    const begun = await started();
    const logins = world.requestsFor('login').length;
    world.expireSessions();
    const id = events.happen();
    assert.deepEqual(idsOf(await begun.look()), [id]);
    assert.equal(world.requestsFor('login').length - logins, 1);
  });

  it('says that it is to wait, and loses nothing', async () => {
    const begun = await started();
    const id = events.happen();
    world.throttle('events', 1);
    await rejection(begun.look(), world, 'ETHROTTLED');
    rig().clock.skip(60_000);
    assert.deepEqual(idsOf(await begun.look()), [id]);
  });

  it('is not harmed by answers that are garbage', async function () {
    this.timeout(60_000);
    const begun = await started();
    const id = events.happen();
    for (const [name, reply] of garbage()) await meet(begun, name, reply, 'error');
    rig().clock.skip(24 * 3600_000);
    assert.deepEqual(idsOf(await follower({ cursor: begun.cursor }).look()), [id]);
  });

  it('is not harmed by answers of the wrong types', async function () {
    this.timeout(60_000);
    const { cursor } = await started();
    events.happen();
    await follower({ cursor }).look();
    const response = await repeat(world.requestsFor('events').at(-1)!);
    const type = response.headers.get('content-type');
    const headers: Record<string, string> = type ? { 'content-type': type } : {};
    const real = { status: response.status, headers, body: await response.text() };
    for (const [name, body] of distort(real.body)) await meet({ cursor }, name, { ...real, body }, 'any');
  });

  /** What comes of it must be an error of ours or well-typed. */
  async function meet({ cursor }: { cursor: string }, name: string, reply: ForcedReply, expected: 'error' | 'any') {
    const handle = open();
    world.force('events', reply, 10);
    try {
      const outcome = await inTime(list(handle, { cursor, kinds: kinds(), cameras: [], open: [], limit: 100 })).then(
        (page) => ({ page }),
        (error: unknown) => ({ error }),
      );
      if ('error' in outcome) checkError(outcome.error, world);
      else if (expected === 'any') checkPage(outcome.page, world);
      else assert.fail(`It succeeded: ${JSON.stringify(outcome.page).slice(0, 300)}`);
    } catch (thrown) {
      throw new Error(`Answer "${name}": ${(thrown as Error).message}`, { cause: thrown });
    } finally {
      world.clearFaults?.();
    }
  }

  it('hears that it is time to ask, and no more once it is to stop', async function () {
    if (!rig().provider.watchEvents) leaveOut(this, 'the vendor tells nothing of its own');
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

function checkPage({ events, cursor, more, gone = [] }: EventPage, world: World): void {
  assert.ok(typeof cursor === 'string' && cursor !== '' && cursor.length < 4_000, cursor);
  assert.equal(typeof more, 'boolean');
  assert.ok(gone.every((id) => typeof id === 'string'));
  for (const event of events) checkEvent(event, world, eventTypes);
  const starts = events.map(({ start }: ProviderEvent) => Date.parse(start));
  assert.deepEqual(
    starts,
    [...starts].sort((a, b) => a - b),
    'oldest first',
  );
  expectNoSecret(world, JSON.stringify(events), cursor);
}
