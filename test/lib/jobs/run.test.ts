import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { ClipError } from '../../../lib/errors';
import { openJournal } from '../../../lib/jobs/journal';
import { deferred } from '../../support/promises';
import { eventually } from '../../support/eventually';
import { recorder, rig } from './rig';

describe('the embedded engine, running jobs', () => {
  const test = rig();

  it('runs a job at its time and not before', async () => {
    const handler = recorder();
    test.engine.register('node', handler);
    const job = await test.add({ a: 1 }, { inMs: 60_000 });
    await test.clock.advance(59_999);
    assert.equal(handler.runs.length, 0);
    await test.clock.advance(1);
    assert.deepEqual(handler.runs, [job]);
  });

  it('runs an overdue job at once, and jobs of other handlers not at all', async () => {
    const handler = recorder();
    test.engine.register('node', handler);
    const job = await test.add({}, { inMs: -5_000 });
    await test.add({}, { nodeId: 'other' });
    await test.clock.advance(0);
    assert.deepEqual(
      handler.runs.map(({ id }) => id),
      [job.id],
    );
  });

  it('gives every job an id of its own, the time it came, and no failures', async () => {
    const [a, b] = await Promise.all([test.add({ x: 1 }), test.add({ x: 1 })]);
    assert.notEqual(a.id, b.id);
    assert.equal(a.createdAt, test.clock.now());
    assert.equal(a.failures, 0);
    assert.deepEqual((await test.engine.list()).map(({ id }) => id).sort(), [a.id, b.id].sort());
  });

  it('has the job on disk before add resolves', async () => {
    const job = await test.add({ a: [1, { b: 2 }] }, { inMs: 1_000 });
    assert.deepEqual(test.stored(job.id), job);
  });

  it('runs no job before it is on disk', async () => {
    const written = deferred();
    const engine = test.restart({ write: () => written.promise });
    const handler = recorder();
    engine.register('node', handler);
    const adding = test.add();
    await test.clock.advance(60_000);
    assert.equal(handler.runs.length, 0);
    assert.deepEqual(await engine.list(), []);
    written.resolve();
    await adding;
    await test.clock.advance(0);
    assert.equal(handler.runs.length, 1);
  });

  it('rejects, and never runs, a job that cannot be stored', async () => {
    const engine = test.restart({ write: () => Promise.reject(new ClipError('ENOSPACE', 'the disk is full')) });
    const handler = recorder();
    engine.register('node', handler);
    await assert.rejects(test.add(), { code: 'ENOSPACE', message: 'the disk is full' });
    await test.clock.advance(60_000);
    assert.equal(handler.runs.length, 0);
    assert.deepEqual(await engine.list(), []);
  });

  describe('again', () => {
    const trouble = new ClipError('ENETWORK', 'the server is down');

    it('counts failures in a row, from none after a round without one', async () => {
      const handler = recorder(async (_job, _context, count) => {
        if (count === 6) return { type: 'done', data: {} };
        return { type: 'retry', afterMs: 1_000, ...(count === 4 ? {} : { error: trouble }) };
      });
      test.engine.register('node', handler);
      await test.add();
      await test.clock.advance(10_000);
      assert.deepEqual(
        handler.runs.map(({ failures }) => failures),
        [0, 1, 2, 3, 0, 1],
      );
    });

    it('waits as long as the answer says, and tells the owner each time', async () => {
      const handler = recorder(async (_job, _context, count) =>
        count < 3 ? { type: 'retry', afterMs: count * 10_000, error: trouble } : { type: 'done', data: {} },
      );
      test.engine.register('node', handler);
      const { runAt } = await test.add();
      await test.clock.advance(9_999);
      assert.equal(handler.runs.length, 1);
      await test.clock.advance(1);
      assert.equal(handler.runs.length, 2);
      await test.clock.advance(19_999);
      assert.equal(handler.runs.length, 2);
      await test.clock.advance(1);
      assert.equal(handler.runs.length, 3);
      assert.deepEqual(
        handler.retries.map(({ job, answer }) => [job.failures, job.runAt - runAt, answer.error, answer.afterMs]),
        [
          [1, 10_000, trouble, 10_000],
          [2, 30_000, trouble, 20_000],
        ],
      );
      assert.equal(handler.outcomes.length, 1);
    });

    it('gives the next run the data of the last, which is kept in memory only', async () => {
      const handler = recorder(async ({ data }, _context, count) => {
        if (count === 3) return { type: 'done', data };
        return { type: 'retry', afterMs: 1_000, data: { polls: Number(data.polls) + 1 } };
      });
      test.engine.register('node', handler);
      const job = await test.add({ polls: 0 });
      await test.clock.advance(1_000);
      assert.deepEqual(test.stored(job.id)?.data, { polls: 0 });
      await test.clock.advance(1_000);
      assert.deepEqual(
        handler.runs.map(({ data }) => data.polls),
        [0, 1, 2],
      );
    });

    it('keeps the data when an answer has none', async () => {
      const handler = recorder(async ({ data }, _context, count) =>
        count === 1 ? { type: 'retry', afterMs: 0 } : { type: 'done', data },
      );
      test.engine.register('node', handler);
      await test.add({ kept: true });
      await test.clock.advance(0);
      assert.deepEqual(handler.outcomes[0]?.job.data, { kept: true });
    });

    it('goes on when the owner throws on hearing of it', async () => {
      const handler = recorder(
        async (_job, _context, count) => (count === 1 ? { type: 'retry', afterMs: 0 } : { type: 'done', data: {} }),
        {
          onRetry() {
            throw new Error('no status today');
          },
        },
      );
      test.engine.register('node', handler);
      await test.add();
      await test.clock.advance(0);
      assert.equal(handler.outcomes.length, 1);
      assert.deepEqual(test.warnings, ['no status today']);
    });
  });

  describe('that save', () => {
    it('finds the data on disk when save resolves, and with the next run', async () => {
      const saved: unknown[] = [];
      const handler = recorder(async ({ id }, { save }, count) => {
        if (count === 2) return { type: 'done', data: {} };
        await save({ publishing: 'x.mp4' });
        saved.push(test.stored(id)?.data);
        return { type: 'retry', afterMs: 0 };
      });
      test.engine.register('node', handler);
      await test.add({ publishing: undefined });
      while (handler.runs.length < 2) await test.clock.advance(1);
      assert.deepEqual(saved, [{ publishing: 'x.mp4' }]);
      assert.deepEqual(handler.runs[1]?.data, { publishing: 'x.mp4' });
    });

    it('ends up with the last of several on disk, whether or not they were waited for', async () => {
      const release = deferred();
      const handler = recorder(async (_job, { save }) => {
        const saves = Array.from({ length: 20 }, (_, number) => save({ number }));
        await Promise.all(saves);
        release.resolve();
        return new Promise(() => undefined);
      });
      test.engine.register('node', handler);
      const job = await test.add();
      await test.clock.advance(0);
      await release.promise;
      assert.deepEqual(test.stored(job.id)?.data, { number: 19 });
      assert.deepEqual(test.warnings, []);
    });

    it('and do not wait for it are forgotten all the same', async () => {
      const disk = deferred();
      const journal = openJournal(test.folder, () => undefined);
      let writes = 0;
      const engine = test.restart({
        async write(job) {
          writes += 1;
          if (writes > 1) await disk.promise;
          return journal.write(job);
        },
      });
      const handler = recorder(async (_job, { save }) => {
        void save({ late: true });
        return { type: 'done', data: {} };
      });
      const release = engine.register('node', handler);
      await test.add();
      await test.clock.advance(0);
      assert.equal(handler.outcomes.length, 1);
      disk.resolve();
      await release();
      assert.deepEqual(test.storedIds(), []);
    });

    it('go on with a warning when it fails', async () => {
      const journal = openJournal(test.folder, () => undefined);
      let failing = false;
      const engine = test.restart({
        write: (job) => (failing ? Promise.reject(new Error('the disk is full')) : journal.write(job)),
      });
      const handler = recorder(async (_job, { save }) => {
        failing = true;
        await save({ step: 2 });
        return { type: 'retry', afterMs: 60_000 };
      });
      engine.register('node', handler);
      await test.add({ step: 1 });
      await test.clock.advance(0);
      assert.deepEqual(test.warnings, ['the disk is full']);
      assert.deepEqual((await engine.list())[0]?.data, { step: 2 });
    });
  });

  describe('to their outcome', () => {
    it('tells it once, and forgets the job on disk only then', async () => {
      const onDisk: boolean[] = [];
      const handler = recorder(async () => ({ type: 'done', data: { result: 1 } }), {
        onSettled: (job) => void onDisk.push(test.stored(job.id) !== undefined),
      });
      test.engine.register('node', handler);
      const job = await test.add({ result: 0 });
      await test.clock.advance(0);
      await test.forgotten(job);
      await test.clock.advance(3_600_000);
      assert.equal(handler.runs.length, 1);
      assert.deepEqual(handler.outcomes, [
        { job: { ...job, data: { result: 1 } }, outcome: { type: 'done', data: { result: 1 } } },
      ]);
      assert.deepEqual(onDisk, [true]);
      assert.deepEqual(await test.engine.list(), []);
    });

    it('waits for an owner that takes its time to tell it, before the job is forgotten', async () => {
      const told = deferred();
      const handler = recorder(undefined, { onSettled: () => told.promise });
      test.engine.register('node', handler);
      const job = await test.add();
      await test.clock.advance(60_000);
      assert.ok(test.stored(job.id));
      told.resolve();
      await test.forgotten(job);
      assert.equal(handler.outcomes.length, 1);
    });

    it('hands on a failure with the data it came with', async () => {
      const error = new ClipError('EEXPIRED', 'gone');
      const handler = recorder(async () => ({ type: 'failed', error, data: { status: 'expired' } }));
      test.engine.register('node', handler);
      const job = await test.add({ status: 'busy' });
      await test.clock.advance(0);
      await test.forgotten(job);
      assert.equal(handler.outcomes.length, 1);
      assert.deepEqual(handler.outcomes[0]?.job.data, { status: 'expired' });
      assert.equal(handler.outcomes[0]?.outcome.type === 'failed' && handler.outcomes[0].outcome.error, error);
    });

    const throwing: Record<string, { run: () => never; code: string; message: string }> = {
      'an error of ours': {
        run: () => {
          throw new ClipError('EAUTH', 'refused');
        },
        code: 'EAUTH',
        message: 'refused',
      },
      'any error': {
        run: () => {
          throw new TypeError('x is not a function');
        },
        code: 'EFAILED',
        message: 'x is not a function',
      },
      'no error at all': {
        run: () => {
          throw undefined;
        },
        code: 'EFAILED',
        message: 'undefined',
      },
    };
    for (const [what, { run, code, message }] of Object.entries(throwing)) {
      for (const how of ['throws', 'rejects with']) {
        it(`fails when the run ${how} ${what}`, async () => {
          const handler = recorder(how === 'throws' ? run : async () => run());
          test.engine.register('node', handler);
          const job = await test.add();
          await test.clock.advance(0);
          await test.forgotten(job);
          const { outcome } = handler.outcomes[0]!;
          assert.ok(outcome.type === 'failed');
          assert.equal(outcome.error.code, code);
          assert.equal(outcome.error.message, message);
        });
      }
    }

    const deaf: Record<string, () => void | Promise<void>> = {
      throws: () => {
        throw new Error('nobody listens');
      },
      rejects: () => Promise.reject(new Error('nobody listens')),
      'throws nothing': () => {
        throw null;
      },
    };
    for (const [how, onSettled] of Object.entries(deaf)) {
      it(`is not lost to an owner that ${how} on hearing it: the job is over and others go on`, async () => {
        const handler = recorder(undefined, { onSettled });
        test.engine.register('node', handler);
        const first = await test.add();
        await test.clock.advance(0);
        await test.forgotten(first);
        assert.deepEqual(test.warnings, [how === 'throws nothing' ? 'null' : 'nobody listens']);
        const second = await test.add();
        await test.clock.advance(0);
        await test.forgotten(second);
        assert.deepEqual(
          handler.outcomes.map(({ job }) => job.id),
          [first.id, second.id],
        );
      });
    }

    it('warns when the job cannot be forgotten, and goes on', async () => {
      const engine = test.restart({ remove: () => Promise.reject(new Error('the disk is read-only')) });
      const handler = recorder();
      engine.register('node', handler);
      await test.add();
      await test.add();
      await test.clock.advance(0);
      assert.equal(handler.outcomes.length, 2);
      await eventually(() => assert.deepEqual(test.warnings, ['the disk is read-only', 'the disk is read-only']));
      assert.deepEqual(await engine.list(), []);
    });
  });

  it('keeps five hundred jobs apart: each runs once and is told once', async () => {
    const handler = recorder(async ({ data }, _context) => ({ type: 'done', data: { ...data, ran: true } }));
    test.engine.register('node', handler);
    const jobs = await Promise.all(
      Array.from({ length: 500 }, (_, number) => test.add({ number }, { inMs: number * 10 })),
    );
    await test.clock.advance(10_000);
    assert.deepEqual(
      handler.outcomes.map(({ job }) => job.data),
      jobs.map(({ data }) => ({ ...data, ran: true })),
    );
    for (const job of jobs) await test.forgotten(job);
    assert.deepEqual(test.storedIds(), []);
  });

  it('says at start that its folder cannot be used, and works once it can', async () => {
    await test.add();
    await rm(test.folder, { recursive: true });
    await writeFile(test.folder, 'a file where the folder should be');
    const engine = test.restart();
    const handler = recorder();
    engine.register('node', handler);
    await assert.rejects(test.add(), { code: 'EFAILED', message: /cannot be kept in .*jobs/ });
    assert.match(test.warnings.join(), /Stored jobs cannot go on: .*unfinished work cannot be kept in .*jobs/);
    await rm(test.folder);
    const job = await test.add();
    await test.clock.advance(0);
    assert.deepEqual(handler.runs, [job]);
    await test.forgotten(job);
  });
});
