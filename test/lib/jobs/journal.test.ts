import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import files from 'node:fs';
import fs from 'node:fs/promises';
import { basename, join } from 'node:path';
import { mock } from 'node:test';
import type { ClipError } from '../../../lib/errors';
import type { Job } from '../../../lib/jobs/job';
import { openJournal, type Journal } from '../../../lib/jobs/journal';
import { tempFolder } from '../../support/temp-folder';

function job(id: string, more: Partial<Job> = {}): Job {
  return { id, nodeId: 'node', data: { clip: id }, createdAt: 1, runAt: 2, failures: 0, ...more };
}

/** As it is stored. */
function stored(more: object): string {
  return JSON.stringify({ version: 1, ...more });
}

describe('the journal of jobs', () => {
  const temp = tempFolder();
  let folder: string;
  let warnings: string[];
  let journal: Journal;
  const path = (name: string): string => join(folder, name);
  const names = async (): Promise<string[]> => (await fs.readdir(folder)).sort();

  beforeEach(async () => {
    folder = join(temp(), 'video-clips', 'jobs');
    warnings = [];
    journal = openJournal(folder, (text) => warnings.push(text));
    assert.deepEqual(await journal.readAll(), []);
  });
  afterEach(() => mock.restoreAll());

  it('makes its folder, whatever is missing on the way to it', () => {
    assert.ok(existsSync(folder));
  });

  it('reads back what was written, the earliest first', async () => {
    const jobs = [job('b', { runAt: 5, failures: 3 }), job('a', { runAt: 9 }), job('c', { runAt: 1 })];
    for (const each of jobs) await journal.write(each);
    assert.deepEqual(await journal.readAll(), [jobs[2], jobs[0], jobs[1]]);
    assert.deepEqual(await names(), ['a.json', 'b.json', 'c.json']);
  });

  it('replaces the earlier version of a job', async () => {
    await journal.write(job('a', { data: { long: 'x'.repeat(10_000) } }));
    await journal.write(job('a', { data: { short: true } }));
    assert.deepEqual(await journal.readAll(), [job('a', { data: { short: true } })]);
  });

  it('forgets a removed job, and removing one that is not there is fine', async () => {
    await journal.write(job('a'));
    await journal.remove('a');
    await journal.remove('a');
    assert.deepEqual(await names(), []);
  });

  it('keeps the messages of others from other users of the machine', async function () {
    if (process.platform === 'win32') return this.skip();
    await journal.write(job('a'));
    assert.equal((await fs.stat(path('a.json'))).mode & 0o077, 0);
  });

  it('never shows a half-written job to whoever reads meanwhile', async () => {
    let done = false;
    const writing = (async () => {
      for (let size = 1; size <= 100; size += 1)
        await journal.write(job('a', { data: { text: 'x'.repeat(size * 500) } }));
      done = true;
    })();
    await journal.write(job('b'));
    let reads = 0;
    while (!done) {
      const text = await fs.readFile(path('a.json'), 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      assert.doesNotThrow(() => JSON.parse(text) as unknown);
      reads += 1;
    }
    await writing;
    assert.ok(reads > 0);
  });

  it('removes what a crash in the middle of a write left, and keeps the job as it was before', async () => {
    await journal.write(job('a'));
    await fs.writeFile(path('a.json.3735928559'), '{"id":"a","own');
    await fs.writeFile(path('b.json.12345'), JSON.stringify(job('b')));
    assert.deepEqual(await journal.readAll(), [job('a')]);
    assert.deepEqual(await names(), ['a.json']);
    assert.deepEqual(warnings, []);
  });

  it('leaves files of others alone', async () => {
    await fs.writeFile(path('README.txt'), 'hello');
    await fs.writeFile(path('notes.json.bak'), 'hello');
    await fs.mkdir(path('folder'));
    assert.deepEqual(await journal.readAll(), []);
    assert.deepEqual(await names(), ['README.txt', 'folder', 'notes.json.bak']);
    assert.deepEqual(warnings, []);
  });

  describe('with a damaged file', () => {
    const whole = stored(job('bad'));
    const damaged: Record<string, string> = {
      'nothing in it': '',
      zeros: '\0'.repeat(300),
      'half of it': whole.slice(0, whole.length / 2),
      'two of them': whole + whole,
      'null in it': 'null',
      'a list in it': `[${whole}]`,
      'text in it': '"bad"',
      'no id': stored({ ...job('bad'), id: undefined }),
      'a number as id': stored({ ...job('bad'), id: 7 }),
      'the id of another job': stored(job('good')),
      'an id that leads elsewhere': stored(job('../../bad')),
      'no node id': stored({ ...job('bad'), nodeId: undefined }),
      'no data': stored({ ...job('bad'), data: undefined }),
      'null as data': stored({ ...job('bad'), data: null }),
    };
    for (const [what, content] of Object.entries(damaged)) {
      it(`(${what}) moves it aside with a warning, and reads the others`, async () => {
        await journal.write(job('good'));
        await fs.writeFile(path('bad.json'), content);
        assert.deepEqual(await journal.readAll(), [job('good')]);
        assert.deepEqual(await names(), ['bad.json.damaged', 'good.json']);
        assert.equal(await fs.readFile(path('bad.json.damaged'), 'utf8'), content);
        assert.equal(warnings.length, 1);
        assert.match(warnings[0]!, /bad\.json is damaged and was moved aside/);
        assert.deepEqual(await journal.readAll(), [job('good')]);
        assert.equal(warnings.length, 1);
      });
    }

    it('that cannot be moved aside goes on without it', async () => {
      await journal.write(job('good'));
      await fs.writeFile(path('bad.json'), '{');
      await fs.mkdir(path('bad.json.damaged/full'), { recursive: true });
      assert.deepEqual(await journal.readAll(), [job('good')]);
      assert.match(warnings.join(), /bad\.json is damaged and could not be moved aside/);
    });

    it('that cannot be read leaves it where it is, as it may be whole', async () => {
      await journal.write(job('good'));
      await fs.mkdir(path('bad.json'));
      assert.deepEqual(await journal.readAll(), [job('good')]);
      assert.deepEqual(await names(), ['bad.json', 'good.json']);
      assert.match(warnings.join(), /bad\.json cannot be read/);
    });
  });

  for (const [what, change] of [
    ['no version', { version: undefined }],
    ['a later version', { version: 2 }],
    ['no time to run at', { runAt: null }],
    ['text as time', { createdAt: 'yesterday' }],
  ] as const) {
    it(`gives back a job of another shape (${what}) as one that cannot run, and sets it aside when it is removed`, async () => {
      await fs.writeFile(path('a.json'), stored({ ...job('a'), ...change }));
      const [found] = await journal.readAll();
      assert.equal(typeof found!.unreadable, 'string');
      assert.deepEqual([found!.id, found!.nodeId, found!.data], ['a', 'node', { clip: 'a' }]);
      assert.match(warnings.join(), /a\.json is set aside, and its message raised as an error: it/);
      assert.deepEqual(await names(), ['a.json']);
      await journal.remove('a');
      assert.deepEqual(await names(), ['a.json.damaged']);
    });
  }

  describe('with a large message', () => {
    const message = { payload: 'x'.repeat(100_000) };

    it('stores it for each of two jobs that have the same', async () => {
      const both = ['a', 'b'].map((id) => job(id, { data: { message } }));
      for (const each of both) await journal.write(each);
      await journal.remove('a');
      assert.deepEqual(await openJournal(folder, (text) => warnings.push(text)).readAll(), [both[1]]);
    });

    it('writes it once, however often the job is saved, and gives it back', async () => {
      const writes: string[] = [];
      const { rename } = fs;
      mock.method(fs, 'rename', (from: string, to: string) => {
        writes.push(basename(to));
        return rename(from, to);
      });
      for (let polls = 0; polls < 5; polls += 1) await journal.write(job('a', { data: { message, task: { polls } } }));
      mock.restoreAll();
      assert.equal(writes.filter((name) => name === 'a.message').length, 1);
      assert.ok((await fs.stat(path('a.json'))).size < 500);
      const [found] = await openJournal(folder, assert.fail).readAll();
      assert.deepEqual(found, job('a', { data: { message, task: { polls: 4 } } }));
    });

    it('keeps it after a restart without writing it again, and removes it with the job', async () => {
      await journal.write(job('a', { data: { message, task: 1 } }));
      const next = openJournal(folder, assert.fail);
      const [found] = await next.readAll();
      const { mtimeMs } = await fs.stat(path('a.message'));
      await next.write({ ...found!, data: { ...(found!.data as object), task: 2 } });
      assert.equal((await fs.stat(path('a.message'))).mtimeMs, mtimeMs);
      assert.deepEqual(await next.readAll(), [job('a', { data: { message, task: 2 } })]);
      await next.remove('a');
      assert.deepEqual(await names(), []);
    });

    it('removes one whose job was never stored', async () => {
      await fs.writeFile(path('b.message'), '{}');
      assert.deepEqual(await journal.readAll(), []);
      assert.deepEqual(await names(), []);
    });

    for (const [what, content] of [
      ['is gone', undefined],
      ['is cut short', '{"payload":"x'],
      ['holds none', '5'],
    ] as const) {
      it(`that ${what} gives back its job as one that cannot run, and sets aside what there is`, async () => {
        await journal.write(job('a', { data: { message, task: 1 } }));
        if (content === undefined) await fs.rm(path('a.message'));
        else await fs.writeFile(path('a.message'), content);
        const next = openJournal(folder, (text) => warnings.push(text));
        const [found] = await next.readAll();
        assert.match(found!.unreadable ?? '', /message/);
        assert.deepEqual(found!.data, { task: 1, message: {} });
        await next.remove('a');
        const left = content === undefined ? [] : ['a.message.damaged'];
        assert.deepEqual(await names(), ['a.json.damaged', ...left]);
        assert.deepEqual(await openJournal(folder, (text) => warnings.push(text)).readAll(), []);
        assert.deepEqual(await names(), ['a.json.damaged', ...left]);
      });
    }

    it('leaves small ones where they are', async () => {
      await journal.write(job('a', { data: { message: { payload: 'small' }, task: 1 } }));
      assert.deepEqual(await names(), ['a.json']);
    });
  });

  it('syncs its folder once for writes that belong together', async () => {
    const { open } = fs;
    let syncs = 0;
    mock.method(fs, 'open', async (name: string, ...more: []) => {
      if (name === folder) syncs += 1;
      return open(name, ...more);
    });
    await Promise.all(Array.from({ length: 200 }, (_, number) => journal.write(job(`job-${number}`))));
    assert.ok(syncs > 0 && syncs < 150, String(syncs));
  });

  for (const failures of [undefined, null, 'many']) {
    it(`takes ${String(failures)} as number of failures for none`, async () => {
      await fs.writeFile(path('a.json'), stored({ ...job('a'), failures }));
      assert.deepEqual(await journal.readAll(), [job('a')]);
      assert.deepEqual(warnings, []);
    });
  }

  describe('when a write fails', () => {
    it('keeps the version before, and leaves nothing else', async () => {
      await journal.write(job('a'));
      await assert.rejects(journal.write(job('a', { data: { number: 1n } })), /BigInt/);
      assert.deepEqual(await names(), ['a.json']);
      assert.deepEqual(await journal.readAll(), [job('a')]);
    });

    it('because the name is taken by a folder, leaves no draft', async () => {
      await fs.mkdir(path('a.json/full'), { recursive: true });
      await assert.rejects(journal.write(job('a')), /cannot be kept in .*jobs/);
      assert.deepEqual(await names(), ['a.json']);
    });

    for (const code of ['ENOSPC', 'EDQUOT']) {
      it(`with ${code} says that the disk is full, and frees what it took`, async () => {
        mock.method(files, 'fsync', (_fd: number, done: (error: Error) => void) =>
          done(Object.assign(new Error(`${code}: full`), { code })),
        );
        await assert.rejects(journal.write(job('a')), (error: ClipError) => {
          assert.equal(error.code, 'ENOSPACE');
          assert.match(error.message, /^The disk is full: unfinished work cannot be kept in .*jobs/);
          return true;
        });
        assert.deepEqual(await names(), []);
      });
    }
  });

  it('that can have no folder says where and why', async () => {
    await fs.writeFile(join(temp(), 'file'), '');
    const nowhere = openJournal(join(temp(), 'file', 'jobs'), (text) => warnings.push(text));
    for (const failing of [nowhere.readAll(), nowhere.write(job('a'))]) {
      await assert.rejects(failing, (error: ClipError) => {
        assert.equal(error.code, 'EFAILED');
        assert.match(error.message, /E[A-Z]+.*: unfinished work cannot be kept in .*jobs/);
        return true;
      });
    }
  });

  it('takes two thousand jobs at once, and gives them all back', async () => {
    const jobs = Array.from({ length: 2_000 }, (_, number) => job(`job-${number}`, { runAt: number }));
    await Promise.all(jobs.map((each) => journal.write(each)));
    assert.deepEqual(await journal.readAll(), jobs);
    assert.equal((await names()).length, 2_000);
    assert.deepEqual(warnings, []);
  });
});
