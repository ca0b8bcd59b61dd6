// Decides what a page of events means for a node: which are new, which go on, and which are left out. Pure.
import type { EventPage, ProviderEvent } from '../provider';
import { cooldownKey, isAskedFor, isCoolingDown, isWanted, type EventFilter } from './filter';
import { idOf, keyOf, mostLastStarts, mostOpen, mostSeen, type FeedState } from './state';

/** So many events are sent late after a restart. */
const mostLate = 500;

export interface TakeOptions {
  filter: EventFilter;
  /** Of a node that begins now: what has been is not sent. */
  isBeginning?: boolean;
  /** So many may be sent. */
  room: number;
  /** While catching up: older events are left out. Epoch milliseconds by the vendor's clock. */
  notBefore?: number;
}

export interface Taken {
  /** Without the outbox and the cursor, which follow from the events. */
  state: FeedState;
  /** To be sent, in order. */
  events: ProviderEvent[];
  /** Must this be stored now? */
  hasChanged: boolean;
  /** There was no room for some: the same page has to be asked for again. */
  isCut: boolean;
}

export function takePage(
  state: FeedState,
  { events: listed, gone = [] }: Pick<EventPage, 'events' | 'gone'>,
  { filter, isBeginning = false, room, notBefore = -Infinity }: TakeOptions,
): Taken {
  const seen = new Set(state.seen);
  const open = new Set(state.open);
  const lastStarts = { ...state.lastStarts };
  const backlog = state.backlog && { ...state.backlog };
  const events: ProviderEvent[] = [];
  let hasChanged = false;
  let isCut = false;

  /** It needs no further look. */
  function close(key: string): void {
    open.delete(key);
    // Those that are listed again and again are the last to be forgotten.
    hasChanged = !seen.delete(key) || hasChanged;
    seen.add(key);
  }

  function keepOpen(key: string): void {
    hasChanged ||= !open.has(key);
    open.add(key);
  }

  function decide(event: ProviderEvent): void {
    const key = keyOf(event);
    if (seen.has(key)) return close(key);
    if (isBeginning) return event.open && filter.when === 'end' ? keepOpen(key) : close(key);
    if (event.open && (filter.when === 'end' || !isWanted(event, filter))) return keepOpen(key);
    if (!isWanted(event, filter)) return close(key);
    if (isCoolingDown(event, lastStarts, filter.cooldownMs)) return close(key);
    if (backlog && (backlog.sent >= mostLate || Date.parse(event.end ?? event.start) < notBefore)) {
      backlog.missed += 1;
      return close(key);
    }
    if (events.length >= room) return void (isCut = true);
    close(key);
    if (backlog) backlog.sent += 1;
    if (filter.cooldownMs > 0) lastStarts[cooldownKey(event)] = Date.parse(event.start);
    events.push(event);
  }

  for (const event of inOrder(listed, filter.when)) if (isAskedFor(event, filter)) decide(event);
  const goneIds = new Set(gone);
  for (const key of open) {
    if (goneIds.has(idOf(key))) hasChanged = open.delete(key) || hasChanged;
  }
  return {
    state: {
      ...state,
      seen: [...seen].slice(-mostSeen),
      open: [...open].slice(-mostOpen),
      lastStarts: Object.fromEntries(Object.entries(lastStarts).slice(-mostLastStarts)),
      ...(backlog ? { backlog } : {}),
    },
    events,
    hasChanged,
    isCut,
  };
}

/** By when they are sent: vendors list them as they like. */
function inOrder(events: ProviderEvent[], when: EventFilter['when']): ProviderEvent[] {
  const at = ({ start, end }: ProviderEvent): number => Date.parse(when === 'end' ? (end ?? start) : start);
  return [...events].sort((a, b) => at(a) - at(b));
}
