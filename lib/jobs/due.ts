import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock';
import { inSlices } from '../slices';

/**
 * Starts what becomes due, in order and a few in each turn of the event loop: after a restart, thousands may be due at once.
 * @returns lets something become due after so many milliseconds; what that returns takes it back
 */
export function startWhenDue<T>(
  clock: Clock,
  order: (a: T, b: T) => number,
  start: (due: T) => void,
): (item: T, waitMs: number) => () => void {
  const line = new Set<T>();
  let isMoving = false;

  async function move(): Promise<void> {
    isMoving = true;
    while (line.size > 0) {
      // Whatever else is due at this moment gets in line before the next turn.
      await nextTurn();
      await inSlices([...line].sort(order), (due) => line.delete(due) && start(due));
    }
    isMoving = false;
  }

  return (item, waitMs) => {
    const stopWaiting = clock.after(waitMs, () => {
      line.add(item);
      if (!isMoving) void move();
    });
    return () => {
      stopWaiting();
      line.delete(item);
    };
  };
}
