/** Takes messages out of a real Node-RED. Unlike the debug sidebar it misses nothing over restarts of Node-RED. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export type CollectedMessage = Record<string, unknown>;

export interface Collector {
  /** The flow, with nodes that report what leaves these outputs (0 unless told), under the names given here. */
  tap(flow: object[], taps: Record<string, { node: string; output?: number }>): object[];
  /** The next message under a name, counted from the start, as JSON makes it. @throws when nothing comes in time */
  next(name: string, withinMs?: number): Promise<CollectedMessage>;
  received(name: string): CollectedMessage[];
  /** Resolves with the next message of whatever name, or after that time. */
  arrival(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

interface FlowNode extends Record<string, unknown> {
  id: string;
  z?: string;
  wires?: string[][];
}

export async function startCollector(): Promise<Collector> {
  const received = new Map<string, CollectedMessage[]>();
  const taken = new Map<string, number>();
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const name = decodeURIComponent((request.url ?? '/').slice(1));
      received.set(name, [...(received.get(name) ?? []), JSON.parse(body) as CollectedMessage]);
      response.end();
      for (const wake of waiting) wake();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function arrival(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      // Who waits for something that never comes must not keep the process alive for it.
      const timer = setTimeout(wake, withinMs).unref();
      waiting.add(wake);
    });
  }

  return {
    tap(flow, taps) {
      const tapped = structuredClone(flow) as FlowNode[];
      for (const [name, { node, output = 0 }] of Object.entries(taps)) {
        const source = tapped.find(({ id }) => id === node);
        if (!source) throw new Error(`There is no node "${node}" to tap`);
        const wires = (source.wires ??= []);
        while (wires.length <= output) wires.push([]);
        wires[output]!.push(`tap-${name}`);
        tapped.push(...reporter(name, `${url}/${encodeURIComponent(name)}`, source.z));
      }
      return tapped;
    },
    async next(name, withinMs = 40_000) {
      const index = taken.get(name) ?? 0;
      taken.set(name, index + 1);
      const deadline = Date.now() + withinMs;
      while ((received.get(name)?.length ?? 0) <= index) {
        const leftMs = deadline - Date.now();
        if (leftMs <= 0) throw new Error(`Nothing arrived as "${name}" (message ${index + 1})`);
        await arrival(leftMs);
      }
      return received.get(name)![index]!;
    },
    received: (name) => received.get(name) ?? [],
    arrival,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Posts the whole message as JSON. Text, so that the request node sends it as it is. */
function reporter(name: string, url: string, z: string | undefined): FlowNode[] {
  const place = { ...(z === undefined ? {} : { z }), x: 500, y: 500 };
  const send = `report-${name}`;
  return [
    {
      ...place,
      id: `tap-${name}`,
      type: 'function',
      func: 'return { payload: JSON.stringify(msg) };',
      wires: [[send]],
    },
    { ...place, id: send, type: 'http request', method: 'POST', url, ret: 'txt', wires: [[]] },
  ];
}
