/** A provider under the contract: its simulator, real connections to it, and what must hold for whatever comes out. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClip, type CreateJobData } from '../../lib/clips/create';
import { downloadClip, type DownloadJobData, type DownloadOptions } from '../../lib/clips/download';
import { pollClip, type PollJobData } from '../../lib/clips/poll';
import { Connection } from '../../lib/connection/connection';
import { ClipError, type ErrorCode } from '../../lib/errors';
import { readFields } from '../../lib/fields';
import { applyResult, type Job, type JobOutcome, type JobResult, type RunContext } from '../../lib/jobs/job';
import type { Camera, Clip, ClipRequest, ConnectionCheck, Provider, ProviderEvent } from '../../lib/provider';
import { aDownload } from '../lib/clips/fake';
import { skippingClock, type SkippingClock } from '../support/skipping-clock';
import { expectNoUnhandledRejections } from '../support/promises';
import { tempFolder } from '../support/temp-folder';
import type { Harness, World } from './harness';

/** Longer than anything here takes, shorter than the time-out of a request: what takes longer hangs. */
const hangsAfterMs = 45_000;
/** As the dialog of poll-clip has it. */
const givesUpAfterMs = 900_000;

export interface Rig {
  readonly world: World;
  /** For what it can do: a missing method is a missing capability. */
  readonly provider: Provider;
  /** Of the test; downloads go here. */
  readonly folder: string;
  /** Of all connections of the test. Only the provider itself, and its server, go by the real time. */
  readonly clock: SkippingClock;
  /** @param now the clock of the system, as the provider sees it */
  connect(credentials?: World['credentials'], now?: () => number): Connection;
  request(changes?: Partial<ClipRequest>): ClipRequest;
  /** A clip that the vendor has finished. */
  finishedClip(connection: Connection, changes?: Partial<ClipRequest>): Promise<Clip>;
  /** Files below the folder of the test. */
  files(): string[];
  /** Their sizes in bytes. */
  sizes(): number[];
}

export interface OpenRig extends Rig {
  close(): Promise<void>;
}

/** The clock of each connection that was made here; the others go by the real time. */
const clocks = new WeakMap<Connection, SkippingClock>();

function clockOf(connection: Connection): SkippingClock {
  return clocks.get(connection) ?? skippingClock();
}

/** @param clock of all its connections */
export async function openRig(world: World, folder: () => string, clock = skippingClock()): Promise<OpenRig> {
  const connections: Connection[] = [];
  const { definition, settings, credentials, tls } = world;
  const config = (given = credentials, now = Date.now) => ({
    settings: readFields(definition.settings, settings),
    credentials: given,
    ...(tls ? { tls } : {}),
    now,
  });
  const provider = await definition.open(config());
  const rig: OpenRig = {
    world,
    clock,
    provider,
    get folder() {
      return folder();
    },
    connect(given, now) {
      const connection = new Connection({
        id: 'connection',
        definition,
        config: config(given, now),
        maxConcurrent: 2,
        clock,
      });
      clocks.set(connection, clock);
      connections.push(connection);
      return connection;
    },
    request: (changes) => ({
      camera: world.camera,
      ...world.footage,
      title: 'Contract',
      options: readFields(definition.clipOptions, {}),
      ...changes,
    }),
    async finishedClip(connection, changes) {
      const made = await done(runCreate(connection, rig.request(changes)));
      return (await done(runPoll(connection, made.clip!))).clip;
    },
    files: () =>
      readdirSync(folder(), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
    sizes: () => rig.files().map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0),
    async close() {
      await Promise.all(connections.map((connection) => connection.close()));
      await provider.close?.(undefined);
      await world.close();
    },
  };
  return rig;
}

/** One for each test of the suite that calls this. */
export function useRig(harness: () => Harness): () => Rig {
  const folder = tempFolder();
  let rig: OpenRig;

  beforeEach(async () => {
    rig = await openRig(await harness().start(), folder);
  });
  afterEach(() => rig.close());
  // Last, so that it sees what closing leaves behind, and keeps nothing from being closed.
  expectNoUnhandledRejections();

  return () => rig;
}

