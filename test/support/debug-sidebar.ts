/**
 * What the debug sidebar of the editor shows, so that a flow can be watched exactly as it is. Nothing is kept for a sidebar
 * that is not open: where Node-RED restarts in between, use a collector.
 */

export interface DebugSidebar {
  /** What a debug node showed next, counted from the start. @throws when nothing comes in time */
  next(node: string, withinMs: number): Promise<unknown>;
  close(): void;
}

interface Shown {
  id: string;
  format: string;
  msg: string;
}

/** Debug nodes that show the whole message show it as JSON; long text in it is cut by Node-RED. */
export async function openDebugSidebar(url: string): Promise<DebugSidebar> {
  const shown = new Map<string, unknown[]>();
  const taken = new Map<string, number>();
  let wake: () => void = () => undefined;
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/comms`);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('error', () => reject(new Error('The editor cannot be reached')), { once: true });
  });
  socket.addEventListener('message', ({ data }) => {
    const events = JSON.parse(String(data)) as { topic: string; data: Shown }[] | object;
    for (const event of Array.isArray(events) ? (events as { topic: string; data: Shown }[]) : []) {
      if (event.topic !== 'debug') continue;
      const { id, msg, format } = event.data;
      shown.set(id, [...(shown.get(id) ?? []), /^(Object|array|error)/i.test(format) ? JSON.parse(msg) : msg]);
      wake();
    }
  });
  socket.send(JSON.stringify({ subscribe: 'debug' }));
  return {
    async next(node, withinMs) {
      const index = taken.get(node) ?? 0;
      taken.set(node, index + 1);
      const deadline = Date.now() + withinMs;
      while ((shown.get(node)?.length ?? 0) <= index) {
        const leftMs = deadline - Date.now();
        if (leftMs <= 0) throw new Error(`The debug node "${node}" showed nothing within ${withinMs / 1000} s`);
        await new Promise<void>((resolve) => {
          // Who waits for something that never comes must not keep the process alive for it.
          const timer = setTimeout(resolve, leftMs).unref();
          const before = wake;
          wake = () => (clearTimeout(timer), before(), resolve());
        });
      }
      return shown.get(node)![index];
    },
    close: () => socket.close(),
  };
}
