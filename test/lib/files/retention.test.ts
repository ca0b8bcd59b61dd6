import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { overdue, Retention } from '../../../lib/files/retention';
import { tempFolder } from '../../support/temp-folder';

describe('old files of a node', () => {
  const folder = tempFolder();
  const nothingBusy = (): boolean => false;
  const list = (): string => join(folder(), 'written', 'node.jsonl');

  async function write(name: string, bytes = 10): Promise<string> {
    const path = join(folder(), name);
    await writeFile(path, Buffer.alloc(bytes));
    return path;
  }

  it('go when they are too old, and the oldest first when there is too much', () => {
    const kept = [1, 2, 3].map((writtenAt) => ({
      writtenAt,
      files: [{ path: `${writtenAt}`, device: 1, inode: 1, size: 10, mtimeMs: 1 }],
    }));
    const due = (keepMs: number, keepBytes: number) =>
      overdue(kept, 4, { keepMs, keepBytes }).map(({ writtenAt }) => writtenAt);
    assert.deepEqual([due(0, 0), due(2, 0), due(0, 20), due(0, 5), due(2, 20)], [[], [1], [1], [1, 2, 3], [1]]);
  });

  it('go with their pictures, also after a restart; other files never do', async () => {
    const [video, picture, other] = [await write('a.mp4'), await write('a.jpg'), await write('other.mp4')];
    await new Retention(list()).add([video, picture], 1);
    const removed = await new Retention(list()).sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.deepEqual(removed, { count: 1, bytes: 20, paths: [video, picture] });
    assert.deepEqual([video, picture, other].map(existsSync), [false, false, true]);
  });

  it('stay where another file lies under their name by now, or while they are played', async () => {
    const [replaced, playing] = [await write('a.mp4'), await write('b.mp4')];
    const retention = new Retention(list());
    await retention.add([replaced], 1);
    await retention.add([playing], 1);
    await rm(replaced);
    await write('a.mp4', 11);
    await retention.sweep(100, { keepMs: 10, keepBytes: 0 }, (path) => path === playing);
    assert.deepEqual([replaced, playing].map(existsSync), [true, true]);
    await retention.sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.deepEqual([replaced, playing].map(existsSync), [true, false]);
  });
});
