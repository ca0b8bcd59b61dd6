/**
 * Two hours of one camera in 24 clips: what joining them takes next to ffmpeg alone, what fetching two at once brings, and how
 * much memory Node-RED takes for all of it.
 */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { freeBytes } from '../../lib/files/folder';
import { inspect } from '../../lib/mp4/inspect';
import { joinParts } from '../../lib/exports/join';
import { planJoins, type JoinPart } from '../../lib/exports/join-plan';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { findFfmpeg } from '../simulators/video';
import { startCollector } from '../support/collector';
import { startRuntime } from '../support/runtime';
import { runCommand } from './command';
import { idleMiB, peakDuring } from './memory';
import { median, medianOf, type Row } from './table';

const clips = 24;
const clipSeconds = 300;
const start = Date.UTC(2025, 2, 1, 8);
/** So much of the film is encoded; the rest repeats it. */
const patternSeconds = 4;
const bytesPerMiB = 2 ** 20;
const rounds = 5;
const longestMs = 600_000;
/** What the server takes for each transfer, whoever else it is busy with: it is to be the limit, and not this machine. */
const transferMs = 3000;
const smallBytes = 2 * bytesPerMiB;

/** @param clipBytes about, of each clip */
export async function measureExport(clipBytes: number): Promise<Row[]> {
  const joined = await measureJoin(clipBytes);
  const { growthMiB } = await runExport(2, clipBytes, 0);
  const single = await runExport(1, smallBytes, transferMs);
  const double = await runExport(2, smallBytes, transferMs);
  const gain = single.seconds / double.seconds;
  return [
    ...joined,
    {
      what: `${clips} clips of ${Math.round(clipBytes / bytesPerMiB)} MiB, fetched and joined: peak memory of Node-RED over idle`,
      found: growthMiB === undefined ? 'not measured: no /proc' : `${growthMiB.toFixed(1)} MiB`,
      budget: '+64 MiB',
      ...(growthMiB === undefined ? {} : { isWithin: growthMiB <= 64 }),
    },
    {
      what: `${clips} clips that take the server ${transferMs / 1000} s each: one after the other / two at once`,
      found: `${gain.toFixed(2)} (${single.seconds.toFixed(1)} s, ${double.seconds.toFixed(1)} s)`,
      budget: '>= 1.8',
      isWithin: gain >= 1.8,
    },
  ];
}

