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

/**
 * The one loop that asks a vendor for the status of clips. Whoever asks while a round waits to start joins it, and two
 * rounds never start closer together than the shortest interval among those who ask.
 */
export class Poller {
  readonly #asks = new Set<Ask>();
  #lastRoundAt = -Infinity;
  #cancelTimer: (() => void) | undefined;
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
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#busy || this.#asks.size === 0) return;
    this.#cancelTimer?.();
    let intervalMs = Infinity;
    for (const ask of this.#asks) intervalMs = Math.min(intervalMs, ask.intervalMs);
    // Even when a round may start now, it starts by a timer: whoever is due at this moment joins.
    const waitMs = Math.max(0, this.#lastRoundAt + intervalMs - this.clock.now());
    this.#cancelTimer = this.clock.after(waitMs, () => void this.#round());
  }

  async #round(): Promise<void> {
    const asks = [...this.#asks];
    this.#asks.clear();
    if (asks.length === 0) return;
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
      this.#schedule();
    }
  }
}
