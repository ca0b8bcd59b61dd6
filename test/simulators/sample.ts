/** The vendor of the sample provider: clips over plain JSON, with one API key. */
import { startServer, type RecordedRequest, type Reply, type SimulatorServer } from './http-server';
import { mediaReply } from './media-reply';
import { makeVideo, openMedia, type Media } from './video';

export interface SampleClip {
  id: string;
  camera: string;
  start: string;
  end: string;
  title: string;
  state: 'queued' | 'ready';
  bytes?: number;
  quality?: string;
  watermark?: boolean;
}

export interface SampleExport {
  id: string;
  path: string;
  cameras: { camera: string; start: string; end: string }[];
  state: 'queued' | 'ready';
}

export interface SampleEvent {
  id: string;
  kind: 'alarm' | 'motion';
  camera: string;
  start: string;
  /** `null`: it goes on. */
  end: string | null;
  label?: string;
  score?: number;
}

export interface SampleVendor {
  /** By the number that the vendor gave them last. */
  readonly events: Map<number, SampleEvent>;
  /** Something happens, ten seconds long and just over where nothing else is said. */
  happen(change?: Partial<SampleEvent>): SampleEvent;
  end(id: string, at?: number): void;
  readonly url: string;
  readonly server: SimulatorServer;
  readonly key: string;
  readonly clips: SampleClip[];
  readonly exports: SampleExport[];
  /** From now on, exports do not begin. */
  holdExports(): void;
  /** How many clips have been made. */
  readonly made: number;
  mediaOf(id: string): Promise<Media>;
  close(): Promise<void>;
}

const cameras = [
  { id: 'cam-1', name: 'Dock' },
  { id: 'cam-2', name: 'Gate' },
];
/** Half of what it has recorded is gone again. */
const keptMs = 12 * 3600_000;

export async function startSample({ key = 'sample-key-81f2' } = {}): Promise<SampleVendor> {
  const clips: SampleClip[] = [];
  const exports: SampleExport[] = [];
  const events = new Map<number, SampleEvent>();
  let isHeld = false;
  let made = 0;
  let [lastNumber, lastId] = [0, 0];

  function happen(change: Partial<SampleEvent> = {}): SampleEvent {
    const now = Date.now();
    const event: SampleEvent = {
      id: `event-${(lastId += 1)}`,
      kind: 'alarm',
      camera: 'cam-1',
      start: new Date(now - 10_000).toISOString(),
      end: new Date(now).toISOString(),
      ...change,
    };
    events.set((lastNumber += 1), event);
    return event;
  }

  function end(id: string, at = Date.now()): void {
    const [number, event] = [...events].find(([, each]) => each.id === id) ?? [];
    if (number === undefined || !event) throw new Error(`There is no event ${id}`);
    events.delete(number);
    event.end = new Date(at).toISOString();
    events.set((lastNumber += 1), event);
  }

  function listEvents(query: URLSearchParams): Reply {
    const [kinds, wanted, limit] = [query.getAll('kind'), query.getAll('camera'), Number(query.get('limit'))];
    if (limit === 0) return answer({ events: [], last: lastNumber, more: false });
    const isAsked = ({ kind, camera }: SampleEvent): boolean =>
      kinds.includes(kind) && (wanted.length === 0 || wanted.includes(camera));
    const since = Number(query.get('since'));
    const found = [...events].filter(([number, event]) => number > since && isAsked(event));
    const page = found.slice(0, limit);
    const more = page.length < found.length;
    return answer({ events: page.map(([, event]) => event), last: more ? page.at(-1)![0] : lastNumber, more });
  }

  const answer = (body: unknown, status = 200): Reply => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

  async function mediaOf(id: string): Promise<Media> {
    const clip = clips.find((candidate) => candidate.id === id);
    if (!clip) throw new Error(`There is no clip ${id}`);
    const seconds = (Date.parse(clip.end) - Date.parse(clip.start)) / 1000;
    return openMedia(await makeVideo({ seconds, width: 320, height: 180 }));
  }

  async function handle(request: RecordedRequest): Promise<Reply> {
    const { method, path, query, headers, body } = request;
    if (headers.authorization !== `Bearer ${key}`) return answer({ message: 'Unknown key' }, 401);
    if (path === '/cameras') return answer(cameras);
    if (path === '/events') return listEvents(query);
    if (path === '/clips' && method === 'GET') return answer(clips);
    if (path === '/clips') {
      const asked = JSON.parse(body.toString()) as Omit<SampleClip, 'id' | 'state'>;
      if (cameras.every(({ id }) => id !== asked.camera)) return answer({ message: 'No such camera' }, 404);
      if (Date.parse(asked.start) < Date.now() - keptMs) return answer({ message: 'No footage' }, 422);
      const clip: SampleClip = { ...asked, id: `clip-${String((made += 1)).padStart(8, '0')}`, state: 'queued' };
      clips.push(clip);
      return answer(clip, 201);
    }
    if (path === '/exports' && method === 'POST') {
      const asked = JSON.parse(body.toString()) as Pick<SampleExport, 'path' | 'cameras'>;
      const started: SampleExport = { ...asked, id: `export-${exports.length + 1}`, state: 'queued' };
      exports.push(started);
      return answer(started, 201);
    }
    if (path === '/exports') {
      const list = answer(exports);
      if (!isHeld) for (const each of exports) each.state = 'ready';
      return list;
    }
    const [, exportId] = /^\/exports\/([^/]+)$/.exec(path) ?? [];
    const exportIndex = exports.findIndex((candidate) => candidate.id === exportId);
    if (exportIndex >= 0 && method === 'DELETE') return (exports.splice(exportIndex, 1), answer({}));
    const [, id, video] = /^\/clips\/([^/]+)(\/video)?$/.exec(path) ?? [];
    const index = clips.findIndex((candidate) => candidate.id === id);
    const clip = clips[index];
    if (!clip) return answer({ message: 'No such clip' }, 404);
    if (method === 'DELETE') return (clips.splice(index, 1), answer({}));
    const media = await mediaOf(clip.id);
    if (video) {
      const options = { range: true, etag: 'strong', framing: 'length', truncateAfter: Infinity } as const;
      return mediaReply(request, media, options);
    }
    Object.assign(clip, { state: 'ready', bytes: media.size });
    return answer(clip);
  }

  const server = await startServer({ handle });
  return {
    get url() {
      return server.url;
    },
    server,
    key,
    clips,
    exports,
    events,
    happen,
    end,
    holdExports() {
      isHeld = true;
    },
    get made() {
      return made;
    },
    mediaOf,
    close: () => server.stop(),
  };
}
