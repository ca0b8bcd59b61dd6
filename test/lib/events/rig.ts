/** A feed with time that stands still, over a vendor whose events a test makes, and a store that a crash leaves behind. */
import { ClipError } from '../../../lib/errors';
import { EventFeed, type FeedConnection } from '../../../lib/events/feed';
import type { FeedNode, FeedReport } from '../../../lib/events/member';
import type { EventMessage } from '../../../lib/events/message';
import type { FeedState } from '../../../lib/events/state';
import type { StateStore } from '../../../lib/jobs/node-states';
import type { EventPage, EventQuery, ProviderEvent } from '../../../lib/provider';
import { manualClock, type ManualClock } from '../../support/manual-clock';

export const intervalMs = 10_000;

/** A vendor that numbers its events as they are listed; cursors are such numbers. */
export interface Vendor {
  readonly queries: EventQuery[];
  readonly events: ProviderEvent[];
  /** How far its cursors lie back. */
  overlap: number;
  clockSkewMs: number;
  checks: number;
  /** The next queries fail with it, until it is taken away. */
  failure: ClipError | undefined;
  /** In place of an answer. */
  answer: ((query: EventQuery) => Partial<EventPage>) | undefined;
  news(): void;
  add(change?: Partial<ProviderEvent>): ProviderEvent;
  connection(id?: string): FeedConnection;
}

