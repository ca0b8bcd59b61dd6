// Starts an export onto the vendor's own storage, waits for it, and cancels it there.
import { evaluateFailure, evaluateRound, pollAgain, type Polled, type PollState } from '../clips/poll-state';
import type { Connection } from '../connection/connection';
import { ClipError, reasonFirst, toClipError } from '../errors';
import type { JobResult, Job, RunContext } from '../jobs/job';
import { describeExport, type ProviderDefinition, type ServerExport, type ServerExportRequest } from '../provider';
import { retryDelayMs } from '../async/retry';

export interface ServerExportJobData extends PollState {
  to: 'server';
  connection: string;
  /** Of the export in messages: the vendor's own may come again. */
  id: string;
  request: ServerExportRequest;
  /** Set before the request for it is sent: a second one would make a second export. */
  requestSent?: boolean;
  started?: ServerExport;
}

/** State of waiting for a new export. */
export const serverExportWaiting: PollState = { intervalMs: 2_000, maxIntervalMs: 30_000, polls: 0, misses: 0 };

/** Starts the export in the first run, and looks for it in all others. */
export async function runServerExport(
  job: Job<ServerExportJobData>,
  connection: Connection,
  context: RunContext<ServerExportJobData>,
  now: () => number,
): Promise<JobResult<ServerExportJobData>> {
  const work = job.data;
  const failures = job.failures + 1;
  if (!work.started) {
    try {
      const next = { ...work, requestSent: true, started: await start(work, connection, context) };
      await context.save(next);
      return pollAgain(next, now(), connection.phaseMs);
    } catch (thrown) {
      const error = toClipError(thrown);
      const afterMs = retryDelayMs(error, failures, connection);
      return afterMs === undefined ? { type: 'failed', error } : { type: 'retry', afterMs, error };
    }
  }
  try {
    const found = await connection.pollExport(work.started, work.intervalMs, context.signal);
    const updated = found && { ...work, started: update(work.started, found) };
    return evaluateRound(work, updated, polledExport, now(), connection.phaseMs);
  } catch (thrown) {
    const { hasWorked } = connection;
    return evaluateFailure(work, toClipError(thrown), { failures, hasWorked }, polledExport, now());
  }
}

/** After a run that may have sent the request, the export that it led to comes first. */
async function start(
  work: ServerExportJobData,
  connection: Connection,
  context: RunContext<ServerExportJobData>,
): Promise<ServerExport> {
  checkServerExport(work.request, connection.definition);
  const earlier = work.requestSent ? await connection.findExport(work.request, context.signal) : undefined;
  if (earlier) return earlier;
  if (!work.requestSent) await context.save({ ...work, requestSent: true });
  return connection.exportVideo(work.request, context.signal);
}

/**
 * Stops the export at the vendor, unless it has ended there.
 * @throws what the vendor says where it does not
 */
export async function cancelServerExport(
  { request, started, requestSent }: ServerExportJobData,
  connection: Connection,
  signal: AbortSignal,
): Promise<void> {
  const known = started ?? (requestSent ? await connection.findExport(request, signal) : undefined);
  if (known && !isEnded(known)) await connection.cancelExport(known, signal);
}

/** `msg.export` of an export onto the vendor's storage. */
export function showServerExport({ id, to, request, started }: ServerExportJobData) {
  const { status = 'pending', progress = 0, path = request.path } = started ?? {};
  const cameras = started?.cameras ?? request.cameras.map((camera) => ({ ...camera, status, progress }));
  return { id, to, status, progress, cameras, folder: path };
}

/** @throws EUNSUPPORTED for a vendor without exports of its own */
export function checkTarget(to: 'files' | 'server', { exportsToServer, label }: ProviderDefinition): void {
  if (to === 'files' || exportsToServer) return;
  throw new ClipError('EUNSUPPORTED', `${label} cannot export to its own storage. Export to files instead`);
}

/**
 * To be called before anything is started.
 * @throws EINVALID, or EUNSUPPORTED for a vendor without exports of its own
 */
export function checkServerExport(request: ServerExportRequest, definition: ProviderDefinition): void {
  const { cameras, path, bandwidth } = request;
  checkTarget('server', definition);
  const problem =
    (cameras.length === 0 && 'there are no cameras') ||
    (path.trim() === '' && 'the folder on the server is missing') ||
    // Characters that XML cannot hold or that are invisible are no part of a folder's name.
    (/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(path) &&
      `the folder ${JSON.stringify(path)} holds characters that cannot be in a path`) ||
    (!(Number.isSafeInteger(bandwidth) && bandwidth >= 0) &&
      `the bandwidth (${bandwidth}) must be a whole number of bytes per second, or 0 for no limit`) ||
    cameras.map((camera) => cameraProblem(camera, definition)).find(Boolean);
  if (problem) throw new ClipError('EINVALID', reasonFirst(problem, 'Starting the export on the server'));
}

function cameraProblem(
  { camera, start, end }: ServerExportRequest['cameras'][number],
  definition: ProviderDefinition,
): string | undefined {
  const problem = definition.cameraProblem?.(camera);
  if (problem) return `"${camera.slice(0, 80)}": ${problem}`;
  return Date.parse(start) < Date.parse(end) ? undefined : `the range of camera ${camera} must end after it starts`;
}

const polledExport: Polled<ServerExportJobData> = {
  statusOf: ({ started }) => started?.status ?? 'pending',
  failure(data, how, trouble) {
    const { request, started = request } = data;
    const error = how === 'missing' ? lost(started) : how === 'late' ? late(data, trouble) : failureOf(data.started!);
    return { type: 'failed', error, data };
  },
};

/** Merges the vendor's answer into the known state. Progress never runs backwards. */
function update(known: ServerExport, found: ServerExport): ServerExport {
  return {
    ...found,
    progress: progressOf(found, known.progress),
    cameras: found.cameras.map((camera, index) => ({
      ...camera,
      progress: progressOf(camera, known.cameras[index]?.progress),
    })),
  };
}

function progressOf({ status, progress = 0 }: Pick<ServerExport, 'status' | 'progress'>, before = 0): number {
  return status === 'finished' ? 100 : Math.min(99, Math.max(progress, before));
}

function isEnded({ status }: ServerExport): boolean {
  return status !== 'pending' && status !== 'busy';
}

function failureOf(started: ServerExport): ClipError {
  const what = `the export of ${describeExport(started)}`;
  const why = started.reason || 'The server gave no reason';
  const missing = started.cameras.filter(({ status }) => status !== 'finished');
  if (missing.length === 0 || missing.length === started.cameras.length) {
    return new ClipError('EFAILED', `${why}: ${what}, failed on the server`);
  }
  const names = missing.map(({ camera }) => camera).join(', ');
  return new ClipError('EINCOMPLETE', `${why}: ${what}, is without ${names}. The rest is in the folder`);
}

function lost(started: Pick<ServerExportRequest, 'cameras' | 'path'>): ClipError {
  const message = `No longer listed by the server: the export of ${describeExport(started)}. What has become of it cannot be told: look into its folder`;
  return new ClipError('EFAILED', message);
}

function late({ request, started }: ServerExportJobData, trouble: ClipError | undefined): ClipError {
  const last = trouble ? `. The last request failed: ${trouble.message}` : '';
  const message = `The time to wait is over: the export of ${describeExport(started ?? request)}, was still ${started?.status ?? 'pending'}${last}. The server may go on with it: look into its folder`;
  return new ClipError('ETIMEOUT', message);
}
