/** Downloads through a real connection into a real folder, watched: what must hold for every download is checked here. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { downloadClip, type DownloadOptions, type DownloadJobData } from '../../../lib/clips/download';
import type { Connection } from '../../../lib/connection/connection';
import type { ErrorCode } from '../../../lib/errors';
import type { JobResult, Job } from '../../../lib/jobs/job';
import type { Clip, ClipFile, OpenClip } from '../../../lib/provider';
import { makeVideo } from '../../simulators/video';
import { manualClock, type ManualClock } from '../../support/manual-clock';
import { expectNoUnhandledRejections } from '../../support/promises';
import { tempFolder } from '../../support/temp-folder';
import { aClip, aContext, aDownload, aJob, connect, type TestContext } from './fake';

export type Opened = Partial<OpenClip> & Pick<OpenClip, 'body'>;
type Methods = Omit<Parameters<typeof connect>[0], 'openClip'>;

export interface Download {
  /** Where the bytes come from: called for every attempt, with their number from 1, and where the clip is to be opened. */
  open?: (count: number, from: { offset: number; etag?: string }) => Opened | Promise<Opened>;
  work?: Partial<DownloadJobData>;
  clip?: Partial<Clip>;
  methods?: Methods;
  connection?: Connection;
  context?: TestContext<DownloadJobData>;
  job?: Partial<Job<DownloadJobData>>;
  options?: Partial<DownloadOptions>;
  onBytes?(bytes: number, total: number | undefined): void;
}

export interface Result {
  answer: JobResult<DownloadJobData>;
  context: TestContext<DownloadJobData>;
  buffers: Buffer[];
}

export interface DownloadRig {
  /** Two seconds, 160x96. */
  readonly video: Buffer;
  readonly clock: ManualClock;
  /** How often a clip was opened. */
  readonly opened: number;
  path(name: string): string;
  /** All files below the folder. */
  files(): Promise<string[]>;
  start(download?: Download): Promise<Result>;
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A body in small pieces, with its length. */
export function send(bytes: Buffer, more: Partial<OpenClip> = {}): Opened {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, number) =>
    bytes.subarray(number * 1000, (number + 1) * 1000),
  );
  return { body: Readable.from(pieces, { objectMode: false }), size: bytes.length, ...more };
}

/** The same, from an offset, by a server that can continue. */
export function sendFrom(bytes: Buffer, offset: number, more: Partial<OpenClip> = {}): Opened {
  const { body } = send(bytes.subarray(offset));
  return { body, size: bytes.length, etag: '"1"', resumable: true, offset, ...more };
}

export function expectFile(answer: JobResult<DownloadJobData>): ClipFile {
  assert.ok(answer.type === 'done', JSON.stringify(answer));
  assert.ok(answer.data.clip.file);
  return answer.data.clip.file;
}

/** @param type `retry`: it is worth another try */
export function expectError(answer: JobResult<DownloadJobData>, type: 'retry' | 'failed', code: ErrorCode) {
  assert.equal(answer.type, type, JSON.stringify(answer));
  const error = answer.type === 'failed' ? answer.error : answer.type === 'retry' ? answer.error : undefined;
  assert.equal(error?.code, code, error?.message);
  return error;
}

/** A fresh one for each test of the suite that calls this. */
export function downloadRig(): DownloadRig {
  expectNoUnhandledRejections();
  let video: Buffer;
  let clock: ManualClock;
  let bodies: Readable[];
  let early: string[];
  let running: number;
  /** Then names of other downloads appear meanwhile. */
  let together: boolean;

  before(async () => {
    video = await readFile(await makeVideo({ seconds: 2, width: 160, height: 96 }));
  });
  beforeEach(() => {
    clock = manualClock();
    bodies = [];
    early = [];
    running = 0;
    together = false;
  });
  afterEach(async () => {
    assert.deepEqual(early, [], 'a name was given before the transfer was over');
    const left = (await files()).filter((name) => name.endsWith('.part'));
    assert.deepEqual(left, [], 'a part was left behind');
    for (const body of bodies) assert.ok(body.destroyed, 'a body was left open');
    assert.equal(clock.waiting, 0, 'a timer was left running');
  });

  // Registered after the checks, so that they still find the folder.
  const temp = tempFolder();
  const path = (name: string): string => join(temp(), name);

  async function files(): Promise<string[]> {
    const entries = await readdir(temp(), { recursive: true, withFileTypes: true });
    // The lock of a journal is there for as long as the process.
    return entries.flatMap((entry) => (entry.isFile() && entry.name !== 'jobs.lock' ? [entry.name] : [])).sort();
  }

  async function start(download: Download = {}): Promise<Result> {
    const { open = () => send(video), methods = {}, context = aContext<DownloadJobData>() } = download;
    const openClip = async (_clip: Clip, from: { offset: number; etag?: string }): Promise<Opened> => {
      const opened = await open(bodies.length + 1, from);
      bodies.push(opened.body);
      return opened;
    };
    const connection = download.connection ?? connect({ ...methods, openClip }, clock);
    const work = aDownload({
      connection: connection.id,
      clip: aClip(download.clip),
      maxBufferBytes: 1_000_000,
      filename: path('7/clip.mp4'),
      root: temp(),
      ...download.work,
    });
    const before = new Set(readdirSync(temp(), { recursive: true, encoding: 'utf8' }));
    const buffers: Buffer[] = [];
    running += 1;
    together ||= running > 1;
    const answer = await downloadClip(aJob(work, download.job), connection, context, {
      clock,
      findFfmpeg: () => Promise.reject(new Error('The test does not expect this call')),
      ...download.options,
      onBuffer: (buffer) => buffers.push(buffer),
      onBytes(bytes, total) {
        for (const name of together ? [] : readdirSync(temp(), { recursive: true, encoding: 'utf8' })) {
          if (!before.has(name) && name.endsWith('.mp4')) early.push(name);
        }
        download.onBytes?.(bytes, total);
      },
    });
    running -= 1;
    return { answer, context, buffers };
  }

  return {
    get video() {
      return video;
    },
    get clock() {
      return clock;
    },
    get opened() {
      return bodies.length;
    },
    path,
    files,
    start,
  };
}
