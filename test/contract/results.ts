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

const introduction = `# What becomes of jobs when a vendor answers badly for a moment

Written by the contract suite (\`npx mocha "test/contract/*.test.ts"\`). Each cell stands for four jobs: the bad answer comes
once, or for ten seconds, at first contact, or after an hour of work. "ok": all of them ended in success, and the connection
worked afterwards without a deploy. "-": the vendor has no such request.
`;

/** Writes the provider's part of the table, unless it was seen in part. */
export function writeResults(provider: string): void {
  if (!isWhole(provider)) return;
  const [, ...sections] = read().split(/^(?=## )/m);
  const others = sections.filter((section) => !section.startsWith(`## ${provider}\n`)).map((section) => section.trim());
  const all = [...others, tableOf(provider).trim()].sort();
  const text = `${[introduction.trim(), ...all].join('\n\n')}\n`;
  // Another process may be writing its own part: nothing is written that has not changed.
  if (read() !== text) writeFileSync(file, text);
}

/** Each step that its table has so far was tried in each way. */
function isWhole(provider: string): boolean {
  const faults = [...(results.get(provider)?.values() ?? [])];
  const known = read()
    .split(/^(?=## )/m)
    .find((section) => section.startsWith(`## ${provider}\n`));
  const cells =
    /^\| HTTP 404.*$/m
      .exec(known ?? '')?.[0]
      .split('|')
      .slice(2, -1) ?? [];
  const wanted = steps.filter((_, column) => cells[column] !== undefined && cells[column].trim() !== '-');
  return (
    faults.length > 0 &&
    faults.every((found) => wanted.every((step) => found.has(step))) &&
    faults.every((found) => [...found.values()].every(({ length }) => length === 4))
  );
}

function tableOf(provider: string): string {
  const rows = [...results.get(provider)!].map(([fault, found]) => [
    fault,
    ...steps.map((step) => cellOf(found.get(step))),
  ]);
  const table = [['bad answer', ...steps], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [`## ${provider}`, '', line(table[0]!), rule, ...rows.map(line)].join('\n');
}

function cellOf(tried: (string | undefined)[] | undefined): string {
  if (!tried) return '-';
  const problems = tried.flatMap((problem) => (problem ? [problem.split(':')[0]!] : []));
  return problems.length === 0 ? 'ok' : problems.join(', ');
}

function read(): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
