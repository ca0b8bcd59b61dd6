// Starts what becomes due, in order and a few in each turn of the event loop.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../async/clock';
import { forEachYielding } from '../async/yielding';

/**
 * After a restart, thousands may be due at once.
 * @returns schedules an item after so many milliseconds; the function that returns unschedules it
 */
export function dueScheduler<T>(
  clock: Clock,
  order: (a: T, b: T) => number,
  start: (due: T) => void,
): (item: T, waitMs: number) => () => void {
  /** Waiting items, by when they are due. */
  const moments = new Map<number, { items: Set<T>; cancel(): void }>();
  const line = new Set<T>();
  let isMoving = false;

  async function move(): Promise<void> {
    isMoving = true;
    while (line.size > 0) {
      // Everything else that is due now gets in line before the next turn.
      await nextTurn();
      await forEachYielding([...line].sort(order), (due) => line.delete(due) && start(due));
    }
    isMoving = false;
  }

  function open(at: number, waitMs: number) {
    const items = new Set<T>();
    const cancelTimer = clock.after(waitMs, () => {
      moments.delete(at);
      for (const item of items) line.add(item);
      items.clear();
      if (!isMoving) void move();
    });
    const moment = { items, cancel: () => (moments.delete(at), cancelTimer()) };
    moments.set(at, moment);
    return moment;
  }

  return (item, waitMs) => {
    // All that is overdue is due at one moment. Timers of their own might fire in different turns.
    const at = waitMs > 0 ? clock.steadyNow() + waitMs : -Infinity;
    const { items, cancel } = moments.get(at) ?? open(at, waitMs);
    items.add(item);
    return () => {
      line.delete(item);
      if (items.delete(item) && items.size === 0) cancel();
    };
  };
}
