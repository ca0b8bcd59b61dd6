import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { promise, resolve, reject };
}

/** Rejects with the signal's reason when it fires, and never ends otherwise: a request that hangs. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Makes every test of the suite fail that leaves a rejected promise to nobody: it would stop Node-RED. */
export function expectNoUnhandledRejections(): void {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(async () => {
    // Rejections are reported after the microtasks of a turn.
    await turn();
    await turn();
    process.off('unhandledRejection', note);
    assert.deepEqual(unhandled, []);
  });
}
