// Removes old files that a node has written. Never others: each is known by how it lay on the disk when it was finished.
import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSameFile, recordFile, type WrittenFile } from './written-file';

/** A video with its picture. */
export interface KeptFile {
  /** Epoch milliseconds. */
  writtenAt: number;
  files: WrittenFile[];
}

export interface Limits {
  /** 0: for ever. */
  keepMs: number;
  /** Of all together; 0: no limit. */
  keepBytes: number;
}

export interface Removed {
  count: number;
  bytes: number;
  /** Of the videos and pictures that are not there any more. */
  paths: string[];
}

/** Files to be removed: the ones that are too old, then the oldest while there is too much. @param kept oldest first */
export function overdue(kept: readonly KeptFile[], now: number, { keepMs, keepBytes }: Limits): KeptFile[] {
  let bytes = kept.reduce((sum, each) => sum + bytesOf(each), 0);
  return kept.filter((each) => {
    const isOld = keepMs > 0 && now - each.writtenAt > keepMs;
    const isTooMuch = keepBytes > 0 && bytes > keepBytes;
    if (isOld || isTooMuch) bytes -= bytesOf(each);
    return isOld || isTooMuch;
  });
}

/** The files of one node, in a list of JSON lines beside its jobs. One at a time works with it. */
export class Retention {
  readonly #list: string;
  #kept: KeptFile[] | undefined;

  constructor(list: string) {
    this.#list = list;
  }

  /** @param paths the video first; what is no plain file is left out */
  async add(paths: string[], now: number): Promise<void> {
    const kept = await this.#load();
    const found = await Promise.all(paths.map(recordFile));
    const files = found.filter((each) => each !== undefined);
    if (files.length === 0) return;
    const entry: KeptFile = { writtenAt: now, files };
    kept.push(entry);
    await mkdir(dirname(this.#list), { recursive: true });
    await appendFile(this.#list, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  }

  /** @param isBusy whether a path is being read at the moment: then it stays until the next time */
  async sweep(now: number, limits: Limits, isBusy: (path: string) => boolean): Promise<Removed> {
    const kept = await this.#load();
    const due = overdue(kept, now, limits).filter(({ files }) => !files.some(({ path }) => isBusy(path)));
    const removed: Removed = { count: 0, bytes: 0, paths: [] };
    const gone = new Set<KeptFile>();
    for (const entry of due) {
      const bytes = await remove(entry);
      // A file that cannot be removed now is tried again.
      if (bytes === undefined) continue;
      gone.add(entry);
      if (bytes > 0) removed.count += 1;
      removed.bytes += bytes;
      if (bytes > 0) removed.paths.push(...entry.files.map(({ path }) => path));
    }
    if (gone.size > 0) await this.#store(kept.filter((entry) => !gone.has(entry)));
    return removed;
  }

  async #load(): Promise<KeptFile[]> {
    this.#kept ??= parseList(await readFile(this.#list, 'utf8').catch(() => ''));
    return this.#kept;
  }

  async #store(kept: KeptFile[]): Promise<void> {
    this.#kept = kept;
    const part = `${this.#list}.part`;
    await writeFile(part, kept.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 });
    await rename(part, this.#list);
  }
}

/** @returns bytes that were removed: 0 where other files lie there by now; `undefined`: it could not be removed */
async function remove({ files }: KeptFile): Promise<number | undefined> {
  let bytes = 0;
  for (const file of files) {
    if (!isSameFile(file, await recordFile(file.path))) continue;
    try {
      await rm(file.path);
    } catch {
      return undefined;
    }
    bytes += file.size;
  }
  return bytes;
}

/** A line that a crash has cut short is lost: its file stays. */
function parseList(text: string): KeptFile[] {
  return text.split('\n').flatMap((line): KeptFile[] => {
    try {
      const entry = JSON.parse(line) as KeptFile;
      return typeof entry.writtenAt === 'number' && Array.isArray(entry.files) ? [entry] : [];
    } catch {
      return [];
    }
  });
}

function bytesOf({ files }: KeptFile): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
