// Stores the rows that have come to rest, so that they are there after a restart: a list of JSON lines, the last of an id counts.
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '../../files/atomic-write';
import { isWrittenFile } from '../../files/written-file';
import type { RowFiles } from './files';
import type { ActivityRow } from './row';

export interface StoredRow {
  row: ActivityRow;
  /** Key of its clip in the list of work. */
  clip?: string;
  files?: RowFiles;
}

export interface ActivityStore {
  /** In the order in which they came. Never rejects. */
  load(): Promise<StoredRow[]>;
  /** Never rejects. */
  update(changed: StoredRow[], removed: string[]): Promise<void>;
  /** Resolves when all of it is written. */
  flush(): Promise<void>;
}

/** So many lines that say nothing any more make the list be written anew. */
const mostStaleLines = 2_000;
const mode = 0o600;

/**
 * @param pathOf asked when it is needed: the settings may not be there before
 * @param current all rows at rest
 * @param warn called once where the list cannot be written: then rows are kept in memory only
 */
export function activityStore(
  pathOf: () => string,
  current: () => StoredRow[],
  warn: (text: string) => void,
): ActivityStore {
  let queue: Promise<void> = Promise.resolve();
  let lines = 0;
  let hasWarned = false;
  /** By a crash, in the middle of its last line. */
  let isCut = false;

  function enqueue(work: () => Promise<void>): Promise<void> {
    queue = queue.then(work).catch((thrown: unknown) => {
      if (!hasWarned) warn(`The list of recent work is not kept over restarts: ${String(thrown)}`);
      hasWarned = true;
    });
    return queue;
  }

  async function rewrite(): Promise<void> {
    const rows = current();
    await writeFileAtomically(pathOf(), rows.map(lineOf).join(''));
    lines = rows.length;
  }

  return {
    async load() {
      const text = await readFile(pathOf(), 'utf8').catch(() => '');
      isCut = text !== '' && !text.endsWith('\n');
      const rows = new Map<string, StoredRow>();
      for (const line of text.split('\n')) {
        const entry = parse(line);
        if (!entry) continue;
        lines += 1;
        if ('removed' in entry) entry.removed.forEach((id) => rows.delete(id));
        else rows.set(entry.row.id, entry);
      }
      return [...rows.values()].sort((one, other) => one.row.createdAt - other.row.createdAt);
    },
    update(changed, removed) {
      if (changed.length === 0 && removed.length === 0) return queue;
      const text = changed.map(lineOf).join('') + (removed.length > 0 ? `${JSON.stringify({ removed })}\n` : '');
      return enqueue(async () => {
        const path = pathOf();
        await mkdir(dirname(path), { recursive: true });
        await appendFile(path, isCut ? `\n${text}` : text, { mode });
        isCut = false;
        lines += changed.length + 1;
        if (lines > current().length + mostStaleLines) await rewrite();
      });
    },
    flush: () => queue,
  };
}

const lineOf = (entry: StoredRow): string => `${JSON.stringify(entry)}\n`;

/** A line that a crash has cut short is lost, and so is what another version wrote otherwise. */
function parse(line: string): StoredRow | { removed: string[] } | undefined {
  try {
    const entry = JSON.parse(line) as StoredRow & { removed?: unknown };
    if (Array.isArray(entry.removed)) return { removed: entry.removed as string[] };
    const { id, stage, createdAt } = entry.row;
    const isRow = typeof id === 'string' && typeof stage === 'string' && typeof createdAt === 'number';
    return isRow && (entry.files === undefined || isFileList(entry.files.files)) ? entry : undefined;
  } catch {
    return undefined;
  }
}

function isFileList(files: unknown): boolean {
  const isFile = (file: Partial<RowFiles['files'][number]> | null): boolean =>
    isWrittenFile(file?.video) && (file?.thumbnail === undefined || isWrittenFile(file.thumbnail));
  return Array.isArray(files) && files.every(isFile);
}
