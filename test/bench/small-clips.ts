/** What the whole way of many small clips costs, from a server that has them at once, against a script that asks for the same. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { startRuntime } from '../support/runtime';
import { cpuSeconds } from './memory';
import { startSimulatorProcess } from './simulator';
import type { ScriptOrder } from './small-clips-script';
import { median, medianOf, type Row } from './table';

const clipBytes = 100_000;
const atOnce = 8;
const rounds = 3;
const longestMs = 120_000;
/** Numbers of clips here are multiples of it. */
const doneEvery = 20;

interface Cost {
  wallSeconds: number;
  cpuSeconds: number;
}

/** Instants are epoch milliseconds: no two clips of the server are the same. */
interface Asked {
  name: string;
  camera: string;
  start: number;
  end: number;
}

export async function measureSmallClips(count: number): Promise<Row[]> {
  const simulator = await startSimulatorProcess();
  const url = await simulator.start({ auth: ['open'], queue: { makeMs: 0 }, download: { largeMedia: clipBytes } });
  const folder = await mkdtemp(join(tmpdir(), 'clips-small-'));
  const runtime = await startRuntime({
    source: 'link',
    flow: flowFor(url),
    settings: { fileWorkingDirectory: folder },
  });
  const files = async (): Promise<number> =>
    (await readdir(join(folder, 'clips')).catch((): string[] => [])).filter((name) => name.endsWith('.mp4')).length;
  let requested = 0;

  function next(many: number): Asked[] {
    return Array.from({ length: many }, () => {
      requested += 1;
      const end = Date.now() - 3_600_000 - requested * 1000;
      return { name: String(requested), camera: '6917529027641081901/2', start: end - 2000, end };
    });
  }

  async function byNodes(many: number): Promise<Cost> {
    const [before, startedAt] = [(await cpuSeconds(runtime.pid!)) ?? NaN, performance.now()];
    const done = (): number =>
      Number(
        runtime
          .logs()
          .match(/(?<=\[done\] )\d+/g)
          ?.at(-1) ?? 0,
      );
    const doneBefore = done();
    await runtime.inject('start', { payload: next(many) });
    while (done() < doneBefore + many) {
      if (performance.now() - startedAt > longestMs) throw new Error(`Only ${await files()} clips came`);
      await sleep(10);
    }
    const wallSeconds = (performance.now() - startedAt) / 1000;
    // What it still does for these clips belongs to them.
    await sleep(500);
    const cost = { wallSeconds, cpuSeconds: ((await cpuSeconds(runtime.pid!)) ?? NaN) - before };
    await clean();
    return cost;
  }

  async function byScript(many: number, polls: number): Promise<Cost> {
    const order: ScriptOrder = { url, folder: join(folder, 'clips'), atOnce, polls, clips: next(many) };
    const script = join(__dirname, 'small-clips-script.ts');
    const child = spawn(process.execPath, ['--require', require.resolve('tsx/cjs'), script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end(JSON.stringify(order));
    const cost = JSON.parse(await text(child.stdout)) as Cost;
    if ((await files()) !== many) throw new Error('The script has not brought every clip');
    await clean();
    return cost;
  }

  async function clean(): Promise<void> {
    await rm(join(folder, 'clips'), { recursive: true, force: true });
    await simulator.forget();
  }

  try {
    // What is loaded at first use belongs to no clip.
    await byNodes(20);
    const [nodes, script]: [Cost[], Cost[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      const polled = (await simulator.requestTimes('getClips')).length;
      nodes.push(await byNodes(count));
      const polls = (await simulator.requestTimes('getClips')).length - polled;
      script.push(await byScript(count, polls));
    }
    const what = `${count} clips of ${clipBytes / 1000} KB, created, polled, downloaded`;
    const ratio = (of: (cost: Cost) => number): number => median(nodes.map(of)) / median(script.map(of));
    const [wall, cpu] = [(cost: Cost) => cost.wallSeconds, (cost: Cost) => cost.cpuSeconds];
    const found = (of: (cost: Cost) => number): string =>
      `${ratio(of).toFixed(1)} (${medianOf(nodes.map(of), 2, ' s')} / ${medianOf(script.map(of), 2, ' s')})`;
    return [
      { what: `${what}: time / a script`, found: found(wall), budget: '3', isWithin: ratio(wall) <= 3 },
      { what: `${what}: processor time / a script`, found: found(cpu), budget: '3', isWithin: ratio(cpu) <= 3 },
    ];
  } finally {
    await runtime.close();
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A line of the log for each clip would be a part of what is measured. */
const countDone = `const count = (context.get('count') || 0) + 1;
context.set('count', count);
if (count % ${doneEvery} === 0) node.log('[done] ' + count);`;

function flowFor(url: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const ranges = { range: 'between', start: 'start', startType: 'msg', end: 'end', endType: 'msg', settle: 0 };
  return [
    { id: 'tab', type: 'tab', label: 'Bench' },
    {
      ...{ id: 'server', type: 'clip-provider', provider: 'vdg-sense' },
      maxConcurrent: atOnce,
      settings: { url, auth: 'none' },
    },
    { ...place, id: 'start', type: 'inject', props: [], wires: [['each']] },
    { ...place, id: 'each', type: 'function', func: 'return [msg.payload];', wires: [['create']] },
    { ...place, id: 'create', type: 'create-clip', connection: 'server', ...ranges, wires: [['poll']] },
    { ...place, id: 'poll', type: 'poll-clip', interval: 0.1, wires: [['download'], [], []] },
    { ...place, id: 'download', type: 'download-clip', filename: 'clips/{id}.mp4', wires: [['done'], []] },
    { ...place, id: 'done', type: 'function', func: countDone, wires: [[]] },
  ];
}
