/** An engine on a real folder with time that stands still, and handlers that record what they are told. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClipError } from '../../../lib/errors';
import { EmbeddedEngine } from '../../../lib/jobs/embedded';
import type { Job, JobHandler, JobOutcome, JobResult, JobRetry, RunContext } from '../../../lib/jobs/job';
import { openJournal, type Journal } from '../../../lib/jobs/journal';
import { eventually } from '../../support/eventually';
import { manualClock, type ManualClock } from '../../support/manual-clock';
import { expectNoUnhandledRejections, untilAborted } from '../../support/promises';
import { tempFolder } from '../../support/temp-folder';

export type Data = Record<string, unknown>;
export type RunJob = (job: Job<Data>, context: RunContext<Data>, count: number) => Promise<JobResult<Data>>;
type Retry = JobRetry<Data>;
type Outcome = JobOutcome<Data>;

export interface Recorder extends JobHandler<Data> {
  /** As the job was when the run began. */
  runs: Job<Data>[];
  retries: { job: Job<Data>; answer: Retry }[];
  outcomes: { job: Job<Data>; outcome: Outcome }[];
}

export const done: RunJob = async ({ data }) => ({ type: 'done', data });

/** Ends with EABORTED when told to, as requests do. */
export const hanging: RunJob = async (_job, { signal }) => {
  await untilAborted(signal).catch(() => undefined);
  return { type: 'failed', error: new ClipError('EABORTED', 'the request was given up') };
};

export const all = (): boolean => true;
export const ids = (jobs: Job[]): string[] => jobs.map(({ id }) => id);

/** Whom it was told of, and how that ended: `done` or the code of the error. */
export function outcomesOf(handler: Recorder): [id: string, how: string][] {
  return handler.outcomes.map(({ job, outcome }) => [
    job.id,
    outcome.type === 'failed' ? outcome.error.code : outcome.type,
  ]);
}

export function recorder(run: RunJob = done, more: Partial<JobHandler<Data>> = {}): Recorder {
  const own: Recorder = {
    runs: [],
    retries: [],
    outcomes: [],
    run(job, context) {
      own.runs.push(structuredClone(job));
      return run(job, context, own.runs.length);
    },
    onRetry(job, answer) {
      own.retries.push({ job: structuredClone(job), answer });
      return more.onRetry?.(job, answer);
    },
    onSettled(job, outcome) {
      own.outcomes.push({ job: structuredClone(job), outcome });
      return more.onSettled?.(job, outcome);
    },
  };
  return own;
}

export interface Rig {
  readonly folder: string;
  readonly clock: ManualClock;
  readonly warnings: string[];
  readonly engine: EmbeddedEngine;
  /** The engine of the next start of the process, out of the same folder. */
  restart(journal?: Partial<Journal>): EmbeddedEngine;
  add(data?: Data, more?: { nodeId?: string; inMs?: number }): Promise<Job<Data>>;
  /** The job's file, if there is one. */
  stored(id: string): Job<Data> | undefined;
  storedIds(): string[];
  /** Waits until the job's file is gone. */
  forgotten(job: Job<Data>): Promise<void>;
}

/** A fresh one for each test of the suite that calls this. */
export function rig(): Rig {
  const temp = tempFolder();
  expectNoUnhandledRejections();
  let clock: ManualClock;
  let warnings: string[];
  let engine: EmbeddedEngine;
  const folder = (): string => join(temp(), 'jobs');
  const warn = (text: string): void => void warnings.push(text);

  function start(journal: Partial<Journal> = {}): EmbeddedEngine {
    engine = new EmbeddedEngine({ ...openJournal(folder(), warn), ...journal }, clock, warn);
    return engine;
  }

  function stored(id: string): Job<Data> | undefined {
    const path = join(folder(), `${id}.json`);
    if (!existsSync(path)) return undefined;
    const { version: _version, ...job } = JSON.parse(readFileSync(path, 'utf8')) as Job<Data> & { version: number };
    return job;
  }

  beforeEach(async () => {
    // The engine makes it as well, but at some time of its own.
    await mkdir(folder());
    clock = manualClock();
    warnings = [];
    start();
    // Until it has read its folder, it would tidy up what the next one writes.
    await engine.remove(() => false);
  });

  return {
    get folder() {
      return folder();
    },
    get clock() {
      return clock;
    },
    get warnings() {
      return warnings;
    },
    get engine() {
      return engine;
    },
    restart: start,
    add: (data = {}, { nodeId = 'node', inMs = 0 } = {}) => engine.add({ nodeId, data, runAt: clock.now() + inMs }),
    stored,
    storedIds: () => readdirSync(folder()).map((name) => name.replace(/\.json$/, '')),
    forgotten: (job) => eventually(() => assert.equal(stored(job.id), undefined)),
  };
}
