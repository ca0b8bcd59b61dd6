import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { openJournal } from '../../lib/jobs/journal';
import { isMatch, readJob } from '../../lib/jobs/stored-job';
import { tempFolder } from '../support/temp-folder';
import { damaged, fuzz, oddJson, suiteTimeoutMs } from './fuzz';

const id = '01234567-89ab';
const whole = {
  ...{ version: 1, id, nodeId: 'n', createdAt: 1, runAt: 2, failures: 0 },
  data: { message: { payload: 'x' }, task: { connection: 'c', clip: { id: '1' } } },
};
const names = [...Object.keys(whole), 'message', 'task', 'clip', 'connection', 'messageFile', 'parentJobId'];
const text = JSON.stringify(whole);

/** Files as a crash, another version, another program or an attacker may leave them. */
const contents = fc.oneof(
  damaged(text),
  fc.nat(text.length).map((length) => text.slice(0, length)),
  oddJson(names).map((value) => JSON.stringify(value)),
  fc
    .tuple(fc.constantFrom(...names), oddJson(names))
    .map(([name, value]) => JSON.stringify({ ...whole, [name]: value })),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

describe('Fuzz: files of the journal', function () {
  this.timeout(suiteTimeoutMs);
  const folder = tempFolder();

  it('what is stored is a job, or it is said why not', async () => {
    const values = fc.oneof(
      oddJson(names),
      fc.tuple(fc.constantFrom(...names), oddJson(names)).map(([name, value]) => ({ ...whole, [name]: value })),
    );
    await fuzz(values, (stored) => {
      let job;
      try {
        job = readJob(stored, id);
      } catch (error) {
        return assert.ok(error instanceof Error);
      }
      assert.equal(job.id, id);
      assert.ok(Number.isFinite(job.createdAt) && Number.isFinite(job.runAt) && Number.isFinite(job.failures));
      if (job.unreadable !== undefined) {
        isMatch(({ data }) => (data as { task: { clip: { id: string } } }).task.clip.id === '1', job);
      }
    });
  });

  it('a journal with damaged files among its own is read, and loses nothing that is whole', async () => {
    let count = 0;
    const files = fc.array(fc.tuple(fc.constantFrom('.json', '.message', '.json.123', '', '.json.damaged'), contents), {
      maxLength: 4,
    });
    // Each run makes a folder and takes a lock: a tenth of the runs is as many as the others have in the same time.
    await fuzz(
      files,
      async (entries) => {
        const place = join(folder(), String((count += 1)));
        mkdirSync(place);
        writeFileSync(join(place, `${id}.json`), text);
        for (const [index, [suffix, content]] of entries.entries())
          writeFileSync(join(place, `job-${index}${suffix}`), content);
        const warnings: string[] = [];
        const journal = openJournal(place, (warning) => warnings.push(warning));
        const jobs = await journal.readAll();
        assert.ok(jobs.some((job) => job.id === id && job.unreadable === undefined));
        for (const job of jobs) assert.ok(Number.isFinite(job.runAt) && typeof job.nodeId === 'string');
        await journal.remove(id);
        assert.ok(readdirSync(place).every((name) => !name.includes('..')));
        rmSync(place, { recursive: true, force: true });
      },
      0.1,
    );
  });
});
