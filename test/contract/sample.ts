import Module from 'node:module';
import { join } from 'node:path';
import type { ProviderDefinition } from '../../lib/provider';
import type { Fault } from '../simulators/http-server';
import { startSample } from '../simulators/sample';
import { sha256Of } from '../simulators/video';
import { anHourAgo, faultsBy, hour, range, tooMany } from './faults';
import type { Harness, Step } from './harness';

const folder = join(__dirname, '../sample-provider');
const answersAreKnown = 'what the vendor of the sample answers is known';
const matches: Record<Step, (request: { method: string; path: string }) => boolean> = {
  login: () => false,
  create: ({ method, path }) => method === 'POST' && path === '/clips',
  status: ({ method, path }) => method === 'GET' && /^\/clips\/[^/]+$/.test(path),
  download: ({ path }) => path.endsWith('/video'),
  delete: ({ method }) => method === 'DELETE',
  cameras: ({ path }) => path === '/cameras',
  events: ({ path }) => path === '/events',
  any: () => true,
};

/** A package of somebody else, as it is when ours is installed beside it. */
function loadSample(): ProviderDefinition {
  const loader = Module as unknown as { _resolveFilename(request: string, ...more: unknown[]): string };
  const usual = loader._resolveFilename;
  const name = '@vms-nodes/node-red-video-clips/provider';
  const doors: Record<string, string> = { [name]: '../../lib/provider', [`${name}/net`]: '../../lib/net' };
  loader._resolveFilename = function (request, ...more) {
    const door = doors[request];
    return usual.call(this, door === undefined ? request : join(__dirname, door), ...more);
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
    const from = anHourAgo();
    let passedMs = 0;
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
      impossibleCamera: 'Dock 33',
      footage: range(from),
      noFootage: range(from - 24 * hour),
      events: {
        otherCamera: 'cam-2',
        lateMs: 60_000,
        happen({ agoMs = 0, camera = 'cam-1', isOpen = false } = {}) {
          const start = Date.now() + passedMs - agoMs;
          const end = isOpen ? null : new Date(start + 400).toISOString();
          return vendor.happen({ camera, start: new Date(start).toISOString(), end }).id;
        },
        pass: (ms) => void (passedMs += ms),
        end: (id) => vendor.end(id, Date.now() + passedMs),
        disorder: () => undefined,
      },
      secrets: () => [vendor.key, wrongKey],
      requests: () => vendor.server.requests,
      isFor: (step, request) => matches[step](request),
      requestsFor: (step) => vendor.server.requests.filter(matches[step]),
      ...faultsBy(fail),
      throttle: (step, times) => fail(step, tooMany(), times),
      vanish(clipId) {
        const index = vendor.clips.findIndex(({ id }) => id === clipId);
        if (index >= 0) vendor.clips.splice(index, 1);
      },
      clipCount: () => vendor.made,
      sha256Of: async (clipId) => sha256Of(await vendor.mediaOf(clipId)),
      serverExports: {
        path: '/archive/case-7',
        count: () => vendor.exports.length,
        loseAnswer: () =>
          void vendor.server.fail(
            { kind: 'reset', when: 'reply' },
            { matches: ({ method, path }) => method === 'POST' && path === '/exports' },
          ),
        wait: () => vendor.holdExports(),
      },
      clearFaults: () => vendor.server.clearFaults(),
      openConnections: () => vendor.server.connections,
      exceptions: {
        'understands answers without a type': answersAreKnown,
        'understands answers as bytes of any kind': answersAreKnown,
        'understands answers with a byte order mark': answersAreKnown,
        'takes silence for an answer when a clip is deleted': answersAreKnown,
      },
      close: () => vendor.close(),
    };
  },
};
