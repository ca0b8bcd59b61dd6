// Collects how the providers get over bad answers, and writes the table of it once all of them have been seen.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const file = join(__dirname, 'results.md');
/** By provider, fault and step: what went wrong, one entry for each time it was tried. */
const results = new Map<string, Map<string, Map<string, (string | undefined)[]>>>();

export function note(provider: string, fault: string, step: string, problem: string | undefined): void {
  const faults = results.get(provider) ?? new Map<string, Map<string, (string | undefined)[]>>();
  results.set(provider, faults);
  const steps = faults.get(fault) ?? new Map<string, (string | undefined)[]>();
  faults.set(fault, steps);
  steps.set(step, [...(steps.get(step) ?? []), problem]);
}

const steps = ['login', 'create', 'status', 'download', 'delete'];

/** Writes the table, unless a provider was left out or seen in part. */
export function writeResults(providers: string[]): void {
  if (providers.some((provider) => !isWhole(provider))) return;
  const text = [
    '# What becomes of jobs when a vendor answers badly for a moment',
    '',
    'Written by the contract suite (`npx mocha test/contract/contract.test.ts`). Each cell stands for four jobs: the bad answer comes',
    'once, or for ten seconds, at first contact, or after an hour of work. "ok": all of them ended in success, and the connection',
    'worked afterwards without a deploy. "-": the vendor has no such request.',
    '',
    ...providers.flatMap(tableOf),
  ].join('\n');
  if (read() !== text) writeFileSync(file, text);
}

function isWhole(provider: string): boolean {
  const faults = [...(results.get(provider)?.values() ?? [])];
  return faults.length > 0 && faults.every((found) => [...found.values()].every(({ length }) => length === 4));
}

function tableOf(provider: string): string[] {
  const rows = [...results.get(provider)!].map(([fault, found]) => [
    fault,
    ...steps.map((step) => cellOf(found.get(step))),
  ]);
  const table = [['bad answer', ...steps], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [`## ${provider}`, '', line(table[0]!), rule, ...rows.map(line), ''];
}

function cellOf(tried: (string | undefined)[] | undefined): string {
  if (!tried) return '-';
  const problems = tried.flatMap((problem) => (problem ? [problem.split(':')[0]!] : []));
  return problems.length === 0 ? 'ok' : problems.join(', ');
}

function read(): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