/** Leaves a test out and says why in its name. */
export function leaveOut(context: Mocha.Context, reason: string): never {
  // In a hook, `test` is the hook itself.
  const test = context.currentTest ?? context.test;
  if (test) test.title += ` (left out: ${reason})`;
  return context.skip();
}

/** Leaves the test out where the harness has an exception for it. */
export function respectException(context: Mocha.Context, { exceptions }: World): void {
  const reason = exceptions?.[context.currentTest?.title ?? ''];
  if (reason) leaveOut(context, reason);
}

export interface Ended<W> {
  outcome: JobOutcome<W>;
  /** What each run answered, the last one included. */
  answers: JobResult<W>[];
}

export interface JobOptions {
  signal?: AbortSignal;
  clock?: SkippingClock;
  /** Of each wait between runs, so much is waited for indeed: a server that makes something needs a moment. */
  sleepMs?: number;
  /** Called before each run but the first. */
  between?: () => void;
  /** What takes longer hangs. */
  limitMs?: number;
}

/** Runs a job as an engine does, but that the waits between its runs take no time. */
export async function runJob<W>(
  data: W,
  run: (job: Job<W>, context: RunContext<W>) => Promise<JobResult<W>>,
  { signal = new AbortController().signal, clock, sleepMs = 10, between, limitMs }: JobOptions = {},
): Promise<Ended<W>> {
  let job: Job<W> = { id: '01234567-89ab', nodeId: 'node', data, createdAt: Date.now(), runAt: 0, failures: 0 };
  const answers: JobResult<W>[] = [];
  for (let runs = 0; runs < 400; runs += 1) {
    if (runs > 0) between?.();
    const context: RunContext<W> = { signal, save: async (changed) => void (job.data = structuredClone(changed)) };
    const answer = await inTime(run(structuredClone(job), context), limitMs);
    answers.push(answer);
    if (answer.type !== 'retry') return { outcome: answer, answers };
    job = applyResult(job, answer, 0).job;
    await sleep(Math.min(answer.afterMs, sleepMs));
    clock?.skip(answer.afterMs);
  }
  throw new Error(`The job never ended: ${JSON.stringify(answers.at(-1))}`);
}

export function runCreate(connection: Connection, request: ClipRequest, options?: JobOptions) {
  const work: CreateJobData = { connection: connection.id, request };
  return runJob(work, (job, context) => createClip(job, connection, context), {
    clock: clockOf(connection),
    ...options,
  });
}

export function runPoll(
  connection: Connection,
  clip: Clip,
  {
    intervalMs = 10,
    timeoutMs = givesUpAfterMs,
    ...options
  }: JobOptions & { intervalMs?: number; timeoutMs?: number } = {},
) {
  const clock = clockOf(connection);
  const work: PollJobData = {
    connection: connection.id,
    clip,
    intervalMs,
    maxIntervalMs: intervalMs,
    giveUpAt: clock.steadyNow() + timeoutMs,
    polls: 0,
    misses: 0,
  };
  return runJob(work, (job, context) => pollClip(job, connection, context, clock.steadyNow), { clock, ...options });
}

export function runDownload(
  connection: Connection,
  clip: Clip,
  filename: string,
  {
    deleteAfter = false,
    freeBytes,
    ...options
  }: JobOptions & Pick<DownloadOnce, 'freeBytes'> & { deleteAfter?: boolean } = {},
) {
  const work = aDownload({ connection: connection.id, clip, filename, root: dirname(filename), deleteAfter });
  return runJob(work, downloadRun(connection, { freeBytes }), { clock: clockOf(connection), ...options });
}

export interface DownloadOnce {
  signal?: AbortSignal;
  onBytes?: () => void;
  /** How long a transfer may be silent. */
  stallMs?: number;
  /** Of the disk. */
  freeBytes?: DownloadOptions['freeBytes'];
}

/** A single run, whatever comes of it. */
export async function downloadOnce(
  connection: Connection,
  clip: Clip,
  filename: string,
  { signal = new AbortController().signal, ...options }: DownloadOnce = {},
): Promise<Clip> {
  const data = aDownload({ connection: connection.id, clip, filename, root: dirname(filename) });
  const job = { id: '01234567-89ab', nodeId: 'node', data, createdAt: Date.now(), runAt: 0, failures: 0 };
  const answer = await downloadRun(connection, options)(job, { signal, save: async () => undefined });
  if (answer.type === 'done') return answer.data.clip;
  throw answer.error;
}

