/** Pauses grow while it waits: each look costs a busy machine something, and a long wait is not ended by some milliseconds. */
const [firstPauseMs, longestPauseMs, growingMs] = [10, 50, 2_000];

/** Looks again until a condition holds; the last failure surfaces when it never does. */
export async function eventually(check: () => unknown, withinMs = 40_000): Promise<void> {
  const start = Date.now();
  const deadline = start + withinMs;
  for (;;) {
    try {
      if ((await check()) !== false) return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error('The condition never held');
    const grown = Math.min(1, (Date.now() - start) / growingMs);
    const pauseMs = firstPauseMs + (longestPauseMs - firstPauseMs) * grown;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
