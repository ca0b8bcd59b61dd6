import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../async/clock';
import { ClipError, toClipError } from '../errors';
import type { Clip, ProviderClip } from '../provider';
import { forEachYielding } from '../async/yielding';

/** `undefined`: the vendor does not list the clip. An error is that clip's own failure. */
export type ClipAnswer = ProviderClip | ClipError | undefined;

interface Ask<Asked, Found> {
  asked: Asked;
  intervalMs: number;
  resolve(found: Found | undefined): void;
  reject(error: Error): void;
}

/** After a hint, who is concerned asks within this time; so long the pauses between rounds are short. */
const hintedForMs = 1_000;
const hintedPauseMs = 100;
/** Enough for tens of thousands. */
const gatherTurns = 2_000;

/**
 * The one loop that asks a vendor for the status of clips, or of what else is to be waited for. Whoever asks while a round
 * waits to start joins it, and two rounds never start closer together than the shortest interval among those who ask.
 */
export class Poller<Asked = Clip, Found = ProviderClip> {
  readonly #asks = new Set<Ask<Asked, Found>>();
  #lastRoundAt = -Infinity;
  #hintedAt = -Infinity;
  #timer: { dueAt: number; cancel(): void } | undefined;
  #busy = false;

  constructor(
    private readonly clock: Clock,
    private readonly fetch: (asked: Asked[]) => Promise<(Found | ClipError | undefined)[]>,
  ) {}

  /** Resolves with what the next round finds. The signal only takes this caller out. */
  poll(asked: Asked, intervalMs: number, signal: AbortSignal): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = (): void => {
        this.#asks.delete(ask);
        if (this.#asks.size === 0) this.#rest();
        reject(signal.reason as Error);
      };
      const stop = (): void => signal.removeEventListener('abort', leave);
      const ask: Ask<Asked, Found> = {
        asked,
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
  expedite(): void {
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
    this.#busy = true;
    await this.#gather();
    // Whoever was in more of a hurry may have left.
    if (this.#asks.size > 0 && this.#waitMs(shortest(this.#asks)) === 0) await this.#askVendor();
    this.#busy = false;
    if (this.#asks.size > 0) this.#schedule(shortest(this.#asks));
  }

  /** A crowd that is due at this moment takes some turns of the event loop to come: until nobody more has come in one. */
  async #gather(): Promise<void> {
    let came = 0;
    for (let turn = 0; turn < gatherTurns && this.#asks.size > came; turn += 1) {
      came = this.#asks.size;
      await nextTurn();
    }
  }

  async #askVendor(): Promise<void> {
    const asks = [...this.#asks];
    this.#asks.clear();
    this.#lastRoundAt = this.clock.now();
    const answers = await this.#answersTo(asks);
    await forEachYielding(
      asks.map((ask, index) => ({ ask, answer: answers[index] })),
      ({ ask, answer }) => (answer instanceof ClipError ? ask.reject(answer) : ask.resolve(answer)),
    );
  }

  async #answersTo(asks: Ask<Asked, Found>[]): Promise<(Found | ClipError | undefined)[]> {
    try {
      return await this.fetch(asks.map(({ asked }) => asked));
    } catch (thrown) {
      const error = toClipError(thrown);
      return asks.map(() => error);
    }
  }
}

function shortest(asks: Iterable<{ intervalMs: number }>): number {
  let intervalMs = Infinity;
  for (const ask of asks) intervalMs = Math.min(intervalMs, ask.intervalMs);
  return intervalMs;
}
