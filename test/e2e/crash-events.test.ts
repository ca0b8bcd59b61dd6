/** The promise of clip-events: whatever moment the process dies at, no event is lost, and no more than a page comes twice. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSample, type SampleVendor } from '../simulators/sample';
import { eventually } from '../support/eventually';
import { packageRoot } from '../support/package';
import { quickSettings, startRuntime, type Runtime } from '../support/runtime';
import { seededRandom } from '../support/seeded-random';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 20);
const seed = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31));
const eventsPerRound = 30;
/** From the first event of a round until well after most of them would have been sent. */
const latestKillMs = 600;
const pageSize = 100;

interface Sent {
  id: string;
  isLate: boolean;
}

describe(`events of a Node-RED that is killed at a random moment, ${rounds} times (CRASH_SEED=${seed})`, function () {
  this.timeout(Math.max(600_000, rounds * 60_000));
  let vendor: SampleVendor;
  let runtime: Runtime;
  let folder: string;
  let file: string;
  const happened: string[] = [];

  before(async () => {
    vendor = await startSample();
    folder = await mkdtemp(join(tmpdir(), 'clips-crash-'));
    file = join(folder, 'sent');
    await appendFile(file, '');
    runtime = await startRuntime({
      source: 'link',
      plugins: [join(packageRoot, 'test/sample-provider')],
      flow: flowFor(vendor.url, file),
      credentials: { vendor: { token: vendor.key } },
      settings: quickSettings,
    });
  });
  after(async () => {
    await runtime?.close();
    await vendor?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function sent(): Promise<Sent[]> {
    const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Sent);
  }

  async function ids(): Promise<Set<string>> {
    return new Set((await sent()).map(({ id }) => id));
  }

  it('all arrive', async () => {
    const random = seededRandom(seed);
    const questions = (): number => vendor.server.requests.filter(({ path }) => path === '/events').length;
    // The first start is now: what happens before it is not sent.
    await eventually(() => questions() >= 3);
    for (let round = 0; round < rounds; round += 1) {
      // A slow machine takes its time to start, and a kill before the first question says nothing.
      const asked = questions();
      await eventually(() => questions() > asked, 60_000);
      const killAt = Date.now() + random() * latestKillMs;
      for (let count = 0; count < eventsPerRound; count += 1) {
        happened.push(vendor.happen({ label: 'human' }).id);
        if (random() < 0.2) await sleep(random() * 40);
      }
      await sleep(Math.max(0, killAt - Date.now()));
      await runtime.kill();
      await appendFile(file, `${JSON.stringify({ id: 'kill', isLate: false })}\n`);
      await runtime.start();
    }
    await eventually(async () => {
      const found = await ids();
      return happened.every((id) => found.has(id));
    }, 180_000);
  });

  it('come twice only after a crash, marked as late, and no more than a page of them each time', async () => {
    const seen = new Set<string>();
    let repeated = 0;
    for (const { id, isLate } of await sent()) {
      if (id === 'kill') {
        repeated = 0;
        continue;
      }
      if (seen.has(id)) {
        assert.ok(isLate, `${id} came again without a mark`);
        repeated += 1;
        assert.ok(repeated <= pageSize, `${repeated} came again after one crash`);
      }
      seen.add(id);
    }
    assert.equal(seen.size, happened.length);
  });

  it('log no error', () => {
    assert.deepEqual(
      runtime.problems().filter((line) => line.includes('[error]')),
      [],
    );
  });
});

function flowFor(url: string, file: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  // Written before the call returns: what the node has sent is never lost with the process.
  const func = `
    const { id, late } = msg.event;
    fs.appendFileSync(${JSON.stringify(file)}, JSON.stringify({ id, isLate: late === true }) + '\\n');`;
  return [
    { id: 'tab', type: 'tab', label: 'Crash' },
    { id: 'vendor', type: 'clip-provider', provider: 'sample', settings: { url } },
    { ...place, id: 'events', type: 'clip-events', connection: 'vendor', interval: 0.1, wires: [['record'], []] },
    { ...place, id: 'record', type: 'function', func, libs: [{ var: 'fs', module: 'fs' }], wires: [[]] },
  ];
}
