// Writes small files whole or not at all: a crash leaves a draft, which has a number behind its name.
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { cannotBeSynced } from './sync';

/** Only for its owner: what is written here may be private. */
const mode = 0o600;

/** Is this the draft of a file with one of these suffixes, such as `.json`? */
export function isDraft(name: string, ...suffixes: string[]): boolean {
  const target = name.replace(/\.\d+$/, '');
  return target !== name && suffixes.some((suffix) => target.endsWith(suffix));
}

/** The content is on disk afterwards; the name is once its folder is synced. A file of that name is replaced. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomInt(2 ** 47)}`;
  try {
    await writeSynced(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * By descriptor and not by `FileHandle`, of which the journal of a busy Node-RED would make hundreds a second: every file and
 * every call of it costs the event loop a hand-over to another thread.
 */
async function writeSynced(path: string, text: string): Promise<void> {
  const fd = await new Promise<number>((resolve, reject) =>
    fs.open(path, 'wx', mode, (error, opened) => (error ? reject(error) : resolve(opened))),
  );
  try {
    await new Promise<void>((resolve, reject) =>
      fs.writeFile(fd, text, (error) => (error ? reject(error) : resolve())),
    );
    await new Promise<void>((resolve, reject) =>
      fs.fsync(fd, (error) => (error && !cannotBeSynced(error) ? reject(error) : resolve())),
    );
  } finally {
    // Nothing of it is left to be written, so it takes no time.
    fs.closeSync(fd);
  }
}
