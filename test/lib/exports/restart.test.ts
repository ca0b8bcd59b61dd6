import assert from 'node:assert/strict';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { partPath } from '../../../lib/exports/folder';
import type { FilesJobData } from '../../../lib/exports/work';
import { aContext } from '../clips/fake';
import { at, exportRig } from './rig';

const joinedName = '7_2 2025-03-01T08-50-00Z.mp4';

describe('an export to files that was interrupted', () => {
  const rig = exportRig();
  const starts = (method: string) =>
    rig.vendor.asked.filter((each) => each.method === method).map(({ start }) => start).sort((a, b) => a - b); // prettier-ignore

  /** Runs until a save, and crashes just before or after it has come to the disk. Resolves to what is stored then. */
  async function crashAt(
    work: FilesJobData,
    number: number,
    when: 'before' | 'after',
    connection = rig.connect(),
  ): Promise<FilesJobData | undefined> {
    const context = aContext<FilesJobData>();
    let stored = work;
    let count = 0;
    let crash: () => void;
    const crashed = new Promise<'crashed'>((resolve) => (crash = () => resolve('crashed')));
    const save = async (data: FilesJobData): Promise<void> => {
      count += 1;
      if (count > number) return new Promise(() => undefined);
      if (count < number || when === 'after') stored = structuredClone(data);
      if (count < number) return;
      crash();
      // Nothing that comes after a crash happens.
      return new Promise(() => undefined);
    };
    const ran = rig.run(work, { connection, context: { ...context, save } }).then(() => 'done' as const);
    const how = await Promise.race([crashed, ran]);
    const found = structuredClone(stored);
    context.stop.abort();
    return how === 'crashed' ? found : undefined;
  }

  for (const when of ['before', 'after'] as const) {
    it(`has the same files in the end, wherever it was: ${when} each save`, async function () {
      this.timeout(120_000);
      rig.vendor.maxConcurrent = 1;
      for (let number = 1; ; number += 1) {
        const id = `${String(number).padStart(8, '0')}-0000`;
        const folder = rig.path(id);
        const stored = await crashAt(rig.aWork({ id, folder }, 4), number, when);
        if (!stored) {
          assert.ok(number > 8, `there were ${number - 1} saves`);
          break;
        }
        const answer = await rig.run(stored);
        assert.equal(answer.type, 'done', JSON.stringify(answer));
        const inFolder = (await rig.files())
          .filter((name) => name.startsWith(id))
          .map((name) => name.slice(id.length + 1));
        assert.deepEqual(inFolder, [joinedName, 'SHA256SUMS', 'manifest.json'], `save ${number}`);
        assert.deepEqual(rig.pictures(rig.path(id, joinedName)), rig.pictures(rig.film(), { seconds: 4 }));
      }
    });
  }

  it('asks for nothing twice where that would make a second clip', async () => {
    rig.vendor.idempotentCreate = false;
    rig.vendor.maxConcurrent = 1;
    for (let number = 1; number <= 7; number += 1) {
      rig.vendor.asked.length = 0;
      const id = `${String(number).padStart(8, '0')}-0000`;
      // As the vendor remembers what it was asked, both runs are to be with the same one.
      const connection = rig.connect();
      const stored = await crashAt(
        rig.aWork({ id, folder: rig.path(id) }, 4),
        number,
        number % 2 ? 'before' : 'after',
        connection,
      );
      const answer = await rig.run(stored!, { connection });
      assert.equal(answer.type, 'done', JSON.stringify(answer));
      assert.deepEqual(starts('create'), [0, 2], `save ${number}`);
    }
  });

  it('does not fetch again what is here already', async () => {
    const context = aContext<FilesJobData>();
    rig.vendor.maxConcurrent = 1;
    rig.vendor.onOpen = ({ start }) => {
      if (start === at(4)) context.stop.abort();
    };
    const first = await rig.run(rig.aWork({}, 6), { context });
    assert.equal(first.type, 'failed');
    rig.vendor.onOpen = () => undefined;
    rig.vendor.asked.length = 0;
    const second = await rig.run(context.saved.at(-1)!);
    assert.equal(second.type, 'done', JSON.stringify(second));
    assert.deepEqual(starts('open'), [4]);
    assert.ok(!starts('create').some((start) => start < 4));
  });

  it('joins again what it was joining', async () => {
    const context = aContext<FilesJobData>();
    // Only joining looks at the space that is left.
    const freeBytes = async () => {
      context.stop.abort();
      return Infinity;
    };
    const first = await rig.run(rig.aWork(), { context, options: { freeBytes } });
    assert.ok(first.type === 'failed' && first.error.code === 'EABORTED', JSON.stringify(first));
    rig.vendor.asked.length = 0;
    const second = await rig.run(context.saved.at(-1)!);
    assert.equal(second.type, 'done', JSON.stringify(second));
    assert.deepEqual(rig.vendor.asked, []);
    assert.deepEqual(await rig.files(), [joinedName, 'SHA256SUMS', 'manifest.json']);
    assert.deepEqual(rig.pictures(rig.path(joinedName)), rig.pictures(rig.film(), { seconds: 6 }));
  });

  it('fetches again what is damaged or gone', async () => {
    const context = aContext<FilesJobData>();
    rig.vendor.maxConcurrent = 1;
    rig.vendor.onOpen = ({ start }) => {
      if (start === at(6)) context.stop.abort();
    };
    const work = rig.aWork({}, 8);
    await rig.run(work, { context });
    await truncate(partPath(work, 0, 0), 100);
    const bytes = await readFile(partPath(work, 0, 1));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(partPath(work, 0, 1), bytes);
    rig.vendor.onOpen = () => undefined;
    rig.vendor.asked.length = 0;
    const answer = await rig.run(context.saved.at(-1)!);
    assert.equal(answer.type, 'done', JSON.stringify(answer));
    assert.deepEqual(starts('open'), [0, 2, 6]);
    assert.deepEqual(rig.pictures(rig.path(joinedName)), rig.pictures(rig.film(), { seconds: 8 }));
  });
});
