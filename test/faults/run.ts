// Runs cells, some of them at once, and notes what none of them may do.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { hurryTime } from '../support/hurried-time';
import { harnessOf, nameOf, type Cell } from './cells';
import { runCell, type Outcome } from './run-cell';

/** Of the whole process, with all that runs at once. Bytes. */
const mostMemory = 1.2 * 2 ** 30;

export interface RunOptions {
  /** For files; it is removed at the end. */
  folder: string;
  atOnce: number;
  onDone?(outcome: Outcome): void;
}

/** In the order of the cells. A problem of the whole process is one of the cells that were under way. */
export async function runCells(cells: Cell[], { folder, atOnce, onDone }: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const running = new Map<number, string[]>();
  const blame = (problem: string): void => running.forEach((problems) => problems.push(problem));
  const onUnhandled = (reason: unknown): void => {
    blame(`an unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`);
  };
  const onException = (error: Error): void => blame(`an uncaught exception: ${error.stack}`);
  process.on('unhandledRejection', onUnhandled);
  process.on('uncaughtException', onException);
  const time = hurryTime();
  const watching = setInterval(() => {
    if (process.memoryUsage.rss() > mostMemory) blame('too much memory is in use');
  }, 100);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < cells.length; index = next++) {
      const cell = cells[index]!;
      const problems: string[] = [];
      running.set(index, problems);
      const outcome = await runCell(harnessOf(cell.provider), cell, join(folder, String(index)), time);
      await turn();
      running.delete(index);
      const problem = [outcome.problem, ...new Set(problems)].filter((each) => each !== undefined).join('; ');
      const judged = problem ? { ...outcome, problem } : outcome;
      outcomes[index] = judged;
      onDone?.(judged);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
    return outcomes;
  } finally {
    clearInterval(watching);
    time.stop();
    process.off('unhandledRejection', onUnhandled);
    process.off('uncaughtException', onException);
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

export function problemsOf(outcomes: Outcome[]): string[] {
  return outcomes.flatMap(({ cell, problem }) => (problem ? [`${cell.provider}, ${nameOf(cell)}: ${problem}`] : []));
}
