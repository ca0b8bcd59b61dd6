/** How soon after the server's push the message of a finished clip leaves, in a real Node-RED that would poll much later. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clip } from '../../lib/provider';
import { startAipix, type Aipix } from '../simulators/aipix';
import { startCollector, type Collector } from '../support/collector';
import { startRuntime } from '../support/runtime';
import { median, type Row } from './table';

const pollSeconds = 60;
/** News that come closer together are asked about together. */
const apartMs = 1_500;
const budgetMs = 250;

/** One push after the other, and so many at once. Includes the way of the message out of Node-RED. */
export async function measurePush(single: number, atOnce: number): Promise<Row[]> {
  const collector = await startCollector();
  const simulator = await startAipix({ making: { makeMs: Infinity }, record: { statusIn: [] } });
  const runtime = await startRuntime({
    source: 'link',
    flow: flowFor(simulator.url, collector),
    credentials: { vms: { username: 'nodered', password: 's3cret-passw0rd' } },
  });
  try {
    for (let count = 0; count < single + atOnce; count += 1) await runtime.inject('start', { camera: '2', count });
    const clips: string[] = [];
    while (clips.length < single + atOnce) clips.push(((await collector.next('created')).clip as Clip).id);
    // Until all of them wait.
    await sleep(2 * apartMs);
    const alone: number[] = [];
    for (const id of clips.slice(0, single)) {
      alone.push(await untilFinished(simulator, collector, [id]));
      await sleep(apartMs);
    }
    const together = await untilFinished(simulator, collector, clips.slice(single));
    return [
      {
        what: `Aipix, push of a finished clip until its message has left (${single} of them)`,
        found: `${median(alone).toFixed(0)} ms, at most ${Math.max(...alone).toFixed(0)} ms`,
        budget: `${budgetMs} ms`,
        isWithin: Math.max(...alone) <= budgetMs,
      },
      {
        what: `Aipix, ${atOnce} such pushes at once until the last message`,
        found: `${together.toFixed(0)} ms`,
        budget: '',
      },
    ];
  } finally {
    await runtime.close();
    await simulator.close();
    await collector.close();
  }
}

/** Milliseconds. */
async function untilFinished(simulator: Aipix, collector: Collector, ids: string[]): Promise<number> {
  const startedAt = performance.now();
  for (const id of ids) simulator.finish(id);
  const arrived = await Promise.all(ids.map(() => collector.next('finished', pollSeconds * 500)));
  const tookMs = performance.now() - startedAt;
  const found = arrived.map(({ clip }) => (clip as Clip).id);
  if (!ids.every((id) => found.includes(id))) throw new Error(`Other clips were finished: ${found.join()}`);
  return tookMs;
}

function flowFor(url: string, collector: Collector): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const waits = { interval: pollSeconds, maxInterval: pollSeconds };
  const flow = [
    { id: 'tab', type: 'tab', label: 'Bench' },
    { id: 'vms', type: 'clip-provider', provider: 'aipix', settings: { url } },
    { ...place, id: 'start', type: 'inject', props: [], wires: [['create']] },
    {
      ...place,
      id: 'create',
      type: 'create-clip',
      connection: 'vms',
      before: 4,
      after: 0,
      settle: 0,
      wires: [['poll']],
    },
    { ...place, id: 'poll', type: 'poll-clip', ...waits, wires: [[], [], []] },
  ];
  return collector.tap(flow, { created: { node: 'create' }, finished: { node: 'poll' } });
}
