/** How quickly Node-RED answers its editor, and how much it logs, while Redis is away, silent, full or refusing and messages come in. */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startVdgSense } from '../simulators/vdg-sense';
import { findProgram } from '../support/programs';
import { startRedis, type RedisServer } from '../support/redis';
import { startRuntime, type Runtime } from '../support/runtime';
import type { Row } from './table';

const troubleMs = 10_000;
const betweenMessagesMs = 200;
const betweenLooksMs = 50;
const longestMs = 120_000;
const budgetMs = 100;

interface Trouble {
  name: string;
  begin(server: RedisServer, admin: Redis): Promise<unknown>;
  end(server: RedisServer, admin: Redis): Promise<unknown>;
}

const nothing = async (): Promise<void> => undefined;

const troubles: Trouble[] = [
  // What the others compare with.
  { name: 'well', begin: nothing, end: nothing },
  { name: 'away', begin: (server) => server.stop(), end: (server) => server.start() },
  {
    name: 'silent',
    begin: (_, admin) => admin.call('CLIENT', 'PAUSE', String(troubleMs), 'ALL'),
    end: nothing,
  },
  {
    name: 'full',
    begin: (_, admin) => admin.call('CONFIG', 'SET', 'maxmemory', '1'),
    end: (_, admin) => admin.call('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    name: 'without the right to run scripts',
    begin: (_, admin) => admin.call('ACL', 'SETUSER', 'clips', '-@scripting'),
    end: (_, admin) => admin.call('ACL', 'SETUSER', 'clips', '+@all'),
  },
];

export async function measureRedisTrouble(): Promise<Row[]> {
  if (!findProgram('redis-server', 'valkey-server')) {
    return [{ what: 'trouble with Redis', found: 'not measured: redis-server is not installed', budget: '' }];
  }
  const folder = await mkdtemp(join(tmpdir(), 'clips-trouble-'));
  const [sim, redis] = await Promise.all([
    startVdgSense({ auth: ['open'], queue: { makeMs: 0 } }),
    startRedis({ keeps: true }),
  ]);
  const admin = new Redis(redis.port, '127.0.0.1', { retryStrategy: () => 100 });
  admin.on('error', () => undefined);
  let runtime: Runtime | undefined;
  try {
    await allow(admin);
    const outcomes = join(folder, 'outcomes');
    await appendFile(outcomes, '');
    const url = `redis://clips:pw@127.0.0.1:${redis.port}`;
    const settings = { clipProviderJobs: { redis: url }, fileWorkingDirectory: folder };
    runtime = await startRuntime({ source: 'link', flow: flowFor(sim.url, outcomes), settings });
    const rows: Row[] = [];
    for (const trouble of troubles) rows.push(await measure(trouble, { runtime, redis, admin, outcomes }));
    return rows;
  } finally {
    await runtime?.close();
    admin.disconnect();
    await Promise.all([sim.close(), redis.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Users are gone with a server that is stopped: their list is not among what it keeps. */
function allow(admin: Redis): Promise<unknown> {
  return admin.call('ACL', 'SETUSER', 'clips', 'reset', 'on', '>pw', '~*', '&*', '+@all');
}

interface World {
  runtime: Runtime;
  redis: RedisServer;
  admin: Redis;
  outcomes: string;
}

let sent = 0;

async function measure(trouble: Trouble, { runtime, redis, admin, outcomes }: World): Promise<Row> {
  const linesBefore = runtime.problems().length;
  await trouble.begin(redis, admin);
  const until = Date.now() + troubleMs;
  const answersMs: number[] = [];
  const looking = (async () => {
    while (Date.now() < until) {
      const at = performance.now();
      await (await runtime.admin('/settings')).arrayBuffer();
      answersMs.push(performance.now() - at);
      await sleep(betweenLooksMs);
    }
  })();
  const end = Date.now() - 3600_000;
  while (Date.now() < until) {
    const name = String((sent += 1));
    const start = end - sent * 5_000;
    await runtime.inject('start', { payload: { name, camera: '6917529027641081901/2', start, end: start + 2_000 } });
    await sleep(betweenMessagesMs);
  }
  await looking;
  await trouble.end(redis, admin);
  await allow(admin);
  const lines = runtime.problems().length - linesBefore;
  const deadline = Date.now() + longestMs;
  while ((await namesIn(outcomes)).size < sent && Date.now() < deadline) await sleep(50);
  const lost = sent - (await namesIn(outcomes)).size;
  const longestMsFound = Math.max(...answersMs);
  const perMinute = (lines * 60_000) / troubleMs;
  return {
    what: `Redis ${trouble.name} for ${troubleMs / 1000} s, five messages a second: longest answer to the editor`,
    found: `${longestMsFound.toFixed(0)} ms of ${answersMs.length}; ${perMinute} log lines a minute; ${lost} events lost`,
    budget: `${budgetMs} ms, 20 lines, 0 lost`,
    isWithin: longestMsFound <= budgetMs && perMinute <= 20 && lost === 0,
  };
}

async function namesIn(outcomes: string): Promise<Set<string>> {
  return new Set((await readFile(outcomes, 'utf8')).split('\n').filter(Boolean));
}

function flowFor(url: string, outcomes: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const ranges = { range: 'between', start: 'start', startType: 'msg', end: 'end', endType: 'msg', settle: 0 };
  const record = `fs.appendFileSync(${JSON.stringify(outcomes)}, msg.name + '\\n');`;
  const libs = [{ var: 'fs', module: 'fs' }];
  return [
    { id: 'tab', type: 'tab', label: 'Bench' },
    { id: 'server', type: 'clip-provider', provider: 'vdg-sense', settings: { url, auth: 'none' } },
    { ...place, id: 'start', type: 'inject', props: [], wires: [['each']] },
    { ...place, id: 'each', type: 'function', func: 'return msg.payload;', wires: [['create']] },
    { ...place, id: 'create', type: 'create-clip', connection: 'server', ...ranges, wires: [['record']] },
    { ...place, id: 'record', type: 'function', func: record, libs, wires: [[]] },
  ];
}
