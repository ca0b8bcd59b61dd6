import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClipError } from '../../../../lib/errors';
import type { Thumbnail } from '../../../../lib/ffmpeg/thumbnail';
import { recordFiles, type RowFile } from '../../../../lib/node-red/activity/files';
import { forgetPicture, pictures } from '../../../../lib/node-red/activity/pictures';
import { tempFolder } from '../../../support/temp-folder';

describe('pictures of videos', () => {
  const folder = tempFolder();
  let made: Thumbnail[];
  let findFfmpeg: () => Promise<string>;
  let make: (asked: Thumbnail) => Promise<void>;

  beforeEach(() => {
    made = [];
    findFfmpeg = () => Promise.resolve('ffmpeg');
    make = async (asked) => {
      made.push(asked);
      await writeFile(asked.output, 'picture');
    };
  });

  const open = (): ReturnType<typeof pictures> =>
    pictures({ userFolder: folder(), findFfmpeg: () => findFfmpeg() }, (asked) => make(asked));

  async function video(name: string, thumbnail?: string): Promise<RowFile> {
    const path = join(folder(), name);
    await writeFile(path, name);
    const file = { path, size: name.length, duration: 8, ...(thumbnail === undefined ? {} : { thumbnail }) };
    return (await recordFiles({ files: [file] }))!.files[0]!;
  }

  it('are made once, and found again', async () => {
    const file = await video('a.mp4');
    const picture = await open()(file);
    assert.equal(await readFile(picture!.path, 'utf8'), 'picture');
    assert.deepEqual(await open()(file), picture);
    assert.deepEqual(
      made.map(({ path, seconds }) => [path, seconds]),
      [[file.video.path, 8]],
    );
  });

  it('go with their videos', async () => {
    const [gone, kept] = [await video('a.mp4'), await video('b.mp4')];
    const paths = [(await open()(gone))!.path, (await open()(kept))!.path];
    await forgetPicture({ userFolder: folder() }, gone.video);
    assert.deepEqual(
      paths.map((path) => existsSync(path)),
      [false, true],
    );
  });

  it('are those that lie beside the video, where there are any', async () => {
    const beside = join(folder(), 'beside.jpg');
    await writeFile(beside, 'beside');
    assert.equal((await open()(await video('a.mp4', beside)))?.path, beside);
    assert.deepEqual(made, []);
  });

  it('are made one at a time, and once for all who ask at once', async () => {
    let [running, most] = [0, 0];
    const write = make;
    make = async (asked) => {
      most = Math.max(most, (running += 1));
      await write(asked);
      running -= 1;
    };
    const pictureOf = open();
    const [a, b] = [await video('a.mp4'), await video('b.mp4')];
    await Promise.all([a, a, b, a, b].map((file) => pictureOf(file)));
    assert.deepEqual([most, made.length], [1, 2]);
  });

  it('are missing without ffmpeg, and are made once it is there', async () => {
    findFfmpeg = () => Promise.reject(new ClipError('EFFMPEG', 'not there'));
    const pictureOf = open();
    const file = await video('a.mp4');
    assert.equal(await pictureOf(file), undefined);
    findFfmpeg = () => Promise.resolve('ffmpeg');
    assert.ok(await pictureOf(file));
  });

  it('are not asked for again of what cannot be decoded', async () => {
    let asked = 0;
    make = () => {
      asked += 1;
      return Promise.reject(new ClipError('EFFMPEG', 'no picture'));
    };
    const pictureOf = open();
    const file = await video('a.mp4');
    for (let count = 0; count < 3; count += 1) assert.equal(await pictureOf(file), undefined);
    assert.equal(asked, 1);
  });

  it('are not made of another file that lies there now', async () => {
    const file = await video('a.mp4');
    await writeFile(file.video.path, 'other');
    assert.equal(await open()(file), undefined);
    assert.deepEqual(made, []);
  });

  it('are so many, and then the oldest go', async () => {
    const pictureOf = open();
    await pictureOf(await video('first.mp4'));
    const kept = join(folder(), 'video-clips', 'pictures');
    for (let count = 0; count < 500; count += 1) await writeFile(join(kept, `${count}.jpg`), '');
    await pictureOf(await video('last.mp4'));
    assert.ok((await readdir(kept)).length <= 500);
  });
});
