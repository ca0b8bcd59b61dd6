/** A vendor that makes clips of a few seconds out of one film, and exports from it through a real connection and ffmpeg. */
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../../lib/async/clock';
import { Connection } from '../../../lib/connection/connection';
import { ClipError } from '../../../lib/errors';
import { runFilesExport, type ExportOptions } from '../../../lib/exports/run';
import type { FilesJobData } from '../../../lib/exports/work';
import type { JobResult, RunContext } from '../../../lib/jobs/job';
import { defineProvider, type Clip, type ClipRequest, type Footage, type Provider } from '../../../lib/provider';
import { makeSource, realFfmpeg, runQuietly } from '../../support/ffmpeg';
import { tempFolder } from '../../support/temp-folder';
import { aContext, aJob } from '../clips/fake';

export const epoch = Date.UTC(2025, 2, 1, 8, 50);
/** Seconds after the start of the film. */
export const at = (seconds: number): string => new Date(epoch + seconds * 1000).toISOString();
export const range = (start: number, end: number) => ({ start: at(start), end: at(end) });

export interface ImpatientClock extends Clock {
  /** Lets all waits of an hour and more be over. */
  strike(): void;
}

/** Waits are short whatever is asked for, but for those of an hour and more; time goes on as it does. */
function impatientClock(): ImpatientClock {
  const long = new Set<() => void>();
  return {
    now: Date.now,
    steadyNow: systemClock.steadyNow,
    after(ms, call) {
      if (ms < 3_000_000) return systemClock.after(Math.min(ms, 10), call);
      long.add(call);
      return () => void long.delete(call);
    },
    strike: () => long.forEach((call) => call()),
  };
}

export interface Vendor {
  /** Longest clip in seconds. */
  maxClipSeconds: number | undefined;
  maxConcurrent: number;
  idempotentCreate: boolean;
  /** Pictures before the start, and after the end, that come with a clip; seconds. */
  extra: { before: number; after: number };
  footage(camera: string): Partial<Footage>;
  /** Runs first in each call; throws what the vendor says. */
  onCreate(request: ClipRequest, count: number): void | Promise<void>;
  onPoll(clip: Clip, count: number): Partial<Clip> | void;
  onOpen(clip: Clip, count: number): void | Promise<void>;
  /** The film that a clip is cut out of, and the format in which ffmpeg writes it. */
  filmOf(clip: Clip): string;
  format: string;
  /** Changes the file of a clip before it is sent. */
  spoil(path: string, clip: Clip): void;
  /** What was asked, in order. */
  readonly asked: { method: string; camera: string; start: number; end: number; title?: string }[];
  readonly deleted: string[];
  readonly cancelled: string[];
  /** Most downloads that were open at once. */
  mostOpen: number;
}

export const filmSeconds = 12;

