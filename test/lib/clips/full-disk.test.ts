import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { mountSmallDisk } from '../../support/small-disk';
import { downloadRig, expectError, expectFile, type Download, type Opened } from './download-rig';

const mebi = 2 ** 20;
const diskMebi = 48;

describe('a download to a disk', () => {
  const test = downloadRig();

  /** Begins as the video and goes on without end. */
  function endless(size?: number, meanwhile?: () => Promise<void>): Opened {
    const source = async function* () {
      yield test.video;
      await meanwhile?.();
      for (;;) yield Buffer.alloc(mebi);
    };
    return { body: Readable.from(source(), { objectMode: false }), size };
  }

  /** @returns how many bytes came before that */
  async function fails(download: Download, says: RegExp): Promise<number> {
    let received = 0;
    const { answer } = await test.start({ ...download, onBytes: (bytes) => (received = bytes) });
    assert.match(expectError(answer, 'failed', 'ENOSPACE').message, says);
    return received;
  }

  describe('of which it is only said how much is free', () => {
    const free = (...mebibytes: number[]): Download => ({
      options: { freeBytes: async () => (mebibytes.length > 1 ? mebibytes.shift()! : mebibytes[0]!) * mebi },
    });

    it('does not begin when it would not fit', async () => {
      const received = await fails(
        { ...free(900), open: () => endless(1000 * mebi) },
        /1000 MiB are needed .* 900 MiB are free/,
      );
      assert.equal(received, 0);
      assert.deepEqual(await test.files(), []);
    });

    it('does not begin either when only the list of clips tells how large it is', async () => {
      const received = await fails({ ...free(900), clip: { size: 1000 * mebi }, open: () => endless() }, /are needed/);
      assert.equal(received, 0);
    });

    it('leaves some of it for others', async () => {
      await fails({ ...free(31) }, /of reserve/);
      expectFile((await test.start(free(33))).answer);
    });

    it('looks again from time to time when nobody tells how large it is', async () => {
      const received = await fails({ ...free(5000, 5000, 20), open: () => endless() }, /20 MiB are free/);
      assert.ok(received > 4 * mebi && received < 16 * mebi, `${received} bytes`);
      assert.deepEqual(await test.files(), []);
    });

    it('looks again, too, when the list of clips or the server has told how large it is', async () => {
      for (const [listed, announced] of [
        [1000 * mebi, undefined],
        [undefined, 1000 * mebi],
      ]) {
        const clip = listed === undefined ? {} : { clip: { size: listed } };
        const received = await fails(
          { ...free(5000, 5000, 20), ...clip, open: () => endless(announced) },
          /20 MiB are free/,
        );
        assert.ok(received < 16 * mebi, `${received} bytes`);
      }
    });

    it('begins where that cannot be told', async () => {
      expectFile((await test.start({ options: { freeBytes: async () => undefined } })).answer);
    });
  });

  const disk = mountSmallDisk(diskMebi);
  const real = 'folder' in disk ? describe : describe.skip;
  real(`of ${diskMebi} MiB${'why' in disk ? ` (skipped: ${disk.why})` : ''}`, () => {
    const folder = 'folder' in disk ? disk.folder : '';
    const here = { work: { filename: join(folder, '7', 'clip.mp4'), root: folder } };
    const left = async (): Promise<string[]> =>
      (await readdir(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => e.name);

    afterEach(async () => {
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    });
    after(() => 'unmount' in disk && disk.unmount());

    it('does not begin when it would not fit', async () => {
      const received = await fails(
        { ...here, open: () => endless(100 * mebi) },
        /100 MiB are needed .* 48 MiB are free/,
      );
      assert.equal(received, 0);
      assert.deepEqual(await left(), []);
    });

    it('ends when it turns out not to fit, and leaves nothing', async () => {
      const received = await fails({ ...here, open: () => endless() }, /There is not enough space .* of reserve/);
      assert.ok(received >= (diskMebi - 32 - 8) * mebi && received < (diskMebi - 20) * mebi, `${received} bytes`);
      assert.deepEqual(await left(), []);
    });

    it('ends when others fill it meanwhile, and leaves nothing of its own', async () => {
      const others = () => writeFile(join(folder, 'others'), Buffer.alloc(40 * mebi));
      await fails({ ...here, open: () => endless(12 * mebi, others) }, /the disk is full|There is not enough space/);
      assert.deepEqual(await left(), ['others']);
    });

    it('succeeds when it fits', async () => {
      const { answer } = await test.start(here);
      assert.equal(expectFile(answer).path, here.work.filename);
      assert.deepEqual(await left(), ['clip.mp4']);
    });
  });
});
