/** Four video systems in a process of their own, which answer one request in twenty as a bad network or a bad server would. */
import { anHourAgo, hour, range } from '../contract/faults';
import { startAipix } from '../simulators/aipix';
import { htmlPage, type Fault } from '../simulators/http-server';
import { exampleKey, footage, startKinesisVideo, stream } from '../simulators/kinesis-video';
import { exampleCameras, exampleKeys, startRhombus } from '../simulators/rhombus';
import { senseCamera, startVdgSense } from '../simulators/vdg-sense';
import { seededRandom } from '../support/seeded-random';
import { sha256Of } from '../simulators/video';
import { leaveAwsEnvironment } from '../support/aws-environment';
import { serveRemote, startRemote, type Remote } from '../support/remote';

/** A connection as a flow has it, and what may be asked of it. */
export interface Vendor {
  /** Of its `clip-provider` node. */
  id: string;
  provider: string;
  settings: Record<string, unknown>;
  credentials: Record<string, string>;
  camera: string;
}

export interface Range {
  start: string;
  end: string;
}

export interface Finished extends Range {
  vendor: string;
  clipId: string;
}

interface Server extends Vendor {
  /** What a download of the clip must bring. Afterwards the vendor has it no longer. */
  take(clip: Finished): Promise<string>;
  errors(): unknown[];
}

/** Of all requests. */
const faultShare = 0.05;
const seed = 20;
const [serverid, deviceid] = ['6917529027641081901', '2'];
const user = { username: 'soak', password: 'soak-pass-word' };
/** Ranges lie so far apart: those of a vendor overlap, but no two are equal, and all begin with a fragment. */
const stepMs = 2_000;
const clipSeconds = 4;

const text = (status: number, body: string, headers = {}): Fault => ({
  kind: 'reply',
  reply: { status, headers: { 'content-type': 'text/plain', ...headers }, body },
});

const faults: Fault[] = [
  { kind: 'reset', when: 'request' },
  { kind: 'reset', when: 'reply' },
  { kind: 'reset', when: 'headers' },
  { kind: 'delay', ms: 300 },
  { kind: 'stall', afterBytes: 10_000, ms: 500 },
  { kind: 'truncate', afterBytes: 40, how: 'end' },
  { kind: 'truncate', afterBytes: 20_000, how: 'reset' },
  { kind: 'truncate', afterBytes: 20_000, how: 'clean' },
  text(500, 'Internal Server Error'),
  text(503, 'Service Unavailable', { 'retry-after': '1' }),
  text(429, 'Too Many Requests', { 'retry-after': '1' }),
  { kind: 'reply', reply: htmlPage(502, 'Bad Gateway') },
  { kind: 'reply', reply: htmlPage(404, 'Not Found') },
  { kind: 'reply', reply: htmlPage(200, 'Down for maintenance') },
];

/** Requests, and faults among them. */
const count = { requests: 0, faults: 0 };
const random = seededRandom(seed);

/** @param fail lets all matching requests meet a fault */
function disturb(fail: (fault: Fault, matches: () => boolean, times: number) => void): void {
  for (const [index, fault] of faults.entries()) {
    const isHit = (): boolean => {
      // Each request is held against each fault.
      if (index === 0) count.requests += 1;
      const hit = random() < faultShare / faults.length;
      if (hit) count.faults += 1;
      return hit;
    };
    fail(fault, isHit, Infinity);
  }
}

const latest = anHourAgo();

/** The range of the clip of that number; `noFootage`: of before anything was recorded. */
function rangeOf(number: number, isRecorded: boolean): Range {
  return range(latest - (isRecorded ? 0 : 47 * hour) - number * stepMs, clipSeconds);
}

