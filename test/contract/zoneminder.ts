// Holds the ZoneMinder provider to the contract: against the simulator here, or against any server that can do the same.
import type { Range } from '../../lib/provider';
import { zoneMinder } from '../../lib/providers/zoneminder';
import { idOf } from '../../lib/providers/zoneminder/clips';
import { longestEventMs, slackMs } from '../../lib/providers/zoneminder/footage';
import type { Fault, RecordedRequest, SimulatorServer } from '../simulators/http-server';
import { sha256Of } from '../simulators/video';
import { exampleUser, matcherOf, startZoneMinder } from '../simulators/zoneminder';
import { anHourAgo, faultsBy, hour, range, tooMany } from './faults';
import type { Harness, Step, World, WorldEvents } from './harness';

/** Of a server whose time zone is UTC. */
export interface TestedServer {
  /** Address with `/zm`, as the provider is given it. */
  url: string;
  credentials: { username: string; password: string };
  /** The number of a camera with footage, and one that does not exist. */
  camera: string;
  unknownCamera: string;
  /** 4 s, of an event that begins 2 s earlier and ends 2 s later, so that its whole file is the clip. */
  footage: Range;
  noFootage: Range;
  /** What is asked of it, and faults in place of its answers: in front of a real server, those of a proxy. */
  server: Pick<SimulatorServer, 'requests' | 'fail' | 'clearFaults' | 'connections'>;
  /** Tokens that it handed out, and whatever else must not be seen. */
  secrets(): string[];
  /** Revokes all tokens. */
  expireSessions(): void;
  /** Numbers of the events that touch a range. */
  eventsIn(camera: string, range: Range): number[];
  removeEvent(id: number): void;
  sha256Of(event: number): Promise<string>;
  events: WorldEvents;
  close(): Promise<void>;
}

type Matching = (request: RecordedRequest) => boolean;

/** The status of a clip is asked for by the same request that finds its events. There is nothing to delete. */
const matching: Partial<Record<Step, Matching>> = {
  login: matcherOf('login'),
  create: matcherOf('events'),
  status: matcherOf('events'),
  // Before it, parts of the file are looked at: its size, its head, its index.
  download: (request) => matcherOf('video')(request) && isTransfer(request),
  cameras: matcherOf('monitors'),
  events: matcherOf('events'),
  any: matcherOf('any'),
};

export function worldOf(tested: TestedServer): World {
  const { server, camera } = tested;
  const credentials = { ...tested.credentials, token: '' };
  const wrongCredentials = { ...credentials, password: 'wrong-passw0rd' };

  function fail(step: Step, fault: Fault, times = 1): void {
    const matches = matching[step];
    if (matches) server.fail(fault, { times, matches });
  }

  /** Nothing is made on the server: clips are known by the searches that found their events. */
  function plannedClips(): Map<string, number[]> {
    const clips = new Map<string, number[]>();
    for (const request of server.requests.filter(matcherOf('events'))) {
      const asked = searchOf(request);
      const events = asked && tested.eventsIn(asked.camera, asked);
      if (events && (events.length > 0 || removed.has(idOf(asked)))) clips.set(idOf(asked), events);
    }
    return clips;
  }
  const removed = new Set<string>();

  return {
    definition: zoneMinder,
    settings: { url: tested.url, cut: true, margin: 2, running: 'take', timezone: '', apiUrl: '' },
    credentials,
    wrongCredentials,
    camera,
    unknownCamera: tested.unknownCamera,
    impossibleCamera: 'Gate 33',
    footage: tested.footage,
    noFootage: tested.noFootage,
    secrets: () => [credentials.password, wrongCredentials.password, ...tested.secrets()],
    requests: () => server.requests,
    isFor: (step, request) => matching[step]?.(request) ?? false,
    requestsFor: (step) => (matching[step] ? server.requests.filter(matching[step]) : []),
    expireSessions: () => tested.expireSessions(),
    ...faultsBy(fail),
    throttle: (step, times) => fail(step, tooMany(), times),
    vanish(clipId) {
      for (const event of plannedClips().get(clipId) ?? []) tested.removeEvent(event);
      removed.add(clipId);
    },
    clipCount: () => plannedClips().size,
    async sha256Of(clipId) {
      const events = plannedClips().get(clipId) ?? [];
      if (events.length !== 1) throw new Error(`Clip ${clipId} is made of ${events.length} events`);
      return tested.sha256Of(events[0]!);
    },
    events: tested.events,
    clearFaults: () => server.clearFaults(),
    openConnections: () => server.connections,
    exceptions: {
      ...Object.fromEntries(
        ['the rest of another version', 'the rest of a version without a name'].map((answer) => [
          `joins no bytes that do not belong together when a range is answered with ${answer}`,
          'files of ended events do not change, and the server names no versions',
        ]),
      ),
      'says that a clip is not there, and has nothing against deleting it':
        'clips are made from their range when they are downloaded, so there is none that could be missing',
    },
    close: () => tested.close(),
  };
}

