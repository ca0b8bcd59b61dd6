/** A real Squid between the product and the simulated servers, as companies have one between their networks and the world. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProxyOptions } from '../../lib/provider';
import { freePort } from '../support/free-port';
import { findProgram } from '../support/programs';
import { listening } from './listening';

/** Debian keeps it where only administrators look. */
export const squidProgram = findProgram('squid', '../sbin/squid');

export interface Squid {
  proxy: ProxyOptions;
  close(): Promise<void>;
}

/** It lets this user through, and nobody else. */
export async function startSquid(username: string, password: string): Promise<Squid> {
  const folder = await mkdtemp(join(tmpdir(), 'clips-squid-'));
  // Its user is another one.
  await chmod(folder, 0o777);
  const port = await freePort();
  const hash = execFileSync('openssl', ['passwd', '-apr1', password], { encoding: 'utf8' }).trim();
  await writeFile(join(folder, 'users'), `${username}:${hash}\n`);
  await writeFile(join(folder, 'squid.conf'), configuration(folder, port));
  const child = spawn(squidProgram!, ['-N', '-f', join(folder, 'squid.conf')], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await listening(port);
  return {
    proxy: { url: `http://127.0.0.1:${port}`, username, password, noProxy: [] },
    async close() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function configuration(folder: string, port: number): string {
  return `http_port 127.0.0.1:${port}
pid_filename ${folder}/squid.pid
cache_log ${folder}/cache.log
access_log none
coredump_dir ${folder}
pinger_enable off
shutdown_lifetime 0 seconds
auth_param basic program /usr/lib/squid/basic_ncsa_auth ${folder}/users
acl users proxy_auth REQUIRED
http_access allow users
http_access deny all
`;
}
