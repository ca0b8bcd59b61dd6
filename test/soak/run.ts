/** One soak: clips by the thousand through four vendors, in rounds, with every outcome held against what the vendor has served. */
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdingsOf, probeArguments, type Holdings } from '../support/probe';
import { startRedis, type RedisServer } from '../support/redis';
import { startRuntime, type Runtime } from '../support/runtime';
import { outcomesIn, soakFlow, type Asked, type Outcome } from './flow';
import { startServers, type Servers, type Vendor } from './servers';

export type Unrest = 'none' | 'redeploys' | 'instances';

export interface Sample extends Holdings {
  /** Clips that had ended. */
  clips: number;
}

export interface Found {
  unrest: Unrest;
  asked: number;
  files: number;
  /** By their codes. */
  errors: Record<string, number>;
  /** Messages of which nothing was heard. */
  lost: string[];
  /** Messages that ended more than once. A crash may tell an outcome again, but of the same file. */
  told: string[];
  /** Files that are not what the vendor served, or that belong to no outcome. */
  wrong: string[];
  /** Of Node-RED's log: lines that nothing here explains. */
  crashes: number;
  requests: number;
  faults: number;
  /** Redeploys, or instances that were killed. */
  disturbances: number;
  seconds: number;
  samples: Sample[];
  simulatorErrors: string[];
}

/** Of every hundred messages, one asks for a time without footage. */
const withoutFootageEvery = 100;
/** A round of which nothing is heard for so long is over: what has not ended by then is lost. */
const longestSilenceMs = 180_000;
const lookMs = 100;
/** Between two disturbances. */
export const usualPauseMs: Record<Unrest, number> = { none: Infinity, redeploys: 4_000, instances: 10_000 };
const instances = 4;

export interface SoakOptions {
  unrest: Unrest;
  clips: number;
  /** Node-RED rests after so many. */
  roundClips: number;
  /** Between two disturbances. */
  pauseMs?: number;
  /** Told after each round. */
  log?(line: string): void;
}

