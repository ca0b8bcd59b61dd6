import Module from 'node:module';
import { join } from 'node:path';
import type { ProviderDefinition } from '../../lib/provider';
import type { Fault } from '../simulators/http-server';
import { startSample } from '../simulators/sample';
import { sha256Of } from '../simulators/video';
import type { Harness, Step } from './harness';

const hour = 3600_000;
const folder = join(__dirname, '../sample-provider');
const matches: Record<Step, (request: { method: string; path: string }) => boolean> = {
  login: () => false,
  create: ({ method, path }) => method === 'POST' && path === '/clips',
  status: ({ method, path }) => method === 'GET' && /^\/clips\/[^/]+$/.test(path),
  download: ({ path }) => path.endsWith('/video'),
  delete: ({ method }) => method === 'DELETE',
  cameras: ({ path }) => path === '/cameras',
  any: () => true,
};

/** A package of somebody else, as it is when ours is installed beside it. */
function loadSample(): ProviderDefinition {
  const loader = Module as unknown as { _resolveFilename(request: string, ...more: unknown[]): string };
  const usual = loader._resolveFilename;
  const name = '@vms-nodes/node-red-video-clips/provider';
  loader._resolveFilename = function (request, ...more) {
    return usual.call(this, request === name ? join(__dirname, '../../lib/provider') : request, ...more);
  };
  try {
    // Its other file is loaded on first use, which would be too late.
    require(join(folder, 'provider.js'));
    return (require(folder) as { definition: ProviderDefinition }).definition;
  } finally {
    loader._resolveFilename = usual;
  }
}

export const harness: Harness = {
  id: 'sample',
  async start() {
    const vendor = await startSample();
    const from = Math.floor(Date.now() / 1000) * 1000 - hour;
    const range = (startMs: number) => ({
      start: new Date(startMs).toISOString(),
      end: new Date(startMs + 4000).toISOString(),
    });
    const wrongKey = 'sample-key-wrong-77aa';
    const fail = (step: Step, fault: Fault, times = 1): void =>
      void vendor.server.fail(fault, { matches: matches[step], times });
    return {
      definition: loadSample(),
      settings: { url: vendor.url, quality: 'high' },
      credentials: { username: '', password: '', token: vendor.key },
      wrongCredentials: { username: '', password: '', token: wrongKey },
      camera: 'cam-1',
      unknownCamera: 'cam-77',
      impossibleCamera: 'Dock',
      footage: range(from),
      noFootage: range(from - 24 * hour),
      secrets: () => [vendor.key, wrongKey],
      requests: () => vendor.server.requests,
      requestsFor: (step) => vendor.server.requests.filter(matches[step]),
      force: (step, reply, times) => fail(step, { kind: 'reply', reply }, times),
      loseAnswer: (step) => fail(step, { kind: 'reset', when: 'reply' }),
      hang: (step) => fail(step, { kind: 'delay', ms: Infinity }),
      truncateDownload: (bytes) => fail('download', { kind: 'truncate', afterBytes: bytes }),
      throttle: (step, times) =>
        fail(step, { kind: 'reply', reply: { status: 429, headers: { 'retry-after': '1' }, body: '' } }, times),
      vanish(clipId) {
        const index = vendor.clips.findIndex(({ id }) => id === clipId);
        if (index >= 0) vendor.clips.splice(index, 1);
      },
      clipCount: () => vendor.made,
      sha256Of: async (clipId) => sha256Of(await vendor.mediaOf(clipId)),
      clearFaults: () => vendor.server.clearFaults(),
      openConnections: () => vendor.server.connections,
      close: () => vendor.close(),
    };
  },
};
