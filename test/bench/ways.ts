/** The ways of bringing clips here that are compared: our node, Node-RED's own nodes, and curl. */
import { stat } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import type { Clip } from '../../lib/provider';
import { startCollector, type Collector } from '../support/collector';
import { startRuntime, type Runtime } from '../support/runtime';
import { runCommand } from './command';
import { residentMiB } from './memory';
import type { FinishedClip } from './simulator';

/** @throws what became of it instead */
export interface Way {
  name: string;
  /** It keeps whole clips in memory. */
  isGreedy?: boolean;
  /** Whose memory and work are counted; `undefined`: nobody's. */
  pid(): number | undefined;
  /** Puts each into the folder, and checks that it is there. */
  bring(clips: FinishedClip[], folder: string): Promise<void>;
  /** Starts anew: nothing of what was before is left in memory. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const longestMs = 120_000;
/** How often it is looked whether all is still well. */
const lookMs = 100;
const place = { z: 'tab', x: 100, y: 100 };
const tab = { id: 'tab', type: 'tab', label: 'Bench' };
const start = { ...place, id: 'start', type: 'inject', props: [], wires: [['download']] };

/** `download-clip`. */
export async function ourWay(url: string): Promise<Way> {
  const settings = { url, auth: 'none' };
  const name = { filename: 'file', filenameType: 'msg', exists: 'overwrite' };
  const flow = [
    tab,
    { id: 'server', type: 'clip-provider', provider: 'vdg-sense', maxConcurrent: 8, settings },
    start,
    { ...place, id: 'download', type: 'download-clip', ...name, wires: [['told']] },
    { ...place, id: 'told', type: 'function', func: 'return { clip: msg.clip };', wires: [[]] },
  ];
  return nodeRedWay('download-clip', flow, {
    messageFor: ({ clip }, file) => ({ clip: { ...clip, connection: 'server' }, file }),
    async check(told, clips) {
      for (const { clip } of told) {
        const { id, file } = clip as Clip;
        const expected = clips.find((each) => each.clip.id === id)?.sha256;
        if (file?.sha256 !== expected) throw new Error(`clip ${id} arrived damaged`);
      }
    },
  });
}

/** `http request` and `file`, as the two are mostly wired. */
export async function coreWay(url: string): Promise<Way> {
  const file = { filename: 'file', filenameType: 'msg', overwriteFile: 'true', createDir: true };
  const flow = [
    tab,
    start,
    { ...place, id: 'download', type: 'http request', method: 'GET', ret: 'bin', senderr: true, wires: [['file']] },
    { ...place, id: 'file', type: 'file', ...file, wires: [['told']] },
    // The video must not travel on.
    { ...place, id: 'told', type: 'function', func: 'return { file: msg.file, size: msg.size };', wires: [[]] },
  ];
  const way = await nodeRedWay('http request + file', flow, {
    messageFor: ({ path, size }, file) => ({ url: url + path, file, size }),
    async check(told) {
      for (const each of told) {
        const { size } = await stat(each.file as string);
        if (size !== each.size) throw new Error(`saved ${size} of ${String(each.size)} bytes`);
      }
    },
  });
  return { ...way, isGreedy: true };
}

interface NodeRedFlow {
  messageFor(clip: FinishedClip, file: string): Record<string, unknown>;
  check(told: Record<string, unknown>[], clips: FinishedClip[]): Promise<void>;
}

async function nodeRedWay(name: string, flow: object[], { messageFor, check }: NodeRedFlow): Promise<Way> {
  const collector = await startCollector();
  const caught = [
    { ...place, id: 'errors', type: 'catch', scope: null, wires: [['error']] },
    { ...place, id: 'error', type: 'function', func: 'return { error: msg.error };', wires: [[]] },
  ];
  const tapped = collector.tap([...flow, ...caught], { told: { node: 'told' }, caught: { node: 'error' } });
  const runtime = await startRuntime({ source: 'link', flow: tapped });
  return {
    name,
    pid: () => runtime.pid,
    async bring(clips, folder) {
      const arrived = watch(collector, runtime, clips.length);
      arrived.catch(() => undefined);
      for (const clip of clips) await runtime.inject('start', messageFor(clip, fileOf(clip, folder)));
      await check(await arrived, clips);
    },
    async restart() {
      await runtime.kill();
      await runtime.start();
    },
    async close() {
      await runtime.close();
      await collector.close();
    },
  };
}

/** So many messages that come from now on. @throws what happens instead */
async function watch(collector: Collector, runtime: Runtime, count: number): Promise<Record<string, unknown>[]> {
  const seen = { told: collector.received('told').length, caught: collector.received('caught').length };
  const logged = runtime.logs().length;
  const mostMiB = os.freemem() / 2 ** 20 / 2;
  const deadline = Date.now() + longestMs;
  while (Date.now() < deadline) {
    const nowMiB = runtime.pid === undefined ? 0 : ((await residentMiB(runtime.pid)) ?? 0);
    const told = collector.received('told').slice(seen.told);
    if (told.length >= count) return told;
    const caught = collector.received('caught')[seen.caught];
    if (caught) throw new Error(`fails: ${(caught.error as Error).message}`);
    if (runtime.pid === undefined) throw new Error(`Node-RED dies: ${lastWords(runtime.logs().slice(logged))}`);
    // Before the system has to end something, which may not be this.
    if (nowMiB > mostMiB) throw new Error(`stopped: it took more than ${(mostMiB / 1024).toFixed(0)} GiB of memory`);
    await collector.arrival(lookMs);
  }
  throw new Error(`stopped: nothing came within ${longestMs / 1000} s`);
}

function lastWords(said: string): string {
  const why = /\b\w*Error\b.*|FATAL.*/.exec(said)?.[0] ?? said.trim().split('\n').at(-1) ?? '';
  return why.trim().slice(0, 120);
}

/** @param isSynced as our node does, the file is to be on disk */
export function curlWay(url: string, isSynced: boolean): Way {
  return {
    name: isSynced ? 'curl -o f && sync -d f' : 'curl -o f',
    pid: () => undefined,
    async bring(clips, folder) {
      const bringOne = async (clip: FinishedClip): Promise<void> => {
        const file = fileOf(clip, folder);
        await runCommand('curl', '--silent', '--fail', '--noproxy', '*', '-o', file, url + clip.path);
        if (isSynced) await runCommand('sync', '-d', file);
      };
      await Promise.all(clips.map(bringOne));
    },
    restart: async () => undefined,
    close: async () => undefined,
  };
}

function fileOf({ clip }: FinishedClip, folder: string): string {
  return join(folder, `${clip.id}.mp4`);
}
