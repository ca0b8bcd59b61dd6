import { rhombus } from '../../lib/providers/rhombus';
import { exampleCameras, exampleKeys, startRhombus, type Fault, type RequestFilter } from '../simulators/rhombus';
import type { Harness, Step } from './harness';

const HOUR = 3_600_000;

const filters: Record<Exclude<Step, 'login'>, RequestFilter> = {
  create: 'spliceV3',
  status: ({ path }) => /\/getClips?WithProgress$/.test(path),
  download: 'download',
  delete: 'deleteSavedClip',
  cameras: 'getMinimalCameraStateList',
  any: 'any',
};

export const harness: Harness = {
  id: 'rhombus',
  async start() {
    // Access Denied is what an unknown key may get as well as a key without rights; only this answer tells them apart.
    const sim = await startRhombus({ wrongKey: 'invalid-key' });
    const hour = Math.floor(Date.now() / 1000) * 1000 - HOUR;
    const range = (startMs: number, seconds: number) => ({
      start: new Date(startMs).toISOString(),
      end: new Date(startMs + seconds * 1000).toISOString(),
    });
    for (const camera of sim.options.cameras) {
      camera.cloud = camera.cloud.map(() => ({ from: hour - HOUR }));
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
        authScheme: 'api-token',
        organization: '',
      },
      credentials: { username: '', password: '', token: exampleKeys.key },
      wrongCredentials: { username: '', password: '', token: 'kR7_no-such-key_012345' },
      camera: `${exampleCameras.dock}.v0`,
      unknownCamera: 'n0_such-camera_1234567.v0',
      impossibleCamera: 'Dock 3',
      footage: range(hour, 4),
      noFootage: range(hour - 24 * HOUR, 4),
      secrets: () => [exampleKeys.key, 'kR7_no-such-key_012345'],
      requests: () => sim.requests,
      requestsFor: (step) => (step === 'login' ? [] : sim.requestsFor(filters[step])),
      force: (step, reply, times) => fail(step, { kind: 'reply', reply }, times),
      loseAnswer: (step) => fail(step, { kind: 'reset', when: 'reply' }),
      hang: (step) => fail(step, { kind: 'delay', ms: Infinity }),
      truncateDownload: (bytes) => fail('download', { kind: 'truncate', afterBytes: bytes }),
      throttle: (step, times) =>
        fail(
          step,
          {
            kind: 'reply',
            reply: {
              status: 429,
              headers: { 'content-type': 'text/plain', 'retry-after': '1' },
              body: 'Too many requests for this organization.',
            },
          },
          times,
        ),
      vanish: (clipId) => void sim.removeClip(clipId),
      clipCount: () => sim.made,
      sha256Of: async (clipId) => (await sim.mediaOf(clipId)).sha256,
      clearFaults: () => sim.clearFaults(),
      openConnections: () => sim.api.connections + sim.media.connections,
      close: () => sim.close(),
    };
  },
};
