import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { mock } from 'node:test';
import { syncFolder } from '../../../lib/files/sync';
import { tempFolder } from '../../support/temp-folder';

describe('syncing a folder', () => {
  const temp = tempFolder();
  afterEach(() => mock.restoreAll());

  /** Counts the syncs by folder; each begins, and ends when it is let. */
  function holdSyncs() {
    const begun: string[] = [];
    const waiting: (() => void)[] = [];
    mock.method(fs, 'open', async (folder: string) => {
      begun.push(folder);
      return { sync: () => new Promise<void>((resolve) => waiting.push(resolve)), close: async () => undefined };
    });
    return { begun, release: () => waiting.shift()?.() };
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('is done once more for all that come while it goes on, and not for those that came before', async () => {
    const { begun, release } = holdSyncs();
    const ended: string[] = [];
    const sync = (name: string): void => void syncFolder(temp()).then(() => ended.push(name));
    sync('first');
    await turn();
    for (const name of ['second', 'third', 'fourth']) sync(name);
    await turn();
    assert.deepEqual([begun.length, ended], [1, []]);
    release();
    await turn();
    assert.deepEqual([begun.length, ended], [2, ['first']]);
    sync('fifth');
    release();
    await turn();
    assert.deepEqual([begun.length, ended], [3, ['first', 'second', 'third', 'fourth']]);
    release();
    await turn();
    assert.deepEqual([begun.length, ended.at(-1)], [3, 'fifth']);
  });

  it('waits for no other folder', async () => {
    const { begun } = holdSyncs();
    void syncFolder(temp());
    void syncFolder(join(temp(), 'other'));
    await turn();
    assert.deepEqual(begun, [temp(), join(temp(), 'other')]);
  });

  it('goes on after a folder that cannot be synced', async () => {
    const missing = join(temp(), 'missing');
    await Promise.all([syncFolder(missing), syncFolder(missing)]);
    await fs.mkdir(missing);
    await syncFolder(missing);
  });
});
