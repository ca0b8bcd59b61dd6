/** Real flows in the test runtime: loads them, sends messages in, and waits for what comes out. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import clipEvents from '../../nodes/clip-events';
import clipProvider from '../../nodes/clip-provider';
import createClip from '../../nodes/create-clip';
import downloadClip from '../../nodes/download-clip';
import exportVideo from '../../nodes/export-video';
import pollClip from '../../nodes/poll-clip';
import type { Message, Node } from '../../lib/node-red/node-red';

interface Helper {
  init(runtime: string, settings?: object): void;
  settings(settings: object): void;
  startServer(): Promise<void>;
  stopServer(): Promise<void>;
  load(nodes: unknown[], flow: object[], credentials?: object): Promise<void>;
  unload(): Promise<void>;
  setFlows(flow: object[], type: string, credentials?: object): Promise<void>;
  getNode(id: string): Node & { receive(message: object): void };
  log(): { args: [{ level: number; msg: unknown; id?: string; type?: string }][] };
}

// The helper has no types of its own.

const helper = require('node-red-node-test-helper') as Helper;

const ourNodes = [clipProvider, clipEvents, createClip, pollClip, downloadClip, exportVideo];
const longestWaitMs = 45_000;

/** Ends the runtime of the test before, which may have run out of time within it; the helper knows one at a time. */
let endLast: () => Promise<void> = async () => undefined;
after(() => endLast());

export interface Flow {
  userDir: string;
  send(node: string, message: object): void;
  /** The next message that arrives at a helper node, counted from the start of the flow. */
  next(node: string): Promise<Message>;
  /** All that arrived at a helper node so far. */
  received(node: string): Message[];
  statuses(node: string): { fill?: string; shape?: string; text?: string }[];
  /** Replaces the flow, as a deploy does. */
  deploy(flow: object[], type?: 'full' | 'flows' | 'nodes'): Promise<void>;
  logged(): string[];
}

/**
 * Runs `test` inside a runtime of its own with this flow. Items get a tab and coordinates, as the runtime takes items
 * without them for configuration; items of type `helper` collect what arrives.
 */
export async function withFlow(
  flow: Record<string, unknown>[],
  test: (flow: Flow) => Promise<void>,
  options: { credentials?: object; userDir?: string; settings?: object } = {},
): Promise<void> {
  await endLast();
  const userDir = options.userDir ?? (await mkdtemp(join(tmpdir(), 'clips-user-')));
  const end = once(async () => {
    await helper.unload();
    await helper.stopServer();
    if (!options.userDir) await rm(userDir, { recursive: true, force: true, maxRetries: 5 });
  });
  endLast = end;
  helper.init(require.resolve('node-red'));
  helper.settings({ userDir, ...options.settings });
  await helper.startServer();
  const received = new Map<string, Message[]>();
  const waiting = new Map<string, (() => void)[]>();
  const taken = new Map<string, number>();
  const statuses = new Map<string, object[]>();

  const watch = (items: Record<string, unknown>[]): void => {
    for (const { id, type } of items as { id: string; type: string }[]) {
      const node = helper.getNode(id) as ReturnType<Helper['getNode']> | null;
      if (type === 'helper') {
        node?.on('input', (message) => {
          received.set(id, [...(received.get(id) ?? []), message]);
          for (const wake of waiting.get(id)?.splice(0) ?? []) wake();
        });
      }
      const watched = node as unknown as {
        on(event: 'call:status', listener: (call: { args: object[] }) => void): void;
      };
      watched?.on('call:status', (call) => statuses.set(id, [...(statuses.get(id) ?? []), ...call.args]));
    }
  };

  try {
    const placed = place(flow);
    await helper.load(ourNodes, placed, options.credentials ?? {});
    watch(placed);
    await test({
      userDir,
      send: (node, message) => helper.getNode(node).receive(message),
      async next(node) {
        const index = taken.get(node) ?? 0;
        taken.set(node, index + 1);
        const deadline = Date.now() + longestWaitMs;
        while ((received.get(node)?.length ?? 0) <= index) {
          const leftMs = deadline - Date.now();
          if (leftMs <= 0) throw new Error(`Nothing arrived at "${node}" (message ${index + 1})`);
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, leftMs);
            waiting.set(node, [...(waiting.get(node) ?? []), () => (clearTimeout(timer), resolve())]);
          });
        }
        return received.get(node)![index]!;
      },
      received: (node) => received.get(node) ?? [],
      statuses: (node) => statuses.get(node) ?? [],
      async deploy(changed, type = 'full') {
        const items = place(changed as Record<string, unknown>[]);
        await helper.setFlows(items, type, options.credentials ?? {});
        watch(items);
      },
      logged: () => helper.log().args.map(([entry]) => String((entry.msg as Error)?.message ?? entry.msg)),
    });
  } finally {
    await end();
  }
}

/** The first call does it, the others wait for that. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

const configTypes = new Set(['clip-provider', 'tab', 'tls-config', 'http proxy', 'subflow']);

function place(flow: Record<string, unknown>[]): Record<string, unknown>[] {
  const placed = flow.map((item, index) =>
    configTypes.has(String(item.type)) ? item : { z: 'tab', x: 100, y: 40 * index, wires: [], ...item },
  );
  return [{ id: 'tab', type: 'tab', label: 'Test' }, ...placed];
}
