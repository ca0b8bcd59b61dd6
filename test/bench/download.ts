/**
 * What downloads take in a real Node-RED, of small and large clips, one and many at once: next to Node-RED's own nodes in a
 * process like it, and to curl, all from the same server.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { runCommand } from './command';
import { cpuSeconds, idleMiB, peakDuring } from './memory';
import { startSimulatorProcess, type FinishedClip, type SimulatorProcess } from './simulator';
import { grid, median, medianOf, type Row } from './table';
import { coreWay, curlWay, ourWay, type Way } from './ways';

const bytesPerMiB = 2 ** 20;
const warmUpBytes = 8 * bytesPerMiB;
/** More is too much to ask of whoever runs this. */
const mostDiskBytes = 12 * 2 ** 30;
const reserveBytes = 2 * 2 ** 30;

interface Task {
  mebibytes: number;
  atOnce: number;
  rounds: number;
}
const tasks: Task[] = [
  { mebibytes: 100, atOnce: 1, rounds: 5 },
  { mebibytes: 1024, atOnce: 1, rounds: 5 },
  { mebibytes: 3072, atOnce: 1, rounds: 3 },
  { mebibytes: 100, atOnce: 8, rounds: 3 },
  { mebibytes: 1024, atOnce: 8, rounds: 3 },
  { mebibytes: 3072, atOnce: 8, rounds: 3 },
];

interface Found {
  idleMiB?: number;
  seconds: number[];
  cpuSeconds: number[];
  peakMiB: number[];
  /** What became of it instead. */
  trouble?: string;
}

