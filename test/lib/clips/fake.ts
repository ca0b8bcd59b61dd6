/** A provider that does what a test tells it to, behind a real connection. */
import type { Clock } from '../../../lib/async/clock';
import type { DownloadJobData } from '../../../lib/clips/download';
import { Connection } from '../../../lib/connection/connection';
import type { Job, RunContext } from '../../../lib/jobs/job';
import { defineProvider, type Clip, type OpenClip, type Provider } from '../../../lib/provider';
import { manualClock } from '../../support/manual-clock';

export function aClip(more: Partial<Clip> = {}): Clip {
  return {
    id: 'clip-1',
    connection: 'connection-1',
    provider: 'fake',
    camera: '7/2',
    start: '2025-03-01T08:50:00.000Z',
    end: '2025-03-01T08:50:02.000Z',
    status: 'finished',
    ...more,
  };
}

type Methods = Partial<Omit<Provider, 'openClip'>> & {
  openClip?(...call: Parameters<Provider['openClip']>): Promise<Partial<OpenClip> & Pick<OpenClip, 'body'>>;
};

export function connect(
  methods: Methods,
  clock: Clock = manualClock(),
  maxConcurrent = 2,
  idempotentCreate = true,
): Connection {
  const unexpected = (): never => {
    throw new Error('The test does not expect this call');
  };
  const { openClip = unexpected, ...others } = methods;
  const provider: Provider = {
    createClip: unexpected,
    getClip: unexpected,
    openClip: async (clip, call) => ({ resumable: false, offset: 0, ...(await openClip(clip, call)) }),
    check: unexpected,
    ...others,
  };
  const definition = defineProvider({
    id: 'fake',
    label: 'Fake',
    settings: [],
    credentials: {},
    clipOptions: [{ name: 'vca', kind: 'text', label: 'Analytics', default: '' }],
    idempotentCreate,
    exportsToServer: methods.exportVideo !== undefined,
    open: async () => provider,
  });
  const config = { settings: {}, credentials: { username: '', password: '', token: '' }, now: clock.now };
  return new Connection({ id: 'connection-1', definition, config, maxConcurrent, clock });
}

/** Work of a `download-clip` node whose settings are those of a new one, but for these. */
export function aDownload(
  more: Partial<DownloadJobData> & Pick<DownloadJobData, 'clip' | 'filename' | 'root'>,
): DownloadJobData {
  return {
    connection: 'connection-1',
    output: 'file',
    maxBufferBytes: 0,
    exists: 'rename',
    convert: 'none',
    maxHeight: 0,
    maxBytes: 0,
    thumbnail: false,
    deleteAfter: false,
    strict: true,
    ...more,
  };
}

export function aJob<Data>(data: Data, more: Partial<Job<Data>> = {}): Job<Data> {
  return { id: 'aaaabbbb-cccc-dddd', nodeId: 'node', createdAt: 0, runAt: 0, failures: 0, ...more, data };
}

export interface TestContext<Data> extends RunContext<Data> {
  stop: AbortController;
  saved: Data[];
}

export function aContext<Data>(): TestContext<Data> {
  const stop = new AbortController();
  const saved: Data[] = [];
  return { stop, saved, signal: stop.signal, save: async (data) => void saved.push(structuredClone(data)) };
}
