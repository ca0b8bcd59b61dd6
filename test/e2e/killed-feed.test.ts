// Tests the promise of clip-events where it is kept: a process on real files that is killed at each of its steps, and within them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../support/seeded-random';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 20);
const seed = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31));
const pageSize = 100;
/** Enough for more than a page, or it would never come to its end; and some time in one of them. */
const [mostSteps, mostMicros] = [320, 3_000];
/** Between two kills. With more, a backlog might grow beyond what is caught up with at all. */
const mostAtOnce = 20;

describe(`a feed of events that is killed at one of its steps, ${rounds} times (CRASH_SEED=${seed})`, function () {
  this.timeout(60_000 + rounds * 20_000);
  let folder: string;
  let happened = 0;
  let complaints = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clips-killed-'));
    await appendFile(join(folder, 'sent'), '');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Its end is always that of a killed process. */
  async function run(step: number, micros: number): Promise<void> {
    const parameters = [folder, happened, step, micros].map(String);
    const child = spawn(process.execPath, [join(__dirname, 'killed-feed.js'), ...parameters], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (text: Buffer) => (complaints += text.toString()));
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.equal(signal, 'SIGKILL', complaints);
    await appendFile(join(folder, 'sent'), `${JSON.stringify({ id: 'kill', isLate: false })}\n`);
  }

  it('loses nothing, and repeats no more than a page, marked as late, after each kill', async () => {
    const random = seededRandom(seed);
    // It begins before anything has happened.
    await run(0, 0);
    for (let round = 0; round < rounds; round += 1) {
      happened += Math.floor(random() * mostAtOnce);
      const micros = random() < 0.5 ? 0 : Math.floor(random() * mostMicros);
      await run(1 + Math.floor(random() * mostSteps), micros);
    }
    await run(0, 0);

    const lines = (await readFile(join(folder, 'sent'), 'utf8')).split('\n').filter(Boolean);
    const sent = lines.map((line) => JSON.parse(line) as { id: string; isLate: boolean });
    const seen = new Set<string>();
    let [repeated, doubled, most] = [0, 0, 0];
    for (const { id, isLate } of sent) {
      if (id === 'kill') repeated = 0;
      else if (seen.has(id)) {
        assert.ok(isLate, `${id} came again without a mark`);
        repeated += 1;
        doubled += 1;
        most = Math.max(most, repeated);
      }
      seen.add(id);
    }
    seen.delete('kill');
    assert.equal(seen.size, happened, 'lost');
    assert.ok(most <= pageSize, `${most} came again after one kill`);
    assert.equal(complaints, '');
    if (process.env['CRASH_ROUNDS'])
      console.log(`${happened} events, ${doubled} doubled, ${most} at most after a kill`);
  });
});
