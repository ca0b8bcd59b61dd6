// Removes old files that a node has written. Never others: each is known by how it lay on the disk when it was finished.
import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hashFile, isFile } from './hash';
import { isWrittenFile, recheckFile, recordFile, type WrittenFile } from './written-file';

/** A video with its picture. */
export interface KeptFile {
  /** Epoch milliseconds. */
  writtenAt: number;
  files: ListedFile[];
}

interface ListedFile extends WrittenFile {
  sha256?: string;
}

/** A file that has just been written, and what is known of it. */
export interface NewFile {
  path: string;
  size?: number;
  sha256?: string;
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
  let writtenAt = -Infinity;
  return kept.filter((each) => {
    // None is older than the one before it: the clock of a computer may be years behind until it has been set.
    writtenAt = Math.max(writtenAt, each.writtenAt);
    const isOld = keepMs > 0 && now - writtenAt > keepMs;
    const isTooMuch = keepBytes > 0 && bytes > keepBytes;
    if (isOld || isTooMuch) bytes -= bytesOf(each);
    return isOld || isTooMuch;
  });
}

const dayMs = 86_400_000;

/** Files that were written while the clock was years ahead are as old as if they had been written now. */
function withoutFuture(kept: readonly KeptFile[], now: number): KeptFile[] {
  return kept.map((each) => (each.writtenAt > now + dayMs ? { ...each, writtenAt: now } : each));
}

/** The files of one node, in a list of JSON lines beside its jobs. One at a time works with it. */
export class Retention {
  readonly #list: string;
  #kept: KeptFile[] | undefined;
  /** By a crash, in the middle of its last line. */
  #isCut = false;

  constructor(list: string) {
    this.#list = list;
  }

  /** Leaves out what is no plain file, or by now another one. */
  async add(written: NewFile[], now: number): Promise<void> {
    const kept = await this.#load();
    const found = await Promise.all(written.map(listed));
    const files = found.filter((each) => each !== undefined);
    if (files.length === 0) return;
    const entry: KeptFile = { writtenAt: now, files };
    kept.push(entry);
    await mkdir(dirname(this.#list), { recursive: true });
    await appendFile(this.#list, `${this.#isCut ? '\n' : ''}${JSON.stringify(entry)}\n`, { mode: 0o600 });
    this.#isCut = false;
  }

  /** @param isBusy whether a path is being read at the moment: then it stays until the next time */
  async sweep(now: number, limits: Limits, isBusy: (path: string) => boolean): Promise<Removed> {
    const removed: Removed = { count: 0, bytes: 0, paths: [] };
    const known = await this.#load();
    const dated = withoutFuture(known, now);
    const isRedated = dated.some(({ writtenAt }, index) => writtenAt !== known[index]!.writtenAt);
    if (!isRedated && overdue(dated, now, limits).length === 0) return removed;
    // What was moved or removed meanwhile takes no space any more.
    const kept = await stillThere(dated);
    const due = overdue(kept, now, limits).filter(({ files }) => !files.some(({ path }) => isBusy(path)));
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
    if (isRedated || gone.size > 0 || kept.length < known.length)
      await this.#store(kept.filter((entry) => !gone.has(entry)));
    return removed;
  }

  async #load(): Promise<KeptFile[]> {
    if (this.#kept) return this.#kept;
    const text = await readFile(this.#list, 'utf8').catch(() => '');
    this.#isCut = text !== '' && !text.endsWith('\n');
    return (this.#kept = parseList(text));
  }

  async #store(kept: KeptFile[]): Promise<void> {
    this.#kept = kept;
    this.#isCut = false;
    const part = `${this.#list}.part`;
    await writeFile(part, kept.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 });
    await rename(part, this.#list);
  }
}

async function listed({ path, sha256, size }: NewFile): Promise<ListedFile | undefined> {
  const found = await recordFile(path);
  if (!found || (size !== undefined && size !== found.size)) return undefined;
  const hash = sha256 ?? (await hashFile(path).catch(() => undefined));
  return { ...found, ...(hash === undefined ? {} : { sha256: hash }) };
}

/** The files that are as they were, with the device that they are on now. */
async function stillThere(kept: readonly KeptFile[]): Promise<KeptFile[]> {
  const found: KeptFile[] = [];
  for (const entry of kept) {
    const files = (await Promise.all(entry.files.map(recheck))).filter((each) => each !== undefined);
    if (files.length > 0) found.push({ ...entry, files });
  }
  return found;
}

async function recheck(file: ListedFile): Promise<ListedFile | undefined> {
  const { sha256 } = file;
  const found = await recheckFile(file);
  if (found) return { ...found, ...(sha256 === undefined ? {} : { sha256 }) };
  return (await isRenumbered(file)) ? file : undefined;
}

/**
 * Is it the same but for its number? Some file systems (FAT, exFAT) number their files anew at each start: then the content
 * decides, once it is to be removed.
 */
async function isRenumbered({ mtimeMs, path, sha256, size }: ListedFile): Promise<boolean> {
  const found = typeof sha256 === 'string' ? await recordFile(path) : undefined;
  return found?.size === size && found.mtimeMs === mtimeMs;
}

async function isStillOurs(file: ListedFile): Promise<boolean> {
  if (await recheckFile(file)) return true;
  return (await isRenumbered(file)) && isFile(file.path, file.size, file.sha256);
}

/** @returns bytes that were removed: 0 where other files lie there by now; `undefined`: it could not be removed */
async function remove({ files }: KeptFile): Promise<number | undefined> {
  let bytes = 0;
  for (const file of files) {
    if (!(await isStillOurs(file))) continue;
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
      const isEntry =
        Number.isFinite(entry.writtenAt) && Array.isArray(entry.files) && entry.files.every(isWrittenFile);
      return isEntry ? [entry] : [];
    } catch {
      return [];
    }
  });
}

function bytesOf({ files }: KeptFile): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