export function exportRig() {
  const temp = tempFolder();
  const ffmpeg = realFfmpeg();
  let vendor: Vendor;
  let made: number;

  /** H.264, a key frame each second, 10 pictures a second; none looks like another. */
  function film(name = 'film', more: { size?: string; audio?: boolean; args?: string[] } = {}): string {
    const file = join(temp(), `${name}.mp4`);
    if (existsSync(file)) return file;
    const { size, audio, args = [] } = more;
    const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '10', '-pix_fmt', 'yuv420p', ...args];
    return makeSource(ffmpeg(), file, { seconds: filmSeconds, noise: true, size, audio, args: coded });
  }

  /** A cut at key frames out of a film. */
  function cutOf(source: string, start: number, seconds: number, format = 'mp4'): string {
    const file = join(temp(), `cut-${(made += 1)}.mp4`);
    const span = ['-ss', String(start), '-i', source, '-t', String(seconds)];
    runQuietly(ffmpeg(), [...span, '-c', 'copy', '-avoid_negative_ts', 'make_zero', '-f', format, '-y', file]);
    return file;
  }

  beforeEach(() => {
    made = 0;
    vendor = {
      maxClipSeconds: 2,
      maxConcurrent: 2,
      idempotentCreate: true,
      extra: { before: 0, after: 0 },
      footage: () => ({}),
      onCreate: () => undefined,
      onPoll: () => undefined,
      onOpen: () => undefined,
      filmOf: () => film(),
      format: 'mp4',
      spoil: () => undefined,
      asked: [],
      deleted: [],
      cancelled: [],
      mostOpen: 0,
    };
  });

  const note = (method: string, { camera, start, end, title }: ClipRequest | Clip): number => {
    const [from, to] = [start, end].map((time) => (Date.parse(time) - epoch) / 1000);
    vendor.asked.push({ method, camera, start: from!, end: to!, ...(title ? { title } : {}) });
    return vendor.asked.filter((each) => each.method === method && each.camera === camera && each.start === from)
      .length;
  };

  function connect(clock: Clock = impatientClock()): Connection {
    let open = 0;
    const clips = new Map<string, Clip>();
    const provider: Provider = {
      async createClip(request) {
        await vendor.onCreate(request, note('create', request));
        const { camera, start, end } = request;
        const id = vendor.idempotentCreate ? `${camera} ${start} ${end}` : `clip ${clips.size}`;
        const clip = { id, camera, start, end, status: 'pending' as const, progress: 0 };
        clips.set(id, { ...clip, title: request.title, connection: '', provider: '' });
        return clip;
      },
      ...(vendor.idempotentCreate
        ? {}
        : {
            async findClip(request) {
              note('find', request);
              return [...clips.values()].find(({ title }) => title === request.title);
            },
          }),
      async getClip(clip) {
        return { ...clip, status: 'finished', ...vendor.onPoll(clip, note('poll', clip)) };
      },
      async openClip(clip) {
        const count = note('open', clip);
        open += 1;
        vendor.mostOpen = Math.max(vendor.mostOpen, open);
        const closed = (): void => void (open -= 1);
        try {
          await vendor.onOpen(clip, count);
        } catch (error) {
          closed();
          throw error;
        }
        const { before, after } = vendor.extra;
        const start = Math.max(0, (Date.parse(clip.start) - epoch) / 1000 - before);
        const end = Math.min(filmSeconds, (Date.parse(clip.end) - epoch) / 1000 + after);
        const path = cutOf(vendor.filmOf(clip), start, end - start, vendor.format);
        vendor.spoil(path, clip);
        const body = createReadStream(path);
        body.once('close', closed);
        return { body, resumable: false, offset: 0 };
      },
      deleteClip: async ({ id }) => void vendor.deleted.push(id),
      cancelClip: async ({ id }) => void vendor.cancelled.push(id),
      surveyFootage: async (camera) => ({ gaps: [], maxClipSeconds: vendor.maxClipSeconds, ...vendor.footage(camera) }),
      check: () => Promise.reject(new ClipError('EUNSUPPORTED', 'not here')),
    };
    const definition = defineProvider({
      id: 'fake',
      label: 'Fake',
      settings: [],
      credentials: {},
      clipOptions: [],
      maxClipSeconds: () => vendor.maxClipSeconds,
      idempotentCreate: vendor.idempotentCreate,
      open: async () => provider,
    });
    const config = { settings: {}, credentials: { username: '', password: '', token: '' }, now: Date.now };
    return new Connection({ id: 'connection-1', definition, config, maxConcurrent: vendor.maxConcurrent, clock });
  }

  function aWork(more: Partial<FilesJobData> = {}, seconds = 6, cameras = ['7/2']): FilesJobData {
    const nothing = { status: 'pending' as const, progress: 0 };
    const of = (camera: string) => ({ camera, ...range(0, seconds), ...nothing, gaps: [], files: [], problems: [] });
    return {
      to: 'files',
      connection: 'connection-1',
      id: '1234abcd-0000-4000-8000-000000000000',
      folder: join(temp(), 'exports'),
      root: temp(),
      join: true,
      options: {},
      ...nothing,
      cameras: cameras.map(of),
      ...more,
    };
  }

  async function run(
    work: FilesJobData,
    more: {
      context?: RunContext<FilesJobData>;
      options?: Partial<ExportOptions>;
      clock?: Clock;
      connection?: Connection;
    } = {},
  ): Promise<JobResult<FilesJobData>> {
    const { clock = impatientClock(), connection = connect(clock), context = aContext<FilesJobData>() } = more;
    return runFilesExport(aJob(work), connection, context, {
      clock,
      pollMs: 10,
      findFfmpeg: async () => ffmpeg(),
      onProgress: () => undefined,
      ...more.options,
    });
  }

  /** Below the export's folder, but for hidden ones. */
  async function files(): Promise<string[]> {
    const found = await readdir(join(temp(), 'exports'), { recursive: true, withFileTypes: true }).catch(() => []);
    return found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(temp(), 'exports').length + 1))
      .sort();
  }

  /** The pictures of a video, decoded: one line each. */
  function pictures(file: string, span: { start?: number; seconds?: number } = {}): string[] {
    const { start = 0, seconds = filmSeconds } = span;
    const part = ['-ss', String(start), '-t', String(seconds)];
    const text = execFileSync(ffmpeg(), ['-v', 'error', ...part, '-i', file, '-map', '0:v', '-f', 'framemd5', '-']);
    const lines = text.toString().split('\n').filter((line) => line.startsWith('0,')); // prettier-ignore
    return lines.map((line) => line.split(',').at(-1)!.trim());
  }

  return {
    get vendor() {
      return vendor;
    },
    temp,
    ffmpeg,
    film,
    cutOf,
    impatientClock,
    connect,
    aWork,
    run,
    files,
    pictures,
    path: (...names: string[]) => join(temp(), 'exports', ...names),
  };
}
