import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../lib/async/clock';
import { ClipError } from '../../../lib/errors';
import { EmbeddedEngine } from '../../../lib/jobs/embedded';
import { openJournal, type Journal } from '../../../lib/jobs/journal';
import { Slots } from '../../../lib/async/semaphore';
import { eventually } from '../../support/eventually';
import { untilAborted } from '../../support/promises';
import { countTurns } from '../../support/turns';
import { hanging, recorder, rig, type RunJob } from './rig';

const overdue = { owner: 'node', data: {}, createdAt: 0, runAt: 0, failures: 0 };

describe('the embedded engine, after a restart', () => {
  const test = rig();

  /** Until what is on disk has been read, nothing can be listed. */
  const loaded = (count: number): Promise<void> =>
    eventually(async () => assert.equal((await test.engine.list()).length, count));

  it('goes on with the jobs in its folder, each at its time', async () => {
    const later = await test.add({ number: 2 }, { inMs: 60_000 });
    const overdue = await test.add({ number: 1 }, { inMs: -60_000 });
    const engine = test.restart();
    const owner = recorder();
    engine.own('node', owner);
    await loaded(2);
    await test.clock.advance(0);
    assert.deepEqual(owner.runs, [overdue]);
    await test.clock.advance(60_000);
    assert.deepEqual(owner.runs, [overdue, later]);
    await test.forgotten(later);
    assert.deepEqual(test.storedIds(), []);
  });

  it('runs a job again that ran when the process died, with what was saved', async () => {
    const first = recorder(async (_job, { save, signal }) => {
      await save({ placing: 'x.mp4' });
      return untilAborted(signal);
    });
    test.engine.own('node', first);
    const job = await test.add({});
    await test.clock.advance(0);
    await eventually(() => assert.deepEqual(test.stored(job.id)?.data, { placing: 'x.mp4' }));
    const second = recorder();
    test.restart().own('node', second);
    await loaded(1);
    await test.clock.advance(0);
    assert.deepEqual(second.runs, [{ ...job, data: { placing: 'x.mp4' } }]);
    await test.forgotten(job);
  });

  /** A crash between the storing of the job that an outcome led to and the forgetting of the job that it came from. */
  async function crashAtHandOver(): Promise<void> {
    const engine = test.restart({ remove: () => Promise.resolve() });
    engine.own(
      'node',
      recorder(undefined, { settled: async () => void (await engine.add({ owner: 'next', data: {}, runAt: 0 })) }),
    );
    await test.add();
    await test.clock.advance(0);
    // Drafts do not count.
    await eventually(() => assert.equal(test.storedIds().filter((id) => test.stored(id)).length, 2));
  }

  it('forgets a job only when the one that its outcome led to is stored', async () => {
    let store = (): void => undefined;
    const isStored = new Promise<void>((resolve) => (store = resolve));
    const removed: string[] = [];
    const engine = test.restart({
      write: ({ owner }) => (owner === 'next' ? isStored : Promise.resolve()),
      remove: async (id) => void removed.push(id),
    });
    // Not waited for: a message is sent on, and what becomes of it is the next node's business.
    engine.own(
      'node',
      recorder(undefined, {
        settled: () => void setImmediate(() => void engine.add({ owner: 'next', data: {}, runAt: 0 })),
      }),
    );
    const job = await test.add();
    await test.clock.advance(0);
    await sleep(50);
    assert.deepEqual(removed, []);
    store();
    await eventually(() => assert.deepEqual(removed, [job.id]));
  });

  it('takes what an outcome leads to only once when it is told again', async () => {
    await crashAtHandOver();
    const engine = test.restart();
    const next = recorder();
    engine.own('next', next);
    let added: { id: string } | undefined;
    engine.own(
      'node',
      recorder(undefined, {
        settled: async () => void (added = await engine.add({ owner: 'next', data: {}, runAt: 0 })),
      }),
    );
    await loaded(2);
    await test.clock.advance(0);
    await eventually(() => assert.deepEqual(test.storedIds(), []));
    assert.deepEqual(
      next.runs.map(({ id }) => id),
      [added?.id],
    );
  });

  it('tells an outcome again that was told but not forgotten', async () => {
    const engine = test.restart({ remove: () => Promise.resolve() });
    const first = recorder();
    engine.own('node', first);
    const job = await test.add();
    await test.clock.advance(0);
    assert.equal(first.outcomes.length, 1);
    const second = recorder();
    test.restart().own('node', second);
    await loaded(1);
    await test.clock.advance(0);
    assert.equal(second.outcomes.length, 1);
    await test.forgotten(job);
  });

  it('starts counting failures anew, as it runs a job at once that was waiting to try again', async () => {
    const first = recorder(async () => ({ type: 'retry', afterMs: 60_000, because: new ClipError('ENETWORK', 'x') }));
    test.engine.own('node', first);
    await test.add();
    await test.clock.advance(0);
    const second = recorder();
    test.restart().own('node', second);
    await loaded(1);
    await test.clock.advance(0);
    assert.deepEqual(
      second.runs.map(({ failures }) => failures),
      [0],
    );
  });

  it('keeps jobs whose owner appears only later, and runs them then', async () => {
    const job = await test.add({}, { owner: 'late' });
    const engine = test.restart();
    await loaded(1);
    await test.clock.advance(3_600_000);
    assert.deepEqual(test.stored(job.id), job);
    const owner = recorder();
    engine.own('late', owner);
    await test.clock.advance(0);
    assert.deepEqual(owner.runs, [job]);
  });

  it('goes on without a damaged file, and says so', async () => {
    const job = await test.add();
    await writeFile(join(test.folder, 'damaged.json'), '{"id":');
    const owner = recorder();
    test.restart().own('node', owner);
    await loaded(1);
    await test.clock.advance(0);
    assert.deepEqual(owner.runs, [job]);
    assert.match(test.warnings.join(), /damaged\.json is damaged/);
  });

  it('adds new jobs beside the stored ones', async () => {
    const old = await test.add({ age: 'old' });
    const engine = test.restart();
    const owner = recorder();
    engine.own('node', owner);
    const young = await test.add({ age: 'new' });
    await test.clock.advance(0);
    assert.deepEqual(owner.runs.map(({ id }) => id).sort(), [old.id, young.id].sort());
  });

  it('runs jobs at once whose time came meanwhile, the oldest first, however few may run at a time', async () => {
    const startedAt = test.clock.now();
    // The number says where it belongs; equal times go by when the jobs came.
    const due: [number: number, owner: string, atMs: number][] = [
      [3, 'a', 200],
      [1, 'b', 100],
      [4, 'b', 200],
      [2, 'a', 150],
      [5, 'a', 300],
    ];
    for (const [number, owner, atMs] of due) {
      await test.add({ number }, { owner, inMs: startedAt + atMs - test.clock.now() });
      await test.clock.advance(1);
    }
    await test.clock.advance(60_000);
    const engine = test.restart();
    const numbers: unknown[] = [];
    const slots = new Slots(1);
    for (const name of ['a', 'b']) {
      const run: RunJob = ({ data }, { signal }) =>
        slots.run(signal, async () => {
          numbers.push(data.number);
          await test.clock.advance(1);
          return { type: 'done', data };
        });
      engine.own(name, recorder(run));
    }
    await loaded(5);
    await test.clock.advance(0);
    await eventually(() => assert.deepEqual(test.storedIds(), []));
    assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
  });

  it('lets others have their turn while thousands start', async () => {
    const jobs = Array.from({ length: 2_000 }, (_, number) => ({ ...overdue, id: `job-${number}` }));
    const counter = countTurns();
    const started: number[] = [];
    const owner = recorder((job, context) => {
      started.push(counter.turns);
      return hanging(job, context, 1);
    });
    const journal: Journal = { ...openJournal(test.folder, assert.fail), readAll: async () => jobs };
    // Only real timers are due in the same turn.
    const release = new EmbeddedEngine(journal, systemClock, assert.fail).own('node', owner);
    await eventually(() => started.length === 2_000);
    counter.stop();
    assert.ok(started.at(-1)! - started[0]! >= 20, `${started.at(-1)! - started[0]!} turns`);
    await release();
  });

  it('runs each of two thousand jobs once, in the order of their times', async () => {
    const now = test.clock.now();
    const names = Array.from({ length: 2_000 }, (_, number) => `job-${String(number).padStart(4, '0')}`);
    await Promise.all(
      names.map((id, number) => {
        const job = {
          id,
          owner: `node-${number % 7}`,
          data: { number },
          createdAt: now,
          runAt: now - number,
          failures: 0,
        };
        return writeFile(join(test.folder, `${id}.json`), JSON.stringify(job));
      }),
    );
    const engine = test.restart();
    const seen: string[] = [];
    for (let number = 0; number < 7; number += 1) {
      const owner = recorder(undefined, { settled: ({ id }) => void seen.push(id) });
      engine.own(`node-${number}`, owner);
    }
    await loaded(2_000);
    await test.clock.advance(0);
    await eventually(() => assert.deepEqual(test.storedIds(), []));
    assert.deepEqual(seen, names.reverse());
    assert.deepEqual(test.warnings, []);
  });
});
