/** The flow of a soak: asks each vendor for clips, waits, downloads, and notes down how each ended. */
import { readFileSync } from 'node:fs';
import type { Range, Vendor } from './servers';

/** What a message asks for. */
export interface Asked extends Range {
  name: string;
  connection: string;
  camera: string;
}

/** How it ended, as the flow noted it. */
export interface Outcome {
  name: string;
  vendor?: string;
  clipId?: string;
  start?: string;
  end?: string;
  file?: { path: string; size: number; sha256: string };
  code?: string;
  message?: string;
}

const maxConcurrent = 8;

/** @param revision another number makes another node of each of ours, and leaves the rest as it is */
export function soakFlow(vendors: Vendor[], outcomes: string, revision = 0): object[] {
  const place = { z: 'tab', x: 100, y: 100, name: '' };
  const libs = [{ var: 'fs', module: 'fs' }];
  const note = (fields: string): string =>
    `const { clip = {} } = msg;
     const { provider: vendor, id: clipId, start, end } = clip;
     fs.appendFileSync(${JSON.stringify(outcomes)}, JSON.stringify({ name: msg.name, vendor, clipId, start, end, ${fields} }) + '\\n');`;
  const ours = { ...place, name: `revision ${revision}` };
  const ranges = { range: 'between', start: 'start', startType: 'msg', end: 'end', endType: 'msg', settle: 0 };
  const title = { title: 'name', titleType: 'msg' };
  const waits = { interval: 1, maxInterval: 2 };
  const filename = { filename: 'filename', filenameType: 'msg' };
  return [
    { id: 'tab', type: 'tab', label: 'Soak' },
    ...vendors.map(({ id, provider, settings }) => ({ id, type: 'clip-provider', provider, settings, maxConcurrent })),
    { ...place, id: 'start', type: 'inject', props: [], wires: [['each']] },
    { ...place, id: 'each', type: 'function', func: 'return [msg.payload];', wires: [['create']] },
    {
      ...ours,
      id: 'create',
      type: 'create-clip',
      connectionType: 'msg',
      connection: 'connection',
      ...ranges,
      ...title,
      wires: [['poll']],
    },
    { ...ours, id: 'poll', type: 'poll-clip', ...waits, wires: [['download'], [], []] },
    { ...ours, id: 'download', type: 'download-clip', ...filename, wires: [['note'], []] },
    { ...place, id: 'note', type: 'function', func: note('file: clip.file'), libs, wires: [[]] },
    { ...place, id: 'catch', type: 'catch', scope: ['create', 'poll', 'download'], wires: [['failed']] },
    { ...place, id: 'failed', type: 'function', func: note('...msg.clipError'), libs, wires: [[]] },
  ];
}

/** Reads what was noted since it was read last: a line is written in one go. */
export function outcomesIn(file: string): () => Outcome[] {
  let read = 0;
  return () => {
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    const found = lines.slice(read).map((line) => JSON.parse(line) as Outcome);
    read = lines.length;
    return found;
  };
}
