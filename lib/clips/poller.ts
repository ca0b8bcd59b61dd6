import type { Clock } from '../clock';
import { ClipError, toClipError } from '../errors';
import type { Clip, ProviderClip } from '../provider';

/** `undefined`: the vendor does not list the clip. An error is that clip's own failure. */
export type ClipAnswer = ProviderClip | ClipError | undefined;

interface Ask {
  clip: Clip;
  intervalMs: number;
  resolve(clip: ProviderClip | undefined): void;
  reject(error: Error): void;
}

/** After a hint, who is concerned asks within this time; so long the pauses between rounds are short. */
const hintedForMs = 1_000;
const hintedPauseMs = 100;

/**
 * The one loop that asks a vendor for the status of clips. Whoever asks while a round waits to start joins it, and two
 * rounds never start closer together than the shortest interval among those who ask.
 */
export class Poller {
  readonly #asks = new Set<Ask>();
  #lastRoundAt = -Infinity;
  #hintedAt = -Infinity;
  #timer: { dueAt: number; cancel(): void } | undefined;
  #busy = false;

  constructor(
    private readonly clock: Clock,
    private readonly fetch: (clips: Clip[]) => Promise<ClipAnswer[]>,
  ) {}

  /** Resolves with what the next round finds. The signal only takes this caller out. */
  ask(clip: Clip, intervalMs: number, signal: AbortSignal): Promise<ProviderClip | undefined> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = (): void => {
        this.#asks.delete(ask);
        if (this.#asks.size === 0) this.#rest();
        reject(signal.reason as Error);
      };
      const stop = (): void => signal.removeEventListener('abort', leave);
      const ask: Ask = {
        clip,
        intervalMs,
        resolve: (found) => (stop(), resolve(found)),
        reject: (error) => (stop(), reject(error)),
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#asks.add(ask);
      this.#schedule(intervalMs);
    });
  }

  /** News are likely: whoever asks now, or within a moment, need not wait for the interval to pass. */
  hint(): void {
    this.#hintedAt = this.clock.now();
    if (this.#asks.size > 0) this.#schedule(shortest(this.#asks));
  }

  #schedule(intervalMs: number): void {
    if (this.#busy) return;
    const waitMs = this.#waitMs(intervalMs);
    const dueAt = this.clock.now() + waitMs;
    if (this.#timer && this.#timer.dueAt <= dueAt) return;
    this.#timer?.cancel();
    // Even when a round may start now, it starts by a timer: whoever is due at this moment joins.
    this.#timer = { dueAt, cancel: this.clock.after(waitMs, () => void this.#round()) };
  }

  /** Nobody waits, so nothing shall keep the process alive. */
  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #waitMs(wantedMs: number): number {
    const now = this.clock.now();
    // Should the system's time be set back, the wait is still no longer than the interval.
    this.#lastRoundAt = Math.min(this.#lastRoundAt, now);
    const isHinted = now >= this.#hintedAt && now < this.#hintedAt + hintedForMs;
    const intervalMs = isHinted ? Math.min(wantedMs, hintedPauseMs) : wantedMs;
    return Math.max(0, this.#lastRoundAt + intervalMs - now);
  }

  async #round(): Promise<void> {
    this.#timer = undefined;
    if (this.#asks.size === 0) return;
    const intervalMs = shortest(this.#asks);
    // Whoever was in more of a hurry has left.
    if (this.#waitMs(intervalMs) > 0) return this.#schedule(intervalMs);
    const asks = [...this.#asks];
    this.#asks.clear();
    this.#busy = true;
    this.#lastRoundAt = this.clock.now();
    try {
      const answers = await this.fetch(asks.map((ask) => ask.clip));
      asks.forEach((ask, index) => {
        const answer = answers[index];
        if (answer instanceof ClipError) ask.reject(answer);
        else ask.resolve(answer);
      });
    } catch (thrown) {
      const error = toClipError(thrown);
      for (const ask of asks) ask.reject(error);
    } finally {
      this.#busy = false;
      if (this.#asks.size > 0) this.#schedule(shortest(this.#asks));
    }
  }
}

function shortest(asks: Iterable<Ask>): number {
  let intervalMs = Infinity;
  for (const ask of asks) intervalMs = Math.min(intervalMs, ask.intervalMs);
  return intervalMs;
}
