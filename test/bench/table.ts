/** What a measurement found, as people read it. */
export interface Row {
  what: string;
  found: string;
  /** As the design has it; empty where it has none. */
  budget: string;
  /** `undefined`: nothing to compare with. */
  isWithin?: boolean;
}

export function table(rows: Row[]): string {
  const cells = rows.map(({ what, found, budget, isWithin }) => [
    what,
    found,
    budget,
    isWithin === undefined ? '' : isWithin ? 'yes' : 'NO',
  ]);
  return grid(['what', 'found', 'budget', 'within'], cells);
}

/** Lines may have fewer cells than the head. */
export function grid(head: string[], lines: string[][]): string {
  const cellsOf = (line: string[]): string[] => head.map((_, column) => line[column] ?? '');
  const all = [head, ...lines.map(cellsOf)];
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  const text = (line: string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...all.slice(1)].map(text).join('\n');
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `1.23 (1.20, 1.23, 1.31)`: the median first, then every round. */
export function medianOf(values: number[], digits: number, unit = ''): string {
  const all = values.map((value) => value.toFixed(digits)).join(', ');
  return `${median(values).toFixed(digits)}${unit} (${all})`;
}
