// Speaks the Pusher Channels protocol for one private channel, as the push server of Aipix speaks it: it never pings,
// and whoever sends it `pusher:pong`, or an unasked PONG frame, is thrown out.
// Sources: https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/ (protocol 7),
// https://github.com/navek-soft/push1st (the server, release of 2024)
import type { Clock } from '../../async/clock';
import { ClipError, toClipError } from '../../errors';
import { startListening, type End } from '../../net/stay-connected';
import type { WebSocketLink } from '../../net/websocket';
import { isObject, parseJson, readNumber, readText } from '../../net/json';
import type { PushServer } from './types';

const greetingMs = 10_000;
const defaultActivitySeconds = 30;
/** Bounds of a server's wish: five signs of life a second at most, and one an hour at least. */
const [leastActivitySeconds, mostActivitySeconds] = [0.4, 3600];
const pingMarginMs = 5_000;
/** Questions for a sign of life are answered no more often. */
const leastAnswerMs = 1_000;

export interface PushOptions {
  channel: string;
  /** Addresses of the push server, the best one first. */
  discover(): Promise<string[]>;
  /** The signature for a private channel. */
  authorize(socketId: string): Promise<string>;
  connect(
    url: string,
    handlers: { onMessage(text: string): void; onClose(code: number): void },
  ): Promise<WebSocketLink>;
  onPush(payload: unknown): void;
  /** Pushes may have been missed, and are never repeated. */
  onGap(): void;
  clock: Clock;
  random?(): number;
  /** Ends it. */
  signal: AbortSignal;
}

interface PushEnd extends End {
  /** The server has spoken the protocol. */
  greeted: boolean;
}

/** Resolves once it is subscribed, or has failed to do so for now; then it goes on in the background. Never rejects. */
export function subscribe(options: PushOptions): Promise<void> {
  const { clock, signal, random, discover, onGap } = options;
  let addresses: string[] = [];

  async function connect(onSubscribed: () => void): Promise<End> {
    let end: PushEnd = { greeted: false };
    try {
      if (addresses.length === 0) addresses = await discover();
      for (const address of addresses) {
        end = await stay(address, options, onSubscribed);
        if (end.greeted) addresses = [address];
        if (end.greeted || signal.aborted) break;
      }
    } catch (thrown) {
      end = failed(toClipError(thrown));
    }
    // The server may have moved.
    if (!end.greeted) addresses = [];
    // Outcomes are only found by polling from here on.
    if (end.isFinal && !signal.aborted) onGap();
    return end;
  }

  return startListening({ clock, signal, random, connect, again: onGap });
}

/** Refused for good, or only for now? */
function failed(error: ClipError): PushEnd {
  const isFinal = ['EAUTH', 'EFORBIDDEN', 'ENOTFOUND', 'EUNSUPPORTED', 'EINVALID'].includes(error.code);
  return { greeted: false, isFinal, retryAfterMs: error.retryAfterMs };
}

