/** A real Node-RED that turns many requests into files at once, against a server that takes its time. */
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { quickSettings, startRuntime } from '../support/runtime';

const clipMs = 2000;
/** Requests are journalled before their footage exists, so that none is lost on its way in. */
const untilFootageMs = 400;
const betweenRangesMs = 10;
/** A busy disk takes its time to store them. */
const acceptMs = 30_000;

export interface Request {
  name: string;
  /** Epoch milliseconds: no two clips of the server are the same. */
  start: number;
  end: number;
}

interface StoredJob {
  nodeId: string;
  data: { message: { name: string } };
}

export interface Outcome {
  name: string;
  clip?: string;
  error?: unknown;
}

export type CrashRig = Awaited<ReturnType<typeof startCrashRig>>;

export async function startCrashRig() {
  const sim = await startVdgSense({
    auth: ['open'],
    latencyMs: 10,
    queue: { makeMs: 20 },
    retention: { bytes: Infinity },
    // Every clip has a length, and so a checksum, of its own.
    download: { largeMedia: ({ id }) => 250_000 + Number(BigInt(id) % 100_000n) },
  });
  // In the middle of every download there is time to die in.
  sim.failNext({ kind: 'stall', afterBytes: 120_000, ms: 60 }, 'downloadClip', Infinity);
  const folder = await mkdtemp(join(tmpdir(), 'clips-crash-'));
  const outcomesFile = join(folder, 'outcomes');
  await appendFile(outcomesFile, '');
  const flow = flowFor(sim.url, outcomesFile);
  const runtime = await startRuntime({ source: 'link', flow, settings: quickSettings }).catch(async (error) => {
    await sim.close();
    throw error;
  });
  const clips = join(runtime.userDir, 'clips');
  const jobs = join(runtime.userDir, 'video-clips', 'jobs');
  let lastEnd = 0;

  async function storedJobs(): Promise<StoredJob[]> {
    const names = (await readdir(jobs).catch(() => [])).filter((name) => name.endsWith('.json'));
    // Some are over by the time that they are read.
    const texts = await Promise.all(names.map((name) => readFile(join(jobs, name), 'utf8').catch(() => undefined)));
    return texts.flatMap((text) => (text === undefined ? [] : (JSON.parse(text) as StoredJob)));
  }

  return {
    sim,
    runtime,

    /** Resolves once all of them have been in the journal. */
    async request(names: string[]): Promise<Request[]> {
      const from = Math.max(lastEnd, Date.now() + untilFootageMs);
      const requests = names.map((name, index) => {
        const end = from + (index + 1) * betweenRangesMs;
        return { name, start: end - clipMs, end };
      });
      lastEnd = requests.at(-1)!.end;
      await runtime.inject('start', { payload: requests });
      // By name, whichever node they are at: jobs of earlier requests come and go meanwhile.
      const accepted = new Set<string>();
      await eventually(async () => {
        for (const { data } of await storedJobs()) accepted.add(data.message.name);
        return names.every((name) => accepted.has(name));
      }, acceptMs);
      return requests;
    },

    /** The node of each job in the journal. */
    nodesAtWork: async () => (await storedJobs()).map(({ nodeId }) => nodeId),

    /** Everything in the journal's folder, drafts as well. */
    journal: () => readdir(jobs),
    files: () => readdir(clips).catch((): string[] => []),
    read: (name: string) => readFile(join(clips, name)),

    async outcomes(): Promise<Outcome[]> {
      const lines = (await readFile(outcomesFile, 'utf8')).split('\n').filter(Boolean);
      return lines.map((line) => JSON.parse(line) as Outcome);
    },

    async close(): Promise<void> {
      await runtime.close();
      await sim.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function flowFor(url: string, outcomesFile: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const settings = { url, auth: 'none' };
  const ranges = { range: 'between', start: 'start', startType: 'msg', end: 'end', endType: 'msg', settle: 0 };
  // Written before the call returns: what the nodes have sent on is never lost with the process.
  const record = `
    const { name, clip, error } = msg;
    fs.appendFileSync(${JSON.stringify(outcomesFile)}, JSON.stringify({ name, clip: clip && clip.id, error }) + '\\n');`;
  return [
    { id: 'tab', type: 'tab', label: 'Crash' },
    { id: 'server', type: 'clip-provider', provider: 'vdg-sense', maxConcurrent: 4, settings },
    { ...place, id: 'start', type: 'inject', props: [], wires: [['each']] },
    {
      ...place,
      id: 'each',
      type: 'function',
      func: `return [msg.payload.map((request) => ({ ...request, camera: '6917529027641081901/2' }))];`,
      wires: [['create']],
    },
    { ...place, id: 'create', type: 'create-clip', connection: 'server', ...ranges, wires: [['poll']] },
    { ...place, id: 'poll', type: 'poll-clip', interval: 0.1, maxInterval: 0.2, wires: [['download'], [], ['record']] },
    { ...place, id: 'download', type: 'download-clip', filename: 'clips/{id}.mp4', wires: [['record'], []] },
    { ...place, id: 'errors', type: 'catch', scope: null, wires: [['record']] },
    {
      ...place,
      id: 'record',
      type: 'function',
      func: record,
      libs: [{ var: 'fs', module: 'fs' }],
      wires: [[]],
    },
  ];
}
