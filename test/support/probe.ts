/** Asks a Node-RED that was started for it what it holds: heap after a collection, and what keeps its event loop going. */
import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from './runtime';

export interface Holdings {
  heapKiB: number;
  /** Of the process, as Linux lists them; 0 where there is no /proc. */
  files: number;
  sockets: number;
  /** That keep the event loop going. */
  timers: number;
}

interface Told {
  heapUsed: number;
  resources: string[];
}

/** By a signal that has no other meaning to Node-RED. */
const tell = `process.on('SIGWINCH', () => {
  gc();
  const told = { heapUsed: process.memoryUsage().heapUsed, resources: process.getActiveResourcesInfo() };
  console.log('[probe] ' + JSON.stringify(told));
});`;
/** For Node.js, so that it can be asked. */
export const probeArguments = ['--expose-gc', `--import=data:text/javascript,${encodeURIComponent(tell)}`];

async function ask(runtime: Runtime): Promise<Told> {
  const told = (): string[] => runtime.logs().match(/(?<=^\[probe\] ).*$/gm) ?? [];
  const before = told().length;
  process.kill(runtime.pid!, 'SIGWINCH');
  while (told().length === before) await sleep(20);
  return JSON.parse(told().at(-1)!) as Told;
}

/** KiB in use after a collection. */
export async function heapKiB(runtime: Runtime): Promise<number> {
  return (await ask(runtime)).heapUsed / 1024;
}

export async function holdingsOf(runtime: Runtime): Promise<Holdings> {
  const { heapUsed, resources } = await ask(runtime);
  const folder = `/proc/${runtime.pid}/fd`;
  const names = await readdir(folder).catch((): string[] => []);
  const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
  const isSocket = (target: string): boolean => target.startsWith('socket:');
  return {
    heapKiB: heapUsed / 1024,
    files: targets.filter((target) => target !== '' && !isSocket(target)).length,
    sockets: targets.filter(isSocket).length,
    timers: resources.filter((resource) => resource === 'Timeout' || resource === 'Immediate').length,
  };
}