/** One connection, from its making to its end. Never rejects. */
async function stay(address: string, options: PushOptions, onSubscribed: () => void): Promise<PushEnd> {
  const { channel, clock, signal } = options;
  const end: PushEnd = { greeted: false };
  let resolve: (end: PushEnd) => void;
  const ended = new Promise<PushEnd>((settle) => (resolve = settle));
  const finish = (more: Partial<PushEnd> = {}): void => resolve({ ...end, ...more });
  let cancelDeadline = clock.after(greetingMs, finish);
  let cancelBeat = (): void => undefined;
  let awaitsPong = false;
  let answeredAt = -Infinity;
  let beat = (): void => undefined;

  const handlers: Record<string, (data: unknown, frame: Record<string, unknown>) => void> = {
    'pusher:connection_established': (data) => {
      // One connection is greeted once; each greeting asks for a signature.
      if (end.greeted) return finish();
      end.greeted = true;
      const greeting = isObject(data) ? data : {};
      beat = heartbeat(readNumber(greeting.activity_timeout));
      beat();
      void enter(readText(greeting.socket_id) ?? '');
    },
    'pusher_internal:subscription_succeeded': (_, frame) => {
      if (frame.channel !== channel) return;
      cancelDeadline();
      onSubscribed();
    },
    'pusher:subscription_error': () => finish(),
    'pusher:error': (data) => finish(endOfCode((isObject(data) && readNumber(data.code)) || 0)),
    // Other servers of this protocol ask; whatever is sent proves life, and this is what every one of them takes.
    'pusher:ping': () => {
      if (clock.steadyNow() - answeredAt < leastAnswerMs) return;
      answeredAt = clock.steadyNow();
      void send('pusher:ping');
    },
  };

  const link = options.connect(address, {
    onMessage(text) {
      const frame = readFrame(text);
      if (!frame) return;
      if (awaitsPong) {
        awaitsPong = false;
        beat();
      }
      const event = String(frame.event);
      if (Object.hasOwn(handlers, event)) handlers[event]!(frame.data, frame);
      else if (!event.startsWith('pusher') && frame.channel === channel) options.onPush(frame.data);
    },
    onClose: (code) => finish(endOfCode(code)),
  });

  async function send(event: string, data?: object): Promise<void> {
    // The greeting may come before the connection is known to be open.
    (await link).send(JSON.stringify(data ? { event, data } : { event }));
  }

  async function enter(socketId: string): Promise<void> {
    try {
      const auth = await options.authorize(socketId);
      await send('pusher:subscribe', { channel, auth });
      cancelDeadline();
      cancelDeadline = clock.after(greetingMs, finish);
    } catch (thrown) {
      finish({ ...failed(toClipError(thrown)), greeted: true });
    }
  }

  /** Silence of the client is what the server minds, so the pings do not wait for silence of the server. */
  function heartbeat(activitySeconds = 0): () => void {
    const seconds = activitySeconds > 0 ? activitySeconds : defaultActivitySeconds;
    const activityMs = Math.min(Math.max(seconds, leastActivitySeconds), mostActivitySeconds) * 1000;
    const pingMs = Math.max(activityMs - pingMarginMs, activityMs / 2);
    const ping = (): void => {
      awaitsPong = true;
      void send('pusher:ping');
      cancelBeat = clock.after(activityMs / 2, () => finish());
    };
    return () => {
      cancelBeat();
      cancelBeat = clock.after(pingMs, ping);
    };
  }

  const abort = (): void => finish();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await link;
    return await ended;
  } catch (thrown) {
    // An address where nothing of the kind is found may still be found at another path.
    return { greeted: false, retryAfterMs: toClipError(thrown).retryAfterMs };
  } finally {
    signal.removeEventListener('abort', abort);
    cancelDeadline();
    cancelBeat();
    link.then((open) => open.drop()).catch(() => undefined);
  }
}

/** 4000 to 4099: the protocol forbids to come back unchanged. */
function endOfCode(code: number): Partial<PushEnd> {
  return { isFinal: code >= 4000 && code < 4100 };
}

/** Addresses at which releases are known to have the server, the announced one first. Source: https://github.com/aipix-dev/vms-mobile-sdk-android */
export function pushAddresses({ url, key }: PushServer): string[] {
  const { origin, path } = /^(?<origin>\w+:\/\/[^/?#]*)(?<path>[^?#]*)/.exec(url)?.groups ?? {};
  const paths = path ? [path, '/pusher'] : ['/pusher', ''];
  const query = 'protocol=7&client=node-red-video-clips&version=1.0';
  return [...new Set(paths)].map((base) => `${origin}${base}/app/${encodeURIComponent(key)}?${query}`);
}

/** `data` is JSON inside of JSON, or JSON. */
function readFrame(text: string): Record<string, unknown> | undefined {
  const frame = parseJson(text);
  if (!isObject(frame) || typeof frame.event !== 'string') return undefined;
  return { ...frame, data: typeof frame.data === 'string' ? (parseJson(frame.data) ?? frame.data) : frame.data };
}
