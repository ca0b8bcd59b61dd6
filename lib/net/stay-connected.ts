// Keeps a line open on which a server tells its news, and opens it again after it has broken.
import { pause, type Clock } from '../async/clock';
import { exponentialPauseMs } from '../async/retry';

const pauses = { firstMs: 1_000, longestMs: 60_000 };
/** A connection that lasted so long was a good one: its end is no reason to hesitate. Proxies end a silent one after minutes. */
const goodMs = 30_000;

export interface Line {
  clock: Clock;
  /** Ends it. */
  signal: AbortSignal;
  /**
   * One connection, from its making to its end, however that comes. `open` is to be called once news are on their way. `false`:
   * there is nothing to listen to, and trying again cannot help.
   */
  connect(open: () => void): Promise<boolean | void>;
  /** The line is there again: what happened in between is not repeated. */
  again(): void;
  /** It listens, or has failed to do so for now. May be called again. */
  settled?(): void;
}

/** Resolves when the signal fires, or where there is nothing to listen to. Never rejects. */
export async function stayConnected({ clock, signal, connect, again, settled }: Line): Promise<void> {
  let failures = 0;
  let wasOpen = false;
  while (!signal.aborted) {
    let openedAt: number | undefined;
    try {
      const isOffered = await connect(() => {
        openedAt = clock.steadyNow();
        if (wasOpen) again();
        wasOpen = true;
        settled?.();
      });
      if (isOffered === false) return;
    } catch {
      // Asking finds out all the same, only later.
    }
    settled?.();
    if (signal.aborted) return;
    const wasGood = openedAt !== undefined && clock.steadyNow() - openedAt >= goodMs;
    failures = wasGood ? 1 : failures + 1;
    await pause(exponentialPauseMs(failures, pauses), clock, signal);
  }
}