async function startSense(): Promise<Server> {
  const device = senseCamera({ serverid, deviceid, name: 'Dock', footage: [{ from: latest - 24 * hour }] });
  const sim = await startVdgSense({ users: [user], devices: [device], queue: { makeMs: 5 } });
  disturb(sim.failNext);
  return {
    id: 'connection-vdg-sense',
    provider: 'vdg-sense',
    settings: { url: sim.url, auth: 'plain' },
    credentials: user,
    camera: `${serverid}/${deviceid}`,
    async take({ clipId }) {
      const sha256 = await sha256Of(await sim.mediaOf(clipId));
      sim.removeClip(clipId);
      sim.requests.length = 0;
      return sha256;
    },
    errors: () => sim.errors,
  };
}

async function startRhombusCloud(): Promise<Server> {
  const sim = await startRhombus();
  for (const camera of sim.options.cameras) camera.cloud = camera.cloud.map(() => ({ from: latest - 24 * hour }));
  disturb(sim.failNext);
  return {
    id: 'connection-rhombus',
    provider: 'rhombus',
    settings: { region: 'custom', apiUrl: sim.apiUrl, mediaUrl: sim.mediaUrl, authScheme: 'api-token' },
    credentials: { token: exampleKeys.key },
    camera: `${exampleCameras.dock}.v0`,
    async take({ clipId }) {
      const { sha256 } = await sim.mediaOf(clipId);
      sim.removeClip(clipId);
      sim.api.requests.length = 0;
      sim.media.requests.length = 0;
      return sha256;
    },
    errors: () => sim.errors,
  };
}

async function startKinesis(): Promise<Server> {
  leaveAwsEnvironment();
  const camera = 'dock';
  const fragments = footage(latest - 6 * hour, latest + 60_000, { fragmentMs: stepMs });
  const sim = await startKinesisVideo({ streams: [stream(camera, { fragments })] });
  disturb(sim.failNext);
  return {
    id: 'connection-kinesis-video',
    provider: 'kinesis-video',
    settings: { region: 'eu-west-1', endpoint: sim.url, timestamps: 'PRODUCER_TIMESTAMP' },
    credentials: { username: exampleKey.accessKeyId, password: exampleKey.secretAccessKey },
    camera,
    async take({ start, end }) {
      sim.requests.length = 0;
      return sha256Of(await sim.mediaOf(camera, 'PRODUCER_TIMESTAMP', start, Date.parse(end) - stepMs));
    },
    errors: () => sim.errors,
  };
}

async function startAipixServer(): Promise<Server> {
  const sim = await startAipix({ making: { makeMs: 5 } });
  disturb(sim.failNext);
  const { login, password } = sim.options.users[0]!;
  return {
    id: 'connection-aipix',
    provider: 'aipix',
    settings: { url: sim.url, api: 'client', push: true },
    credentials: { username: login, password },
    camera: '2',
    async take({ clipId }) {
      const sha256 = await sha256Of(await sim.mediaOf(clipId));
      sim.removeRecord(clipId);
      return sha256;
    },
    errors: () => sim.errors,
  };
}

const servers: Server[] = [];

const commands = {
  async start(): Promise<Vendor[]> {
    servers.push(...(await Promise.all([startSense(), startRhombusCloud(), startKinesis(), startAipixServer()])));
    return servers.map(({ take: _take, errors: _errors, ...vendor }) => vendor);
  },

  async ranges({ from, count, isRecorded }: { from: number; count: number; isRecorded: boolean }): Promise<Range[]> {
    return Array.from({ length: count }, (_, index) => rangeOf(from + index, isRecorded));
  },

  /** SHA-256 of what a download of each of these must have brought, or why there is no such clip. */
  take: (clips: Finished[]): Promise<string[]> =>
    Promise.all(
      clips.map((clip) =>
        servers
          .find(({ provider }) => provider === clip.vendor)!
          .take(clip)
          .catch(String),
      ),
    ),

  /** How many requests met a fault, and what went wrong in the simulators themselves. */
  async report(): Promise<{ requests: number; faults: number; simulatorErrors: string[] }> {
    return { ...count, simulatorErrors: servers.flatMap(({ errors }) => errors().map(String)) };
  },
};

export type Servers = Remote<typeof commands>;

export function startServers(): Promise<Servers> {
  return startRemote<typeof commands>(__filename);
}

if (require.main === module) serveRemote(commands);
