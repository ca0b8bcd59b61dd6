import { aipix } from '../../lib/providers/aipix';
import { matcherOf, startAipix, type Fault, type RequestFilter } from '../simulators/aipix';
import { sha256Of } from '../simulators/video';
import { anHourAgo, faultsBy, hour, range, tooMany } from './faults';
import type { Harness, Step } from './harness';

const filters: Record<Step, RequestFilter> = {
  login: 'login',
  create: 'create',
  status: 'list',
  download: 'media',
  delete: 'delete',
  cameras: 'cameras',
  events: 'events',
  any: () => true,
};

export const harness: Harness = {
  id: 'aipix',
  async start() {
    const sim = await startAipix();
    const credentials = { username: 'nodered', password: 's3cret-passw0rd', token: '' };
    const fail = (step: Step, fault: Fault, times = 1): void => void sim.failNext(fault, filters[step], times);
    return {
      definition: aipix,
      settings: { url: sim.url, api: 'client', push: true, clientType: 'web', maxClip: 600 },
      credentials,
      wrongCredentials: { ...credentials, password: 'wrong-passw0rd' },
      camera: '2',
      unknownCamera: '99',
      impossibleCamera: 'Gate 33',
      footage: range(anHourAgo()),
      // The camera has been recording for a day.
      noFootage: range(anHourAgo() - 47 * hour),
      secrets: () => [credentials.password, 'wrong-passw0rd', ...sim.secrets],
      events: {
        otherCamera: '3',
        lateMs: 10 * 60_000,
        happen({ agoMs = 0, camera = '2' } = {}) {
          const from = sim.now() - agoMs;
          return sim.happen({ camera, from, to: from + 4_000, createdAt: from }).id;
        },
        happenNowhere: () => sim.happen({ camera: undefined }).id,
        pass: (ms) => sim.advance(ms),
        remove: (id) =>
          void sim.events.splice(
            sim.events.findIndex((event) => event.id === id),
            1,
          ),
        disorder: () => Object.assign(sim.options.events, { refuses: ['dir'], order: 'oldest', filter: 'start' }),
        double: () => void (sim.options.events.isDoubled = true),
        endless: () => void (sim.options.events.isEndless = true),
      },
      requests: () => sim.requests,
      requestsFor: (step) => sim.requestsFor(filters[step]),
      isFor: (step, request) => matcherOf(filters[step])(request),
      expireSessions: () => sim.expireSessions(),
      ...faultsBy(fail),
      throttle: (step, times) => fail(step, tooMany('application/json', '{"message":"Too Many Attempts."}'), times),
      vanish: (clipId) => void sim.removeRecord(clipId),
      clipCount: () => sim.made,
      sha256Of: async (clipId) => sha256Of(await sim.mediaOf(clipId)),
      clearFaults: () => sim.clearFaults(),
      close: () => sim.close(),
    };
  },
};
