// Ends waiting when an AbortSignal fires.

/**
 * Rejects with the signal's reason when it fires, whatever becomes of the promise: others may still wait for it, and a
 * library may never settle it.
 */
export function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    const stop = (): void => signal.removeEventListener('abort', leave);
    promise.then(resolve, reject).finally(stop);
  });
}
