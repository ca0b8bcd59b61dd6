// Holds each version of Frigate to the whole contract, by one harness.
import { frigate } from '../../lib/providers/frigate';
import { matcherOf, startFrigate, type Fault, type FrigateVersion, type RequestFilter } from '../simulators/frigate';
import { sha256Of } from '../simulators/video';
import { anHourAgo, faultsBy, hour, range, tooMany } from './faults';
import type { Harness, Step } from './harness';

const filters: Record<Step, RequestFilter> = {
  login: 'login',
  create: 'create',
  status: 'status',
  download: 'download',
  delete: 'delete',
  cameras: 'cameras',
  events: 'events',
  any: () => true,
};

/** The version that most people run in a year is not known, so each is held to the whole contract. */
export function harnessOf(id: string, version: FrigateVersion): Harness {
  return {
    id,
    async start() {
      const sim = await startFrigate({ version, login: { required: true } });
      const credentials = { username: 'admin', password: 's3cret-passw0rd', token: '' };
      const fail = (step: Step, fault: Fault, times = 1): void => void sim.failNext(fault, filters[step], times);
      return {
        definition: frigate,
        settings: { url: sim.url, maxClip: 3600 },
        credentials,
        wrongCredentials: { ...credentials, password: 'wrong-passw0rd' },
        camera: 'front_door',
        unknownCamera: 'cellar',
        impossibleCamera: 'Back door',
        footage: range(anHourAgo()),
        // The camera has been recording for two days.
        noFootage: range(anHourAgo() - 72 * hour),
        events: {
          otherCamera: 'garden',
          lateMs: 120_000,
          happen({ agoMs = 0, camera = 'front_door', isOpen = false } = {}) {
            const start = sim.now() - agoMs;
            return sim.see({ start, camera, ...(isOpen ? {} : { end: start + 400 }) }).id;
          },
          pass: (ms) => sim.advance(ms),
          end: (id) => sim.endActivity(id),
          remove: (id) => sim.removeActivity(id),
          disorder: () => void (sim.options.activity.order = 'mixed'),
          double: () => void (sim.options.activity.isDoubled = true),
          endless: () => void (sim.options.activity.isBoundless = true),
        },
        secrets: () => [credentials.password, 'wrong-passw0rd', ...sim.secrets],
        requests: () => sim.requests,
        requestsFor: (step) => sim.requestsFor(filters[step]),
        isFor: (step, request) => matcherOf(filters[step])(request),
        expireSessions: () => sim.expireSessions(),
        ...faultsBy(fail),
        throttle: (step, times) => fail(step, tooMany('application/json', '{"error":"Rate limit exceeded"}'), times),
        vanish: (clipId) => sim.removeExport(clipId),
        clipCount: () => sim.exports.length,
        sha256Of: async (clipId) => sha256Of(await sim.mediaOf(clipId)),
        clearFaults: () => sim.clearFaults(),
        openConnections: () => sim.server.connections,
        close: () => sim.close(),
      };
    },
  };
}
