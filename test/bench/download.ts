/** How much memory large downloads take in a real Node-RED, and how long one takes, next to curl from the same server. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Clip } from '../../lib/provider';
import { startCollector, type Collector } from '../support/collector';
import { startRuntime, type Runtime } from '../support/runtime';
import { idleMiB, peakDuring } from './memory';
import { startSimulatorProcess, type FinishedClip } from './simulator';
import { median, medianOf, type Row } from './table';

const bytesPerMiB = 2 ** 20;
const warmUpBytes = 8 * bytesPerMiB;
const rounds = 3;
const longestMs = 600_000;

interface Bench {
  url: string;
  runtime: Runtime;
  collector: Collector;
  /** Rejects with the first error that a Catch node sees. */
  failure: Promise<never>;
}

/** One clip of `bytes`, and `atOnce` clips of `bytesAtOnce`. */
export async function measureDownload(bytes: number, atOnce: number, bytesAtOnce: number): Promise<Row[]> {
  const simulator = await startSimulatorProcess();
  const collector = await startCollector();
  const url = await simulator.start({ auth: ['open'] });
  const runtime = await startRuntime({ source: 'link', flow: flowFor(url, collector) });
  const bench = { url, runtime, collector, failure: failureOf(collector) };
  try {
    const warmUp = await simulator.finishedClip(warmUpBytes);
    await download(bench, [warmUp]);
    const large = await simulator.finishedClip(bytes);
    const [curled, synced, piped, own, growth]: number[][] = [[], [], [], [], []];
    let idle: number | undefined;
    for (let round = 0; round < rounds; round += 1) {
      curled!.push(await curl(bench, large, false));
      synced!.push(await curl(bench, large, true));
      piped!.push(await plainPipeline(bench, large));
      idle = await idleMiB(runtime.pid!);
      const peak = await peakDuring(runtime.pid!, async () => void own!.push(await download(bench, [large])));
      if (peak !== undefined && idle !== undefined) growth!.push(peak - idle);
    }
    const many: FinishedClip[] = [];
    while (many.length < atOnce) many.push(await simulator.finishedClip(bytesAtOnce));
    idle = await idleMiB(runtime.pid!);
    const peakOfMany = await peakDuring(runtime.pid!, async () => void (await download(bench, many)));

    const gib = `${(bytes / 2 ** 30).toFixed(2)} GiB clip`;
    const ratio = (of: number[]): number => median(of) / median(synced!);
    return [
      { what: 'Node-RED when idle, after the last of them', found: mib(idle), budget: '' },
      {
        what: `${gib}: peak memory over idle`,
        found: growth!.length > 0 ? medianOf(growth!, 1, ' MiB') : 'not measured: no /proc',
        budget: '+48 MiB',
        ...(growth!.length > 0 ? { isWithin: Math.max(...growth!) <= 48 } : {}),
      },
      {
        what: `${atOnce} clips of ${bytesAtOnce / bytesPerMiB} MiB at once: peak memory over idle`,
        found: mib(peakOfMany === undefined || idle === undefined ? undefined : peakOfMany - idle),
        budget: '+96 MiB',
        ...(peakOfMany === undefined || idle === undefined ? {} : { isWithin: peakOfMany - idle <= 96 }),
      },
      { what: `${gib}: curl -o f`, found: medianOf(curled!, 2, ' s'), budget: '' },
      { what: `${gib}: curl -o f && sync -d f`, found: medianOf(synced!, 2, ' s'), budget: '' },
      { what: `${gib}: its SHA-256 alone, in Node.js`, found: `${hashSeconds(bytes).toFixed(2)} s`, budget: '' },
      { what: `${gib}: plain Node.js pipeline with SHA-256 and fsync`, found: medianOf(piped!, 2, ' s'), budget: '' },
      { what: `${gib}: that pipeline / (curl && sync)`, found: ratio(piped!).toFixed(2), budget: '' },
      { what: `${gib}: download-clip, from message to message`, found: medianOf(own!, 2, ' s'), budget: '' },
      {
        what: `${gib}: download-clip / (curl && sync)`,
        found: ratio(own!).toFixed(2),
        budget: '1.10',
        isWithin: ratio(own!) <= 1.1,
      },
    ];
  } finally {
    await runtime.close();
    await collector.close();
    await simulator.stop();
  }
}

