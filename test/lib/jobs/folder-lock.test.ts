import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs, { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClipError } from '../../../lib/errors';
import { EmbeddedEngine } from '../../../lib/jobs/embedded';
import type { Job } from '../../../lib/jobs/job';
import { openJournal } from '../../../lib/jobs/journal';
import { folderLock, ownerState, thisProcess, type LockOwner } from '../../../lib/jobs/folder-lock';
import { eventually } from '../../support/eventually';
import { manualClock, type ManualClock } from '../../support/manual-clock';
import { tempFolder } from '../../support/temp-folder';
import { hanging, outcomesOf, recorder } from './rig';

describe('the lock of a folder of jobs', () => {
  const temp = tempFolder();
  const folder = (): string => join(temp(), 'jobs');
  const path = (): string => `${folder()}.lock`;
  const self = thisProcess();
  let other: ChildProcess | undefined;
  const others: ChildProcess[] = [];
  afterEach(() => {
    mock.restoreAll();
    for (const each of [other, ...others.splice(0)]) each?.kill('SIGKILL');
  });

  async function write(owner: Partial<LockOwner> | string): Promise<void> {
    await writeFile(path(), typeof owner === 'string' ? owner : JSON.stringify({ ...self, ...owner }));
  }
  const owner = async (): Promise<LockOwner> => JSON.parse(await readFile(path(), 'utf8')) as LockOwner;
  const isRefused = (error: ClipError): boolean => {
    assert.equal(error.code, 'EFAILED');
    assert.match(error.message, /^Another process works on the jobs in .*: \d+ on .*must not share a user directory/);
    return true;
  };
  /** Resolves once nothing is read or written, and nothing begins to be. */
  async function filesAtRest(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      if (process.getActiveResourcesInfo().some((name) => /^(FSReq|CloseReq)/.test(name))) quiet = -1;
      await nextTurn();
    }
  }
  /** Lets heartbeats pass while something waits. Files take no time: a process is never slower than the pauses between its looks. */
  async function pass(
    clock: ManualClock,
    seconds = 60,
    each: () => Promise<unknown> = async () => undefined,
  ): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      await each();
      for (let step = 0; step < 10; step += 1) {
        await clock.advance(100);
        await filesAtRest();
      }
    }
  }

  it('is taken where there is none, and by every engine of this process', async () => {
    await folderLock(folder()).acquire();
    await folderLock(folder()).acquire();
    assert.deepEqual(await owner(), self);
  });

  it('is refused while the other process lives, and taken over at once when it is dead', async function () {
    if (process.platform !== 'linux') return this.skip();
    other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(other, 'spawn');
    const stat = await readFile(`/proc/${other.pid}/stat`, 'utf8');
    await write({ pid: other.pid!, startTime: stat.split(' ')[21]! });
    const lock = folderLock(folder());
    await assert.rejects(lock.acquire(), isRefused);
    await assert.rejects(lock.acquire(), isRefused);
    other.kill('SIGKILL');
    await once(other, 'exit');
    await lock.acquire();
    assert.deepEqual(await owner(), self);
    assert.deepEqual(await readdir(temp()), ['jobs.lock']);
  });

  it('is taken over from a process whose id belongs to another one since, or to this one', async function () {
    if (process.platform !== 'linux') return this.skip();
    for (const pid of [process.pid, 1]) {
      await write({ pid, startTime: '1' });
      await folderLock(folder()).acquire();
      assert.deepEqual(await owner(), self);
    }
  });

  it('is refused while a process of another machine or container shows signs of life', async () => {
    const clock = manualClock();
    await write({ pidSpace: 'elsewhere', host: 'nas' });
    let beat = 1_000;
    const acquiring = folderLock(folder(), { clock }).acquire();
    const refused = assert.rejects(acquiring, isRefused);
    await pass(clock, 60, () => utimes(path(), (beat += 1), beat));
    await refused;
    assert.equal((await owner()).host, 'nas');
  });

  for (const hours of [-1, 1]) {
    it(`is neither taken too early nor too late when the clock of the system is set by ${hours} h`, async () => {
      const clock = manualClock();
      await write({ pidSpace: 'elsewhere', host: 'nas' });
      let isAcquired = false;
      const acquiring = folderLock(folder(), { clock }).acquire();
      void acquiring.then(() => (isAcquired = true));
      await pass(clock, 10);
      clock.step(hours * 3_600_000);
      await pass(clock, 15);
      assert.equal(isAcquired, false);
      await pass(clock, 20);
      await acquiring;
    });
  }

  for (const [what, content] of [
    ['a process of another machine or container that shows none', { pidSpace: 'elsewhere', host: 'nas' }],
    ['nobody: it was cut short', '{"pid":'],
  ] as const) {
    it(`is taken over from ${what}`, async () => {
      const clock = manualClock();
      await write(content);
      const acquiring = folderLock(folder(), { clock }).acquire();
      await pass(clock);
      await acquiring;
      assert.deepEqual(await owner(), self);
    });
  }

  it('that is a link to nowhere is an error that names it, and not tried for ever', async function () {
    if (process.platform === 'win32') this.skip();
    await symlink(join(temp(), 'nowhere'), path());
    await assert.rejects(folderLock(folder()).acquire(), /jobs\.lock can neither be made nor read: remove it/);
  });

  it('of a dead process is taken over by one of many', async () => {
    const clock = manualClock();
    await write({ pidSpace: 'elsewhere' });
    const all = Array.from({ length: 20 }, (_, index) => ({ ...self, pidSpace: String(index) }));
    const winners: string[] = [];
    for (const each of all) {
      const acquired = folderLock(folder(), { self: each, clock }).acquire();
      acquired.then(
        () => winners.push(each.pidSpace),
        () => undefined,
      );
    }
    await pass(clock, 45);
    assert.equal(winners.length, 1);
    assert.deepEqual([(await owner()).pidSpace], winners);
    assert.deepEqual(await readdir(temp()), ['jobs.lock']);
  });

  it('of a dead process is taken over by one of some, however slow their disk is', async function () {
    if (process.platform !== 'linux') return this.skip();
    const alive = async (): Promise<LockOwner> => {
      const made = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      others.push(made);
      await once(made, 'spawn');
      const stat = await readFile(`/proc/${made.pid}/stat`, 'utf8');
      return { ...self, pid: made.pid!, startTime: stat.split(' ')[21]! };
    };
    const [first, second, third] = [await alive(), await alive(), await alive()];
    await write({ startTime: '1' });
    const winners: LockOwner[] = [];
    const acquire = (each: LockOwner): Promise<void> =>
      folderLock(folder(), { self: each }).acquire().then(() => void winners.push(each), (error: ClipError) => void isRefused(error)); // prettier-ignore
    // Of two that remove the dead lock, the second one comes when the first has made its own, and meets a third one.
    let removals = 0;
    let last: Promise<void> | undefined;
    for (const name of ['rename', 'rm'] as const) {
      const call = fs[name] as (...given: unknown[]) => Promise<void>;
      mock.method(fs, name, async (...given: unknown[]) => {
        const isSecond = given[0] === path() && (removals += 1) === 2;
        if (isSecond) await eventually(async () => assert.equal((await owner()).pid, first.pid));
        await call(...given);
        if (isSecond) await (last = acquire(third));
      });
    }
    await Promise.all([acquire(first), acquire(second)]);
    await (last ?? acquire(third));
    assert.equal(winners.length, 1);
    assert.deepEqual(await owner(), winners[0]);
    assert.deepEqual(await readdir(temp()), ['jobs.lock']);
  });

  it('is taken over when a process died while it removed the lock of a dead one', async () => {
    await write({ startTime: '1' });
    await writeFile(`${path()}.turn`, JSON.stringify({ ...self, startTime: '1' }));
    await folderLock(folder()).acquire();
    assert.deepEqual(await owner(), self);
    assert.deepEqual(await readdir(temp()), ['jobs.lock']);
  });

  it('tells of a process on which nothing is known', () => {
    assert.equal(ownerState({ ...self, pidSpace: '' }, self), 'unknown');
    assert.equal(ownerState({ ...self, pidSpace: 'elsewhere' }, self), 'unknown');
  });

  it('is still there for this process when its file has been removed', async () => {
    const lock = folderLock(folder());
    await lock.acquire();
    await rm(path());
    await lock.acquire();
  });

  it('keeps an engine from taking anything on until the other process has ended', async function () {
    if (process.platform !== 'linux') return this.skip();
    other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(other, 'spawn');
    const stat = await readFile(`/proc/${other.pid}/stat`, 'utf8');
    await write({ pid: other.pid!, startTime: stat.split(' ')[21]! });
    const clock = manualClock();
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const engine = new EmbeddedEngine(openJournal(folder(), warn), clock, warn);
    const draft = { nodeId: 'node', data: {}, runAt: 0 };
    await assert.rejects(engine.add(draft), isRefused);
    assert.match(warnings.join(), /^Stored jobs cannot go on: Another process works on the jobs/);
    // Stored by the other process.
    const stored = { id: 'a', createdAt: 1, failures: 0, version: 1, ...draft };
    await mkdir(folder());
    await writeFile(join(folder(), 'a.json'), JSON.stringify(stored));
    other.kill('SIGKILL');
    await once(other, 'exit');
    const handler = recorder();
    engine.register('node', handler);
    await eventually(async () => {
      await clock.advance(5_000);
      assert.deepEqual(outcomesOf(handler), [['a', 'done']]);
    });
  });

  it('stops an engine when another process has taken over', async () => {
    const lost = new Set<() => void>();
    const clock = manualClock();
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const open = openJournal(folder(), warn);
    let isLost = false;
    const readAll = (): Promise<Job[]> => (isLost ? Promise.reject(new Error('held by another')) : open.readAll());
    const journal = { ...open, readAll, onLost: (listener: () => void) => void lost.add(listener) };
    const engine = new EmbeddedEngine(journal, clock, warn);
    const handler = recorder(hanging);
    engine.register('node', handler);
    const job = await engine.add({ nodeId: 'node', data: {}, runAt: 0 });
    await clock.advance(0);
    await eventually(() => assert.equal(handler.runs.length, 1));
    isLost = true;
    for (const listener of lost) listener();
    await assert.rejects(
      engine.cancel(() => true),
      /held by another/,
    );
    assert.deepEqual(await engine.list(), []);
    assert.deepEqual(handler.outcomes, []);
    assert.match(warnings.join(), /Another process has taken over/);
    assert.ok((await readdir(folder())).includes(`${job.id}.json`));
  });
});
