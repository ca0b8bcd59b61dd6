/**
 * What clip-events takes for a backlog of ten thousand events that wait for the jobs before them, how often two nodes of one
 * connection ask, and how soon an event becomes a message: by asking, and where the vendor gives a hint.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFrigate } from '../simulators/frigate';
import { startSample, type SampleVendor } from '../simulators/sample';
import { startCollector } from '../support/collector';
import { packageRoot } from '../support/package';
import { heapKiB, probeArguments } from '../support/probe';
import { startRuntime, type Runtime } from '../support/runtime';
import { idleMiB, peakDuring, residentMiB } from './memory';
import { median, type Row } from './table';

const place = { z: 'tab', x: 100, y: 100 };
const maxWaiting = 200;
const warmUp = 2 * maxWaiting;
const budgetMiB = 32;
const quarters = [0.25, 0.5, 0.75, 1];
const longestMs = 30 * 60_000;
const lookMs = 20;
const [intervalSeconds, intervals, samples] = [2, 10, 10];
const hintBudgetMs = 2_000;

export async function measureEvents(count: number): Promise<Row[]> {
  return [...(await measureBacklog(count)), ...(await measureAsking()), ...(await measureHint())];
}

async function withSample<T>(
  nodes: object[],
  work: (vendor: SampleVendor, runtime: Runtime) => Promise<T>,
): Promise<T> {
  const vendor = await startSample();
  const connection = { id: 'vendor', type: 'clip-provider', provider: 'sample', settings: { url: vendor.url } };
  const runtime = await startRuntime({
    source: 'link',
    plugins: [join(packageRoot, 'test/sample-provider')],
    flow: [{ id: 'tab', type: 'tab', label: 'Bench' }, connection, ...nodes],
    credentials: { vendor: { token: vendor.key } },
    nodeArguments: probeArguments,
  });
  try {
    return await work(vendor, runtime);
  } finally {
    await runtime.close();
    await vendor.close();
  }
}

const questions = ({ server }: SampleVendor): number => server.requests.filter(({ path }) => path === '/events').length;

/** Each event becomes a clip that the vendor makes; the message ends there. */
function measureBacklog(count: number): Promise<Row[]> {
  const events = { ...place, id: 'events', type: 'clip-events', connection: 'vendor', interval: 0.5, maxWaiting };
  const create = { ...place, id: 'create', type: 'create-clip', connection: 'vendor', range: 'between', settle: 0 };
  const nodes = [
    { ...events, wires: [['create'], []] },
    { ...create, wires: [[]] },
  ];
  return withSample(nodes, async (vendor, runtime) => {
    const until = async (isSo: () => boolean): Promise<void> => {
      const deadline = Date.now() + longestMs;
      while (!isSo() && Date.now() < deadline) await sleep(lookMs);
    };
    await until(() => questions(vendor) >= 3);
    // What is loaded, compiled and kept at first use belongs to no backlog: as many as may wait at once.
    for (let number = 0; number < warmUp; number += 1) vendor.happen();
    await until(() => vendor.made >= warmUp);
    await sleep(5_000);
    const [idle, heapBefore] = [await idleMiB(runtime.pid!), await heapKiB(runtime)];
    const folder = join(runtime.userDir, 'video-clips', 'jobs');
    let most = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const names = await readdir(folder).catch((): string[] => []);
        most = Math.max(most, names.filter((name) => name.endsWith('.json')).length);
        await sleep(lookMs);
      }
    })();
    const [heaps, residents]: [number[], number[]] = [[], []];
    const startedAt = performance.now();
    const peak = await peakDuring(runtime.pid!, async () => {
      for (let number = 0; number < count; number += 1) vendor.happen();
      for (const part of quarters) {
        await until(() => vendor.made >= warmUp + count * part);
        residents.push((await residentMiB(runtime.pid!)) ?? NaN);
        heaps.push(await heapKiB(runtime));
      }
    });
    const seconds = (performance.now() - startedAt) / 1000;
    isOver = true;
    await watching;
    // Whatever would come twice comes now.
    await sleep(3_000);
    const growth = (Math.max(...heaps) - heapBefore) / 1024;
    const resident = idle === undefined || peak === undefined ? undefined : peak - idle;
    const what = `clip-events, ${count} events of backlog`;
    return [
      {
        what: `${what}: clips asked for`,
        found: `${vendor.made - warmUp} in ${seconds.toFixed(0)} s`,
        budget: String(count),
        isWithin: vendor.made - warmUp === count,
      },
      {
        what: `${what}: heap in use over idle, at each quarter of it`,
        found: heaps.map((heap) => `${((heap - heapBefore) / 1024).toFixed(1)} MiB`).join(', '),
        budget: `+${budgetMiB} MiB`,
        isWithin: growth <= budgetMiB,
      },
      {
        what: `${what}: resident memory over idle, with what is not collected yet`,
        found:
          idle === undefined || resident === undefined
            ? 'not measured: no /proc'
            : `${residents.map((each) => `${(each - idle).toFixed(0)} MiB`).join(', ')}; peak ${resident.toFixed(0)} MiB`,
        budget: '',
      },
      {
        what: `${what}: unfinished jobs at most`,
        found: String(most),
        budget: `${maxWaiting} (maxWaiting)`,
        isWithin: most <= maxWaiting,
      },
    ];
  });
}

