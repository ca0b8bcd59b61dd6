/** A real nginx in front of the simulated servers, as reverse proxies stand in front of recorders. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { World } from '../contract/harness';
import { freePort } from '../support/free-port';
import { findProgram } from '../support/programs';
import { listening } from './listening';

/** Debian keeps it where only administrators look. */
export const nginxProgram = findProgram('nginx', '../sbin/nginx');

export interface Nginx {
  /** The same world, by way of nginx. */
  world: World;
  /** From the next start on. */
  configure(options: NginxOptions): Promise<void>;
  /** All connections break. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface NginxOptions {
  /** Directives for all of it, for each server, and for what is passed on. */
  http?: string;
  server?: string;
  location?: string;
}

export async function startNginx(world: World, options: NginxOptions = {}): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'clips-nginx-'));
  const ports = new Map<string, number>();
  const settings: World['settings'] = { ...world.settings };
  for (const [name, value] of Object.entries(settings)) {
    const target = typeof value === 'string' ? /127\.0\.0\.1:\d+/.exec(value)?.[0] : undefined;
    if (!target) continue;
    if (!ports.has(target)) ports.set(target, await freePort());
    settings[name] = String(value).replaceAll(target, `127.0.0.1:${ports.get(target)}`);
  }
  const file = join(folder, 'nginx.conf');
  const write = (changed: NginxOptions): Promise<void> => writeFile(file, configuration(folder, ports, changed));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(nginxProgram!, ['-c', file, '-p', folder, '-e', join(folder, 'error.log')], { stdio: 'ignore' });
    for (const port of ports.values()) await listening(port);
  }

  async function stop(): Promise<void> {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null) return;
    const ended = once(ending, 'exit');
    ending.kill('SIGTERM');
    await ended;
  }

  await write(options);
  await start();
  return {
    world: { ...world, settings, close: () => Promise.resolve() },
    start,
    stop,
    configure: write,
    async close() {
      await stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      await world.close();
    },
  };
}

function configuration(folder: string, ports: Map<string, number>, options: NginxOptions): string {
  const { server = '', location = '', http = '' } = options;
  const servers = [...ports].map(
    ([target, port]) => `
  server {
    listen 127.0.0.1:${port};
    ${server}
    location / {
      proxy_pass http://${target};
      proxy_set_header Host $http_host;
      ${location}
    }
  }`,
  );
  return `daemon off;
user ${userInfo().username};
pid ${folder}/nginx.pid;
worker_processes 1;
events { worker_connections 256; }
http {
  access_log ${folder}/access.log;
  types { text/html html; application/json json; video/mp4 mp4; }
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${http}
  ${servers.join('\n')}
}
`;
}
