// Listens on Frigate's WebSocket: for exports that leave the queue (0.18), of which a failed one is remembered for 5 s only, and
// for what is seen.
import type { Clock } from '../../async/clock';
import { startListening, stayConnected, type Line } from '../../net/stay-connected';
import { openWebSocket } from '../../net/websocket';
import type { Provider, ProviderConfig } from '../../provider';
import { isNews } from './activity';
import type { Call, FrigateApi } from './api';
import { readActiveJobs, type FrigateSession } from './types';
import type { VersionOf } from './version';

/** Asks for the state of the queue. Any other topic would steer cameras. Source: frigate/comms/dispatcher.py */
const stateRequest = JSON.stringify({ topic: 'jobState', payload: '' });

/** A tracked object is written down after its message has been sent. Source: frigate/track/object_processing.py */
const writtenAfterMs = 1_000;

interface Parts {
  api: FrigateApi;
  versionOf: VersionOf;
  config: ProviderConfig;
  clock: Clock;
}

type Changed = (clipId?: string) => void;

/** Messages that go over a connection. */
interface Talk {
  action: string;
  /** Is there anything to listen to? */
  isOffered(): Promise<boolean>;
  /** Sent first. */
  greeting?: string;
  /** Begins anew with each connection. */
  listen(): (text: string) => Promise<void>;
  /** The line is there again: what happened in between is not repeated. */
  again(): void;
}

type Session = FrigateSession | undefined;

export function watchJobs({ api, versionOf, ...parts }: Parts): NonNullable<Provider<Session>['watch']> {
  return (changed, call) => {
    const talk: Talk = {
      action: 'Listening for exports',
      isOffered: async () => (await versionOf(call)).hasQueue,
      greeting: stateRequest,
      listen: () => hearJobs(changed),
      again: changed,
    };
    return startListening(lineOf({ api, ...parts }, talk, call));
  };
}

function hearJobs(changed: Changed): (text: string) => Promise<void> {
  let active = new Set<string>();
  return async (text) => {
    const jobs = await readActiveJobs(text).catch(() => undefined);
    if (!jobs) return;
    const ended = [...active].filter((id) => !jobs.includes(id));
    active = new Set(jobs);
    for (const id of ended) changed(id);
  };
}

/** Beginnings and ends only: while something goes on, it is reported several times a second. */
export function watchEvents({ api, config, clock }: Parts): NonNullable<Provider<Session>['watchEvents']> {
  return async (news, call) => {
    let cancel: (() => void) | undefined;
    const soon = (): void => {
      cancel ??= clock.after(writtenAfterMs, () => {
        cancel = undefined;
        if (!call.signal.aborted) news();
      });
    };
    call.signal.addEventListener('abort', () => cancel?.(), { once: true });
    const hear = async (text: string): Promise<void> => {
      if (await isNews(text).catch(() => false)) soon();
    };
    const talk: Talk = {
      action: 'Listening for events',
      isOffered: async () => true,
      listen: () => hear,
      again: soon,
    };
    await stayConnected(lineOf({ api, config, clock }, talk, call));
  };
}

function lineOf({ api, config, clock }: Omit<Parts, 'versionOf'>, talk: Talk, call: Call): Line {
  return {
    clock,
    signal: call.signal,
    again: talk.again,
    async connect(open) {
      if (!(await talk.isOffered())) return { isFinal: true };
      return connect(api, config, talk, call, open);
    },
  };
}

/** One connection, from its opening to its end. @throws when it cannot be opened */
async function connect(
  api: FrigateApi,
  { tls, proxy }: ProviderConfig,
  { action, greeting, listen }: Talk,
  { signal, session }: Call,
  onOpen: () => void,
): Promise<void> {
  const hear = listen();
  // A long message is read in pieces; the next one waits.
  let heard = Promise.resolve();
  const onMessage = (text: string): void => void (heard = heard.then(() => hear(text)));
  let onClose = (): void => undefined;
  const closed = new Promise<void>((resolve) => (onClose = resolve));
  const url = `${api.baseUrl.replace(/^http/i, 'ws')}/ws`;
  const headers = api.authorization(session);
  const link = await openWebSocket({ url, tls, proxy, headers, signal, action, onMessage, onClose });
  onOpen();
  if (greeting !== undefined) link.send(greeting);
  await closed;
}
