// Lists the cells of the matrix: each fault at each step of each provider, and a choice of them for every day.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Harness } from '../contract/harness';
import type { Fault, FaultStep, Family } from './fault';
import { bombs } from './families/bombs';
import { bytes } from './families/bytes';
import { certificates } from './families/certificates';
import { endlessness } from './families/endless';
import { headers } from './families/headers';
import { line } from './families/line';
import { pauses } from './families/pauses';
import { push } from './families/push';
import { redirects } from './families/redirects';
import { silence } from './families/silence';
import { statuses } from './families/statuses';
import { rubbish, texts, values } from './families/values';

export const families: Family[] = [
  line,
  silence,
  bytes,
  statuses,
  pauses,
  redirects,
  certificates,
  headers,
  endlessness,
  bombs,
  rubbish,
  values,
  texts,
  push,
];

export interface Cell {
  provider: string;
  step: FaultStep;
  family: string;
  fault: Fault;
  /** Once, or until it is taken away. */
  lasting: 'once' | 'always';
  /** At the first contact, or when all has worked for an hour. */
  when: 'first' | 'later';
  variant: number;
}

/** Each with the steps at which anything is asked of its vendor. */
const providers: Record<string, FaultStep[]> = {
  'vdg-sense': ['login', 'create', 'status', 'download', 'delete', 'cameras', 'check'],
  rhombus: ['create', 'status', 'download', 'delete', 'cameras', 'check'],
  'kinesis-video': ['create', 'status', 'download', 'cameras', 'check'],
  aipix: ['login', 'create', 'status', 'download', 'delete', 'cameras', 'check', 'push'],
  zoneminder: ['login', 'create', 'status', 'download', 'cameras', 'check'],
  'frigate-18': ['login', 'create', 'status', 'download', 'delete', 'cameras', 'check', 'push'],
  // A provider of another package: what it has of its own is little.
  sample: ['create', 'download'],
};

export const providerIds = Object.keys(providers);

export function harnessOf(provider: string): Harness {
  return (require(join(__dirname, '../contract', provider)) as { harness: Harness }).harness;
}

/** All cells of a provider, always the same. */
export function cellsOf(provider: string): Cell[] {
  return families.flatMap(({ name: family, faults }) =>
    faults.flatMap((fault) =>
      providers[provider]!.filter((step) => fault.isAt?.(step) ?? step !== 'push').map((step): Cell => {
        const variant = numberOf(`${provider} ${step} ${fault.name}`);
        const lasting = variant % 2 === 0 ? 'once' : 'always';
        return {
          provider,
          step,
          family,
          fault,
          lasting,
          when: variant % 4 < 2 ? 'first' : 'later',
          variant: variant >>> 2,
        };
      }),
    ),
  );
}

/**
 * So many cells of all providers: of every family of every provider about equally many, and of these those that a
 * number, made of their names, puts first.
 */
export function chosenCells(count: number): Cell[] {
  const groups = providerIds.flatMap((provider) => {
    const byFamily = new Map<string, Cell[]>();
    for (const cell of cellsOf(provider)) byFamily.set(cell.family, [...(byFamily.get(cell.family) ?? []), cell]);
    return [...byFamily.values()].map((cells) => cells.sort((a, b) => a.variant - b.variant));
  });
  const chosen: Cell[] = [];
  for (let rank = 0; chosen.length < count; rank += 1) {
    chosen.push(...groups.flatMap((cells) => cells[rank] ?? []).slice(0, count - chosen.length));
  }
  return chosen;
}

function numberOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}

export function nameOf({ step, family, fault, lasting, when }: Cell): string {
  const often = lasting === 'once' ? 'once' : 'again and again';
  return `${family}: ${fault.name}, at ${step}, ${often}, ${when === 'first' ? 'at first contact' : 'after an hour of work'}`;
}
