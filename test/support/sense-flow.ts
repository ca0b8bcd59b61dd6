/** The flow that most node tests use: create, poll and download against a simulated VDG Sense server. */
import assert from 'node:assert/strict';
import type { Clip } from '../../lib/provider';
import type { Message } from '../../lib/node-red/node-red';
import type { VdgSense } from '../simulators/vdg-sense';
import { eventually } from './eventually';
import type { Flow } from './flows';

export const dock = '6917529027641081901/2';
export const credentials = { sense: { username: 'nodered', password: 's3cret' } };

type Properties = Record<string, unknown>;

/** Outcomes arrive at the helper nodes `created`, `progress`, `failed`, `file` and, from the Catch node, `caught`. */
export function senseFlow(
  sim: VdgSense,
  changes: { sense?: Properties; create?: Properties; poll?: Properties; download?: Properties } = {},
): Properties[] {
  return [
    { id: 'sense', type: 'clip-provider', provider: 'vdg-sense', settings: { url: sim.url }, ...changes.sense },
    {
      id: 'create',
      type: 'create-clip',
      connection: 'sense',
      before: 4,
      after: 0,
      settle: 0,
      wires: [['poll', 'created']],
      ...changes.create,
    },
    {
      id: 'poll',
      type: 'poll-clip',
      interval: 0.1,
      wires: [['download', 'polled'], ['progress'], ['failed']],
      ...changes.poll,
    },
    { id: 'download', type: 'download-clip', wires: [['file'], ['downloading']], ...changes.download },
    ...['created', 'polled', 'progress', 'failed', 'file', 'downloading', 'caught', 'completed'].map((id) => ({
      id,
      type: 'helper',
    })),
    { id: 'catcher', type: 'catch', scope: null, uncaught: false, wires: [['caught']] },
    { id: 'completer', type: 'complete', scope: ['create', 'poll', 'download'], wires: [['completed']] },
  ];
}

/** The message that leaves at the end, or the failure that came instead. */
export async function outcome(flow: Flow, wanted: string): Promise<Message> {
  const unwanted = ['caught', 'failed'].filter((id) => id !== wanted);
  return Promise.race([
    flow.next(wanted),
    ...unwanted.map((id) => flow.next(id).then((message) => assert.fail(`${id}: ${JSON.stringify(message.error)}`))),
  ]);
}

export function clipOf(message: Message): Clip {
  return message.clip as Clip;
}

/** A clip in a message, made directly on the server, which is at it for as long as its queue takes. */
export function pendingClip(sim: VdgSense, seconds = 4): Clip {
  const end = Date.now() - 60_000 - sim.clips.length * 1000;
  const start = end - seconds * 1000;
  const made = sim.putClip({ serverid: '6917529027641081901', deviceid: '2', start, end, description: 'made' });
  return {
    id: made.id,
    connection: 'sense',
    provider: 'vdg-sense',
    camera: dock,
    start: new Date(start).toISOString(),
    end: new Date(end).toISOString(),
    status: 'pending',
  };
}

export async function finishedClip(sim: VdgSense, seconds?: number): Promise<Clip> {
  const clip = pendingClip(sim, seconds);
  await eventually(() => sim.clips.find(({ id }) => id === clip.id)?.state === 'finished');
  return { ...clip, status: 'finished' };
}
