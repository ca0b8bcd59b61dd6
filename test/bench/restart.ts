/** How long ten thousand stored jobs take to go on after a restart of Node-RED, and what else it can do meanwhile. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PollJobData } from '../../lib/clips/poll';
import { storedVersion } from '../../lib/jobs/stored-job';
import type { Job } from '../../lib/jobs/job';
import { heapKiB, probeArguments } from '../support/probe';
import { startRuntime, type Runtime } from '../support/runtime';
import { startSimulatorProcess, type BenchClip } from './simulator';
import type { Row } from './table';

const jobsPerBatch = 200;
const resolutionMs = 5;
const looks = 5;
const longestMs = 60_000;

/** What Node-RED itself finds, between the start of its flows and the moment when the last job has asked the server. */
interface Found {
  /** Since the process started. */
  startedMs: number;
  resumedMs: number;
  /** How late timers were. */
  delayP99Ms: number;
  delayMaxMs: number;
  /** How long the turns of the event loop took, as far as timers can tell. */
  turnsMs: number[];
}

export async function measureRestart(count: number): Promise<Row[]> {
  const simulator = await startSimulatorProcess();
  const url = await simulator.start({ auth: ['open'], queue: { makeMs: Infinity } });
  const clips = await simulator.pendingClips(count);
  const runtime = await startRuntime({ source: 'link', flow: flowFor(url, 1), nodeArguments: probeArguments });
  try {
    const jobs = join(runtime.userDir, 'video-clips', 'jobs');
    // What is loaded at first use belongs to no job, and neither does what reading a long list takes.
    await restart(runtime, () => writeJobs(jobs, clips.slice(0, 1)));
    const before = await leastHeapKiB(runtime);
    const found = await restart(runtime, async () => {
      await writeFile(join(runtime.userDir, 'flows.json'), JSON.stringify(flowFor(url, count)));
      await writeJobs(jobs, clips);
    });
    const heapKiBPerJob = ((await leastHeapKiB(runtime)) - before) / (count - 1);
    const what = `${count} journalled jobs after a restart`;
    const waitP99Ms = waitMs(found.turnsMs, 0.01);
    return [
      {
        what: `${what}: from process start until each has asked its server`,
        found: `${(found.resumedMs / 1000).toFixed(2)} s (${(found.startedMs / 1000).toFixed(2)} s of it Node-RED's start)`,
        budget: '5 s',
        isWithin: found.resumedMs <= 5000,
      },
      {
        what: `${what}: event-loop delay p99 meanwhile`,
        found: `${found.delayP99Ms.toFixed(1)} ms (longest ${found.delayMaxMs.toFixed(0)} ms)`,
        budget: '50 ms',
        isWithin: found.delayP99Ms <= 50,
      },
      {
        what: `${what}: what 99 of 100 events wait at most`,
        found: `${waitP99Ms.toFixed(1)} ms`,
        budget: '50 ms',
        isWithin: waitP99Ms <= 50,
      },
      {
        what: `${what}: heap per job, with its message`,
        found: `${heapKiBPerJob.toFixed(1)} KiB`,
        budget: '8 KiB',
        isWithin: heapKiBPerJob <= 8,
      },
    ];
  } finally {
    await runtime.close();
    await simulator.stop();
  }
}

async function restart(runtime: Runtime, meanwhile: () => Promise<void>): Promise<Found> {
  await runtime.stop();
  await meanwhile();
  // Whole lines only: a long one arrives in pieces.
  const told = (): string[] => runtime.logs().match(/(?<=\[resumed\] ).*(?=\n)/g) ?? [];
  const before = told().length;
  await runtime.start();
  const deadline = Date.now() + longestMs;
  while (told().length === before) {
    if (Date.now() > deadline) throw new Error(`The jobs did not go on:\n${runtime.logs()}`);
    await sleep(20);
  }
  return JSON.parse(told().at(-1)!) as Found;
}

/**
 * What only that share of all events waits longer than, when they come at any moment. The percentile of the delays does not
 * tell: however long a turn takes, it is one delay.
 */
function waitMs(turnsMs: number[], share: number): number {
  const allowedMs = turnsMs.reduce((sum, ms) => sum + ms, 0) * share;
  const longer = (waitMs: number): number => turnsMs.reduce((sum, ms) => sum + Math.max(0, ms - waitMs), 0);
  let found = 0;
  while (longer(found) > allowedMs) found += 0.1;
  return found;
}

/** As the journal writes them, but without a sync for each. */
async function writeJobs(folder: string, clips: BenchClip[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const now = Date.now();
  for (let at = 0; at < clips.length; at += jobsPerBatch) {
    const batch = clips.slice(at, at + jobsPerBatch).map((clip, index) => {
      const id = `00000000-0000-4000-8000-${String(at + index).padStart(12, '0')}`;
      const work: PollJobData = {
        connection: 'server',
        clip: { ...clip, connection: 'server' },
        intervalMs: 2000,
        maxIntervalMs: 30_000,
        giveUpAt: now + 900_000,
        polls: 5,
        misses: 0,
      };
      const message = { _msgid: id.slice(-16), payload: now, clip: work.clip, camera: clip.camera };
      const data = { message, task: work };
      const job: Job = { id, nodeId: 'poll', data, createdAt: now, runAt: now - 1000, failures: 0 };
      return writeFile(join(folder, `${id}.json`), JSON.stringify({ version: storedVersion, ...job }));
    });
    await Promise.all(batch);
  }
}

/** The least of some looks: a round of polling holds a long answer for a moment. */
async function leastHeapKiB(runtime: Runtime): Promise<number> {
  const found: number[] = [];
  for (let look = 0; look < looks; look += 1) {
    found.push(await heapKiB(runtime));
    await sleep(300);
  }
  return Math.min(...found);
}

function flowFor(url: string, count: number): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  // Samples are as long as the interval where nothing delays them.
  const initialize = `
    context.seen = 0;
    context.startedMs = perf.performance.now();
    context.delay = perf.monitorEventLoopDelay({ resolution: ${resolutionMs} });
    context.delay.enable();
    context.turnsMs = [];
    let lastMs = context.startedMs;
    context.turns = setInterval(() => {
      const nowMs = perf.performance.now();
      context.turnsMs.push(nowMs - lastMs);
      lastMs = nowMs;
    }, 1);`;
  const func = `
    context.seen += 1;
    if (context.seen !== ${count}) return;
    const { delay, startedMs, turns, turnsMs } = context;
    delay.disable();
    clearInterval(turns);
    const late = (ns) => Math.max(0, ns / 1e6 - ${resolutionMs});
    const [delayP99Ms, delayMaxMs] = [late(delay.percentile(99)), late(delay.max)];
    const resumedMs = perf.performance.now();
    node.log('[resumed] ' + JSON.stringify({ startedMs, resumedMs, delayP99Ms, delayMaxMs, turnsMs }));`;
  return [
    { id: 'tab', type: 'tab', label: 'Bench' },
    { id: 'server', type: 'clip-provider', provider: 'vdg-sense', settings: { url, auth: 'none' } },
    // What a job finds at first leaves by the second output.
    { ...place, id: 'poll', type: 'poll-clip', wires: [[], ['count'], []] },
    {
      ...place,
      id: 'count',
      type: 'function',
      initialize,
      func,
      libs: [{ var: 'perf', module: 'perf_hooks' }],
      wires: [[]],
    },
  ];
}
