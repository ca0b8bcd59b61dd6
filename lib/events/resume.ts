// Decides how a node goes on after a restart, a redeploy or a take-over by another instance. Pure.
import { newState, type FeedState } from './state';

export interface Resumed {
  state: FeedState;
  /** It has been away for longer than it catches up: older events are left out. */
  isOverdue: boolean;
  /** The stored state is of another connection, server or choice of kinds. */
  isAfresh: boolean;
}

/** @param now epoch milliseconds, by our clock as `lastLook` is */
export function resume(
  stored: FeedState | undefined,
  { source, catchUpMs, now }: { source: string; catchUpMs: number; now: number },
): Resumed {
  if (!stored) return { state: newState(source), isOverdue: false, isAfresh: false };
  // Whether these have been sent is not known.
  const outbox = stored.outbox.map((entry) => ({ ...entry, late: true as const }));
  const isAfresh = stored.source !== source;
  if (isAfresh || stored.cursor === '' || catchUpMs === 0) {
    return { state: newState(source, outbox), isOverdue: false, isAfresh };
  }
  const isOverdue = now - Date.parse(stored.lastLook ?? '') > catchUpMs;
  const { backlog = { sent: 0, missed: 0 }, ...rest } = stored;
  // Events that the vendor kept while this node waited for its jobs have nothing to do with the restart.
  const isLimited = isOverdue || !stored.isBehind;
  return { state: { ...rest, outbox, ...(isLimited ? { backlog } : {}) }, isOverdue, isAfresh };
}
