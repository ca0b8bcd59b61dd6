// Defines what is stored of a node that sends events (its cursor, what it has seen, what it has to send), and reads it back:
// by this version of the package or by another one.
import type { ProviderEvent, Range } from '../provider';

/** An event on its way out. */
export interface OutboxEntry {
  /** The same whenever it is sent. */
  id: string;
  event: ProviderEvent;
  /** The widened range that its message names. */
  range: Range;
  /** It was found by catching up. */
  late?: true;
}

/** Progress of catching up after a restart, which has a limit. */
export interface Backlog {
  sent: number;
  missed: number;
}

/** JSON, stored in one piece. */
export interface FeedState {
  /** Connection, server and kinds of events that the cursor belongs to. */
  source: string;
  /** The provider's own. Empty: nothing has been asked for yet. */
  cursor: string;
  /** Events that need no further look, by `keyOf`, the latest last. */
  seen: string[];
  /** Those that had not ended when last seen. */
  open: string[];
  /** For the cooldown: when the last event that was sent began, by camera and label. Epoch milliseconds of the vendor. */
  lastStarts: Record<string, number>;
  /** When the vendor last answered. ISO 8601 with `Z`, by our clock; absent: never. */
  lastLook?: string;
  outbox: OutboxEntry[];
  backlog?: Backlog;
  /** The vendor had more when it was asked last, since this node waits for its jobs. */
  isBehind?: true;
}

/** To be raised with every change that an earlier version cannot read, or makes. */
const storedVersion = 1;
export const mostSeen = 2_000;
export const mostOpen = 500;
export const mostLastStarts = 500;

export function newState(source: string, outbox: OutboxEntry[] = []): FeedState {
  return { source, cursor: '', seen: [], open: [], lastStarts: {}, outbox };
}

/** Key of an event: ids are unique among the events of a kind. */
export function keyOf({ kind, id }: Pick<ProviderEvent, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

export function idOf(key: string): string {
  return key.slice(key.indexOf(' ') + 1);
}

export function storedState(state: FeedState): object {
  return { version: storedVersion, ...state };
}

/** `undefined`: there is none, or it cannot be read. */
export function readState(stored: unknown): FeedState | undefined {
  const { version, ...state } = (stored ?? {}) as Partial<FeedState> & { version?: unknown };
  const { source, cursor, seen, open, lastStarts, outbox } = state;
  const isWhole =
    version === storedVersion &&
    typeof source === 'string' &&
    typeof cursor === 'string' &&
    [seen, open, outbox].every(Array.isArray) &&
    typeof lastStarts === 'object';
  return isWhole ? (state as FeedState) : undefined;
}
