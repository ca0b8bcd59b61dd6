import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFolder, expandFolder, expandServerPath, removeWorkFolder, workFolder } from '../../../lib/exports/folder';
import { failsWith } from '../../support/ffmpeg';
import { tempFolder } from '../../support/temp-folder';

const named = {
  id: '1234abcd-0000-4000-8000-000000000000',
  provider: 'vdg-sense',
  ranges: [
    { camera: '7/2', start: '2025-03-02T08:00:00.000Z', end: '2025-03-02T09:00:00.000Z' },
    { camera: '7/3', start: '2025-03-01T23:30:00.000Z', end: '2025-03-02T00:10:00.000Z' },
  ],
  timeZone: 'Europe/Berlin',
};

describe('the folder of an export', () => {
  const expanded: [template: string, folder: string, root: string][] = [
    ['exports/{date}', '/base/exports/2025-03-01', '/base/exports'],
    ['{provider}/{start} to {end}', '/base/vdg-sense/2025-03-01T23-30-00Z to 2025-03-02T09-00-00Z', '/base'],
    // Of the connection's time zone: the day has begun there.
    ['{localDate} {localTime}', '/base/2025-03-02 00-30-00', '/base'],
    ['{id}', '/base/1234abcd-0000-4000-8000-000000000000', '/base'],
    ['plain', '/base/plain', '/base/plain'],
    ['/absolute/{time}', '/absolute/23-30-00', '/absolute'],
    ['.', '/base', '/base'],
    ['a/../b', '/base/b', '/base/b'],
  ];
  for (const [template, folder, root] of expanded) {
    it(`of "${template}" is ${folder}`, () => {
      assert.deepEqual(expandFolder(template, named, '/base'), { folder, root });
    });
  }

  for (const template of [
    '',
    '  ',
    '..',
    '../other',
    'a/../../b',
    '{camera}',
    'x/{title}',
    '{event}',
    '{label}',
    '{nothing}',
    'a\0b',
  ]) {
    it(`cannot be ${JSON.stringify(template)}`, () => {
      assert.throws(() => expandFolder(template, named, '/base'), { code: 'EINVALID' });
    });
  }

  it('on the server of a vendor is taken as it was typed, but for its placeholders', () => {
    const path = expandServerPath(' E:\\R&D "1"\\<ü>\\{date}\\..\\{provider} ', named);
    assert.equal(path, 'E:\\R&D "1"\\<ü>\\2025-03-01\\..\\vdg-sense');
    assert.throws(() => expandServerPath('E:\\{camera}', named), { code: 'EINVALID' });
    assert.throws(() => expandServerPath('E:\\{nothing}', named), { code: 'EINVALID' });
    assert.throws(() => expandServerPath(' ', named), { code: 'EINVALID' });
  });

  describe('on this machine', () => {
    const temp = tempFolder();

    it('may be there or not, and is not made', async () => {
      await checkFolder(temp());
      await checkFolder(join(temp(), 'a', 'b'));
      assert.deepEqual(await readdir(temp()), []);
    });

    it('may not be a file, or below one', async () => {
      await writeFile(join(temp(), 'file'), '');
      await failsWith(checkFolder(join(temp(), 'file')), 'EINVALID', /is a file, not a folder/);
      await failsWith(checkFolder(join(temp(), 'file', 'a', 'b')), 'EINVALID', /is a file, not a folder/);
    });

    it('may not be one that cannot be written to', async function () {
      // Nothing is forbidden to root.
      if (process.getuid?.() === 0 || process.platform === 'win32') this.skip();
      const folder = join(temp(), 'read-only');
      await mkdir(folder);
      await chmod(folder, 0o500);
      await failsWith(checkFolder(join(folder, 'a')), 'EFORBIDDEN', /may not be written to/);
      await chmod(folder, 0o700);
    });

    it('is left as it was when the work folder goes', async () => {
      const work = { id: named.id, folder: temp() };
      await mkdir(join(workFolder(work), '1'), { recursive: true });
      await writeFile(join(workFolder(work), '1', '00001.mp4'), '');
      await writeFile(join(temp(), 'mine.mp4'), '');
      await removeWorkFolder(work);
      await removeWorkFolder(work);
      assert.deepEqual(await readdir(temp()), ['mine.mp4']);
    });
  });
});