export function startVendor(clock: ManualClock): Vendor {
  const listeners = new Set<() => void>();
  const vendor: Vendor = {
    queries: [],
    events: [],
    overlap: 0,
    clockSkewMs: 0,
    checks: 0,
    failure: undefined,
    answer: undefined,
    news: () => listeners.forEach((listener) => listener()),
    add(change = {}) {
      const at = clock.now() + vendor.clockSkewMs;
      const event: ProviderEvent = {
        id: String(vendor.events.length + 1),
        kind: 'motion',
        camera: 'cam-1',
        start: new Date(at - 10_000).toISOString(),
        end: new Date(at).toISOString(),
        type: 'motion',
        ...change,
      };
      vendor.events.push(event);
      return event;
    },
    connection: (id = 'connection') => ({
      id,
      definition: { id: 'fake' },
      async listEvents(query, signal) {
        signal.throwIfAborted();
        vendor.queries.push(structuredClone(query));
        if (vendor.failure) throw vendor.failure;
        const page = list(vendor, query);
        return vendor.answer ? { ...page, ...vendor.answer(query) } : page;
      },
      onEventNews(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      async check() {
        vendor.checks += 1;
        return { name: 'Fake', warnings: [], clockSkewMs: vendor.clockSkewMs };
      },
      cameras: { refresh: () => undefined },
    }),
  };
  return vendor;
}

function list({ events, overlap }: Vendor, { cursor, kinds, cameras, open, limit }: EventQuery): EventPage {
  if (cursor === '') return { events: [], cursor: `at ${events.length}`, more: false };
  const from = Number(/^at (\d+)$/.exec(cursor)?.[1] ?? NaN);
  if (Number.isNaN(from)) throw new ClipError('EINVALID', 'That is no cursor of this vendor');
  const isAsked = ({ kind, camera }: ProviderEvent): boolean =>
    kinds.includes(kind) && (cameras.length === 0 || cameras.includes(camera ?? ''));
  const to = Math.min(events.length, from + limit);
  const found = events.slice(from, to).filter(isAsked);
  const asked = events.filter((event) => open.includes(event.id) && !found.includes(event));
  const more = to < events.length;
  const gone = open.filter((id) => events.every((event) => event.id !== id));
  return { events: [...asked, ...found], cursor: `at ${more ? to : Math.max(0, to - overlap)}`, more, gone };
}

/** States in memory. A lease is for one owner at a time. */
export interface MemoryStates {
  readonly states: Map<string, FeedState>;
  readonly writes: { nodeId: string; state: FeedState }[];
  /** Called before each write; throws what is to go wrong. */
  onWrite: ((nodeId: string, state: FeedState) => void) | undefined;
  /** For one instance. */
  store(): StateStore;
  /** The instance that has the lease loses it. */
  lose(): void;
}

export function memoryStates(): MemoryStates {
  let holder: AbortController | undefined;
  const memory: MemoryStates = {
    states: new Map(),
    writes: [],
    onWrite: undefined,
    store: () => ({
      async lease() {
        if (holder && !holder.signal.aborted) return undefined;
        const own = (holder = new AbortController());
        return {
          lost: own.signal,
          read: async (nodeId) => structuredClone(memory.states.get(nodeId)),
          async write(nodeId, state) {
            if (own.signal.aborted) throw new ClipError('EABORTED', 'the lease is lost');
            memory.onWrite?.(nodeId, state as FeedState);
            memory.writes.push({ nodeId, state: structuredClone(state as FeedState) });
            memory.states.set(nodeId, structuredClone(state as FeedState));
          },
          remove: async (nodeId) => void memory.states.delete(nodeId),
          release: async () => own.abort(),
        };
      },
    }),
    lose: () => holder?.abort(),
  };
  return memory;
}

export interface TestNode extends FeedNode {
  messages: EventMessage[];
  reports: FeedReport[];
  standbys: number;
  closed: number;
  /** Ids of the events that were sent; those that are late with a mark. */
  readonly sent: string[];
}

export function aNode(
  change: Partial<Omit<FeedNode, 'filter'>> & { filter?: Partial<FeedNode['filter']> } = {},
): TestNode {
  const { filter, ...more } = change;
  const node: TestNode = {
    id: 'node',
    source: 'source',
    filter: {
      kinds: ['motion'],
      cameras: [],
      labels: [],
      zones: [],
      minScore: 0,
      when: 'end',
      minMs: 0,
      cooldownMs: 0,
      ...filter,
    },
    beforeMs: 5_000,
    afterMs: 5_000,
    intervalMs,
    catchUpMs: 3600_000,
    maxWaiting: 200,
    messages: [],
    reports: [],
    standbys: 0,
    closed: 0,
    get sent() {
      return node.messages.map(({ event }) => event.id + (event.late ? ' late' : ''));
    },
    send: (message) => void node.messages.push(message),
    report: (report) => void node.reports.push(report),
    onLook: () => undefined,
    onStandby: () => void (node.standbys += 1),
    onClosed: () => void (node.closed += 1),
    ...more,
  };
  return node;
}

export interface FeedRig {
  readonly clock: ManualClock;
  readonly vendor: Vendor;
  readonly memory: MemoryStates;
  readonly warnings: string[];
  /** Unfinished jobs. */
  jobs: number;
  /** Called while an event is being sent. */
  onTell: ((id: string) => void) | undefined;
  /** A feed of the next start of the process, or of another instance. */
  start(...nodes: FeedNode[]): { feed: EventFeed; leave(isRemoved?: boolean): Promise<void> };
  /** Lets one interval pass. */
  pass(times?: number): Promise<void>;
}

export function feedRig(): FeedRig {
  const clock = manualClock();
  const rig: FeedRig = {
    clock,
    vendor: startVendor(clock),
    memory: memoryStates(),
    warnings: [],
    jobs: 0,
    onTell: undefined,
    start(...nodes) {
      const feed = new EventFeed({
        connection: rig.vendor.connection(),
        clock,
        states: () => store,
        unfinished: async () => rig.jobs,
        warn: (text) => rig.warnings.push(text),
        random: () => 0.5,
        async deliver(id, call) {
          rig.onTell?.(id);
          call();
          return () => undefined;
        },
      });
      const store = rig.memory.store();
      const leaving = nodes.map((node) => feed.join(node));
      return {
        feed,
        leave: async (isRemoved = false) => void (await Promise.all(leaving.map((leave) => leave(isRemoved)))),
      };
    },
    async pass(times = 1) {
      for (let count = 0; count < times; count += 1) {
        await clock.advance(intervalMs);
        for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
      }
    },
  };
  return rig;
}
