// Keeps small states of nodes beside the jobs, such as how far clip-events has read: each written whole or not at all, for
// one instance at a time.
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cancelled, toClipError } from '../errors';
import { isDraft, writeFileAtomically } from '../files/atomic-write';
import { isMissing, storageError } from '../files/errors';
import { syncFolder } from '../files/sync';
import { folderLock } from './folder-lock';

export interface StateStore {
  /**
   * Takes the lease of that name for this instance; `undefined`: another one has it.
   * @throws EFAILED where states cannot be kept
   */
  lease(name: string): Promise<StateLease | undefined>;
  /** Forgets the states of nodes that exist no longer, where they do not expire by themselves. */
  removeOrphans?(exists: (nodeId: string) => boolean): Promise<void>;
}

/** The right to work with the states of some nodes. */
export interface StateLease {
  /** Fires when another instance may have taken over. */
  readonly lost: AbortSignal;
  /** The state written last: JSON, and perhaps of another version. `undefined`: nothing. */
  read(nodeId: string): Promise<unknown>;
  /** @throws EABORTED where the lease is lost: nothing is written then */
  write(nodeId: string, state: object): Promise<void>;
  remove(nodeId: string): Promise<void>;
  /** Another instance may take over at once. Never rejects. */
  release(): Promise<void>;
}

const suffix = '.json';

/** One small file for each node. @param warn gets files that are damaged; they are never fatal */
export function fileStates(folder: string, warn: (text: string) => void): StateStore {
  const keeping = `what has been seen of events cannot be kept in ${folder}`;
  const lock = folderLock(folder);
  let lost = new AbortController();
  lock.onLost(() => {
    lost.abort();
    lost = new AbortController();
  });
  const pathOf = (nodeId: string): string => join(folder, encodeURIComponent(nodeId) + suffix);

  /** Before anything is written: a crash in the middle of that leaves a draft. */
  async function removeDrafts(): Promise<void> {
    const drafts = (await readdir(folder)).filter((name) => isDraft(name, suffix));
    await Promise.all(drafts.map((name) => rm(join(folder, name), { force: true })));
  }
  let tidied: Promise<void> | undefined;

  async function read(nodeId: string): Promise<unknown> {
    const path = pathOf(nodeId);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storageError(keeping, error);
    }
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      await rename(path, `${path}.damaged`).catch(() => undefined);
      warn(`The file ${path} is damaged, and its node starts afresh: ${toClipError(error).message}`);
      return undefined;
    }
  }

  return {
    async lease() {
      try {
        await lock.acquire();
        await mkdir(folder, { recursive: true });
        await (tidied ??= removeDrafts());
      } catch (error) {
        throw storageError(keeping, error);
      }
      const { signal } = lost;
      return {
        lost: signal,
        read,
        async write(nodeId, state) {
          if (signal.aborted) throw cancelled('Another process has taken over');
          try {
            await writeFileAtomically(pathOf(nodeId), JSON.stringify(state));
          } catch (error) {
            throw storageError(keeping, error);
          }
          await syncFolder(folder);
        },
        remove: (nodeId) => rm(pathOf(nodeId), { force: true }),
        release: async () => undefined,
      };
    },
    async removeOrphans(exists) {
      const names = await readdir(folder).catch((): string[] => []);
      const isOrphan = (name: string): boolean =>
        name.endsWith(suffix) && !exists(nodeIdOf(name.slice(0, -suffix.length)));
      await Promise.all(names.filter(isOrphan).map((name) => rm(join(folder, name), { force: true })));
    },
  };
}

function nodeIdOf(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
