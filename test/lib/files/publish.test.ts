import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { mock } from 'node:test';
import { publish, stateOf, type Exists } from '../../../lib/files/publish';
import { tempFolder } from '../../support/temp-folder';

function refusal(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: refused by the test`), { code });
}

describe('a finished file that gets its name', () => {
  const temp = tempFolder();
  const path = (name: string): string => join(temp(), name);
  const names = async (): Promise<string[]> => (await fs.readdir(temp())).sort();
  const text = (name: string): Promise<string> => fs.readFile(path(name), 'utf8');
  const ignore = async (): Promise<void> => undefined;

  async function part(content = 'new', name = 'clip.mp4.part'): Promise<string> {
    await fs.writeFile(path(name), content);
    return path(name);
  }

  afterEach(() => mock.restoreAll());

  const kinds: Record<string, () => void> = {
    'with hard links': () => undefined,
    // FAT, exFAT and some network shares.
    'without hard links': () => mock.method(fs, 'link', () => Promise.reject(refusal('EPERM'))),
  };
  for (const [kind, prepare] of Object.entries(kinds)) {
    describe(`on a file system ${kind}`, () => {
      beforeEach(prepare);

      for (const exists of ['rename', 'overwrite', 'skip'] as const) {
        it(`takes the name that is wanted when it is free ("${exists}")`, async () => {
          assert.equal(await publish(await part(), path('clip.mp4'), exists, ignore), path('clip.mp4'));
          assert.deepEqual(await names(), ['clip.mp4']);
          assert.equal(await text('clip.mp4'), 'new');
        });
      }

      for (const exists of ['rename', 'skip'] as const) {
        it(`takes the first number that is free when the name is not ("${exists}")`, async () => {
          for (const name of ['clip.mp4', 'clip-1.mp4', 'clip-3.mp4']) await fs.writeFile(path(name), 'old');
          assert.equal(await publish(await part(), path('clip.mp4'), exists, ignore), path('clip-2.mp4'));
          assert.deepEqual(await names(), ['clip-1.mp4', 'clip-2.mp4', 'clip-3.mp4', 'clip.mp4']);
          for (const name of ['clip.mp4', 'clip-1.mp4', 'clip-3.mp4']) assert.equal(await text(name), 'old');
          assert.equal(await text('clip-2.mp4'), 'new');
        });
      }

      it('replaces the file of that name when told to', async () => {
        await fs.writeFile(path('clip.mp4'), 'old');
        assert.equal(await publish(await part(), path('clip.mp4'), 'overwrite', ignore), path('clip.mp4'));
        assert.deepEqual(await names(), ['clip.mp4']);
        assert.equal(await text('clip.mp4'), 'new');
      });

      it('takes a folder of that name, and a link to nowhere, for taken', async function () {
        // There, making links is for administrators.
        if (process.platform === 'win32') return this.skip();
        await fs.mkdir(path('clip.mp4'));
        await fs.symlink(path('nowhere'), path('clip-1.mp4'));
        assert.equal(await publish(await part(), path('clip.mp4'), 'rename', ignore), path('clip-2.mp4'));
      });

      it('gives each of twenty that race for one name a name of its own, with its own content', async () => {
        const parts = await Promise.all(
          Array.from({ length: 20 }, (_, number) => part(`video ${number}`, `${number}.part`)),
        );
        const placed = await Promise.all(parts.map((each) => publish(each, path('clip.mp4'), 'rename', ignore)));
        assert.equal(new Set(placed).size, 20);
        for (const [number, name] of placed.entries()) {
          assert.equal(await fs.readFile(name, 'utf8'), `video ${number}`);
        }
        const numbers = Array.from({ length: 19 }, (_, number) => `clip-${number + 1}.mp4`);
        assert.deepEqual(await names(), ['clip.mp4', ...numbers].sort());
      });

      it('lets the last of twenty win that overwrite one name, whole', async () => {
        const parts = await Promise.all(
          Array.from({ length: 20 }, (_, number) => part(`video ${number}`.repeat(1_000), `${number}.part`)),
        );
        await Promise.all(parts.map((each) => publish(each, path('clip.mp4'), 'overwrite', ignore)));
        assert.deepEqual(await names(), ['clip.mp4']);
        assert.match(await text('clip.mp4'), /^(video \d+)\1{999}$/);
      });

      it('goes on to the next name when one is taken at the last moment', async () => {
        const before = async (name: string): Promise<void> => {
          if (name === path('clip.mp4')) await fs.writeFile(name, 'faster');
        };
        assert.equal(await publish(await part(), path('clip.mp4'), 'rename', before), path('clip-1.mp4'));
        assert.equal(await text('clip.mp4'), 'faster');
        assert.equal(await text('clip-1.mp4'), 'new');
      });

      it('leaves the part, and no name, when its folder has vanished', async () => {
        const from = await part();
        await assert.rejects(publish(from, path('gone/clip.mp4'), 'rename', ignore), { code: 'ENOENT' });
        assert.deepEqual(await names(), ['clip.mp4.part']);
      });
    });
  }

  for (const exists of ['rename', 'overwrite', 'skip'] as Exists[]) {
    it(`tells each name before it is taken ("${exists}")`, async () => {
      await fs.writeFile(path('clip.mp4'), 'old');
      const told: string[] = [];
      const placed = await publish(await part(), path('clip.mp4'), exists, async (name) => {
        assert.notEqual(await fs.readFile(name, 'utf8').catch(() => ''), 'new');
        told.push(name);
      });
      assert.deepEqual(told, [placed]);
    });
  }

  it('is refused when another program has changed a part of equal size, and has set its time back', async () => {
    const file = await part('abc');
    const verified = {
      size: 3,
      sha256: createHash('sha256').update('abc').digest('hex'),
      state: stateOf(await fs.stat(file)),
    };
    const { atime, mtime } = await fs.stat(file);
    await fs.writeFile(file, 'abd');
    await fs.utimes(file, atime, mtime);
    for (const exists of ['rename', 'overwrite'] as const) {
      await assert.rejects(publish(file, path('clip.mp4'), exists, ignore, verified), { code: 'EINCOMPLETE' });
    }
    // Only its times are others: what counts is the content.
    await fs.writeFile(file, 'abc');
    assert.equal(await publish(file, path('clip.mp4'), 'rename', ignore, verified), path('clip.mp4'));
  });

  it('does not tell of thousands of names that are taken', async () => {
    await Promise.all(
      Array.from({ length: 300 }, (_, number) => fs.writeFile(path(number ? `clip-${number}.mp4` : 'clip.mp4'), '')),
    );
    const told: string[] = [];
    await publish(await part(), path('clip.mp4'), 'rename', async (name) => void told.push(name));
    assert.deepEqual(told, [path('clip-300.mp4')]);
  });

  it('never shows a watcher a part of it', async () => {
    const whole = 'x'.repeat(1_000_000);
    const from = await part(whole);
    let placed = false;
    const watching = (async () => {
      const seen = new Set<number>();
      while (!placed) {
        const size = (await fs.stat(path('clip.mp4')).catch(() => undefined))?.size;
        if (size !== undefined) seen.add(size);
      }
      return seen;
    })();
    await publish(from, path('clip.mp4'), 'rename', ignore);
    placed = true;
    for (const size of await watching) assert.equal(size, whole.length);
  });

  for (const code of ['ENOSPC', 'EROFS']) {
    it(`reports ${code} and does not try in another way`, async () => {
      mock.method(fs, 'link', () => Promise.reject(refusal(code)));
      await assert.rejects(publish(await part(), path('clip.mp4'), 'rename', ignore), { code });
      assert.deepEqual(await names(), ['clip.mp4.part']);
    });
  }

  it('leaves no empty file under the name when there are no hard links and the move fails', async () => {
    mock.method(fs, 'link', () => Promise.reject(refusal('ENOTSUP')));
    mock.method(fs, 'rename', () => Promise.reject(refusal('EIO')));
    await assert.rejects(publish(await part(), path('clip.mp4'), 'rename', ignore), { code: 'EIO' });
    assert.deepEqual(await names(), ['clip.mp4.part']);
  });

  it('is not placed when what must happen before fails', async () => {
    const before = (): Promise<void> => Promise.reject(new Error('not stored'));
    for (const exists of ['rename', 'overwrite', 'skip'] as const) {
      await assert.rejects(publish(await part(), path('clip.mp4'), exists, before), /not stored/);
      assert.deepEqual(await names(), ['clip.mp4.part']);
    }
  });

  for (const exists of ['rename', 'overwrite'] as const) {
    describe(`with "${exists}", after it was verified`, () => {
      const content = 'verified';
      const sha256 = createHash('sha256').update(content).digest('hex');

      const time = Date.UTC(2025, 0, 1) / 1000;

      /** Verifies a part, lets that happen to it, and gives it its name. */
      async function publishAfter(change: (part: string) => Promise<unknown>): Promise<string> {
        const from = await part(content);
        await fs.utimes(from, time, time);
        const state = stateOf(await fs.stat(from));
        await change(from);
        const verified = { size: state.size, sha256, state };
        return publish(from, path('clip.mp4'), exists, ignore, verified);
      }

      const others: Record<string, (part: string) => Promise<unknown>> = {
        'is written into': (from) => fs.writeFile(from, 'VERIFIED'),
        'is replaced by another of the same size and time': async (from) => {
          await fs.writeFile(path('other'), 'VERIFIED');
          await fs.utimes(path('other'), time, time);
          await fs.rename(path('other'), from);
        },
        'is cut, and gets its time back': async (from) => {
          await fs.truncate(from, 3);
          await fs.utimes(from, time, time);
        },
        'becomes a link to such a file': async (from) => {
          await fs.rename(from, path('other'));
          await fs.symlink(path('other'), from);
        },
        'is removed': (from) => fs.rm(from),
      };
      for (const [what, change] of Object.entries(others)) {
        it(`gets no name when it ${what}`, async () => {
          await assert.rejects(publishAfter(change), { code: 'EINCOMPLETE', retryable: true });
          assert.equal((await names()).includes('clip.mp4'), false);
        });
      }

      it('gets its name when another has the same content, as file systems number files anew', async () => {
        await publishAfter(async (from) => {
          await fs.copyFile(from, path('other'));
          await fs.rename(path('other'), from);
        });
        assert.equal(await text('clip.mp4'), content);
      });

      it('is not read once more where nothing has changed', async () => {
        const from = await part(content);
        const state = stateOf(await fs.stat(from));
        const verified = { size: state.size, sha256: 'of something else', state };
        assert.equal(await publish(from, path('clip.mp4'), exists, ignore, verified), path('clip.mp4'));
      });
    });

    it(`has its name on the disk once that is told ("${exists}")`, async () => {
      const from = await part();
      const { open } = fs;
      const seen: string[][] = [];
      mock.method(fs, 'open', async (...given: Parameters<typeof open>) => {
        if (given[0] === temp()) seen.push(await names());
        return open(...given);
      });
      await publish(from, path('clip.mp4'), exists, ignore);
      assert.deepEqual(seen, [['clip.mp4']]);
    });
  }
});
