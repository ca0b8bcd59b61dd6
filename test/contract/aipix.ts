import { aipix } from '../../lib/providers/aipix';
import { startAipix, type Fault, type RequestFilter } from '../simulators/aipix';
import { sha256Of } from '../simulators/video';
import type { Harness, Step } from './harness';

const hour = 3_600_000;

const filters: Record<Step, RequestFilter> = {
  login: 'login',
  create: 'create',
  status: 'list',
  download: 'media',
  delete: 'delete',
  cameras: 'cameras',
  any: () => true,
};

export const harness: Harness = {
  id: 'aipix',
  async start() {
    const sim = await startAipix();
    const now = Math.floor(Date.now() / 1000) * 1000;
    const range = (start: number) => ({
      start: new Date(start).toISOString(),
      end: new Date(start + 4_000).toISOString(),
    });
    const credentials = { username: 'nodered', password: 's3cret-passw0rd', token: '' };
    const fail = (step: Step, fault: Fault, times = 1): void => void sim.failNext(fault, filters[step], times);
    return {
      definition: aipix,
      settings: { url: sim.url, api: 'client', push: true, clientType: 'web', maxClip: 600 },
      credentials,
      wrongCredentials: { ...credentials, password: 'wrong-passw0rd' },
      camera: '2',
      unknownCamera: '99',
      impossibleCamera: 'Gate 1',
      footage: range(now - hour),
      // The camera has been recording for a day.
      noFootage: range(now - 48 * hour),
      secrets: () => [credentials.password, 'wrong-passw0rd', ...sim.secrets],
      requests: () => sim.requests,
      requestsFor: (step) => sim.requestsFor(filters[step]),
      expireSessions: () => sim.expireSessions(),
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
              headers: { 'content-type': 'application/json', 'retry-after': '1' },
              body: '{"message":"Too Many Attempts."}',
            },
          },
          times,
        ),
      vanish: (clipId) => void sim.removeRecord(clipId),
      clipCount: () => sim.made,
      sha256Of: async (clipId) => sha256Of(await sim.mediaOf(clipId)),
      clearFaults: () => sim.clearFaults(),
      close: () => sim.close(),
    };
  },
};
