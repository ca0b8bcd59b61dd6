// Asks a vendor for the status of all clips that are due, in the one polling loop of a connection.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../async/clock';
import { ClipError, toClipError } from '../errors';
import type { Clip, ProviderClip } from '../provider';
import { forEachYielding } from '../async/yielding';

/** `undefined`: the vendor does not list the clip. An error is that clip's own failure. */
export type ClipAnswer = ProviderClip | ClipError | undefined;

interface PollRequest<Item, Found> {
  item: Item;
  intervalMs: number;
  resolve(found: Found | undefined): void;
  reject(error: Error): void;
}

/** After a hint, the pauses between rounds are short for this long. */
const hintedForMs = 1_000;
const hintedPauseMs = 100;
/** Turns of the event loop: enough for tens of thousands of requests to join. */
const gatherTurns = 2_000;

/**
 * Coalesces requests: those that come while a round waits to start join it, and two rounds never start closer together than
 * the shortest interval among them.
 */
export class Poller<Item = Clip, Found = ProviderClip> {
  readonly #requests = new Set<PollRequest<Item, Found>>();
  #lastRoundAt = -Infinity;
  #hintedAt = -Infinity;
  #timer: { dueAt: number; cancel(): void } | undefined;
  #busy = false;

  constructor(
    private readonly clock: Clock,
    private readonly fetch: (items: Item[]) => Promise<(Found | ClipError | undefined)[]>,
  ) {}

  /** Resolves with what the next round finds. The signal only takes this caller out. */
  poll(item: Item, intervalMs: number, signal: AbortSignal): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = (): void => {
        this.#requests.delete(request);
        if (this.#requests.size === 0) this.#rest();
        reject(signal.reason as Error);
      };
      const stop = (): void => signal.removeEventListener('abort', leave);
      const request: PollRequest<Item, Found> = {
        item,
        intervalMs,
        resolve: (found) => (stop(), resolve(found)),
        reject: (error) => (stop(), reject(error)),
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#requests.add(request);
      this.#schedule(intervalMs);
    });
  }

  /** Something has changed: a request now, or within a moment, need not wait for the interval to pass. */
  expedite(): void {
    this.#hintedAt = this.clock.steadyNow();
    if (this.#requests.size > 0) this.#schedule(shortest(this.#requests));
  }

  #schedule(intervalMs: number): void {
    if (this.#busy) return;
    const waitMs = this.#waitMs(intervalMs);
    const dueAt = this.clock.steadyNow() + waitMs;
    if (this.#timer && this.#timer.dueAt <= dueAt) return;
    this.#timer?.cancel();
    // Even when a round may start now, it starts by a timer: all that is due at this moment joins.
    this.#timer = { dueAt, cancel: this.clock.after(waitMs, () => void this.#round()) };
  }

  /** Without requests, no timer keeps the process alive. */
  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #waitMs(wantedMs: number): number {
    const now = this.clock.steadyNow();
    const isHinted = now < this.#hintedAt + hintedForMs;
    const intervalMs = isHinted ? Math.min(wantedMs, hintedPauseMs) : wantedMs;
    return Math.max(0, this.#lastRoundAt + intervalMs - now);
  }

  async #round(): Promise<void> {
    this.#timer = undefined;
    this.#busy = true;
    await this.#gather();
    // The request with the shortest interval may have left.
    if (this.#requests.size > 0 && this.#waitMs(shortest(this.#requests)) === 0) await this.#askVendor();
    this.#busy = false;
    if (this.#requests.size > 0) this.#schedule(shortest(this.#requests));
  }

  /** Requests that are due together take some turns of the event loop to arrive: waits until one turn has brought no more. */
  async #gather(): Promise<void> {
    let came = 0;
    for (let turn = 0; turn < gatherTurns && this.#requests.size > came; turn += 1) {
      came = this.#requests.size;
      await nextTurn();
    }
  }

  async #askVendor(): Promise<void> {
    const requests = [...this.#requests];
    this.#requests.clear();
    this.#lastRoundAt = this.clock.steadyNow();
    const answers = await this.#answersTo(requests);
    await forEachYielding(
      requests.map((request, index) => ({ request, answer: answers[index] })),
      ({ request, answer }) => (answer instanceof ClipError ? request.reject(answer) : request.resolve(answer)),
    );
  }

  async #answersTo(requests: PollRequest<Item, Found>[]): Promise<(Found | ClipError | undefined)[]> {
    try {
      return await this.fetch(requests.map(({ item }) => item));
    } catch (thrown) {
      const error = toClipError(thrown);
      return requests.map(() => error);
    }
  }
}

function shortest(requests: Iterable<{ intervalMs: number }>): number {
  let intervalMs = Infinity;
  for (const request of requests) intervalMs = Math.min(intervalMs, request.intervalMs);
  return intervalMs;
}
