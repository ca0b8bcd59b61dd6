import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../lib/async/clock';
import { ClipError } from '../../../lib/errors';
import { EmbeddedEngine } from '../../../lib/jobs/embedded';
import { openJournal, type Journal } from '../../../lib/jobs/journal';
import { Semaphore } from '../../../lib/async/semaphore';
import { eventually } from '../../support/eventually';
import { untilAborted } from '../../support/promises';
import { countTurns } from '../../support/turns';
import { hanging, recorder, rig, type RunJob } from './rig';

const overdue = { nodeId: 'node', data: {}, createdAt: 0, runAt: 0, failures: 0 };

describe('the embedded engine, after a restart', () => {
  const test = rig();

  /** Until what is on disk has been read, nothing can be listed. */
  const loaded = (count: number): Promise<void> =>
    eventually(async () => assert.equal((await test.engine.list()).length, count));

  it('goes on with the jobs in its folder, each at its time', async () => {
    const later = await test.add({ number: 2 }, { inMs: 60_000 });
    const overdue = await test.add({ number: 1 }, { inMs: -60_000 });
    const engine = test.restart();
    const handler = recorder();
    engine.register('node', handler);
    await loaded(2);
    await test.clock.advance(0);
    assert.deepEqual(handler.runs, [overdue]);
    await test.clock.advance(60_000);
    assert.deepEqual(handler.runs, [overdue, later]);
    await test.forgotten(later);
    assert.deepEqual(test.storedIds(), []);
  });

  it('runs a job again that ran when the process died, with what was saved', async () => {
    const first = recorder(async (_job, { save, signal }) => {
      await save({ publishing: 'x.mp4' });
      return untilAborted(signal);
    });
    test.engine.register('node', first);
    const job = await test.add({});
    await test.clock.advance(0);
    await eventually(() => assert.deepEqual(test.stored(job.id)?.data, { publishing: 'x.mp4' }));
    const second = recorder();
    test.restart().register('node', second);
    await loaded(1);
    await test.clock.advance(0);
    assert.deepEqual(second.runs, [{ ...job, data: { publishing: 'x.mp4' } }]);
    await test.forgotten(job);
  });

  /** A crash between the storing of the job that an outcome led to and the forgetting of the job that it came from. */
  async function crashAtHandOver(): Promise<void> {
    const engine = test.restart({ remove: () => Promise.resolve() });
    engine.register(
      'node',
      recorder(undefined, { onSettled: async () => void (await engine.add({ nodeId: 'next', data: {}, runAt: 0 })) }),
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
      write: ({ nodeId }) => (nodeId === 'next' ? isStored : Promise.resolve()),
      remove: async (id) => void removed.push(id),
    });
    // Not waited for: a message is sent on, and what becomes of it is the next node's business.
    engine.register(
      'node',
      recorder(undefined, {
        onSettled: () => void setImmediate(() => void engine.add({ nodeId: 'next', data: {}, runAt: 0 })),
      }),
    );
    const job = await test.add();
    await test.clock.advance(0);
    await sleep(50);
    assert.deepEqual(removed, []);
    store();
    await eventually(() => assert.deepEqual(removed, [job.id]));
  });

  it('forgets no job before the one whose outcome led to it, however soon it is over', async () => {
    let removeParent = (): void => undefined;
    const isParentGone = new Promise<void>((resolve) => (removeParent = resolve));
    const removed: string[] = [];
    const engine = test.restart({
      remove: async (id) => {
        if (id === parent.id) await isParentGone;
        removed.push(id);
      },
    });
    const [next, last] = [recorder(), recorder()];
    const leadTo = (nodeId: string) => async () => void (await engine.add({ nodeId, data: {}, runAt: 0 }));
    next.onSettled = leadTo('last');
    engine.register('last', last);
    engine.register('next', next);
    const parent = await test.add();
    engine.register('node', recorder(undefined, { onSettled: leadTo('next') }));
    await test.clock.advance(0);
    await eventually(async () => (await test.clock.advance(0), last.runs.length === 1));
    await sleep(50);
    assert.deepEqual(removed, []);
    removeParent();
    await eventually(() => assert.deepEqual(removed, [parent.id, next.runs[0]?.id, last.runs[0]?.id]));
  });

  it('takes what an outcome leads to only once when it is told again', async () => {
    await crashAtHandOver();
    const engine = test.restart();
    const next = recorder();
    engine.register('next', next);
    let added: { id: string } | undefined;
    engine.register(
      'node',
      recorder(undefined, {
        onSettled: async () => void (added = await engine.add({ nodeId: 'next', data: {}, runAt: 0 })),
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
    engine.register('node', first);
    const job = await test.add();
    await test.clock.advance(0);
    assert.equal(first.outcomes.length, 1);
    const second = recorder();
    test.restart().register('node', second);
    await loaded(1);
    await test.clock.advance(0);
    assert.equal(second.outcomes.length, 1);
    await test.forgotten(job);
  });

  it('starts counting failures anew, as it runs a job at once that was waiting to try again', async () => {
    const first = recorder(async () => ({ type: 'retry', afterMs: 60_000, error: new ClipError('ENETWORK', 'x') }));
    test.engine.register('node', first);
    await test.add();
    await test.clock.advance(0);
    const second = recorder();
    test.restart().register('node', second);
    await loaded(1);
    await test.clock.advance(0);
    assert.deepEqual(
      second.runs.map(({ failures }) => failures),
      [0],
    );
  });

  it('keeps jobs whose owner appears only later, and runs them then', async () => {
    const job = await test.add({}, { nodeId: 'late' });
    const engine = test.restart();
    await loaded(1);
    await test.clock.advance(3_600_000);
    assert.deepEqual(test.stored(job.id), job);
    const handler = recorder();
    engine.register('late', handler);
    await test.clock.advance(0);
    assert.deepEqual(handler.runs, [job]);
  });

  it('goes on without a damaged file, and says so', async () => {
    const job = await test.add();
    await writeFile(join(test.folder, 'damaged.json'), '{"id":');
    const handler = recorder();
    test.restart().register('node', handler);
    await loaded(1);
    await test.clock.advance(0);
    assert.deepEqual(handler.runs, [job]);
    assert.match(test.warnings.join(), /damaged\.json is damaged/);
  });

  it('adds new jobs beside the stored ones', async () => {
    const old = await test.add({ age: 'old' });
    const engine = test.restart();
    const handler = recorder();
    engine.register('node', handler);
    const young = await test.add({ age: 'new' });
    await test.clock.advance(0);
    assert.deepEqual(handler.runs.map(({ id }) => id).sort(), [old.id, young.id].sort());
  });

  it('runs jobs at once whose time came meanwhile, the oldest first, however few may run at a time', async () => {
    const startedAt = test.clock.now();
    // The number says where it belongs; equal times go by when the jobs came.
    const due: [number: number, nodeId: string, atMs: number][] = [
      [3, 'a', 200],
      [1, 'b', 100],
      [4, 'b', 200],
      [2, 'a', 150],
      [5, 'a', 300],
    ];
    for (const [number, nodeId, atMs] of due) {
      await test.add({ number }, { nodeId, inMs: startedAt + atMs - test.clock.now() });
      await test.clock.advance(1);
    }
    await test.clock.advance(60_000);
    const engine = test.restart();
    const numbers: unknown[] = [];
    const slots = new Semaphore(1);
    for (const name of ['a', 'b']) {
      const run: RunJob = ({ data }, { signal }) =>
        slots.run(signal, async () => {
          numbers.push(data.number);
          await test.clock.advance(1);
          return { type: 'done', data };
        });
      engine.register(name, recorder(run));
    }
    await loaded(5);
    await test.clock.advance(0);
    await eventually(() => assert.deepEqual(test.storedIds(), []));
    assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
  });

  it('raises the message of a job that another version has stored, and lists it nowhere', async () => {
    const stored = { id: 'a', nodeId: 'node', data: { message: { payload: 1 } }, createdAt: 1, runAt: 1, failures: 0 };
    await writeFile(join(test.folder, 'a.json'), JSON.stringify({ version: 0, ...stored }));
    const engine = test.restart();
    const raised: [unknown, string][] = [];
    const handler = recorder();
    handler.onUndeliverable = ({ data }, { message }) => void raised.push([data.message, message]);
    await engine.cancel((job) => (job.data as { task: { clip: unknown } }).task.clip === 1);
    assert.deepEqual(await engine.list(), []);
    engine.register('node', handler);
    await test.clock.advance(0);
    await eventually(() => assert.equal(raised.length, 1));
    assert.deepEqual(raised[0]![0], { payload: 1 });
    assert.match(raised[0]![1], /cannot go on \(it was stored before or after an update of the package, in version 0 /);
    assert.deepEqual([handler.runs, handler.outcomes], [[], []]);
    await eventually(async () => assert.ok((await readdir(test.folder)).includes('a.json.damaged')));
  });

  it('answers questions about the other jobs, whatever shape the data of one has', async () => {
    const kept = await test.add();
    const odd = await test.add();
    const ended = await test.engine.cancel((each) => {
      if (each.id === odd.id) throw new TypeError("Cannot read properties of undefined (reading 'clip')");
      return each.id === kept.id;
    });
    assert.deepEqual(
      ended.map(({ id }) => id),
      [kept.id],
    );
    assert.deepEqual(test.storedIds(), [odd.id]);
  });

  it('lets others have their turn while thousands start', async () => {
    const jobs = Array.from({ length: 2_000 }, (_, number) => ({ ...overdue, id: `job-${number}` }));
    const counter = countTurns();
    const started: number[] = [];
    const handler = recorder((job, context) => {
      started.push(counter.turns);
      return hanging(job, context, 1);
    });
    const journal: Journal = { ...openJournal(test.folder, assert.fail), readAll: async () => jobs };
    // Only real timers are due in the same turn.
    const release = new EmbeddedEngine(journal, systemClock, assert.fail).register('node', handler);
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
          nodeId: `node-${number % 7}`,
          data: { number },
          createdAt: now,
          runAt: now - number,
          failures: 0,
        };
        return writeFile(join(test.folder, `${id}.json`), JSON.stringify({ version: 1, ...job }));
      }),
    );
    const engine = test.restart();
    const seen: string[] = [];
    for (let number = 0; number < 7; number += 1) {
      const handler = recorder(undefined, { onSettled: ({ id }) => void seen.push(id) });
      engine.register(`node-${number}`, handler);
    }
    await loaded(2_000);
    await test.clock.advance(0);
    await eventually(() => assert.deepEqual(test.storedIds(), []));
    assert.deepEqual(seen, names.reverse());
    assert.deepEqual(test.warnings, []);
  });
});
