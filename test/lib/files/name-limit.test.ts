import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { basename } from 'node:path';
import { mock } from 'node:test';
import type { NamedClip } from '../../../lib/files/filename';
import { expandFittingFilename } from '../../../lib/files/name-limit';
import { tempFolder } from '../../support/temp-folder';

const clip: NamedClip = {
  id: 'clip-42',
  camera: '12',
  provider: 'vdg-sense',
  start: '2025-03-01T08:50:00.000Z',
  end: '2025-03-01T08:50:30.120Z',
  title: 'x'.repeat(300),
};

describe('a file name for the file system of its folder', () => {
  const temp = tempFolder();
  afterEach(() => mock.restoreAll());

  it('is as long as usual where that is taken, and nothing is written to find out', async () => {
    const path = await expandFittingFilename('new/{title} {start}.mp4', clip, { folder: temp() });
    assert.equal(Buffer.byteLength(basename(path)), 200);
    assert.deepEqual(await fs.readdir(temp()), []);
  });

  it('is shorter where the file system takes less, and keeps the time', async () => {
    const { lstat } = fs;
    // As eCryptfs does.
    mock.method(fs, 'lstat', async (path: string) => {
      if (Buffer.byteLength(basename(path)) > 143) throw Object.assign(new Error('too long'), { code: 'ENAMETOOLONG' });
      return lstat(path);
    });
    const path = await expandFittingFilename('{title}/{title} {start}.mp4', clip, { folder: temp() });
    assert.ok(Buffer.byteLength(basename(path)) < 143 - 30);
    assert.match(path, /x 2025-03-01T08-50-00Z\.mp4$/);
  });
});
