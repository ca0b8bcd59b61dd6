import assert from 'node:assert/strict';
import { access, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  recheckFiles,
  recordFiles,
  removeFile,
  stateOf,
  summaryOf,
  type RowFiles,
} from '../../../../lib/node-red/activity/files';
import { tempFolder } from '../../../support/temp-folder';

describe('the files of a row', () => {
  const folder = tempFolder();
  const at = (name: string): string => join(folder(), 'clips', name);
  let known: RowFiles;

  beforeEach(async () => {
    await mkdir(join(folder(), 'clips'));
    await writeFile(at('a.mp4'), 'aaaa');
    await writeFile(at('a.jpg'), 'picture');
    await writeFile(at('b.mp4'), 'bb');
    const a = { path: at('a.mp4'), size: 4, thumbnail: at('a.jpg'), duration: 3 };
    known = (await recordFiles({ files: [a, { path: at('b.mp4'), size: 2 }], folder: join(folder(), 'clips') }))!;
  });

  const state = (): Promise<string> => stateOf(known.files[0]!);

  it('are summed up', () => {
    assert.deepEqual(summaryOf(known), { path: join(folder(), 'clips'), count: 2, size: 6 });
    const one = { files: known.files.slice(0, 1) };
    assert.deepEqual(summaryOf(one), { path: at('a.mp4'), count: 1, size: 4, duration: 3 });
  });

  it('are none that have another size than was written, or are gone by now', async () => {
    const files = [
      { path: at('a.mp4'), size: 3 },
      { path: at('none.mp4'), size: 4 },
    ];
    assert.equal(await recordFiles({ files }), undefined);
  });

  it('are there, gone or changed', async () => {
    assert.equal(await state(), 'there');
    await utimes(at('a.mp4'), 1, 1);
    assert.equal(await state(), 'changed');
    await rm(at('a.mp4'));
    assert.equal(await state(), 'gone');
    await symlink(at('b.mp4'), at('a.mp4'));
    assert.equal(await state(), 'changed');
  });

  it('are removed with their pictures', async () => {
    assert.equal(await removeFile(known.files[0]!), 'there');
    for (const name of ['a.mp4', 'a.jpg']) await assert.rejects(access(at(name)));
  });

  it('are not removed, nor is their picture, where another file has taken their place', async () => {
    await rename(at('b.mp4'), at('a.mp4'));
    assert.equal(await removeFile(known.files[0]!), 'changed');
    for (const name of ['a.mp4', 'a.jpg']) await access(at(name));
  });

  describe('after a restart', () => {
    const left = async (): Promise<number[] | undefined> => (await recheckFiles(known))?.files.map(({ id }) => id);

    it('are the same, though devices have other numbers now', async () => {
      for (const file of known.files) file.video.device += 1;
      known.files[0]!.thumbnail!.device += 1;
      const found = await recheckFiles(known);
      assert.deepEqual(found?.files.map(({ id }) => id), [0, 1]); // prettier-ignore
      assert.equal(await stateOf(found.files[0]!), 'there');
      assert.ok(found.files[0]!.thumbnail);
    });

    it('are without those that are gone or changed, and none at all in the end', async () => {
      await writeFile(at('a.mp4'), 'other');
      assert.deepEqual(await left(), [1]);
      await rm(at('b.mp4'));
      assert.equal(await left(), undefined);
    });

    it('stay known while their disk is not there', async () => {
      await rename(join(folder(), 'clips'), join(folder(), 'away'));
      assert.deepEqual(await left(), [0, 1]);
    });
  });
});