/** @param only of these sizes, as `8 x 1 GiB`; @returns all figures, and those that have a budget */
export async function measureDownload(only?: string): Promise<{ details: string; rows: Row[] }> {
  const simulator = await startSimulatorProcess();
  const folder = await mkdtemp(join(tmpdir(), 'clips-bench-'));
  const ways: Way[] = [];
  try {
    const url = await simulator.start({ auth: ['open'] });
    ways.push(await ourWay(url), await coreWay(url), curlWay(url, false), curlWay(url, true));
    const [own, , plain, synced] = ways as [Way, Way, Way, Way];
    const lines: string[][] = [];
    const rows: Row[] = [];
    for (const task of tasks.filter((each) => only === undefined || labelOf(each)[0] === only)) {
      const skipped = await whyNot(task, folder);
      if (skipped) {
        lines.push([...labelOf(task), skipped]);
        continue;
      }
      const found = await compare(task, ways, simulator, folder);
      for (const way of ways) {
        const { trouble } = found.get(way)!;
        lines.push([...labelOf(task), way.name, ...(trouble ? [trouble] : figuresOf(way, found, plain, synced))]);
      }
      rows.push(...budgetsOf(task, growthOf(found.get(own)!), ratioOf(found, own, synced)));
    }
    const head = ['clips', 'way', 'seconds', 'CPU s', 'peak MiB', 'over idle', '/ curl', '/ (curl && sync)'];
    rows.push({
      what: 'SHA-256 of 1 GiB alone, in one thread',
      found: `${hashSeconds(2 ** 30).toFixed(2)} s`,
      budget: '',
    });
    return { details: grid(head, lines), rows };
  } finally {
    for (const way of ways) await way.close();
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function figuresOf(way: Way, found: Map<Way, Found>, plain: Way, synced: Way): string[] {
  const { cpuSeconds: cpu, peakMiB, seconds } = found.get(way)!;
  const most = (values: number[], sign = ''): string =>
    values.length > 0 ? `${sign}${Math.max(...values).toFixed(0)}` : '';
  return [
    medianOf(seconds, 2),
    cpu.length > 0 ? median(cpu).toFixed(2) : '',
    most(peakMiB),
    most(growthOf(found.get(way)!), '+'),
    way === plain ? '' : ratioOf(found, way, plain).toFixed(2),
    way === plain || way === synced ? '' : ratioOf(found, way, synced).toFixed(2),
  ];
}

function ratioOf(found: Map<Way, Found>, way: Way, to: Way): number {
  return median(found.get(way)!.seconds) / median(found.get(to)!.seconds);
}

/** MiB. */
function growthOf({ idleMiB: idle, peakMiB }: Found): number[] {
  return idle === undefined ? [] : peakMiB.map((peak) => peak - idle);
}

function labelOf({ atOnce, mebibytes }: Task): [string] {
  const size = mebibytes < 1024 ? `${mebibytes} MiB` : `${mebibytes / 1024} GiB`;
  return [atOnce === 1 ? size : `${atOnce} x ${size}`];
}

async function whyNot({ atOnce, mebibytes }: Task, folder: string): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(folder);
  const bytes = atOnce * mebibytes * bytesPerMiB;
  const needs = `${(bytes / 2 ** 30).toFixed(0)} GiB of disk`;
  if (bytes > mostDiskBytes) return `left out: takes ${needs}`;
  return bytes + reserveBytes > bavail * bsize ? `left out: there are no ${needs}` : undefined;
}

async function compare(
  { atOnce, mebibytes, rounds }: Task,
  ways: Way[],
  simulator: SimulatorProcess,
  folder: string,
): Promise<Map<Way, Found>> {
  const clips: FinishedClip[] = [];
  while (clips.length < atOnce) clips.push(await simulator.finishedClip(mebibytes * bytesPerMiB));
  const found = new Map<Way, Found>();
  for (const way of ways) {
    await way.restart();
    // What is loaded at first use belongs to no clip.
    await way.bring([await simulator.finishedClip(warmUpBytes)], folder);
    const pid = way.pid();
    found.set(way, {
      idleMiB: pid === undefined ? undefined : await idleMiB(pid),
      seconds: [],
      cpuSeconds: [],
      peakMiB: [],
    });
  }
  for (const way of inTurns(ways, rounds)) {
    const so = found.get(way)!;
    if (so.trouble) continue;
    await settleDisk(folder);
    try {
      await measure(way, clips, folder, so);
    } catch (thrown) {
      so.trouble = (thrown as Error).message;
      // It may still be at it.
      await way.restart();
    }
  }
  await settleDisk(folder);
  return found;
}

/**
 * From first to last and back again, so that what the machine does otherwise meets all alike. But for those that take gigabytes
 * of memory: whoever came after them would pay for it.
 */
function inTurns(ways: Way[], rounds: number): Way[] {
  const [greedy, others] = [ways.filter(({ isGreedy }) => isGreedy), ways.filter(({ isGreedy }) => !isGreedy)];
  return [others, greedy].flatMap((group) =>
    Array.from({ length: rounds }, (_, round) => (round % 2 === 0 ? group : group.toReversed())).flat(),
  );
}

async function measure(way: Way, clips: FinishedClip[], folder: string, found: Found): Promise<void> {
  const pid = way.pid();
  const before = pid === undefined ? undefined : await cpuSeconds(pid);
  let seconds = 0;
  const bring = async (): Promise<void> => {
    const startedAt = performance.now();
    await way.bring(clips, folder);
    seconds = (performance.now() - startedAt) / 1000;
  };
  const peak = pid === undefined ? await bring() : await peakDuring(pid, bring);
  found.seconds.push(seconds);
  const after = pid === undefined ? undefined : await cpuSeconds(pid);
  if (before !== undefined && after !== undefined) found.cpuSeconds.push(after - before);
  if (peak !== undefined) found.peakMiB.push(peak);
}

function budgetsOf(task: Task, growth: number[], ratio: number): Row[] {
  const { atOnce, mebibytes } = task;
  const mostMiB = atOnce === 1 ? 48 : 96;
  const [what] = labelOf(task);
  const rows: Row[] = [
    {
      what: `download-clip, ${what}: peak memory over idle`,
      found: growth.length > 0 ? medianOf(growth, 1, ' MiB') : 'not measured: no /proc',
      budget: `+${mostMiB} MiB`,
      ...(growth.length > 0 ? { isWithin: Math.max(...growth) <= mostMiB } : {}),
    },
  ];
  // Below that, what a message and a job take is most of it.
  if (mebibytes < 1024) return rows;
  const most = atOnce === 1 ? 1.1 : 1.3;
  const speed = { what: `download-clip, ${what}: time / (curl && sync)`, budget: most.toFixed(2) };
  return [...rows, { ...speed, found: ratio.toFixed(2), isWithin: ratio <= most }];
}

function hashSeconds(bytes: number): number {
  const block = Buffer.alloc(64 * 1024);
  const hash = createHash('sha256');
  const startedAt = performance.now();
  for (let done = 0; done < bytes; done += block.length) hash.update(block);
  hash.digest();
  return (performance.now() - startedAt) / 1000;
}

/** No run may pay for what the one before it left to be written. */
async function settleDisk(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await runCommand('sync');
}
