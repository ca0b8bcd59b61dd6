/** Long work in pieces, so that nothing else in the process waits for the whole of it. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Few enough to take only some milliseconds. */
const atOnce = 25;

/** Calls for each item, in order. Now and then the event loop makes a turn in between. */
export async function forEachYielding<T>(items: readonly T[], call: (item: T) => void): Promise<void> {
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % atOnce === 0) await nextTurn();
    call(item);
  }
}
