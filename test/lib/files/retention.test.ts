import assert from 'node:assert/strict';
import { existsSync, lstatSync } from 'node:fs';
import fs, { appendFile, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mock } from 'node:test';
import { overdue, Retention, type KeptFile } from '../../../lib/files/retention';
import { tempFolder } from '../../support/temp-folder';

describe('old files of a node', () => {
  const folder = tempFolder();
  afterEach(() => mock.restoreAll());
  const nothingBusy = (): boolean => false;
  const list = (): string => join(folder(), 'written', 'node.jsonl');

  const files = (...paths: string[]) => paths.map((path) => ({ path }));

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
    await new Retention(list()).add(files(video, picture), 1);
    const removed = await new Retention(list()).sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.deepEqual(removed, { count: 1, bytes: 20, paths: [video, picture] });
    assert.deepEqual([video, picture, other].map(existsSync), [false, false, true]);
  });

  it('stay where another file lies under their name by now, or while they are played', async () => {
    const [replaced, playing] = [await write('a.mp4'), await write('b.mp4')];
    const retention = new Retention(list());
    await retention.add(files(replaced), 1);
    await retention.add(files(playing), 1);
    await rm(replaced);
    await write('a.mp4', 11);
    const removed = await retention.sweep(100, { keepMs: 10, keepBytes: 0 }, (path) => path === playing);
    assert.deepEqual(removed, { count: 0, bytes: 0, paths: [] });
    assert.deepEqual([replaced, playing].map(existsSync), [true, true]);
    await retention.sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.deepEqual([replaced, playing].map(existsSync), [true, false]);
  });

  it('go after a restart that has numbered the disks anew', async () => {
    const video = await write('a.mp4');
    await new Retention(list()).add(files(video), 1);
    const stored = (await readFile(list(), 'utf8')).replace(/"device":\d+/, '"device":12345');
    await writeFile(list(), stored);
    const removed = await new Retention(list()).sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.deepEqual([removed.paths, existsSync(video)], [[video], false]);
  });

  it('go after a restart of a disk that has numbered its files anew, and only with the same content', async () => {
    const [video, picture, other] = [await write('a.mp4'), await write('a.jpg'), await write('b.mp4')];
    await new Retention(list()).add(files(video, picture), 1);
    await new Retention(list()).add(files(other), 1);
    await writeFile(list(), (await readFile(list(), 'utf8')).replace(/"inode":\d+/g, '"inode":12345'));
    const { atime, mtime } = lstatSync(other);
    await writeFile(other, Buffer.alloc(10, 1));
    await utimes(other, atime, mtime);
    const removed = await new Retention(list()).sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.deepEqual(removed, { count: 1, bytes: 20, paths: [video, picture] });
    assert.deepEqual([video, picture, other].map(existsSync), [false, false, true]);
  });

  it('are none where another file has come in their place before they were noted', async () => {
    const video = await write('a.mp4', 11);
    await new Retention(list()).add([{ path: video, size: 10 }], 1);
    await new Retention(list()).sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.ok(existsSync(video));
  });

  it('stay known while the disk that they are on is away', async () => {
    const disk = join(folder(), 'disk');
    await mkdir(disk);
    const video = await write('disk/a.mp4');
    await new Retention(list()).add(files(video), 1);
    await rename(disk, `${disk}-away`);
    const limits = { keepMs: 10, keepBytes: 0 };
    assert.equal((await new Retention(list()).sweep(100, limits, nothingBusy)).count, 0);
    await rename(`${disk}-away`, disk);
    assert.deepEqual((await new Retention(list()).sweep(100, limits, nothingBusy)).paths, [video]);
  });

  it('take no space any more when a flow has moved them', async () => {
    const retention = new Retention(list());
    const [old, moved, young] = [await write('old.mp4'), await write('moved.mp4'), await write('young.mp4')];
    for (const path of [old, moved, young]) await retention.add(files(path), 1);
    await rename(moved, join(folder(), 'archive.mp4'));
    const removed = await retention.sweep(2, { keepMs: 0, keepBytes: 25 }, nothingBusy);
    assert.deepEqual([removed.count, [old, young].map(existsSync)], [0, [true, true]]);
  });

  it('are no older than the one before, when the clock was years behind; and not young for ever when it was ahead', async () => {
    const yearMs = 365 * 86_400_000;
    const now = Date.UTC(2026, 0, 1);
    const entry = { files: [{ path: 'a', device: 1, inode: 1, size: 1, mtimeMs: 1 }] };
    const kept = [now - 5, 0, now - 3].map((writtenAt) => ({ writtenAt, ...entry }));
    assert.deepEqual(overdue(kept, now, { keepMs: 10, keepBytes: 0 }), []);
    const video = await write('a.mp4');
    await new Retention(list()).add(files(video), now + 10 * yearMs);
    const limits = { keepMs: 10, keepBytes: 0 };
    await new Retention(list()).sweep(now, limits, nothingBusy);
    assert.ok(existsSync(video));
    assert.deepEqual((await new Retention(list()).sweep(now + 11, limits, nothingBusy)).paths, [video]);
  });

  it('go although lines of their list are damaged, and none is lost behind a line that a crash has cut', async () => {
    const [first, second] = [await write('a.mp4'), await write('b.mp4')];
    await new Retention(list()).add(files(first), 1);
    const odd = [
      'null',
      '5',
      '{"writtenAt":1,"files":[null]}',
      '{"writtenAt":1,"files":[{"path":1}]}',
      '{"writtenAt":1',
    ];
    await appendFile(list(), odd.join('\n'));
    await new Retention(list()).add(files(second), 1);
    const removed = await new Retention(list()).sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.deepEqual(removed.paths, [first, second]);
  });

  const time = Date.UTC(2025, 0, 1) / 1000;
  const others: Record<string, (path: string) => Promise<unknown>> = {
    'a longer one of the same time': async (path) => {
      await appendFile(path, 'more');
      await utimes(path, time, time);
    },
    'one that was written later': (path) => utimes(path, time, time + 1),
    'another of the same size and time': async (path) => {
      await writeFile(join(folder(), 'other'), Buffer.alloc(10, 1));
      await utimes(join(folder(), 'other'), time, time);
      await rename(join(folder(), 'other'), path);
    },
    'a link to it': async (path) => {
      await rename(path, join(folder(), 'other'));
      await symlink(join(folder(), 'other'), path);
    },
    'a folder': async (path) => {
      await rm(path);
      await mkdir(path);
    },
  };
  for (const [what, replace] of Object.entries(others)) {
    it(`stay where ${what} lies under their name`, async () => {
      const video = await write('a.mp4');
      await utimes(video, time, time);
      const retention = new Retention(list());
      await retention.add(files(video), 1);
      await replace(video);
      await retention.sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
      assert.ok(lstatSync(video));
    });
  }

  it('are none where a link or a folder was written', async () => {
    const [video, link] = [await write('a.mp4'), join(folder(), 'link.mp4')];
    await symlink(video, link);
    await new Retention(list()).add(files(link, folder()), 1);
    assert.equal(existsSync(list()), false);
  });

  it('are known to nobody else, and not any more once they are gone', async () => {
    const [video, later] = [await write('a.mp4'), await write('b.mp4')];
    const retention = new Retention(list());
    await retention.add(files(video), 1);
    assert.equal(lstatSync(list()).mode & 0o777, 0o600);
    await retention.add(files(later), 95);
    await retention.sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.equal(lstatSync(list()).mode & 0o777, 0o600);
    const known = (await readFile(list(), 'utf8')).trim().split('\n');
    assert.deepEqual(
      known.map((line) => (JSON.parse(line) as KeptFile).writtenAt),
      [95],
    );
  });

  it('are tried again where they cannot be removed now', async () => {
    const video = await write('a.mp4');
    const retention = new Retention(list());
    await retention.add(files(video), 1);
    const refused = mock.method(fs, 'rm', () => Promise.reject(new Error('busy')));
    const sweep = () => retention.sweep(100, { keepMs: 10, keepBytes: 0 }, nothingBusy);
    assert.equal((await sweep()).count, 0);
    refused.mock.restore();
    assert.deepEqual([(await sweep()).count, (await sweep()).count, existsSync(video)], [1, 0, false]);
  });
});
