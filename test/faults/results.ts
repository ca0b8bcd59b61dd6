// Writes the table of what became of the cells.
import { cellsOf, families, providerIds } from './cells';

export interface Count {
  provider: string;
  family: string;
  ended: string;
  isGood: boolean;
}

export interface Problem {
  provider: string;
  text: string;
}

const longest = 400;

export function tablesOf(counts: Count[], problems: Problem[]): string {
  const all = providerIds.reduce((sum, provider) => sum + cellsOf(provider).length, 0);
  const chosen = counts.length < all ? `, which were chosen of ${all} by FAULTS_CELLS` : '';
  const good = counts.filter(({ isGood }) => isGood).length;
  const rows = families.map(({ name }) => [name, ...providerIds.map((provider) => cellOf(counts, provider, name))]);
  const endings = [...new Set(counts.map(({ ended }) => ended))].sort();
  const ends = endings.map((ended) => [
    ended,
    ...providerIds.map((provider) =>
      String(counts.filter((count) => count.provider === provider && count.ended === ended).length),
    ),
  ]);
  return [
    '# What becomes of jobs when faults happen on the way',
    '',
    'Written by `npm run faults`. A cell is one fault, at one step, of one provider: once or until it is taken away, at first contact or',
    'after an hour of work. It is good when the job ends in success or in one error with a code, in time; when no message holds a secret or a',
    'control character; when nothing is left on disk, no place for transfers is held and no rejection is unhandled; and when a clip can be',
    'had afterwards by the same connection (by a new one, where the answer was that the credentials are wrong).',
    '',
    `**${good} of ${counts.length} cells are good.** Each number below: good cells of those that were run${chosen}.`,
    '',
    ...table(['fault', ...providerIds], rows),
    '',
    'How the jobs ended:',
    '',
    ...table(['end', ...providerIds], ends),
    '',
    ...(problems.length > 0 ? ['## Failures', '', ...problems.map(failureOf).sort(), ''] : []),
  ].join('\n');
}

function cellOf(counts: Count[], provider: string, family: string): string {
  const own = counts.filter((count) => count.provider === provider && count.family === family);
  return own.length === 0 ? '-' : `${own.filter(({ isGood }) => isGood).length}/${own.length}`;
}

function failureOf({ provider, text }: Problem): string {
  return `- ${provider}, ${text.replace(/\s+/g, ' ').slice(0, longest)}`;
}

function table(header: string[], rows: string[][]): string[] {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((cells) => cells[column]!.length)));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}