function downloadRun(connection: Connection, { onBytes = () => undefined, stallMs, freeBytes }: DownloadOnce = {}) {
  return (job: Job<DownloadJobData>, context: RunContext<DownloadJobData>): Promise<JobResult<DownloadJobData>> =>
    downloadClip(job, connection, context, {
      clock: clockOf(connection),
      ...(stallMs ? { stallMs } : {}),
      ...(freeBytes ? { freeBytes } : {}),
      findFfmpeg: () => Promise.reject(new Error('Not expected')),
      onBytes,
      onBuffer: () => undefined,
    });
}

/** What a job that went well ended with. */
export async function done<W>(ended: Promise<Ended<W>>): Promise<W> {
  const { outcome } = await ended;
  if (outcome.type !== 'done') throw outcome.error;
  return outcome.data;
}

/** What a job that failed ended with. */
export async function failure<W>(ended: Promise<Ended<W>>): Promise<ClipError> {
  const { outcome } = await ended;
  assert.equal(outcome.type, 'failed', JSON.stringify(outcome));
  return outcome.error;
}

/** The promise's own outcome, but never a test that just hangs. */
export async function inTime<T>(work: Promise<T>, ms = hangsAfterMs): Promise<T> {
  const timer = new AbortController();
  const late = sleep(ms, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
  try {
    const first = await Promise.race([work.then((value) => ({ value })), late]);
    if (first === 'late') throw new Error(`It hangs: nothing within ${ms / 1000} s`);
    return first.value;
  } finally {
    timer.abort();
  }
}

/** The error that it must fail with, checked for form and secrets. */
export async function rejection(work: Promise<unknown>, world: World, ...codes: ErrorCode[]): Promise<ClipError> {
  const thrown = await inTime(
    work.then(
      (value) => assert.fail(`It succeeded: ${JSON.stringify(value)?.slice(0, 300)}`),
      (error: unknown) => error,
    ),
  );
  const error = checkError(thrown, world);
  if (codes.length > 0) assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
  return error;
}

/** What the engines of this runtime say about a mistake in a program. */
const programmingErrors =
  /Cannot (read|set|access|destructure|convert)|is not (a function|iterable|defined|a constructor)|(undefined|null) (is not|has no)|Unexpected (token|end of JSON)|in JSON at position|Converting circular|Maximum call stack|Invalid (array|string) length|\[object |Invalid time value|toISOString|ERR_INVALID_ARG|The "\w+" argument|BigInt|Reduce of empty/i;

/** Is it an error that flows can branch on and people can act on? */
export function checkError(thrown: unknown, world: World): ClipError {
  if (!(thrown instanceof ClipError)) {
    assert.fail(`Not a ClipError: ${thrown instanceof Error ? thrown.stack : JSON.stringify(thrown)}`);
  }
  const seen = `${thrown.message}\n${thrown.stack}`;
  assert.doesNotMatch(thrown.message, programmingErrors, seen);
  // An error of the runtime keeps its stack when it becomes one of ours.
  assert.match(thrown.stack ?? '', /^ClipError/, seen);
  assert.match(thrown.message, /\S{3}/);
  // Why comes first; what was being done stands behind it.
  assert.doesNotMatch(thrown.message, /^[A-Z][a-z]+ing (the|in|for|to|at|as|whether|which) [^.]*: /);
  assert.ok(thrown.message.length < 2_000, `a message of ${thrown.message.length} characters`);
  assert.equal(thrown.cause, undefined, 'a cause may hold the request');
  const { retryAfterMs } = thrown;
  assert.ok(retryAfterMs === undefined || (Number.isFinite(retryAfterMs) && retryAfterMs >= 0), String(retryAfterMs));
  expectNoSecret(world, seen, JSON.stringify(thrown));
  return thrown;
}

export function expectNoSecret(world: World, ...texts: string[]): void {
  for (const secret of world.secrets()) {
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
      const text = texts.find((candidate) => candidate.includes(form));
      assert.ok(text === undefined, `a secret is seen: ${text?.slice(0, 500)}`);
    }
  }
}

const statuses = ['pending', 'busy', 'finished', 'failed', 'expired'];
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

/** Whatever a vendor says: a clip has these types. */
export function checkClip(clip: Clip): void {
  const shown = JSON.stringify(clip).slice(0, 500);
  const isText = (value: unknown): boolean => typeof value === 'string' && value.length > 0;
  assert.ok(isText(clip.id) && isText(clip.camera) && isText(clip.connection) && isText(clip.provider), shown);
  for (const time of [clip.start, clip.end, clip.expires]) {
    assert.ok(time === undefined || (isoTime.test(time) && !Number.isNaN(Date.parse(time))), shown);
  }
  assert.ok(statuses.includes(clip.status), shown);
  for (const text of [clip.cameraName, clip.title, clip.reason, clip.sha256]) {
    assert.ok(text === undefined || typeof text === 'string', shown);
  }
  assert.ok(clip.sha256 === undefined || /^[0-9a-f]{64}$/.test(clip.sha256), shown);
  for (const count of [clip.size, clip.width, clip.height]) {
    assert.ok(count === undefined || (Number.isSafeInteger(count) && count >= 0), shown);
  }
  const { progress, ref = {}, gaps = [] } = clip;
  assert.ok(progress === undefined || (progress >= 0 && progress <= 100), shown);
  assert.ok(
    Object.values(ref).every((value) => typeof value === 'string'),
    shown,
  );
  for (const gap of gaps) assert.ok(isoTime.test(gap.start) && isoTime.test(gap.end), shown);
  assertPlain(clip);
}

/** Whatever a vendor says: an event has these types, and times with a zone. */
export function checkEvent(event: ProviderEvent, world: World, types: readonly string[]): void {
  const shown = JSON.stringify(event).slice(0, 500);
  assert.ok(typeof event.id === 'string' && event.id !== '', shown);
  assert.ok(
    world.definition.eventKinds!.some(({ value }) => value === event.kind),
    shown,
  );
  assert.ok(types.includes(event.type), shown);
  assert.ok(isoTime.test(event.start) && (event.end === undefined || isoTime.test(event.end)), shown);
  assert.ok(event.end === undefined || Date.parse(event.end) >= Date.parse(event.start), shown);
  assert.ok(event.open === undefined || (event.open && event.end === undefined), shown);
  const { camera, cameraName, label, severity, text, labels = [], zones = [], ref = {}, score } = event;
  for (const each of [camera, cameraName, label, severity, text]) {
    assert.ok(each === undefined || (typeof each === 'string' && each !== ''), shown);
  }
  for (const each of [...labels, ...zones, ...Object.values(ref)]) assert.ok(typeof each === 'string', shown);
  assert.ok(score === undefined || (score >= 0 && score <= 1), shown);
  if (event.clip) checkClip({ ...event.clip, connection: 'connection', provider: world.definition.id });
  assertPlain(event);
}

export function checkCameras(cameras: Camera[]): void {
  for (const camera of cameras) {
    const shown = JSON.stringify(camera).slice(0, 500);
    assert.ok(typeof camera.id === 'string' && camera.id !== '', shown);
    assert.ok(typeof camera.name === 'string' && camera.name !== '', shown);
    assert.ok(camera.online === undefined || typeof camera.online === 'boolean', shown);
  }
  assertPlain(cameras);
}

export function checkCheck(check: ConnectionCheck): void {
  const shown = JSON.stringify(check).slice(0, 500);
  assert.ok(typeof check.name === 'string' && check.name !== '', shown);
  assert.ok(check.version === undefined || typeof check.version === 'string', shown);
  assert.ok(check.cameras === undefined || Number.isSafeInteger(check.cameras), shown);
  assert.ok(check.clockSkewMs === undefined || Number.isFinite(check.clockSkewMs), shown);
  assert.ok(
    check.warnings.every((warning) => typeof warning === 'string'),
    shown,
  );
  assertPlain(check);
}

/** Survives a context store, MQTT and a restart. */
function assertPlain(value: unknown): void {
  assert.deepEqual(JSON.parse(JSON.stringify(value)), JSON.parse(JSON.stringify(structuredClone(value))));
}
