// Follows the events of a provider under the contract, by real sessions with its simulator.
import assert from 'node:assert/strict';
import { ProviderHandle } from '../../lib/connection/provider-handle';
import { loginGuards } from '../../lib/connection/login-guard';
import { readFields } from '../../lib/fields';
import { eventTypes, type EventPage, type EventQuery, type ProviderEvent } from '../../lib/provider';
import { follow, type Follower } from '../support/event-follower';
import type { Harness, World, WorldEvents } from './harness';
import { checkEvent, expectNoSecret, inTime, leaveOut, respectException, useRig, type Rig } from './rig';

export const never = (): AbortSignal => new AbortController().signal;

export interface EventRig extends Pick<Rig, 'world' | 'provider' | 'clock'> {
  readonly events: WorldEvents;
  /** The default kind. */
  readonly kinds: string[];
  /** The provider under its session, as a connection has it. */
  open(credentials?: World['credentials']): ProviderHandle;
  list(handle: ProviderHandle, query?: Partial<EventQuery>): Promise<EventPage>;
  follower(changes?: Partial<EventQuery>): Follower;
  /** One that has begun already. */
  started(changes?: Partial<EventQuery>): Promise<Follower>;
}

/** One for each test of the suite that calls this; leaves out all tests where the provider lists no events. */
export function useEventRig(harness: () => Harness): () => EventRig {
  const rig = useRig(harness);
  let current: EventRig;
  let handles: { handle: ProviderHandle; closing: AbortController }[];

  beforeEach(function () {
    handles = [];
    const { world, provider, clock } = rig();
    if (!provider.listEvents) leaveOut(this, 'it lists no events');
    if (!world.events) throw new Error('The harness makes no events');
    respectException(this, world);
    const kinds = [world.definition.eventKinds![0]!.value];

    function open(credentials = world.credentials): ProviderHandle {
      const { definition, settings } = world;
      const closing = new AbortController();
      const handle = new ProviderHandle({
        definition,
        config: {
          settings: readFields(definition.settings, settings),
          credentials,
          now: world.events!.now ?? Date.now,
        },
        guard: loginGuards(clock)(Object.values(credentials).join()),
        clock,
        closing: closing.signal,
        changed: () => undefined,
      });
      handles.push({ handle, closing });
      return handle;
    }

    function list(handle: ProviderHandle, query: Partial<EventQuery> = {}): Promise<EventPage> {
      const asked = { cursor: '', kinds, cameras: [], open: [], limit: 100, ...query };
      return inTime(handle.call(never(), async (own, call) => own.listEvents!(asked, call)));
    }

    function follower(changes: Partial<EventQuery> = {}): Follower {
      const handle = open();
      const checked = async (query: EventQuery): Promise<EventPage> => {
        const page = await list(handle, query);
        checkPage(page, world);
        return page;
      };
      return follow(checked, { kinds, ...changes });
    }

    async function started(changes: Partial<EventQuery> = {}): Promise<Follower> {
      const begun = follower(changes);
      assert.deepEqual(await begun.look(), []);
      return begun;
    }

    current = { world, provider, clock, events: world.events, kinds, open, list, follower, started };
  });

  afterEach(async () => {
    for (const { handle, closing } of handles) {
      closing.abort();
      await handle.close();
    }
  });

  return () => current;
}

export function checkPage({ events, cursor, more, gone = [] }: EventPage, world: World): void {
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
