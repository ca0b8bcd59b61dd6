// Starts and stops a real ZoneMinder for tests, and reaches into its database and its options.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../support/free-port';
import { describeUnless, findProgram } from '../support/programs';

export interface ServerOptions {
  /** IANA name, of system, database and PHP alike. */
  timeZone?: string;
  /** By how much its clock is ahead; whole seconds. */
  clockOffsetMs?: number;
}

export interface ZoneMinderServer {
  /** `http://127.0.0.1:PORT/zm`. */
  readonly url: string;
  readonly timeZone: string;
  /** Epoch milliseconds by its clock. */
  now(): number;
  /** Where the machine has what the server knows by this path. */
  pathOf(path: string): string;
  /** Runs SQL and gives the rows of its results, `NULL` as text. */
  query(sql: string): string[][];
  /** Sets an option, such as `ZM_OPT_USE_AUTH`. Pages and API heed it at once, recorders when they start. */
  setOption(name: string, value: string): void;
  /** Every token handed out so far is refused from now on. */
  revokeTokens(): Promise<void>;
  /** Ends the recorder of a camera as a crash does; another one is started soon. */
  killRecorder(camera: string): void;
  /** Stops and starts it again with all that it has recorded. */
  restart(options?: ServerOptions): Promise<void>;
  /** Ends all of its processes, and removes all that it wrote. */
  close(): Promise<void>;
}

/** May do everything. Further users, with the same password: see `database.sql`. */
export const administrator = { username: 'admin', password: 's3cret' };
/** May do what reading clips takes. */
export const viewer = { ...administrator, username: 'viewer' };

/** On a machine with two busy cores, a start from nothing took 20 s. */
const startMs = 120_000;
/** A recorder has ten seconds to close its event. */
const stopMs = 30_000;

export function describeWithZoneMinder(title: string, suite: (this: Mocha.Suite) => void): void {
  describeUnless(obstacle(), title, suite);
}

/** Why it cannot run here. */
export function obstacle(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'ZoneMinder takes root on Linux';
  const missing = ['zmc', 'apache2', 'mariadbd', 'mariadb'].find((name) => !findProgram(name));
  if (missing) return `ZoneMinder is not installed: there is no ${missing}`;
  const { status } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']);
  return status === 0 ? undefined : 'ZoneMinder takes namespaces, and this machine allows none';
}

/** Somebody else may take the port that was free just before. */
const mostStarts = 3;

/** Starts it with an empty database; on failure nothing is left behind. */
export async function startZoneMinder(options: ServerOptions = {}): Promise<ZoneMinderServer> {
  for (let starts = 1; ; starts += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (starts === mostStarts) throw error;
    }
  }
}

async function startOnce(options: ServerOptions): Promise<ZoneMinderServer> {
  const folder = await mkdtemp(join(tmpdir(), 'clips-zoneminder-'));
  // ZoneMinder runs as www-data.
  await chmod(folder, 0o755);
  const server = createServer(folder, await freePort());
  try {
    await server.restart(options);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

function createServer(folder: string, port: number): ZoneMinderServer {
  let settings: Required<ServerOptions> = { timeZone: 'Etc/UTC', clockOffsetMs: 0 };
  let child: ChildProcess | undefined;
  const now = (): number => Date.now() + settings.clockOffsetMs;

  async function start(): Promise<void> {
    const { timeZone, clockOffsetMs } = settings;
    const args = [folder, String(port), timeZone, String(clockOffsetMs / 1000)];
    // In a session of its own, so that Ctrl-C reaches it only by the end of its standard input.
    const started = spawn(join(__dirname, 'serve'), args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
    child = started;
    const timer = setTimeout(() => started.kill('SIGKILL'), startMs);
    const lines = createInterface(started.stdout);
    const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?];
    clearTimeout(timer);
    if (line === 'ready') return;
    const log = await readFile(join(folder, 'log'), 'utf8').catch(String);
    throw new Error(`ZoneMinder did not start:\n${log.slice(-2000)}`);
  }

  async function stop(): Promise<void> {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const timer = setTimeout(() => ending.kill('SIGKILL'), stopMs);
    const exit = once(ending, 'exit');
    ending.stdin?.end();
    await exit;
    clearTimeout(timer);
  }

  function query(sql: string): string[][] {
    const socket = `--socket=${folder}/run/mysqld/mysqld.sock`;
    const args = ['--no-defaults', socket, '--user=root', '--skip-column-names', '--batch', 'zm'];
    const output = execFileSync('mariadb', args, { input: sql, encoding: 'utf8' });
    return output
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t'));
  }

  return {
    url: `http://127.0.0.1:${port}/zm`,
    get timeZone() {
      return settings.timeZone;
    },
    now,
    pathOf: (path) => join(folder, path),
    query,
    setOption(name, value) {
      query(`update Config set Value = ${quote(value)} where Name = ${quote(name)}`);
    },
    async revokeTokens() {
      // Tokens count by the second in which they were made: those of the next one are good.
      const next = Math.floor(now() / 1000) + 1;
      query(`update Users set TokenMinExpiry = ${next}`);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next * 1000 - now())));
    },
    killRecorder(camera) {
      const { status } = spawnSync('pkill', [
        '--ns',
        String(child?.pid),
        '--nslist',
        'mnt',
        '-KILL',
        '-f',
        `zmc -m ${camera}$`,
      ]);
      if (status !== 0) throw new Error(`Camera ${camera} has no recorder`);
    },
    async restart(changes = {}) {
      await stop();
      settings = { ...settings, ...changes };
      await start();
    },
    async close() {
      await stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A text in SQL. */
export const quote = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