async function measureJoin(clipBytes: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'clips-bench-export-'));
  try {
    const ffmpeg = await findFfmpeg();
    const parts = await makeParts(folder, ffmpeg, clipBytes);
    const list = join(folder, 'list.txt');
    await writeFile(list, parts.map(({ path }) => `file '${path}'\n`).join(''));
    const output = join(folder, 'raw.mp4');
    const raw = (): Promise<void> =>
      runCommand(
        ffmpeg,
        '-v',
        'error',
        '-nostdin',
        '-y',
        '-f',
        'concat',
        '-safe',
        '0',
        '-i',
        list,
        '-c',
        'copy',
        output,
      );
    const [alone, synced, own]: number[][] = [[], [], []];
    for (let round = 0; round < rounds; round += 1) {
      alone!.push(await timed(folder, raw));
      // Writing over a file costs more than writing one.
      await rm(output);
      synced!.push(await timed(folder, () => raw().then(() => runCommand('sync', '-d', output))));
      await rm(output);
      own!.push(await timed(folder, () => joinAll(folder, ffmpeg, parts)));
      await rm(join(folder, 'own.mp4'));
    }
    const ratio = (to: number[]): number => median(own!) / median(to);
    const size = parts.reduce((sum, { inspection }) => sum + inspection.size, 0) / 2 ** 30;
    const what = `${clips} clips, ${size.toFixed(2)} GiB`;
    return [
      { what: `${what}: ffmpeg -f concat -c copy`, found: medianOf(alone!, 2, ' s'), budget: '' },
      { what: `${what}: ffmpeg -f concat -c copy && sync -d`, found: medianOf(synced!, 2, ' s'), budget: '' },
      { what: `${what}: joined, verified, hashed, on disk`, found: medianOf(own!, 2, ' s'), budget: '' },
      {
        what: `${what}: joined / ffmpeg alone, which leaves it in memory`,
        found: ratio(alone!).toFixed(2),
        budget: '1.20',
        isWithin: ratio(alone!) <= 1.2,
      },
      { what: `${what}: joined / (ffmpeg && sync)`, found: ratio(synced!).toFixed(2), budget: '' },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Files of their own, as if just downloaded. */
async function makeParts(folder: string, ffmpeg: string, clipBytes: number): Promise<JoinPart[]> {
  const [pattern, first] = [join(folder, 'pattern.h264'), join(folder, 'first.mp4')];
  const bits = Math.round((clipBytes * 8) / clipSeconds);
  const picture = `testsrc=size=1280x720:rate=10:duration=${patternSeconds},noise=alls=30:allf=t`;
  const rate = ['-b:v', String(bits), '-minrate', String(bits), '-maxrate', String(bits), '-bufsize', String(bits / 2)];
  const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0', '-g', '10', ...rate];
  await runCommand(ffmpeg, '-v', 'error', '-nostdin', '-f', 'lavfi', '-i', picture, ...coded, pattern);
  const repeated = join(folder, 'repeated.txt');
  await writeFile(repeated, `file '${pattern}'\n`.repeat(clipSeconds / patternSeconds));
  const from = ['-f', 'concat', '-safe', '0', '-r', '10', '-i', repeated];
  await runCommand(ffmpeg, '-v', 'error', '-nostdin', ...from, '-c', 'copy', first);
  const inspection = await inspect(first);
  const parts = Array.from({ length: clips }, (_, index) => ({
    ...rangeOf(index, index + 1),
    path: join(folder, `${index}.mp4`),
    inspection,
  }));
  for (const { path } of parts) await copyFile(first, path);
  return parts;
}

async function joinAll(folder: string, ffmpeg: string, parts: JoinPart[]): Promise<void> {
  const { signal } = new AbortController();
  const [plan, ...others] = await planJoins(parts);
  if (others.length > 0) throw new Error(others[0]!.reason);
  const { problems } = await joinParts({
    ...{ plan: plan!, folder, name: 'own.mp4', findFfmpeg: async () => ffmpeg, freeBytes, signal },
    onProgress: () => undefined,
  });
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** Seconds. Nothing may pay for what the one before it left to be written. */
async function timed(folder: string, work: () => Promise<void>): Promise<number> {
  await runCommand('sync', '-f', folder);
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

/** @param delayMs before each transfer */
async function runExport(
  atOnce: number,
  clipBytes: number,
  delayMs: number,
): Promise<{ seconds: number; growthMiB?: number }> {
  const queue = { makeMs: 0 };
  const simulator = await startVdgSense({ auth: ['open'], queue, download: { largeMedia: clipBytes } });
  const collector = await startCollector();
  if (delayMs > 0) simulator.failNext({ kind: 'delay', ms: delayMs }, 'downloadClip', Infinity);
  const flow = collector.tap(flowFor(simulator, atOnce), {
    finished: { node: 'export' },
    failed: { node: 'export', output: 2 },
  });
  const runtime = await startRuntime({ source: 'link', flow });
  try {
    const camera = '6917529027641081901/2';
    const exported = async (range: { start: string; end: string }): Promise<void> => {
      const { status } = await Promise.race([
        runtime.inject('start', { cameras: camera, ...range }).then(() => collector.next('finished', longestMs)),
        runtime.crashed().then(() => Promise.reject(new Error(runtime.logs()))),
      ]).then((message) => message.export as { status: string });
      const [failure] = collector.received('failed');
      if (status !== 'finished' || failure) throw new Error(JSON.stringify(failure));
    };
    // What is loaded at first use belongs to no export.
    await exported(rangeOf(-2, 0));
    const idle = await idleMiB(runtime.pid!);
    let seconds = 0;
    const peak = await peakDuring(runtime.pid!, async () => {
      const startedAt = performance.now();
      await exported(rangeOf(0, clips));
      seconds = (performance.now() - startedAt) / 1000;
    });
    return { seconds, ...(peak === undefined || idle === undefined ? {} : { growthMiB: peak - idle }) };
  } finally {
    await runtime.close();
    await collector.close();
    await simulator.close();
  }
}

function flowFor(simulator: VdgSense, maxConcurrent: number): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const settings = { url: simulator.url, auth: 'none' };
  return [
    { id: 'tab', type: 'tab', label: 'Bench' },
    { id: 'server', type: 'clip-provider', provider: 'vdg-sense', maxConcurrent, settings },
    { ...place, id: 'start', type: 'inject', props: [], wires: [['export']] },
    { ...place, id: 'export', type: 'export-video', connection: 'server', wires: [[], [], []] },
  ];
}

/** Clips by their number. */
function rangeOf(from: number, to: number): { start: string; end: string } {
  const at = (clip: number): string => new Date(start + clip * clipSeconds * 1000).toISOString();
  return { start: at(from), end: at(to) };
}