export async function soak(options: SoakOptions): Promise<Found> {
  const { unrest, clips, roundClips, pauseMs = usualPauseMs[unrest], log = () => undefined } = options;
  const startedAt = Date.now();
  const folder = await mkdtemp(join(tmpdir(), 'clips-soak-'));
  const servers = await startServers();
  const runtimes: Runtime[] = [];
  let redis: RedisServer | undefined;
  try {
    const vendors = await servers.start();
    redis = unrest === 'instances' ? await startRedis({ keeps: true }) : undefined;
    const outcomes = join(folder, 'outcomes');
    await appendFile(outcomes, '');
    const credentials = Object.fromEntries(vendors.map((vendor) => [vendor.id, vendor.credentials]));
    const settings = {
      fileWorkingDirectory: folder,
      ...(redis ? { clipProviderJobs: { redis: redis.url } } : {}),
    };
    for (let count = 0; count < (redis ? instances : 1); count += 1) {
      const flow = soakFlow(vendors, outcomes);
      runtimes.push(await startRuntime({ source: 'link', flow, credentials, settings, nodeArguments: probeArguments }));
    }
    const trouble = troubleOf({ unrest, pauseMs }, runtimes, (revision) => soakFlow(vendors, outcomes, revision));
    const found = await runRounds({
      servers,
      vendors,
      folder,
      outcomes,
      runtime: runtimes[0]!,
      trouble,
      clips,
      roundClips,
      log,
    });
    const reported = await servers.report();
    return {
      unrest,
      ...found,
      ...reported,
      crashes: runtimes.reduce((sum, runtime) => sum + crashesIn(runtime), 0),
      disturbances: trouble.count(),
      seconds: (Date.now() - startedAt) / 1000,
    };
  } finally {
    await Promise.all(runtimes.map((runtime) => runtime.close()));
    await Promise.all([servers.stop(), redis?.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

interface Trouble {
  /** Makes trouble until it is told to rest, and resolves then. */
  during(signal: AbortSignal): Promise<void>;
  count(): number;
}

function troubleOf(
  { unrest, pauseMs }: { unrest: Unrest; pauseMs: number },
  runtimes: Runtime[],
  flow: (revision: number) => object[],
): Trouble {
  let count = 0;
  /** Only our nodes and those of the connections, so that nothing is lost between nodes that are not ours. */
  const redeploy = async (): Promise<void> => {
    const headers = { 'content-type': 'application/json', 'node-red-deployment-type': 'nodes' };
    await runtimes[0]!.admin('/flows', { method: 'POST', headers, body: JSON.stringify(flow(count)) });
  };
  /** Never the first one, which the messages come in by: what was received and is not stored yet ends with its process. */
  const kill = async (): Promise<void> => {
    const runtime = runtimes[1 + (count % (runtimes.length - 1))]!;
    await runtime.kill();
    // A busy machine may not have started it in time.
    await runtime.start().catch(async () => {
      await runtime.kill();
      await runtime.start();
    });
  };
  return {
    async during(signal) {
      if (unrest === 'none') return;
      for (;;) {
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        count += 1;
        await (unrest === 'redeploys' ? redeploy() : kill());
      }
    },
    count: () => count,
  };
}

interface Rounds {
  servers: Servers;
  vendors: Vendor[];
  folder: string;
  outcomes: string;
  runtime: Runtime;
  trouble: Trouble;
  clips: number;
  roundClips: number;
  log(line: string): void;
}

type Counted = Pick<Found, 'asked' | 'files' | 'errors' | 'lost' | 'told' | 'wrong' | 'samples'>;

async function runRounds(rounds: Rounds): Promise<Counted> {
  const { servers, vendors, folder, outcomes, runtime, trouble, clips, roundClips, log } = rounds;
  const next = outcomesIn(outcomes);
  const counted: Counted = { asked: 0, files: 0, errors: {}, lost: [], told: [], wrong: [], samples: [] };
  const ended = new Map<string, Outcome>();
  while (counted.asked < clips) {
    const asked = await askFor(servers, vendors, counted.asked, Math.min(roundClips, clips - counted.asked));
    const missing = new Set(asked.map(({ name }) => name));
    const rest = new AbortController();
    const troubled = trouble.during(rest.signal);
    // Told when the round is over.
    troubled.catch(() => undefined);
    await runtime.inject('start', { payload: asked.map((each) => ({ ...each, filename: `clips/${each.name}.mp4` })) });
    let heardAt = Date.now();
    while (missing.size > 0) {
      await sleep(lookMs);
      if (Date.now() - heardAt > longestSilenceMs) {
        if (rest.signal.aborted) break;
        // On a busy machine, all that is done may be undone again and again: lost is what is missing once there is peace.
        rest.abort();
        await troubled;
        heardAt = Date.now();
      }
      for (const outcome of next()) {
        heardAt = Date.now();
        count(counted, ended, missing, outcome);
      }
    }
    rest.abort();
    await troubled;
    counted.asked += asked.length;
    counted.lost.push(...missing);
    await check(
      servers,
      folder,
      asked.flatMap(({ name }) => ended.get(name) ?? []),
      counted,
    );
    counted.samples.push({ clips: counted.asked, ...(await holdingsOf(runtime)) });
    const { heapKiB, files, sockets, timers } = counted.samples.at(-1)!;
    const held = `${Math.round(heapKiB)} KiB, ${files} files, ${sockets} sockets, ${timers} timers`;
    log(`${counted.asked} clips: ${counted.files} files, ${counted.lost.length} lost; ${held}`);
  }
  return counted;
}

function count({ told }: Counted, ended: Map<string, Outcome>, missing: Set<string>, outcome: Outcome): void {
  const { name } = outcome;
  const before = ended.get(name);
  missing.delete(name);
  if (!before) ended.set(name, outcome);
  else if (JSON.stringify(before) !== JSON.stringify(outcome))
    told.push(`${JSON.stringify(before)} and ${JSON.stringify(outcome)}`);
  else told.push(name);
}

async function askFor(servers: Servers, vendors: Vendor[], from: number, count: number): Promise<Asked[]> {
  const [first, last] = [Math.floor(from / vendors.length), Math.ceil((from + count) / vendors.length)];
  const span = { from: first, count: last - first + 1 };
  const [recorded, before] = await Promise.all([
    servers.ranges({ ...span, isRecorded: true }),
    servers.ranges({ ...span, isRecorded: false }),
  ]);
  return Array.from({ length: count }, (_, index) => {
    const number = from + index;
    const { id, camera } = vendors[number % vendors.length]!;
    const at = Math.floor(number / vendors.length) - first;
    // Of all vendors in turn, as the two numbers have no common divisor.
    const isRecorded = number % (withoutFootageEvery + 1) !== 0;
    return { name: `clip-${number}`, connection: id, camera, ...(isRecorded ? recorded : before)[at]! };
  });
}

/** Each outcome is a coded error, or one file that is what the vendor served; there are no other files. */
async function check(servers: Servers, folder: string, outcomes: Outcome[], counted: Counted): Promise<void> {
  const { errors, wrong } = counted;
  const finished = outcomes.filter(({ file }) => file !== undefined);
  const served = await servers.take(
    finished.map(({ vendor = '', clipId = '', start = '', end = '' }) => ({ vendor, clipId, start, end })),
  );
  const expected = new Set<string>();
  for (const [index, { name, file }] of finished.entries()) {
    const path = join(folder, 'clips', `${name}.mp4`);
    expected.add(`${name}.mp4`);
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const isRight =
      file!.path === path && file!.size === bytes.length && file!.sha256 === sha256 && served[index] === sha256;
    if (isRight) counted.files += 1;
    else wrong.push(`${name}: ${JSON.stringify(file)}, the file has ${sha256}, served was ${served[index]}`);
    await rm(path, { force: true });
  }
  for (const { name, code, message, file } of outcomes) {
    if (file) continue;
    if (code) errors[code] = (errors[code] ?? 0) + 1;
    else wrong.push(`${name} ended with neither a file nor a code: ${message}`);
  }
  for (const name of await readdir(join(folder, 'clips')).catch((): string[] => [])) {
    if (!expected.has(name)) wrong.push(`${name} belongs to no outcome`);
    await rm(join(folder, 'clips', name), { force: true });
  }
}

function crashesIn(runtime: Runtime): number {
  return runtime.logs().match(/Uncaught Exception|UnhandledPromiseRejection|FATAL ERROR/g)?.length ?? 0;
}
