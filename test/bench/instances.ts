/**
 * What one, two and four Node-RED instances on one Redis make of the same clips, one of them killed half-way.
 *
 * The instances share this machine, its cores, the server and Redis, so none of these may be the limit: what counts is
 * whether sharing the work costs more than it brings. Each transfer takes a fixed time, as it would over a slow line, and an
 * instance has two lines. As `maxConcurrent` holds over all instances, it is two for each of them here.
 */
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { sha256Of } from '../simulators/video';
import { findProgram } from '../support/programs';
import { startRedis } from '../support/redis';
import { startRuntime, type Runtime } from '../support/runtime';
import type { Row } from './table';

const linesPerInstance = 2;
const transferMs = 100;
const clipMs = 2000;
/** Every clip has a length, and so a checksum, of its own. */
const smallestBytes = 100_000;
/** Between these shares of all clips the pace is taken: everything is running, and nothing has been killed yet. */
const [paceFrom, paceTo] = [0.2, 0.5];
const lookMs = 20;
const longestMs = 180_000;

interface Found {
  /** Clips per second. */
  pace: number;
  lost: number;
  /** Files that are more than one for a clip, or not whole. */
  wrong: number;
  left: number;
}

export async function measureInstances(count: number): Promise<Row[]> {
  const what = `${count} clips in Redis`;
  if (!findProgram('redis-server', 'valkey-server')) {
    return [{ what, found: 'not measured: redis-server is not installed', budget: '' }];
  }
  const one = await run(1, count);
  const two = await run(2, count);
  const four = await run(4, count);
  const rows = [one, two, four].map(({ lost, wrong, left, pace }, index): Row => {
    const name = ['1 instance', '2 instances, one killed half-way', '4 instances, one killed half-way'][index]!;
    const faults = lost + wrong + left;
    const problems = faults === 0 ? 'all files whole' : `${lost} lost, ${wrong} files wrong, ${left} left over`;
    return {
      what: `${what}, ${name}`,
      found: `${problems}; ${pace.toFixed(1)} clips/s`,
      budget: 'none lost, none doubled',
      isWithin: faults === 0,
    };
  });
  const gain = four.pace / one.pace;
  rows.push({ what: `${what}: 4 instances / 1`, found: gain.toFixed(2), budget: '>= 3', isWithin: gain >= 3 });
  return rows;
}

async function run(instances: number, count: number): Promise<Found> {
  const [sim, redis] = await Promise.all([startServer(), startRedis()]);
  const folder = await mkdtemp(join(tmpdir(), 'clips-instances-'));
  const runtimes: Runtime[] = [];
  try {
    const outcomes = join(folder, 'outcomes');
    await appendFile(outcomes, '');
    const flow = flowFor(sim.url, outcomes, instances * linesPerInstance);
    const settings = { clipProviderJobs: { redis: redis.url }, fileWorkingDirectory: folder };
    for (let instance = 0; instance < instances; instance += 1) {
      runtimes.push(await startRuntime({ source: 'link', flow, settings }));
    }
    const requests = requestsFor(count);
    await runtimes[0]!.inject('start', { payload: requests });
    // All messages came in there: now they are only in Redis.
    const kill = async (): Promise<void> => (instances > 1 ? runtimes[0]!.kill() : undefined);
    const pace = await untilDone({ folder, outcomes, count, halfWay: kill });
    return { pace, ...(await judge(sim, folder, outcomes, requests)) };
  } finally {
    await Promise.all(runtimes.map((runtime) => runtime.close()));
    await Promise.all([sim.close(), redis.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function startServer(): Promise<VdgSense> {
  const sim = await startVdgSense({
    auth: ['open'],
    queue: { makeMs: 0 },
    retention: { bytes: Infinity },
    download: { largeMedia: ({ id }) => smallestBytes + Number(BigInt(id) % 50_000n) },
  });
  sim.failNext({ kind: 'stall', afterBytes: smallestBytes / 2, ms: transferMs }, 'downloadClip', Infinity);
  return sim;
}

interface Request {
  name: string;
  camera: string;
  /** Epoch milliseconds: no two clips of the server are the same. */
  start: number;
  end: number;
}

function requestsFor(count: number): Request[] {
  const lastEnd = Date.now() - 3600_000;
  return Array.from({ length: count }, (_, index) => {
    const end = lastEnd - index * 1000;
    return { name: String(index), camera: '6917529027641081901/2', start: end - clipMs, end };
  });
}

/** Resolves to clips per second. */
async function untilDone(options: {
  folder: string;
  outcomes: string;
  count: number;
  halfWay(): Promise<void>;
}): Promise<number> {
  const { folder, outcomes, count, halfWay } = options;
  const deadline = Date.now() + longestMs;
  let [fromAt, fromCount, pace] = [0, 0, 0];
  while ((await namesIn(outcomes)).size < count && Date.now() < deadline) {
    const done = pace === 0 ? (await filesIn(folder)).length : 0;
    if (fromAt === 0 && done >= count * paceFrom) [fromAt, fromCount] = [Date.now(), done];
    if (pace === 0 && done >= count * paceTo) {
      pace = ((done - fromCount) * 1000) / (Date.now() - fromAt);
      await halfWay();
    }
    await sleep(lookMs);
  }
  return pace;
}

async function judge(
  sim: VdgSense,
  folder: string,
  outcomes: string,
  requests: Request[],
): Promise<Pick<Found, 'lost' | 'wrong' | 'left'>> {
  const told = await namesIn(outcomes);
  const files = await readdir(join(folder, 'clips'));
  let whole = 0;
  for (const { id } of sim.clips) {
    const bytes = await readFile(join(folder, 'clips', `${id}.mp4`)).catch(() => undefined);
    const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
    if (sha256 === (await sha256Of(await sim.mediaOf(id)))) whole += 1;
  }
  const videos = files.filter((name) => name.endsWith('.mp4')).length;
  const lost = Math.max(requests.filter(({ name }) => !told.has(name)).length, requests.length - whole);
  return { lost, wrong: videos - whole, left: files.length - videos };
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'clips')).catch((): string[] => []);
  return names.filter((name) => name.endsWith('.mp4'));
}

/** Names of the requests whose file has been handed on. */
async function namesIn(outcomes: string): Promise<Set<string>> {
  return new Set((await readFile(outcomes, 'utf8')).split('\n').filter(Boolean));
}

function flowFor(url: string, outcomes: string, maxConcurrent: number): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const ranges = { range: 'between', start: 'start', startType: 'msg', end: 'end', endType: 'msg', settle: 0 };
  const record = `fs.appendFileSync(${JSON.stringify(outcomes)}, msg.name + '\\n');`;
  const libs = [{ var: 'fs', module: 'fs' }];
  return [
    { id: 'tab', type: 'tab', label: 'Bench' },
    { id: 'server', type: 'clip-provider', provider: 'vdg-sense', maxConcurrent, settings: { url, auth: 'none' } },
    { ...place, id: 'start', type: 'inject', props: [], wires: [['each']] },
    { ...place, id: 'each', type: 'function', func: 'return [msg.payload];', wires: [['create']] },
    { ...place, id: 'create', type: 'create-clip', connection: 'server', ...ranges, wires: [['poll']] },
    { ...place, id: 'poll', type: 'poll-clip', interval: 1, wires: [['download'], [], []] },
    { ...place, id: 'download', type: 'download-clip', filename: 'clips/{id}.mp4', wires: [['record'], []] },
    { ...place, id: 'record', type: 'function', func: record, libs, wires: [[]] },
  ];
}
