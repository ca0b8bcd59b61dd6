// Tests clip-events in two Node-RED processes with one Redis, one of which dies.
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSample, type SampleVendor } from '../simulators/sample';
import { eventually } from '../support/eventually';
import { packageRoot } from '../support/package';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis';
import { startRuntime, type Runtime } from '../support/runtime';

const pageSize = 100;

interface Sent {
  id: string;
  isLate: boolean;
  pid: number;
}

describeWithRedis('clip-events in two processes with one Redis', function () {
  let vendor: SampleVendor;
  let redis: RedisServer;
  const runtimes: Runtime[] = [];
  let folder: string;
  let file: string;

  before(async function () {
    this.timeout(180_000);
    [vendor, redis] = await Promise.all([startSample(), startRedis()]);
    folder = await mkdtemp(join(tmpdir(), 'clips-two-'));
    file = join(folder, 'sent');
    await appendFile(file, '');
    const options = {
      source: 'link' as const,
      plugins: [join(packageRoot, 'test/sample-provider')],
      flow: flowFor(vendor.url, file),
      credentials: { vendor: { token: vendor.key } },
      settings: { clipProviderJobs: { redis: redis.url } },
    };
    for (let instance = 0; instance < 2; instance += 1) runtimes.push(await startRuntime(options));
  });
  after(async () => {
    await Promise.all(runtimes.map((runtime) => runtime.close()));
    await Promise.all([vendor?.close(), redis?.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  async function sent(): Promise<Sent[]> {
    return (await readFile(file, 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Sent);
  }

  async function untilSent(ids: string[]): Promise<void> {
    await eventually(async () => {
      const found = new Set((await sent()).map(({ id }) => id));
      return ids.every((id) => found.has(id));
    }, 120_000);
  }

  const happen = (count: number): string[] => Array.from({ length: count }, () => vendor.happen().id);

  it('one asks and sends, and when it dies the other goes on: nothing is lost, nothing doubled beyond a page', async function () {
    this.timeout(300_000);
    const questions = (): number => vendor.server.requests.filter(({ path }) => path === '/events').length;
    await eventually(() => questions() >= 3, 60_000);
    const first = happen(5);
    await untilSent(first);
    const [sender, ...others] = [...new Set((await sent()).map(({ pid }) => pid))];
    assert.deepEqual(others, []);
    const dying = runtimes.find(({ pid }) => pid === sender)!;

    const during = happen(40);
    await eventually(async () => (await sent()).length > first.length, 60_000);
    await dying.kill();
    const repeatable = (await sent()).length;
    const after = happen(5);
    await untilSent([...during, ...after]);

    const all = await sent();
    assert.equal(new Set(all.map(({ id }) => id)).size, first.length + during.length + after.length);
    const seen = new Set(all.slice(0, repeatable).map(({ id }) => id));
    assert.equal(seen.size, repeatable, 'none came twice before');
    const rest = all.slice(repeatable);
    assert.ok(rest.every(({ pid }) => pid !== sender));
    const again = rest.filter(({ id }) => seen.has(id));
    assert.ok(again.length <= pageSize && again.every(({ isLate }) => isLate));
    assert.equal(new Set(rest.map(({ id }) => id)).size, rest.length);
  });

  it('one that comes back asks nothing while the other does', async function () {
    this.timeout(180_000);
    const back = runtimes.find(({ pid }) => pid === undefined)!;
    await back.start();
    const before = (await sent()).length;
    await untilSent(happen(5));
    assert.ok((await sent()).slice(before).every(({ pid }) => pid !== back.pid));
  });
});

function flowFor(url: string, file: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const func = `
    const { id, late } = msg.event;
    const line = JSON.stringify({ id, isLate: late === true, pid: process.pid });
    fs.appendFileSync(${JSON.stringify(file)}, line + '\\n');`;
  const libs = ['fs', 'process'].map((name) => ({ var: name, module: name }));
  return [
    { id: 'tab', type: 'tab', label: 'Two' },
    { id: 'vendor', type: 'clip-provider', provider: 'sample', settings: { url } },
    { ...place, id: 'events', type: 'clip-events', connection: 'vendor', interval: 0.2, wires: [['record'], []] },
    { ...place, id: 'record', type: 'function', func, libs, wires: [[]] },
  ];
}
