// Runs examples in a Node-RED of their own: presses their buttons, and reads what their debug nodes show.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clip } from '../../lib/provider';
import { openDebugSidebar } from '../support/debug-sidebar';
import { findNode, nodesOf, type FlowNode } from '../support/examples';
import { startRuntime, type Runtime, type RuntimeOptions } from '../support/runtime';

const longestMs = 30_000;

export interface Saved {
  clip: Clip;
  filename: string;
}

export interface ExampleRig {
  runtime: Runtime;
  /** The button of the inject node of an example. */
  press(title: string, properties?: Record<string, unknown>): Promise<void>;
  /** What a debug node shows next. @throws where its node "Failed" shows something first */
  shown(title: string, name: string): Promise<unknown>;
  close(): Promise<void>;
}

/** What makes people wait is short: footage of what is past, asked for at once. */
export function hasten(flow: FlowNode[]): FlowNode[] {
  const hasty: Record<string, object> = {
    'create-clip': { before: 3, after: 0, settle: 0 },
    'poll-clip': { interval: 0.1, maxInterval: 0.2 },
  };
  return flow.map((node) => ({ ...node, ...hasty[node.type] }));
}

export async function runExamples(
  flow: FlowNode[],
  options: Pick<RuntimeOptions, 'credentials' | 'settings'>,
): Promise<ExampleRig> {
  const runtime = await startRuntime({ flow, ...options, source: 'link' });
  const sidebar = await openDebugSidebar(runtime.url);
  const next = (title: string, name: string): Promise<unknown> =>
    sidebar.next(findNode(nodesOf(flow, title), 'debug', name).id, longestMs);
  const failures = new Map<string, Promise<unknown>>();
  return {
    runtime,
    press: (title, properties) => runtime.inject(findNode(nodesOf(flow, title), 'inject').id, properties),
    async shown(title, name) {
      // The one that has been waited for already is the next one.
      const failure = failures.get(title) ?? next(title, 'Failed');
      failures.set(title, failure);
      failure.catch(() => undefined);
      if (name === 'Failed') {
        failures.delete(title);
        return failure;
      }
      const wanted = next(title, name);
      wanted.catch(() => undefined);
      return Promise.race([wanted, failure.then((error) => assert.fail(`${title}: ${JSON.stringify(error)}`))]);
    },
    async close() {
      sidebar.close();
      await runtime.close();
    },
  };
}

/** The file is there, is what was verified, and is whole. */
export async function assertWhole({ clip, filename }: Saved): Promise<void> {
  const sha256 = createHash('sha256')
    .update(await readFile(filename))
    .digest('hex');
  assert.deepEqual([clip.file?.sha256, clip.file?.problems], [sha256, []]);
}
