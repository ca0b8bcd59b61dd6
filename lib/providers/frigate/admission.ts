// Decides when one more export may be asked for: before 0.18 each request starts an ffmpeg at once, since 0.18 a queue may be full.
import { pause, type Clock } from '../../async/clock';
import { cancelled } from '../../errors';
import type { Call, FrigateApi } from './api';
import { readAll, readExport } from './types';
import type { Version } from './version';

/** A full queue is left alone for so long; Frigate gives no time. */
const fullMs = 10_000;
const refreshMs = 2_000;
/** The row is written once the thumbnail is made, which takes a moment on a loaded machine. */
export const rowDelayMs = 120_000;
/** After a restart of Frigate 0.16 or 0.17 an export seems to run for ever. */
const longestMs = 30 * 60_000;

export interface Admission {
  /** Resolves when one more may be asked for. The function that it resolves to says what became of that. */
  enter(version: Version, call: Call): Promise<(id: string | undefined) => void>;
  /** The queue was full just now. */
  full(): void;
  /** An export has ended, or does not exist. */
  ended(id: string): void;
}

export function createAdmission(
  api: FrigateApi,
  { maxConcurrent, clock }: { maxConcurrent: number; clock: Clock },
): Admission {
  /** Exports that are being made, as far as is known; since when, by a clock that never jumps. */
  const running = new Map<string, { since: number; hasRow: boolean }>();
  let requested = 0;
  let fullUntil = 0;

  /** Takes out what has ended without anybody polling it. */
  async function refresh(call: Call): Promise<void> {
    const action = 'Asking which exports are being made';
    const rows = new Map(
      readAll(await api.list('/api/exports', call, action), readExport).map((row) => [row.id, row] as const),
    );
    for (const [id, entry] of running) {
      const row = rows.get(id);
      const ageMs = clock.steadyNow() - entry.since;
      const isOver = row ? !row.isRunning : entry.hasRow || ageMs > rowDelayMs;
      if (isOver || ageMs > longestMs) running.delete(id);
      else if (row) entry.hasRow = true;
    }
  }

  async function wait(ms: number, { signal }: Call): Promise<void> {
    await pause(ms, clock, signal);
    if (signal.aborted) throw cancelled();
  }

  return {
    async enter({ hasQueue }, call) {
      if (clock.steadyNow() < fullUntil) await wait(fullUntil - clock.steadyNow(), call);
      if (hasQueue) return () => undefined;
      while (running.size + requested >= maxConcurrent) {
        await refresh(call);
        if (running.size + requested >= maxConcurrent) await wait(refreshMs, call);
      }
      requested += 1;
      return (id) => {
        requested -= 1;
        if (id) running.set(id, { since: clock.steadyNow(), hasRow: false });
      };
    },
    full: () => void (fullUntil = clock.steadyNow() + fullMs),
    ended: (id) => void running.delete(id),
  };
}
