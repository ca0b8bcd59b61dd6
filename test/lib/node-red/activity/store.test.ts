import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActivityRow } from '../../../../lib/node-red/activity/row';
import { activityStore, type ActivityStore, type StoredRow } from '../../../../lib/node-red/activity/store';
import { tempFolder } from '../../../support/temp-folder';

const row = (id: string, createdAt = 1, title = ''): StoredRow => ({
  row: { id, stage: 'saved', createdAt, title } as ActivityRow,
});

describe('the stored list of work', () => {
  const folder = tempFolder();
  const path = (): string => join(folder(), 'video-clips', 'activity.jsonl');
  let warnings: string[];
  beforeEach(() => (warnings = []));

  const open = (current: () => StoredRow[] = () => []): ActivityStore =>
    activityStore(path, current, (text) => warnings.push(text));
  const load = async (): Promise<string[]> => (await open().load()).map(({ row: { id, title } }) => id + title);

  it('is empty at first', async () => {
    assert.deepEqual(await load(), []);
  });

  it('has the last state of each row, oldest first, and none that was removed', async () => {
    const store = open();
    await store.update([row('b', 2), row('a', 1), row('c', 3)], []);
    await store.update([row('a', 1, ' again')], ['c']);
    assert.deepEqual(await load(), ['a again', 'b']);
  });

  it('leaves out rows whose files are none', async () => {
    const video = { path: '/a.mp4', device: 1, inode: 1, size: 1, mtimeMs: 1 };
    const files = [
      [null],
      [{}],
      [{ video: { path: 5 } }],
      [{ video, thumbnail: null }],
      [{ video: { ...video, size: '1' } }],
      {},
    ];
    const odd = files.map((each, index) => ({ ...row(`odd-${index}`), files: { files: each } }));
    await open().update([row('a'), ...(odd as StoredRow[]), { ...row('b'), files: { files: [{ id: 0, video }] } }], []);
    assert.deepEqual(await load(), ['a', 'b']);
  });

  it('loses no more than the line that a crash has cut', async () => {
    await open().update([row('a')], []);
    await appendFile(path(), '{"row":{"id":"b"');
    const store = open();
    await store.load();
    await store.update([row('c')], []);
    assert.deepEqual(await load(), ['a', 'c']);
  });

  it('leaves out what is no row', async () => {
    await open().update([row('a')], []);
    await appendFile(
      path(),
      'null\n[]\n{"row":{"id":1}}\n{"row":{"id":"x","stage":"saved","createdAt":1},"files":7}\n',
    );
    assert.deepEqual(await load(), ['a']);
  });

  it('is written anew when most of its lines say nothing any more', async () => {
    const now = row('a', 1, ' now');
    const store = open(() => [now]);
    const many = Array.from({ length: 1_000 }, () => row('a'));
    for (let count = 0; count < 3; count += 1) await store.update(many.slice(0, 999), []);
    assert.equal(await readFile(path(), 'utf8'), `${JSON.stringify(now)}\n`);
  });

  it('says once that it cannot be written, and goes on', async () => {
    await writeFile(join(folder(), 'video-clips'), 'in the way');
    const store = open();
    await store.update([row('a')], []);
    await store.update([row('b')], []);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /not kept over restarts/);
  });
});
