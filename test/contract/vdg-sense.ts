import { vdgSense } from '../../lib/providers/vdg-sense';
import { matcherOf, senseCamera, startVdgSense, type Fault, type RequestFilter } from '../simulators/vdg-sense';
import { sha256Of } from '../simulators/video';
import { anHourAgo, faultsBy, hour, range, tooMany } from './faults';
import type { Harness, Step } from './harness';

const server = '6917529027641081901';
const user = { username: 'contract-user', password: 'pass-4b1f-word' };
const wrongPassword = 'wrong-77c0-word';

const filters: Record<Step, RequestFilter> = {
  login: 'login',
  create: 'addClip',
  status: 'getClips',
  download: 'downloadClip',
  delete: 'deleteClip',
  cameras: 'getDeviceList',
  events: 'getEvents',
  any: () => true,
};

export const harness: Harness = {
  id: 'vdg-sense',
  async start() {
    const from = anHourAgo();
    const sim = await startVdgSense({
      users: [user],
      devices: [
        senseCamera({ serverid: server, deviceid: '2', name: 'Dock', footage: [{ from: from - hour }] }),
        senseCamera({ serverid: server, deviceid: '3', name: 'Gate', footage: [{ from: from - hour }] }),
      ],
      queue: { makeMs: 30 },
      exports: { makeMs: 30 },
    });
    /** Sessions come and go; what was handed out once must never be seen. */
    const keys = new Set<string>();
    const collectKeys = (): void => {
      for (const key of sim.sessions.keys()) keys.add(key);
    };
    const fail = (step: Step, fault: Fault, times = 1): void => void sim.failNext(fault, filters[step], times);
    return {
      definition: vdgSense,
      settings: { url: sim.url, auth: 'plain', milliseconds: true, sessionKeyName: 'sessionkey', deleteMethod: 'GET' },
      credentials: { ...user, token: '' },
      wrongCredentials: { ...user, password: wrongPassword, token: '' },
      camera: `${server}/2`,
      unknownCamera: `${server}/77`,
      impossibleCamera: 'Dock 33',
      footage: range(from),
      noFootage: range(from - 24 * hour),
      secrets() {
        collectKeys();
        return [user.password, wrongPassword, ...keys];
      },
      requests: () => sim.requests,
      requestsFor: (step) => sim.requestsFor(filters[step]),
      isFor: (step, request) => matcherOf(filters[step])(request),
      expireSessions() {
        collectKeys();
        sim.expireSessions();
      },
      ...faultsBy(fail),
      generalError: {
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: '<result errorcode="-18"><description>An undefined error occured</description></result>',
      },
      // How the vendor throttles is not published: as servers and proxies in front of it do.
      throttle: (step, times) => fail(step, tooMany(), times),
      vanish: (clipId) => void sim.removeClip(clipId),
      clipCount: () => sim.clips.length,
      sha256Of: async (clipId) => sha256Of(await sim.mediaOf(clipId)),
      serverExports: {
        path: 'E:\\Exports',
        count: () => sim.exports.length,
        loseAnswer: () => void sim.failNext({ kind: 'reset', when: 'reply' }, 'exportVideo'),
        wait: () => void Object.assign(sim.options.exports, { waitMs: Infinity }),
      },
      events: {
        otherCamera: `${server}/3`,
        lateMs: 60_000,
        happen({ agoMs = 0, camera = `${server}/2` } = {}) {
          const { id } = sim.putEvent({ time: sim.now() - agoMs, serverid: server, deviceid: camera.split('/')[1]! });
          return `${server}/${id}`;
        },
        happenNowhere: () => `${server}/${sim.putEvent({ serverid: server, deviceid: '0' }).id}`,
        pass: (ms) => sim.advance(ms),
        disorder: () => void (sim.options.events.ids = 'arrival'),
        double: () => void (sim.options.events.isDoubled = true),
        endless: () => void (sim.options.events.isEndless = true),
      },
      clearFaults: () => sim.clearFaults(),
      openConnections: () => sim.connections,
      close: () => sim.close(),
    };
  },
};
