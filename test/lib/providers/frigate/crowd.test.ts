// Tests: many clips of Frigate at once.
import assert from 'node:assert/strict';
import type { Clock } from '../../../../lib/async/clock';
import type { Clip } from '../../../../lib/provider';
import { done, runCreate, runPoll } from '../../../contract/rig';
import type { Frigate, FrigateVersion } from '../../../simulators/frigate';
import { closeAll, connectTo, request, start } from './support';

const crowd = 200;
const maxConcurrent = 2;

/** Real time, but a hundred times as fast. */
const fastClock: Clock = {
  now: () => Date.now() * 100,
  steadyNow: () => Date.now() * 100,
  after(ms, call) {
    const timer = setTimeout(call, ms / 100);
    return () => clearTimeout(timer);
  },
};

/** How many creations, and how many exports, there ever are at once. */
function meter(sim: Frigate, onReply: (status?: number) => void): { requests: number; exports: number } {
  const most = { requests: 0, exports: 0 };
  let running = 0;
  const isCreation = ({ method, path }: { method: string; path: string }): boolean => {
    if (method !== 'POST' || !path.startsWith('/api/export/')) return false;
    running += 1;
    most.requests = Math.max(most.requests, running);
    return true;
  };
  sim.failNext(
    {
      kind: 'dress',
      dress(reply) {
        running -= 1;
        onReply(reply.status);
        const busy = sim.exports.filter(({ status }) => status === 'running').length;
        most.exports = Math.max(most.exports, busy);
        return reply;
      },
    },
    isCreation,
    Infinity,
  );
  return most;
}

/** Ranges of their own within an hour that is long over. */
const range = (index: number): { start: string; end: string } => {
  const start = Math.floor(Date.now() / 1000) * 1000 - 2 * 3600_000 + index * 10_000;
  return { start: new Date(start).toISOString(), end: new Date(start + 4_000).toISOString() };
};

/** Requests of each round of polling, by the one that it begins with. */
function rounds(paths: string[]): string[][] {
  const found: string[][] = [];
  for (const path of paths) {
    if (path === '/api/jobs/export') found.push([]);
    found.at(-1)?.push(path);
  }
  return found;
}

async function makeAll(version: FrigateVersion) {
  // Where there is a queue, nothing is made before it has been full: however slowly clips are asked for.
  let isMaking = version === '0.17.2';
  const sim = await start({ version, clock: 'real', exports: { makeMs: () => (isMaking ? 30 : Infinity), queue: 10 } });
  const connection = connectTo(sim, { clock: fastClock, maxConcurrent });
  const most = meter(sim, (status) => {
    if (isMaking || status !== 503) return;
    isMaking = true;
    for (const made of sim.exports) if (made.status === 'running') made.endsAt = Date.now();
  });
  const make = async (index: number): Promise<Clip> =>
    (await done(runCreate(connection, request({ ...range(index), title: `Clip ${index}` })))).clip!;
  const clips = await Promise.all(Array.from({ length: crowd }, (_, index) => make(index)));
  const before = sim.requests.length;
  const finished = await Promise.all(clips.map(async (clip) => (await done(runPoll(connection, clip))).clip));
  const polled = sim.requests.slice(before).map(({ path }) => path);
  return { sim, most, finished, polled };
}

describe(`Frigate: ${crowd} clips at once`, function () {
  this.timeout(120_000);
  afterEach(closeAll);

  it('are created within the limit, and followed with at most three requests per round (0.18)', async () => {
    const { sim, most, finished, polled } = await makeAll('0.18.0');
    assert.ok(finished.every(({ status, size }) => status === 'finished' && size! > 0));
    assert.equal(new Set(finished.map(({ id }) => id)).size, crowd);
    assert.equal(sim.exports.length, crowd);
    assert.ok(most.requests <= maxConcurrent, `${most.requests} creations at once`);
    const sizes = rounds(polled).map(({ length }) => length);
    assert.ok(sizes.length > 0 && Math.max(...sizes) <= 3, sizes.join(', '));
    assert.ok(
      sim.requestsFor('create').some(({ status }) => status === 503),
      'the queue was full',
    );
  });

  it('are made within the limit where there is no queue (0.17)', async () => {
    const { sim, most, finished } = await makeAll('0.17.2');
    assert.ok(finished.every(({ status }) => status === 'finished'));
    assert.equal(sim.exports.length, crowd);
    assert.ok(most.requests <= maxConcurrent, `${most.requests} creations at once`);
    assert.ok(most.exports <= maxConcurrent, `${most.exports} exports at once`);
  });
});
