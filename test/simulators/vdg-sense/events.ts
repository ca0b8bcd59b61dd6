// Keeps events and lists them: by time, in which their ids may be out of order (documented).
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../http-server';
import type { Call } from './commands';
import { leaf, resultReply, timestampOf } from './replies';
import type { SenseState } from './state';

export interface SenseEvent {
  id: bigint;
  /** Epoch milliseconds. */
  time: number;
  /** It can be listed from then on. */
  storedAt: number;
  type: string;
  category: string;
  description: string;
  value: string;
  serverid: string;
  /** `0`: it is not about a device. */
  deviceid: string;
}

export interface EventOptions {
  /** Do ids follow the times of events, or the order in which they arrive? */
  ids: 'time' | 'arrival';
  /** Times are ahead of UTC by so much (the pages contradict each other). */
  offsetMs: number;
  isDoubled: boolean;
  /** `startid` is not heeded. */
  isEndless: boolean;
  /** No list is longer, whatever the limit. */
  mostListed: number;
  /** Is `lasteventid` that of all events, or of those that are listed? (unknown) */
  lastId: 'all' | 'listed';
}

export function putEvent(state: SenseState, event: Partial<SenseEvent> = {}): SenseEvent {
  const time = event.time ?? state.now();
  const arrival = BigInt(state.events.length);
  const base = 72_057_594_037_927_936n;
  const put: SenseEvent = {
    id:
      base +
      (state.options.events.ids === 'time' ? BigInt(time) * 1000n + arrival : BigInt(state.now()) * 1000n + arrival),
    time,
    storedAt: state.now(),
    type: 'Motion',
    category: 'Motion',
    description: 'Motion detected',
    value: '1',
    serverid: state.options.devices[0]!.serverid,
    deviceid: state.options.devices[0]!.deviceid,
    ...event,
  };
  state.events.push(put);
  return put;
}

export function getEvents(state: SenseState, { parameters }: Call): Reply {
  const { events: options, devices } = state.options;
  const stored = state.events.filter(({ storedAt }) => storedAt <= state.now());
  const highest = (events: SenseEvent[]): bigint => events.reduce((most, { id }) => (id > most ? id : most), 0n);
  const startid = BigInt(parameters.get('startid') || '0');
  const limit = Math.min(Number(parameters.get('limit') ?? 25), options.mostListed);
  const types = parameters.get('types')?.split(',');
  const { offsetMs, isDoubled, isEndless, lastId } = options;
  const listed =
    startid <= 0n
      ? []
      : stored
          .filter((event) => isEndless || event.id > startid)
          .filter(({ category }) => !types || types.includes(category))
          .filter((event) => ['serverid', 'deviceid'].every((name) => isOf(event, name, parameters.get(name))))
          .sort((a, b) => a.time - b.time)
          .flatMap((event) => (isDoubled ? [event, event] : [event]))
          .slice(0, limit);
  const last = startid <= 0n || lastId === 'all' ? highest(stored) : highest(listed);
  const children = listed.map((event) => ({
    tag: 'event',
    children: [
      leaf('eventid', String(event.id)),
      leaf('eventtype', event.type),
      leaf('eventdescription', event.description),
      leaf('eventvalue', event.value),
      leaf('eventtime', timestampOf(event.time + offsetMs, true)),
      leaf('serverid', event.serverid),
      leaf('serverdescription', 'Server'),
      ...(event.deviceid === '0' ? [] : [leaf('deviceid', event.deviceid)]),
      leaf('devicedescription', devices.find(({ deviceid }) => deviceid === event.deviceid)?.name ?? ''),
    ],
  }));
  const attributes = { count: String(listed.length), lasteventid: String(last) };
  return resultReply(state, 0, [{ tag: 'events', attributes, children }]);
}

/** An answer without an end: what happens from now on, in parts (their framing is ours), and signs of life. */
export function streamEvents(state: SenseState): Reply {
  async function* parts(): AsyncGenerator<Buffer> {
    let told = state.events.length;
    yield Buffer.from('--vdgpart\r\n');
    for (;;) {
      await sleep(20);
      const fresh = state.events.slice(told);
      told = state.events.length;
      const parts = fresh.map(({ type, value, serverid, deviceid }) => {
        const fields = { name: type, value, serverid, deviceid };
        const inside = Object.entries(fields).map(([name, text]) => `<${name}>${text}</${name}>`);
        return `Content-Type: text/xml\r\n\r\n<event>${inside.join('')}</event>\r\n--vdgpart\r\n`;
      });
      yield Buffer.from(parts.join('') || '\r\n');
    }
  }
  return { headers: { 'content-type': 'multipart/x-mixed-replace; boundary=vdgpart' }, body: parts() };
}

function isOf(event: SenseEvent, name: string, value: string | undefined): boolean {
  return !value || (name === 'serverid' ? event.serverid : event.deviceid) === value;
}
