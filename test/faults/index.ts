// Runs the matrix of faults and writes the table of what came of it: `npm run faults [-- provider ...]`.
// FAULTS_CELLS is how many cells are chosen of all of them; FAULTS_ONLY is what their names hold. Only all providers make a table.
import { fork } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cellsOf, chosenCells, nameOf, providerIds } from './cells';
import { tablesOf, type Count, type Problem } from './results';
import { runCells } from './run';

const atOnce = 8;
const count = Number(process.env.FAULTS_CELLS ?? 0);
/** As little as small computers have: what collects an answer without end ends the process. */
const heapMiB = 512;

/** From a child: one cell is done, or all are. */
type Report = { family: string; ended: string; problem?: string } | { peakMiB: number };

async function runHere(provider: string): Promise<void> {
  // Nobody would learn of it.
  process.once('disconnect', () => process.exit());
  const folder = mkdtempSync(join(tmpdir(), `faults-${provider}-`));
  const pattern = process.env.FAULTS_ONLY ?? '';
  const wanted = count > 0 ? chosenCells(count).filter((cell) => cell.provider === provider) : cellsOf(provider);
  const cells = wanted.filter((cell) => nameOf(cell).includes(pattern));
  await runCells(cells, {
    folder,
    atOnce,
    onDone: ({ cell, ended, problem }) =>
      process.send!({ family: cell.family, ended, ...(problem ? { problem: `${nameOf(cell)}: ${problem}` } : {}) }),
  });
  process.send!({ peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) });
  process.disconnect();
}

/** In a process of its own, with a small heap. */
function runApart(provider: string, counts: Count[], problems: Problem[]): Promise<void> {
  const startedAt = Date.now();
  const child = fork(__filename, [provider], {
    env: { ...process.env, FAULTS_CHILD: '1' },
    execArgv: [...process.execArgv, `--max-old-space-size=${heapMiB}`],
  });
  let cells = 0;
  child.on('message', (report: Report) => {
    if ('peakMiB' in report) {
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      return console.log(`${provider}: ${cells} cells in ${seconds} s, ${report.peakMiB} MiB at most`);
    }
    const { family, ended, problem } = report;
    cells += 1;
    if (cells % 100 === 0) console.log(`${provider}: ${cells}`);
    counts.push({ provider, family, ended, isGood: problem === undefined });
    if (problem === undefined) return;
    problems.push({ provider, text: problem });
    console.log(`✗ ${provider}, ${problem}`);
  });
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      if (code !== 0) problems.push({ provider, text: `the process ended with ${code}` });
      resolve();
    });
  });
}

async function main(): Promise<void> {
  const named = process.argv.slice(2);
  const wanted = providerIds.filter((id) => named.length === 0 || named.includes(id));
  const counts: Count[] = [];
  const problems: Problem[] = [];
  const waiting = [...wanted];
  const lane = async (): Promise<void> => {
    for (let provider = waiting.shift(); provider; provider = waiting.shift())
      await runApart(provider, counts, problems);
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, lane));
  console.log(`${counts.length} cells, ${problems.length} problems`);
  const isWhole = wanted.length === providerIds.length && !process.env.FAULTS_ONLY;
  if (isWhole) writeFileSync(join(__dirname, 'results.md'), tablesOf(counts, problems));
  process.exitCode = problems.length > 0 ? 1 : 0;
}

void (process.env.FAULTS_CHILD ? runHere(process.argv[2]!) : main());
