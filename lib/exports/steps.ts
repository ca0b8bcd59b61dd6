// Runs the steps inside of one job with the same rules that the engine has for jobs.
import type { Clock } from '../async/clock';
import type { Connection } from '../connection/connection';
import { cancelled, toClipError } from '../errors';
import { applyResult, type JobResult, type Job, type RunContext } from '../jobs/job';
import { retryDelayMs } from '../async/retry';

/** @throws EABORTED when the signal fires */
export type Pause = (ms: number, clipId?: string) => Promise<void>;

/**
 * Pauses that end early when the vendor reports that the clip of that id has changed. The returned `stop` ends the listening.
 */
export function pauses(clock: Clock, connection: Connection, signal: AbortSignal): { pause: Pause; stop(): void } {
  const waiting = new Map<() => void, string | undefined>();
  const stop = connection.onClipChanged((changed) => {
    for (const [wake, id] of waiting) if (id !== undefined && (changed === undefined || changed === id)) wake();
  });
  const pause: Pause = (ms, clipId) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        cancel();
        waiting.delete(end);
        signal.removeEventListener('abort', end);
        if (signal.aborted) reject(cancelled());
        else resolve();
      };
      const cancel = clock.after(ms, end);
      waiting.set(end, clipId);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  return { pause, stop };
}

export interface StepOptions<Work> {
  job: Job;
  signal: AbortSignal;
  pause: Pause;
  /** Takes what is known now; with `isToBeStored`, a crash after its promise has resolved must find it. */
  keep(work: Work, isToBeStored: boolean): void | Promise<void>;
  /** Whose news end a pause early. */
  clipId?: string;
}

/** Runs one step again and again, as the engine would do with a job, until it is done. @throws its failure */
export async function untilDone<Work>(
  work: Work,
  run: (job: Job<Work>, context: RunContext<Work>) => Promise<JobResult<Work>>,
  { job, signal, pause, keep, clipId }: StepOptions<Work>,
): Promise<Work> {
  let step: Job<Work> = { ...job, data: work, failures: 0 };
  const save = async (data: Work): Promise<void> => {
    step = { ...step, data };
    await keep(data, true);
  };
  for (;;) {
    const result = await run(step, { signal, save });
    // From an instant zero on: times are lengths of the pause.
    const { job: next, restUntil } = applyResult(step, result, 0);
    step = next;
    if (result.data !== undefined) await keep(step.data, false);
    if (result.type === 'done') return step.data;
    if (result.type === 'failed') throw result.error;
    await pause(step.runAt, restUntil > 0 ? undefined : clipId);
  }
}

/** Tries a request until it succeeds, or is not worth another try. */
export async function withRetries<T>(request: () => Promise<T>, pause: Pause): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await request();
    } catch (thrown) {
      const error = toClipError(thrown);
      const afterMs = retryDelayMs(error, failures);
      if (afterMs === undefined) throw error;
      await pause(afterMs);
    }
  }
}

/** Runs a limited number at once, in order. The first rejection ends it, once those under way have ended. */
export async function inParallel<T>(items: T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed: { thrown: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++]!);
      } catch (thrown) {
        failed ??= { thrown };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failed) throw failed.thrown;
}

/** Saves what has changed, one write at a time: changes that come meanwhile share the next one. */
export function oneAtATime(save: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      return (running = save());
    });
    return next;
  };
}
