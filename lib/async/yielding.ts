// Splits long work into slices, so that the event loop gets its turns in between.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest work without a turn of the event loop. Milliseconds. */
const sliceMs = 8;
/** Few enough to take only some milliseconds. */
const atOnce = 25;

/** Gives the event loop a turn whenever a slice of time is used up: to be awaited again and again while working. */
export function createYielder(): () => Promise<void> | undefined {
  let startedAt = performance.now();
  return () => {
    if (performance.now() - startedAt < sliceMs) return undefined;
    return nextTurn().then(() => void (startedAt = performance.now()));
  };
}

/** Calls for each item, in order. The event loop makes a turn after every few of them, and sooner where they take long. */
export async function forEachYielding<T>(items: readonly T[], call: (item: T) => void): Promise<void> {
  const breathe = createYielder();
  for (const [index, item] of items.entries()) {
    const turn = index > 0 && index % atOnce === 0 ? nextTurn() : breathe();
    if (turn) await turn;
    call(item);
  }
}