function flowFor(url: string, collector: Collector): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const settings = { url, auth: 'none' };
  const flow = [
    { id: 'tab', type: 'tab', label: 'Bench' },
    { id: 'server', type: 'clip-provider', provider: 'vdg-sense', maxConcurrent: 8, settings },
    { ...place, id: 'start', type: 'inject', props: [], wires: [['download']] },
    { ...place, id: 'download', type: 'download-clip', filename: 'bench/{id}.mp4', exists: 'overwrite', wires: [[]] },
    { ...place, id: 'errors', type: 'catch', scope: null, wires: [[]] },
  ];
  return collector.tap(flow, { file: { node: 'download' }, caught: { node: 'errors' } });
}

function failureOf(collector: Collector): Promise<never> {
  const failure = collector.next('caught', longestMs).then(({ error }) => {
    throw new Error(`The download failed: ${JSON.stringify(error)}`);
  });
  // Nobody may be waiting when it comes.
  failure.catch(() => undefined);
  return failure;
}

/** Seconds until all have arrived. @throws when one is not what the server has */
async function download({ runtime, collector, failure }: Bench, clips: FinishedClip[]): Promise<number> {
  await settleDisk(runtime);
  const startedAt = performance.now();
  for (const { clip } of clips) await runtime.inject('start', { clip: { ...clip, connection: 'server' } });
  const arrived = await Promise.race([Promise.all(clips.map(() => collector.next('file', longestMs))), failure]);
  const seconds = (performance.now() - startedAt) / 1000;
  for (const message of arrived) {
    const { id, file } = message.clip as Clip;
    const expected = clips.find(({ clip }) => clip.id === id)?.sha256;
    if (file?.sha256 !== expected) throw new Error(`Clip ${id} arrived damaged`);
  }
  return seconds;
}

/** Seconds, into the same folder. */
async function curl({ url, runtime }: Bench, { path }: FinishedClip, isSynced: boolean): Promise<number> {
  await settleDisk(runtime);
  const file = join(runtime.userDir, 'bench', 'curl.mp4');
  const startedAt = performance.now();
  await run('curl', ['--silent', '--fail', '--noproxy', '*', '-o', file, url + path]);
  if (isSynced) await run('sync', ['-d', file]);
  return (performance.now() - startedAt) / 1000;
}

/** Seconds: what a few lines of Node.js would take, without anything that makes a download safe. */
async function plainPipeline({ url, runtime }: Bench, { path }: FinishedClip): Promise<number> {
  await settleDisk(runtime);
  const script = `
    const { createHash } = require('node:crypto');
    const hash = createHash('sha256');
    require('node:http').get(process.argv[1], (response) => {
      response.on('data', (chunk) => hash.update(chunk));
      response.pipe(require('node:fs').createWriteStream(process.argv[2], { flush: true }));
      response.on('end', () => hash.digest());
    });`;
  const startedAt = performance.now();
  await run(process.execPath, ['-e', script, url + path, join(runtime.userDir, 'bench', 'plain.mp4')]);
  return (performance.now() - startedAt) / 1000;
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
async function settleDisk({ userDir }: Runtime): Promise<void> {
  await rm(join(userDir, 'bench'), { recursive: true, force: true });
  await mkdir(join(userDir, 'bench'));
  await run('sync', []);
}

async function run(command: string, parameters: string[]): Promise<void> {
  const child = spawn(command, parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
}

function mib(value: number | undefined): string {
  return value === undefined ? 'not measured: no /proc' : `${value.toFixed(1)} MiB`;
}
