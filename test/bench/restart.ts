/** How long ten thousand stored jobs take to go on after a restart, and what else the process can do meanwhile. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { pollClip, type PollWork } from '../../lib/clips/poll';
import { systemClock } from '../../lib/clock';
import { Connection } from '../../lib/connection';
import { readFields } from '../../lib/fields';
import { EmbeddedEngine } from '../../lib/jobs/embedded';
import type { Job } from '../../lib/jobs/job';
import { openJournal } from '../../lib/jobs/journal';
import { vdgSense } from '../../lib/providers/vdg-sense';
import { startSimulatorProcess, type BenchClip } from './simulator';
import type { Row } from './table';

const owner = 'poll';
const jobsPerBatch = 200;

interface Found {
  /** Since the process started. */
  startedMs: number;
  resumedMs: number;
  delayP99Ms: number;
  delayMaxMs: number;
  heapKiBPerJob: number;
}

export async function measureRestart(count: number): Promise<Row[]> {
  const simulator = await startSimulatorProcess();
  const folder = await mkdtemp(join(tmpdir(), 'clips-restart-'));
  try {
    const url = await simulator.start({ auth: ['open'], queue: { makeMs: Infinity } });
    await writeJobs(folder, await simulator.pendingClips(count));
    const found = await restart(folder, url, count);
    const what = `${count} journalled jobs after a restart`;
    return [
      {
        what: `${what}: from process start until each has asked its server`,
        found: `${(found.resumedMs / 1000).toFixed(2)} s (${(found.startedMs / 1000).toFixed(2)} s of it loading)`,
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
        what: `${what}: heap per job`,
        found: `${found.heapKiBPerJob.toFixed(1)} KiB`,
        budget: '8 KiB',
        isWithin: found.heapKiBPerJob <= 8,
      },
    ];
  } finally {
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** As the journal writes them, but without a sync for each. */
async function writeJobs(folder: string, clips: BenchClip[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const now = Date.now();
  for (let at = 0; at < clips.length; at += jobsPerBatch) {
    const batch = clips.slice(at, at + jobsPerBatch).map((clip, index) => {
      const id = `00000000-0000-4000-8000-${String(at + index).padStart(12, '0')}`;
      const work: PollWork = {
        connection: 'server',
        clip: { ...clip, connection: 'server' },
        intervalMs: 2000,
        maxIntervalMs: 30_000,
        giveUpAt: now + 900_000,
        polls: 5,
        misses: 0,
      };
      const message = { _msgid: id.slice(-16), payload: now, clip: work.clip, camera: clip.camera };
      const job: Job = { id, owner, data: { message, work }, createdAt: now, runAt: now - 1000, failures: 0 };
      return writeFile(join(folder, `${id}.json`), JSON.stringify(job));
    });
    await Promise.all(batch);
  }
}

async function restart(folder: string, url: string, count: number): Promise<Found> {
  const child = fork(__filename, [folder, url, String(count)], {
    execArgv: ['--expose-gc', '--require', require.resolve('tsx/cjs')],
  });
  const killWithUs = (): void => void child.kill();
  process.once('exit', killWithUs);
  const exit = once(child, 'exit').then(([code]) => {
    throw new Error(`The restarted process ended with ${String(code)}`);
  });
  exit.catch(() => undefined);
  try {
    const [found] = (await Promise.race([once(child, 'message'), exit])) as [Found];
    return found;
  } finally {
    process.off('exit', killWithUs);
    child.kill();
  }
}

/** What Node-RED does at its start, without Node-RED. */
async function resume(folder: string, url: string, count: number): Promise<Found> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const startedMs = performance.now();
  const connection = new Connection({
    id: 'server',
    definition: vdgSense,
    config: {
      settings: readFields(vdgSense.settings, { url, auth: 'none' }),
      credentials: { username: '', password: '', token: '' },
      now: systemClock.now,
    },
    maxConcurrent: 2,
    clock: systemClock,
  });
  const engine = new EmbeddedEngine(openJournal(folder, console.error), systemClock, console.error);
  const resumed = new Set<string>();
  interface Stored {
    message: object;
    work: PollWork;
  }
  engine.own<Stored>(owner, {
    async run(job, context) {
      const inner = { signal: context.signal, save: async () => undefined };
      const answer = await pollClip({ ...job, data: job.data.work }, connection, inner, Date.now);
      if (answer.type !== 'retry' || answer.because) throw new Error(JSON.stringify(answer));
      return { ...answer, data: { message: job.data.message, work: answer.data ?? job.data.work } };
    },
    retrying: ({ id }) => void resumed.add(id),
    settled: (_job, outcome) => {
      throw new Error(JSON.stringify(outcome));
    },
  });
  while (resumed.size < count) await sleep(5);
  const resumedMs = performance.now();
  delay.disable();
  resumed.clear();
  const withJobs = await heapBytes();
  await engine.remove(() => true);
  const heapKiBPerJob = (withJobs - (await heapBytes())) / 1024 / count;
  const [delayP99Ms, delayMaxMs] = [delay.percentile(99) / 1e6, delay.max / 1e6];
  return { startedMs, resumedMs, delayP99Ms, delayMaxMs, heapKiBPerJob };
}

async function heapBytes(): Promise<number> {
  // What was just answered is let go of first.
  await sleep(50);
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

if (require.main === module) {
  const [folder = '', url = '', count] = process.argv.slice(2);
  void resume(folder, url, Number(count)).then(
    (found) => process.send?.(found),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}