async function measureAsking(): Promise<Row[]> {
  const collector = await startCollector();
  const node = { ...place, type: 'clip-events', connection: 'vendor', interval: intervalSeconds, wires: [[], []] };
  const nodes = [
    { ...node, id: 'one' },
    { ...node, id: 'two', kinds: ['motion'] },
  ];
  try {
    return await withSample(collector.tap(nodes, { one: { node: 'one' } }), async (vendor) => {
      await sleep(3 * intervalSeconds * 1000);
      const before = questions(vendor);
      await sleep(intervals * intervalSeconds * 1000);
      const asked = questions(vendor) - before;
      const late: number[] = [];
      for (let sample = 0; sample < samples; sample += 1) {
        await sleep(((sample * 7) % 10) * 0.1 * intervalSeconds * 1000);
        const at = performance.now();
        vendor.happen();
        await collector.next('one', 60_000);
        late.push(performance.now() - at);
      }
      const budgetMs = intervalSeconds * 1000 + 1_000;
      return [
        {
          what: `clip-events, 2 nodes on one connection, interval ${intervalSeconds} s: questions per interval`,
          found: `${(asked / intervals).toFixed(2)} (${asked} in ${intervals} intervals)`,
          budget: '1',
          // One more may fall into the window's edge.
          isWithin: asked > 0 && asked <= intervals + 1,
        },
        latencyRow(
          `clip-events, interval ${intervalSeconds} s: from the vendor's event to the message`,
          late,
          budgetMs,
        ),
      ];
    });
  } finally {
    await collector.close();
  }
}

/** An interval that is much longer than the budget: only the hint can be what makes it ask. */
async function measureHint(): Promise<Row[]> {
  const collector = await startCollector();
  const sim = await startFrigate();
  const settings = { url: sim.url, push: true };
  const flow = [
    { id: 'tab', type: 'tab', label: 'Bench' },
    { id: 'nvr', type: 'clip-provider', provider: 'frigate', settings },
    { ...place, id: 'events', type: 'clip-events', connection: 'nvr', interval: 60, wires: [[], []] },
  ];
  const runtime = await startRuntime({ source: 'link', flow: collector.tap(flow, { event: { node: 'events' } }) });
  try {
    while (sim.push.clients.length === 0) await sleep(lookMs);
    const late: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) {
      await sleep(1_500);
      const at = performance.now();
      sim.see({ start: sim.now() - 5_000, end: sim.now() });
      await collector.next('event', 30_000);
      late.push(performance.now() - at);
    }
    return [latencyRow('Frigate, interval 60 s, hint: from the end of an event to the message', late, hintBudgetMs)];
  } finally {
    await runtime.close();
    await sim.close();
    await collector.close();
  }
}

function latencyRow(what: string, late: number[], budgetMs: number): Row {
  const worst = Math.max(...late);
  return {
    what: `${what} (${late.length} of them)`,
    found: `${median(late).toFixed(0)} ms, at most ${worst.toFixed(0)} ms`,
    budget: `${budgetMs} ms`,
    isWithin: worst <= budgetMs,
  };
}
