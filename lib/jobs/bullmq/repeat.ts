/** Work that is done every so often, and when asked for, but never twice at once. What goes wrong is left to the next time. */
export function repeat(everyMs: number, work: () => Promise<void>): { now(): void; stop(): void } {
  let isBusy = false;
  const now = (): void => {
    if (isBusy) return;
    isBusy = true;
    work()
      .catch(() => undefined)
      .finally(() => (isBusy = false));
  };
  const timer = setInterval(now, everyMs).unref();
  return { now, stop: () => clearInterval(timer) };
}