function isTransfer({ headers }: RecordedRequest): boolean {
  return !/^bytes=\d+-\d+$/.test(String(headers.range ?? ''));
}

/** The clip that a search for events is for. */
function searchOf({ path }: RecordedRequest): { camera: string; start: string; end: string } | undefined {
  const filters = path.split('/').map(decodeURIComponent).join('/');
  const camera = /MonitorId:(\d+)/.exec(filters)?.[1];
  const from = /StartDateTime >=:([\d: -]+)/.exec(filters)?.[1];
  const to = /StartDateTime <=:([\d: -]+)/.exec(filters)?.[1];
  if (!camera || !from || !to) return undefined;
  const start = Date.parse(`${from.replace(' ', 'T')}Z`) + longestEventMs;
  const end = Date.parse(`${to.replace(' ', 'T').replace(/\.json$/, '')}Z`) - slackMs;
  return { camera, ...range(start, (end - start) / 1000) };
}

export const harness: Harness = {
  id: 'zoneminder',
  async start() {
    const sim = await startZoneMinder();
    const from = anHourAgo();
    sim.addEvent({ startMs: from - 600_000, seconds: 60 });
    sim.addEvent({ startMs: from - 2000, seconds: 8 });
    sim.addEvent({ startMs: from + 300_000, seconds: 30 });
    const eventsIn = (camera: string, { start, end }: Range): number[] =>
      sim.options.events
        .filter(({ monitorId }) => String(monitorId) === camera)
        .filter((event) => event.startMs < Date.parse(end) && event.startMs + event.seconds * 1000 > Date.parse(start))
        .map(({ id }) => id);
    return worldOf({
      url: sim.url,
      credentials: { username: exampleUser.name, password: exampleUser.password },
      camera: '1',
      unknownCamera: '99',
      footage: range(from),
      noFootage: range(from - 24 * hour),
      server: sim.server,
      secrets: () => sim.secrets,
      expireSessions: () => sim.expireSessions(),
      eventsIn,
      removeEvent: (id) => sim.removeEvent(id),
      sha256Of: async (event) => sha256Of(await sim.mediaOf(event)),
      events: {
        otherCamera: '2',
        lateMs: 30_000,
        happen({ agoMs = 0, camera = '1', isOpen = false } = {}) {
          const startMs = sim.now() - agoMs;
          const state = isOpen ? 'running' : 'ended';
          return String(sim.addEvent({ startMs, seconds: 4, monitorId: Number(camera), state }).id);
        },
        pass: (ms) => sim.advance(ms),
        end(id) {
          const event = sim.options.events.find((each) => String(each.id) === id)!;
          Object.assign(event, { state: 'ended', seconds: Math.ceil((sim.now() - event.startMs) / 1000) });
        },
        remove: (id) => sim.removeEvent(Number(id)),
        double: () => void (sim.options.isDoubled = true),
        endless: () => void (sim.options.isEndless = true),
      },
      close: () => sim.close(),
    });
  },
};
