// Listens on Frigate's WebSocket for exports that leave the queue (0.18): a failed one is remembered for 5 s only.
import { exponentialPauseMs } from '../../async/retry';
import { pause, type Clock } from '../../async/clock';
import { openWebSocket } from '../../net/websocket';
import type { Provider, ProviderConfig } from '../../provider';
import type { Call, FrigateApi } from './api';
import { readActiveJobs, type FrigateSession } from './types';
import type { VersionOf } from './version';

/** So long the first call of a session waits until messages are on their way. */
const patienceMs = 3_000;
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** A connection that lasted so long was a good one: its end is no reason to hesitate. nginx ends a silent one after 360 s. */
const goodMs = 30_000;
/** Asks for the state of the queue. Any other topic would steer cameras. Source: frigate/comms/dispatcher.py */
const stateRequest = JSON.stringify({ topic: 'jobState', payload: '' });

interface Parts {
  api: FrigateApi;
  versionOf: VersionOf;
  config: ProviderConfig;
  clock: Clock;
}

type Changed = (clipId?: string) => void;

export function watchJobs(parts: Parts): NonNullable<Provider<FrigateSession | undefined>['watch']> {
  return (changed, call) =>
    new Promise((resolve) => {
      const cancel = parts.clock.after(patienceMs, resolve);
      const settled = (): void => {
        cancel();
        resolve();
      };
      call.signal.addEventListener('abort', settled, { once: true });
      void stayConnected(parts, changed, call, settled).then(settled, settled);
    });
}

/** Resolves when the signal fires, or where there is nothing to listen to. */
async function stayConnected(
  { api, versionOf, config, clock }: Parts,
  changed: Changed,
  call: Call,
  listening: () => void,
): Promise<void> {
  const { signal } = call;
  let failures = 0;
  let wasConnected = false;
  while (!signal.aborted) {
    let openedAt: number | undefined;
    try {
      if (!(await versionOf(call)).hasQueue) return;
      await connect(api, config, changed, call, () => {
        openedAt = clock.steadyNow();
        // What happened in between is not repeated.
        if (wasConnected) changed();
        wasConnected = true;
        listening();
      });
    } catch {
      // Polling finds out all the same, only later.
    }
    listening();
    const wasGood = openedAt !== undefined && clock.steadyNow() - openedAt >= goodMs;
    failures = wasGood ? 1 : failures + 1;
    await pause(exponentialPauseMs(failures, { firstMs: firstPauseMs, longestMs: longestPauseMs }), clock, signal);
  }
}

/** One connection, from its opening to its end. @throws when it cannot be opened */
async function connect(
  api: FrigateApi,
  { tls, proxy }: ProviderConfig,
  changed: Changed,
  { signal, session }: Call,
  onOpen: () => void,
): Promise<void> {
  let active = new Set<string>();
  const hear = async (text: string): Promise<void> => {
    const jobs = await readActiveJobs(text).catch(() => undefined);
    if (!jobs) return;
    const ended = [...active].filter((id) => !jobs.includes(id));
    active = new Set(jobs);
    for (const id of ended) changed(id);
  };
  // A long message is read in pieces; the next one waits.
  let heard = Promise.resolve();
  const onMessage = (text: string): void => void (heard = heard.then(() => hear(text)));
  let onClose = (): void => undefined;
  const closed = new Promise<void>((resolve) => (onClose = resolve));
  const url = `${api.baseUrl.replace(/^http/i, 'ws')}/ws`;
  const headers = api.authorization(session);
  const action = 'Listening for exports';
  const link = await openWebSocket({ url, tls, proxy, headers, signal, action, onMessage, onClose });
  onOpen();
  link.send(stateRequest);
  await closed;
}
