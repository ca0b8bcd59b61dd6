/** A real Redis server for one suite, on a port of its own, and a cable to it that can be cut. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port';
import { describeWith, findProgram } from './programs';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends it; what it kept comes back with `start` where it was told to keep it. */
  stop(): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
  /** Ends it for good. */
  close(): Promise<void>;
}

export interface RedisCable {
  readonly url: string;
  /** Breaks all connections, and takes no new ones. */
  cut(): void;
  mend(): void;
  /** New connections reach that server; those that there are stay where they are. */
  leadTo(server: RedisServer): void;
  close(): Promise<void>;
}

const startMs = 30_000;
const program = findProgram('redis-server', 'valkey-server');

export function describeWithRedis(title: string, suite: () => void): void {
  describeWith(program, 'redis-server', title, suite);
}

export interface RedisServerOptions {
  /** Everything survives `stop`. Otherwise it is set to keep things, but may have lost the latest. */
  keeps?: boolean;
  /** It is set to keep nothing. */
  forgets?: boolean;
  /** Is asked for. */
  password?: string;
  /** More options of its command line. */
  more?: string[];
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  if (!program) throw new Error('redis-server is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'clips-redis-'));
  const port = await freePort();
  const { keeps = false, forgets = false, password, more = [] } = options;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const keep = ['--appendonly', forgets ? 'no' : 'yes', '--appendfsync', keeps ? 'always' : 'everysec'];
    const secret = password === undefined ? [] : ['--requirepass', password];
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
    child = await run([...place, '--save', '', ...keep, ...secret, ...more], port);
  }

  async function stop(): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending) await kill(ending);
  }

  await start();
  return {
    port,
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    start,
    stop,
    async close() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A Sentinel by itself that watches the server under the name `clips`. */
export async function startSentinel(
  watched: RedisServer,
): Promise<{ port: number; url: string; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'clips-sentinel-'));
  const [port, config] = [await freePort(), join(folder, 'sentinel.conf')];
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${folder}`,
    `sentinel monitor clips 127.0.0.1 ${watched.port} 1`,
  ];
  await writeFile(config, lines.join('\n'));
  const child = await run([config, '--sentinel'], port);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async close() {
      await kill(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function run(options: string[], port: number): Promise<ChildProcess> {
  const started = spawn(program!, options, { stdio: 'ignore' });
  const killWithUs = (): void => void started.kill('SIGKILL');
  process.once('exit', killWithUs);
  started.once('exit', () => process.off('exit', killWithUs));
  const deadline = Date.now() + startMs;
  while (!(await answers(port))) {
    if (started.exitCode !== null || Date.now() > deadline) throw new Error('redis-server did not start');
    await sleep(10);
  }
  return started;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** What an engine connects to whose link is to break while the server goes on. */
export async function startCable(server: RedisServer): Promise<RedisCable> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let { port } = server;
  const proxy = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => undefined);
      one.once('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const drop = (): void => sockets.forEach((socket) => void socket.destroy());
  return {
    url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      drop();
    },
    mend: () => void (isCut = false),
    leadTo: (other) => void (port = other.port),
    async close() {
      const closed = once(proxy, 'close');
      proxy.close();
      drop();
      await closed;
    },
  };
}

/** Also when it asks for a password first. */
async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (isUp: boolean): void => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('error', () => end(false));
    socket.once('data', (reply: Buffer) => end(/^(\+PONG|-NOAUTH)/.test(reply.toString())));
    socket.once('connect', () => socket.write('PING\r\n'));
  });
}
