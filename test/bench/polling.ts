/** How many requests a thousand pending clips cost, over three nodes of one connection in a real Node-RED. */
import { setTimeout as sleep } from 'node:timers/promises';
import { heapKiB, probeArguments } from '../support/probe';
import { startRuntime, type Runtime } from '../support/runtime';
import { startSimulatorProcess, type BenchClip } from './simulator';
import type { Row } from './table';

const intervalSeconds = 2;
const intervals = 10;
const nodes = ['poll-1', 'poll-2', 'poll-3'];
const looks = 5;

export async function measurePolling(count: number): Promise<Row[]> {
  const simulator = await startSimulatorProcess();
  const url = await simulator.start({ auth: ['open'], queue: { makeMs: Infinity } });
  const runtime = await startRuntime({ source: 'link', flow: flowFor(url), nodeArguments: probeArguments });
  try {
    const send = async (node: string, clips: BenchClip[]): Promise<void> =>
      runtime.inject(`start-${node}`, { payload: clips.map((clip) => ({ ...clip, connection: 'server' })) });
    // What is loaded at first use belongs to no clip.
    await send('poll-1', await simulator.pendingClips(1));
    await sleep(2 * intervalSeconds * 1000);
    const before = await leastHeapKiB(runtime);

    const clips = await simulator.pendingClips(count - 1);
    const share = Math.ceil(clips.length / nodes.length);
    for (const [index, node] of nodes.entries()) await send(node, clips.slice(index * share, (index + 1) * share));
    // Until all of them are journalled, and in the middle of being asked about again and again.
    await sleep(5 * intervalSeconds * 1000);
    const from = Date.now();
    await sleep(intervals * intervalSeconds * 1000);
    const until = Date.now();
    const times = (await simulator.requestTimes('getClips')).filter((at) => at >= from && at < until);
    const others = (await simulator.requestTimes('updateClip')).length + (await simulator.requestTimes('login')).length;
    const perClip = ((await leastHeapKiB(runtime)) - before) / (count - 1);
    const problems = runtime.problems().filter((line) => !line.startsWith('[probe]'));
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return [
      {
        what: `${count} pending clips, 3 nodes, interval ${intervalSeconds} s: getClips per interval`,
        found: `${(times.length / intervals).toFixed(2)} (${times.length} in ${intervals} intervals, ${others} others)`,
        budget: '1',
        // One more may fall into the window's edge.
        isWithin: times.length > 0 && times.length <= intervals + 1,
      },
      {
        what: `${count} pending clips: heap per clip, with its message`,
        found: `${perClip.toFixed(1)} KiB`,
        budget: '8 KiB',
        isWithin: perClip <= 8,
      },
    ];
  } finally {
    await runtime.close();
    await simulator.stop();
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

function flowFor(url: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const rules = [{ t: 'move', p: 'payload', pt: 'msg', to: 'clip', tot: 'msg' }];
  // Intervals do not grow here: each clip is due in each of them.
  const waits = { interval: intervalSeconds, maxInterval: intervalSeconds };
  const chain = (node: string): object[] => [
    { ...place, id: `start-${node}`, type: 'inject', props: [], wires: [[`split-${node}`]] },
    { ...place, id: `split-${node}`, type: 'split', arraySplt: 1, arraySpltType: 'len', wires: [[`move-${node}`]] },
    { ...place, id: `move-${node}`, type: 'change', rules, wires: [[node]] },
    { ...place, id: node, type: 'poll-clip', ...waits, wires: [[], [], []] },
  ];
  const server = { id: 'server', type: 'clip-provider', provider: 'vdg-sense', settings: { url, auth: 'none' } };
  return [{ id: 'tab', type: 'tab', label: 'Bench' }, server, ...nodes.flatMap(chain)];
}
