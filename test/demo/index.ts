// Shows the package in a Node-RED of its own: the examples, a video system, and one alarm that becomes a video.
//
// `npm run demo`: a simulated VDG Sense server, and all examples. `--zoneminder`: a real ZoneMinder with a live camera, where
// one can run (test/zoneminder). `--once` ends after the first video: 0 when it is whole, 1 when it is not or does not come.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Clip } from '../../lib/provider';
import { openDebugSidebar } from '../support/debug-sidebar';
import { findNode } from '../support/examples';
import { startRuntime, type Runtime } from '../support/runtime';
import type { DemoSystem } from './system';
import { startVdgSenseDemo } from './vdg-sense';
import { startZoneMinderDemo } from './zoneminder';

const usualEditorPort = 1880;
/** The longest that timers take. */
const foreverMs = 2 ** 31 - 1;

const once = process.argv.includes('--once');
const stop = new AbortController();
const closers: (() => Promise<void>)[] = [];

async function main(): Promise<void> {
  const system = await (process.argv.includes('--zoneminder') ? startZoneMinderDemo() : startVdgSenseDemo());
  closers.unshift(() => system.close());
  const { flow, credentials, longestMs } = system;
  const port = (await isFree(usualEditorPort)) ? usualEditorPort : 0;
  const runtime = await startRuntime({ flow, credentials, source: 'link', port });
  closers.unshift(() => runtime.close());
  stop.signal.throwIfAborted();
  const watch = `Watch it: ${runtime.url}/#flow/${flow[0]!.id}, film icon at the lower right`;
  say(system.title);
  say(watch);
  say('');

  const sidebar = await openDebugSidebar(runtime.url);
  closers.unshift(async () => sidebar.close());
  const videos = findNode(flow, 'debug', 'Video').id;
  const failures = findNode(flow, 'debug', 'Failed').id;
  await runtime.inject(findNode(flow, 'inject').id);
  say(`${system.trigger}. Waiting for its footage, then for its video ...`);
  let failure = sidebar.next(failures, foreverMs);
  const video = sidebar.next(videos, longestMs).catch(() => {
    throw new Error([`No video arrived within ${longestMs / 1000} s`, ...runtime.problems()].join('\n'));
  });
  const message = await Promise.race([video, failure.then(complain), ended(runtime)]);
  await show(message as { clip: Clip }, system);
  if (once) return;

  say(`${watch}. Press the triangle of the clip there.`);
  say('The button in the flow gets another one. Ctrl-C ends the demo and removes its files.');
  const showVideos = async (): Promise<never> => {
    for (;;) await show((await sidebar.next(videos, foreverMs)) as { clip: Clip }, system);
  };
  const showFailures = async (): Promise<never> => {
    for (;;) {
      say(`Failed: ${reasonOf(await failure)}`);
      failure = sidebar.next(failures, foreverMs);
    }
  };
  await Promise.race([ended(runtime), showVideos(), showFailures()]);
}

/** Prints what arrived, once it is certain that it is what the server has. */
async function show({ clip }: { clip: Clip }, system: DemoSystem): Promise<void> {
  const { file } = clip;
  if (!file) throw new Error('The flow handed on a clip without a file');
  const hash = createHash('sha256');
  await pipeline(createReadStream(file.path), hash);
  const sha256 = hash.digest('hex');
  if (sha256 !== file.sha256) throw new Error(`${file.path} is not what was downloaded`);
  const proof = await system.prove(clip, file);
  say('');
  say(`File      ${file.path}`);
  say(`Size      ${file.size.toLocaleString('en-US')} bytes`);
  say(`Duration  ${file.duration?.toFixed(1)} s`);
  say(`Codec     ${file.codec}, ${file.width}x${file.height}`);
  say(`SHA-256   ${sha256}`);
  say(`Proof     ${proof}`);
  say('');
}

function complain(error: unknown): never {
  throw new Error(`The clip failed: ${reasonOf(error)}`);
}

function reasonOf(error: unknown): string {
  return (error as { message?: string } | null)?.message ?? JSON.stringify(error);
}

/** Rejects when Node-RED ends by itself, or when the demo is to end. */
async function ended(runtime: Runtime): Promise<never> {
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  await Promise.race([runtime.crashed(), stopped]);
  stop.signal.throwIfAborted();
  throw new Error(`Node-RED ended:\n${runtime.logs().slice(-2000)}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function say(text: string): void {
  console.log(text);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

main()
  .catch((error: unknown) => {
    if (stop.signal.aborted) return;
    console.error(`\nThe demo failed: ${(error as Error).message}`);
    process.exitCode = 1;
  })
  .then(async () => {
    for (const close of closers) await close();
  })
  .catch((error: unknown) => {
    console.error((error as Error).message);
    process.exitCode = 1;
  });
