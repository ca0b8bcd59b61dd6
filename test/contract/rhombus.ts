import { rhombus } from '../../lib/providers/rhombus';
import {
  exampleCameras,
  exampleKeys,
  matcherOf,
  startRhombus,
  type Fault,
  type RequestFilter,
} from '../simulators/rhombus';
import { anHourAgo, faultsBy, hour, range, tooMany } from './faults';
import type { Harness, Step } from './harness';

const filters: Record<Exclude<Step, 'login'>, RequestFilter> = {
  create: 'spliceV3',
  status: ({ path }) => /\/getClips?WithProgress$/.test(path),
  download: 'download',
  delete: 'deleteSavedClip',
  cameras: 'getMinimalCameraStateList',
  events: ({ path }) => /\/getPolicyAlert(s|Details)$/.test(path),
  any: 'any',
};

export const harness: Harness = {
  id: 'rhombus',
  async start() {
    const sim = await startRhombus();
    const from = anHourAgo();
    for (const camera of sim.options.cameras) {
      camera.cloud = camera.cloud.map(() => ({ from: from - hour }));
    }
    /** There is no login: the key goes with each request. */
    const fail = (step: Step, fault: Fault, times = 1): void => {
      if (step !== 'login') sim.failNext(fault, filters[step], times);
    };
    return {
      definition: rhombus,
      settings: {
        region: 'custom',
        apiUrl: sim.apiUrl,
        mediaUrl: sim.mediaUrl,
        pushUrl: sim.pushUrl,
        authScheme: 'api-token',
        organization: '',
      },
      credentials: { username: '', password: '', token: exampleKeys.key },
      wrongCredentials: { username: '', password: '', token: 'kR7_no-such-key_012345' },
      camera: `${exampleCameras.dock}.v0`,
      unknownCamera: 'n0_such-camera_1234567.v0',
      impossibleCamera: 'Dock 33',
      footage: range(from),
      noFootage: range(from - 24 * hour),
      secrets: () => [exampleKeys.key, 'kR7_no-such-key_012345'],
      requests: () => sim.requests,
      requestsFor: (step) => (step === 'login' ? [] : sim.requestsFor(filters[step])),
      isFor: (step, request) => step !== 'login' && matcherOf(filters[step])(request),
      ...faultsBy(fail),
      generalError: {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: '{"error":true,"errorMsg":"Something went wrong"}',
      },
      throttle: (step, times) => fail(step, tooMany('text/plain', 'Too many requests for this organization.'), times),
      vanish: (clipId) => void sim.removeClip(clipId),
      clipCount: () => sim.made,
      sha256Of: async (clipId) => (await sim.mediaOf(clipId)).sha256,
      events: {
        otherCamera: `${exampleCameras.gate}.v0`,
        lateMs: 15 * 60_000,
        happen({ agoMs = 0, camera = `${exampleCameras.dock}.v0`, isOpen = false } = {}) {
          const deviceUuid = camera.replace(/\.v0$/, '');
          const timestampMs = sim.now() - agoMs;
          return sim.addAlert({ deviceUuid, timestampMs, ...(isOpen ? {} : { durationSec: 4 }) }).uuid;
        },
        happenNowhere: () =>
          sim.addAlert({ type: 'ACCESS_CONTROLLED_DOOR_POLICY_ALERT', deviceUuid: undefined, durationSec: 4 }).uuid,
        pass: (ms) => sim.advance(ms),
        end(id) {
          const alert = sim.alerts.find(({ uuid }) => uuid === id)!;
          alert.durationSec = Math.ceil((sim.now() - alert.timestampMs) / 1000);
        },
        remove: (id) =>
          void sim.alerts.splice(
            sim.alerts.findIndex(({ uuid }) => uuid === id),
            1,
          ),
        disorder: () => void (sim.options.alerts.order = 'asc'),
        double: () => void (sim.options.alerts.isDoubled = true),
        endless: () => void (sim.options.alerts.isEndless = true),
      },
      clearFaults: () => sim.clearFaults(),
      openConnections: () => sim.api.connections + sim.media.connections,
      close: () => sim.close(),
    };
  },
};
