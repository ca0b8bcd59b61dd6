/** A real Node-RED in a process and with a user directory of its own, on loopback. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installPackage, linkPackage, packageRoot } from './package';

export type NodeRedVersion = '5' | '4.1';

export interface RuntimeOptions {
  nodeRed?: NodeRedVersion;
  flow: object[];
  /** By node id, as the editor would have stored them. */
  credentials?: Record<string, Record<string, string>>;
  /** What goes into the settings file, over what keeps a runtime quiet and to itself. */
  settings?: Record<string, unknown>;
  /**
   * Where the package comes from: installed from the packed tarball, or the working tree (quick; works without a registry).
   */
  source?: 'tarball' | 'link';
  /** Folders of packages that are installed beside ours, in the same way. */
  plugins?: string[];
  /** 0: a free one. It stays the same over restarts. */
  port?: number;
  /** Arguments for Node.js. */
  nodeArguments?: string[];
}

export interface Runtime {
  readonly userDir: string;
  /** Of the editor and the admin API, without a trailing slash. */
  readonly url: string;
  /** `undefined` while it is down. */
  readonly pid: number | undefined;
  /** All that it printed, over all starts. */
  logs(): string;
  /** Those lines that are a warning or worse, or that did not come out of Node-RED's log at all. */
  problems(): string[];
  /** Resolves once the flows have started. */
  start(): Promise<void>;
  /** Asks it to stop and waits until it has. */
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** A request to the admin API. @throws for any status but 2xx */
  admin(path: string, request?: RequestInit): Promise<Response>;
  /** Presses the button of an inject node; with `properties`, it sends those instead of its own. */
  inject(id: string, properties?: Record<string, unknown>, headers?: Record<string, string>): Promise<void>;
  /** Stops it and removes its user directory. */
  close(): Promise<void>;
  /** Resolves when the process ends without having been told to. */
  crashed(): Promise<void>;
}

const startMs = 60_000;
/** Node-RED gives each node 15 s to close. */
const stopMs = 25_000;
const modules: Record<NodeRedVersion, string> = { '5': 'node-red', '4.1': 'node-red-4' };

const quietSettings = {
  uiHost: '127.0.0.1',
  flowFile: 'flows.json',
  credentialSecret: false,
  // Tests read the log.
  lang: 'en-US',
  logging: { console: { level: 'info', metrics: false, audit: false } },
  // Nothing here may call home.
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: {
    tours: false,
    projects: { enabled: false },
    palette: { catalogues: [] },
    // No dialog of ours has code in it, and with the other editor of code each page takes twice as long to load.
    codeEditor: { lib: 'ace' },
  },
};

/** For one that is started again and again, to be up in two thirds of the time: no editor, and no core nodes that need much. */
export const quickSettings = {
  disableEditor: true,
  nodesExcludes: [
    ...['05-tls.js', '06-httpproxy.js', '10-mqtt.js', '21-httpin.js', '21-httprequest.js', '22-websocket.js'],
    ...['31-tcpin.js', '32-udp.js', '70-CSV.js', '70-HTML.js', '70-JSON.js', '70-XML.js', '70-YAML.js', '10-file.js'],
    ...['23-watch.js', '90-exec.js', '16-range.js', '80-template.js', '17-split.js', '18-sort.js', '19-batch.js'],
  ],
};

