/** Looks for secrets where none may be: in files below a folder, and in the command lines of this process and its children. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where Node-RED keeps credentials, which are not encrypted in tests; and videos, which hold no text. */
const exempt = /flows_cred\.json|\.mp4(\.|$)/;
const mostBytes = 8 * 2 ** 20;
const pauseMs = 50;

export interface SecretScan {
  /** Ends it, after a last look. @returns where which secret was seen */
  stop(): Promise<string[]>;
}

/** @param secrets asked at each look: a server hands out more of them as it goes */
export function scanForSecrets(folder: string, secrets: () => string[]): SecretScan {
  const found = new Set<string>();
  const seen = new Map<string, string>();
  const foreign = new Set<string>();
  let isOver = false;

  function search(where: string, text: string): void {
    for (const secret of secrets()) {
      const form = formsOf(secret).find((each) => text.includes(each));
      if (form !== undefined) found.add(`${where}: ...${around(text, form)}...`);
    }
  }

  async function look(): Promise<void> {
    for (const path of await filesBelow(folder)) {
      const state = await stat(path).catch(() => undefined);
      const version = `${state?.ino} ${state?.size} ${state?.mtimeMs}`;
      if (!state || state.size > mostBytes || seen.get(path) === version) continue;
      seen.set(path, version);
      search(path, path);
      search(path, await readFile(path, 'latin1').catch(() => ''));
    }
    for (const { pid, command } of await ourCommands(foreign)) search(`the command line of ${pid}`, command);
  }

  const looking = (async () => {
    while (!isOver) {
      await look();
      await sleep(pauseMs);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await looking;
      seen.clear();
      await look();
      return [...found];
    },
  };
}

export function formsOf(secret: string): string[] {
  return [...new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])];
}

function around(text: string, form: string): string {
  const at = text.indexOf(form);
  return text.slice(Math.max(0, at - 120), at + form.length + 40);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const paths = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path);
      return entry.isFile() && !exempt.test(entry.name) ? [path] : [];
    }),
  );
  return paths.flat();
}

/**
 * Of this process and all that came from it, where there is a /proc.
 * @param foreign ids of other processes, which need not be looked at again
 */
async function ourCommands(foreign: Set<string>): Promise<{ pid: number; command: string }[]> {
  const names = (await readdir('/proc').catch((): string[] => [])).filter((name) => /^\d+$/.test(name));
  const running = new Set(names);
  for (const name of foreign) if (!running.has(name)) foreign.delete(name);
  const processes = await Promise.all(
    names
      .filter((name) => !foreign.has(name))
      .map(async (name) => {
        const [status, command] = await Promise.all(
          ['status', 'cmdline'].map((file) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '')),
        );
        return { pid: Number(name), parent: Number(/^PPid:\s+(\d+)/m.exec(status!)?.[1]), command: command! };
      }),
  );
  const ours = new Set([process.pid]);
  for (let before = 0; before < ours.size;) {
    before = ours.size;
    for (const { pid, parent } of processes) if (ours.has(parent)) ours.add(pid);
  }
  for (const { pid, parent } of processes) if (parent >= 0 && !ours.has(pid)) foreign.add(String(pid));
  return processes.filter(({ pid }) => ours.has(pid));
}
