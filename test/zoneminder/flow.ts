// Asks the test server for clips and exports as users do, by a flow, and reads off the files which time they show.
import assert from 'node:assert/strict';
import type { Message } from '../../lib/node-red/node-red';
import type { Clip, ClipFile, Range } from '../../lib/provider';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { viewer } from './server';

/** Recording in real time takes its time. */
const longestMs = 60_000;

const helpers = ['file', 'exported', 'progress', 'failed', 'caught'];

/** @param url with `/zm` */
export function withClipFlow(url: string, test: (flow: Flow) => Promise<void>, settings: object = {}): Promise<void> {
  // Not the id of the provider, which Node-RED would take for a reference of the node to itself.
  const connection = 'server';
  const flow = [
    { id: connection, type: 'clip-provider', provider: 'zoneminder', settings: { url, ...settings } },
    { id: 'create', type: 'create-clip', connection, range: 'between', settle: 0, wires: [['poll']] },
    { id: 'poll', type: 'poll-clip', interval: 1, maxInterval: 2, wires: [['download'], ['progress'], ['failed']] },
    { id: 'download', type: 'download-clip', wires: [['file'], ['progress']] },
    { id: 'export', type: 'export-video', connection, settle: 0, wires: [['exported'], ['progress'], ['failed']] },
    ...helpers.map((id) => ({ id, type: 'helper' })),
    { id: 'catcher', type: 'catch', scope: null, uncaught: false, wires: [['caught']] },
  ];
  return withFlow(flow, test, { credentials: { [connection]: viewer } });
}

export function rangeOf(startMs: number, seconds: number): Range {
  return { start: new Date(startMs).toISOString(), end: new Date(startMs + seconds * 1000).toISOString() };
}

/** The clip of a range, with its file. */
export async function clipOf(flow: Flow, camera: string, range: Range): Promise<DownloadedClip> {
  const message = await outcome(flow, () => flow.send('create', { camera, ...range }));
  assert.equal(message.error, undefined, JSON.stringify(message.error));
  return message.clip as DownloadedClip;
}

export type DownloadedClip = Clip & { file: ClipFile };

/** The one file of an export of one camera. */
export async function exportOf(flow: Flow, camera: string, range: Range): Promise<string> {
  const message = await outcome(flow, () => flow.send('export', { cameras: [camera], ...range }));
  const { cameras } = message.export as { cameras: { path?: string }[] };
  assert.ok(cameras[0]?.path, JSON.stringify(message));
  return cameras[0].path;
}

/** What comes of what is sent: a file, an export or a failure. */
async function outcome(flow: Flow, send: () => void): Promise<Message> {
  const ended = (): Message[] => ['file', 'exported', 'failed', 'caught'].flatMap((id) => flow.received(id));
  const earlier = new Set(ended());
  const fresh = (): Message | undefined => ended().find((message) => !earlier.has(message));
  send();
  await eventually(() => fresh() !== undefined, longestMs);
  return fresh()!;
}
