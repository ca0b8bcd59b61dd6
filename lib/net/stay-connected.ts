// Keeps a line open on which a server tells its news, and opens it again after it has broken.
import { pause, type Clock } from '../async/clock';
import { exponentialPauseMs } from '../async/retry';

const pauses = { firstMs: 1_000, longestMs: 60_000 };
/** A connection that lasted so long was a good one: its end is no reason to hesitate. Proxies end a silent one after minutes. */
const goodMs = 30_000;
/** So long the first call of a session waits until news are on their way. */
const patienceMs = 3_000;

/** Of a connection. */
export interface End {
  /** There is nothing to listen to, and trying again cannot help. */
  isFinal?: boolean | undefined;
  /** The server wants to be left alone for so long. */
  retryAfterMs?: number | undefined;
}

export interface Line {
  clock: Clock;
  /** Ends it. */
  signal: AbortSignal;
  /** One connection, from its making to its end, however that comes. `open` is to be called once news are on their way. */
  connect(open: () => void): Promise<End | void>;
  /** The line is there again: what happened in between is not repeated. */
  again(): void;
  /** It listens, or has failed to do so for now. May be called again. */
  settled?(): void;
  random?: (() => number) | undefined;
}

/** Stays connected in the background. Resolves once it listens, or has failed to do so for now. Never rejects. */
export function startListening(line: Omit<Line, 'settled'>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = line.clock.after(patienceMs, resolve);
    const settled = (): void => {
      cancel();
      resolve();
    };
    line.signal.addEventListener('abort', settled, { once: true });
    void stayConnected({ ...line, settled }).then(settled);
  });
}

/** Resolves when the signal fires, or where there is nothing to listen to. Never rejects. */
export async function stayConnected({ clock, signal, connect, again, settled, random }: Line): Promise<void> {
  let failures = 0;
  let wasOpen = false;
  while (!signal.aborted) {
    let openedAt: number | undefined;
    let end: End | void = undefined;
    try {
      end = await connect(() => {
        openedAt = clock.steadyNow();
        if (wasOpen) again();
        wasOpen = true;
        settled?.();
      });
    } catch {
      // Asking finds out all the same, only later.
    }
    settled?.();
    if (end?.isFinal || signal.aborted) return;
    const wasGood = openedAt !== undefined && clock.steadyNow() - openedAt >= goodMs;
    failures = wasGood ? 1 : failures + 1;
    const pauseMs = exponentialPauseMs(failures, pauses, random);
    await pause(Math.max(pauseMs, end?.retryAfterMs ?? 0), clock, signal);
  }
}