/** Starts it; on failure nothing is left behind. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const userDir = await mkdtemp(join(tmpdir(), 'clips-node-red-'));
  const runtime = createRuntime(userDir, options);
  try {
    await (options.source === 'link'
      ? linkPackage(userDir, options.plugins)
      : installPackage(userDir, options.plugins));
    await writeFile(join(userDir, 'flows.json'), JSON.stringify(options.flow));
    await writeFile(join(userDir, 'flows_cred.json'), JSON.stringify(options.credentials ?? {}));
    await runtime.start();
    return runtime;
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

function createRuntime(userDir: string, options: RuntimeOptions): Runtime {
  const settingsFile = join(userDir, 'settings.js');
  const program = join(packageRoot, 'node_modules', modules[options.nodeRed ?? '5'], 'red.js');
  let port = options.port ?? 0;
  let output = '';
  let child: ChildProcess | undefined;
  let reportCrash: () => void = () => undefined;
  const crash = new Promise<void>((resolve) => (reportCrash = resolve));

  async function start(): Promise<void> {
    const settings = { ...quietSettings, userDir, uiPort: port, ...options.settings };
    await writeFile(settingsFile, `module.exports = ${JSON.stringify(settings, undefined, 2)};\n`);
    const before = output.length;
    const process = spawn(
      globalThis.process.execPath,
      [...(options.nodeArguments ?? []), program, '-s', settingsFile],
      {
        cwd: userDir,
        env: cleanEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    child = process;
    const killWithUs = (): void => void process.kill('SIGKILL');
    globalThis.process.once('exit', killWithUs);
    process.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    process.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    process.once('exit', () => {
      globalThis.process.off('exit', killWithUs);
      // Whoever stops it takes it out of `child` first.
      if (child === process) reportCrash();
      if (child === process) child = undefined;
    });
    const deadline = Date.now() + startMs;
    for (;;) {
      const said = output.slice(before);
      const listening = /Server now running at http:\/\/127\.0\.0\.1:(\d+)/.exec(said);
      if (listening && /Started flows/.test(said)) {
        port = Number(listening[1]);
        return;
      }
      if (!child) throw new Error(`Node-RED ended at its start:\n${said}`);
      if (Date.now() > deadline) throw new Error(`Node-RED did not start its flows:\n${said}`);
      await sleep(20);
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ending = child;
    if (!ending) return;
    child = undefined;
    const exit = once(ending, 'exit');
    ending.kill(signal);
    const timer = new AbortController();
    const late = sleep(stopMs, 'late', { signal: timer.signal }).catch(() => undefined);
    const first = await Promise.race([exit, late]);
    timer.abort();
    if (first !== 'late') return;
    ending.kill('SIGKILL');
    await exit;
    throw new Error(`Node-RED did not stop within ${stopMs / 1000} s:\n${output.slice(-2000)}`);
  }

  async function admin(path: string, request?: RequestInit): Promise<Response> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, request);
    if (!response.ok) throw new Error(`${path}: HTTP ${response.status} ${await response.text()}`);
    return response;
  }

  return {
    userDir,
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    get pid() {
      return child?.pid;
    },
    logs: () => output,
    problems: () => output.split('\n').filter(isProblem),
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    admin,
    async inject(id, properties, headers = {}) {
      const entries = Object.entries(properties ?? {});
      const sent = entries.map(([p, value]) => ({ p, v: JSON.stringify(value), vt: 'json' }));
      const body = JSON.stringify(properties ? { __user_inject_props__: sent } : {});
      await admin(`/inject/${id}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      });
    },
    async close() {
      try {
        await end('SIGTERM');
      } finally {
        await rm(userDir, { recursive: true, force: true, maxRetries: 5 });
      }
    },
    crashed: () => crash,
  };
}

/** What whoever runs the tests has set up for their own Node-RED or proxy must not get into this one. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(NODE_OPTIONS|NODE_RED_.*|NODE_ENV|PORT|npm_.*|(https?|all|no)_proxy)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** Node-RED warns of what the settings above ask it to do. */
const expectedWarnings = /\[warn\] (Projects disabled|Using unencrypted credentials)/;

/** Log lines start with a date and a level; the welcome text is plain, a stack trace is indented. */
function isProblem(line: string): boolean {
  if (line.trim() === '' || /^(=+|Welcome to Node-RED)\s*$/.test(line) || expectedWarnings.test(line)) return false;
  return !/^\d+ \w+ \d\d:\d\d:\d\d - \[(info|debug|trace)\] /.test(line);
}
