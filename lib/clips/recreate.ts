// Asks once more for a clip that the vendor has deleted before its job was through with it, and waits for the new one.
import type { Connection } from '../connection/connection';
import { ClipError, toClipError } from '../errors';
import { readFields } from '../fields';
import type { JobResult, Job, RunContext } from '../jobs/job';
import { describeClip, type Clip, type ClipRequest } from '../provider';
import { askForClip } from './create';
import type { DownloadJobData } from './download';
import { markOf } from './event-mark';
import { pollClip, polledClip, type PollJobData } from './poll';
import { evaluateFailure } from './poll-state';

type Download = (
  job: Job<DownloadJobData>,
  context: RunContext<DownloadJobData>,
) => Promise<JobResult<DownloadJobData>>;

/** Waiting for a clip that is made once more, for which there is no dialog. */
const waiting = { intervalMs: 2_000, maxIntervalMs: 30_000 };
const givesUpAfterMs = 15 * 60_000;

export async function pollOrRecreate(
  job: Job<PollJobData>,
  connection: Connection,
  context: RunContext<PollJobData>,
  now: () => number,
): Promise<JobResult<PollJobData>> {
  const { recreation } = job.data;
  if (recreation && !recreation.clip) return recreate(job, connection, context, now);
  const answer = await pollClip(job, connection, context, now);
  if (recreation || answer.type !== 'failed' || answer.error.code !== 'EEXPIRED') return answer;
  return recreate({ ...job, failures: 0, data: answer.data ?? job.data }, connection, context, now);
}

export async function downloadOrRecreate(
  job: Job<DownloadJobData>,
  connection: Connection,
  context: RunContext<DownloadJobData>,
  now: () => number,
  download: Download,
): Promise<JobResult<DownloadJobData>> {
  const { recreation, clip } = job.data;
  if (recreation && clip.status !== 'finished')
    return waitThenDownload(job, recreation, connection, context, now, download);
  const answer = await download(job, context);
  if (answer.type !== 'failed' || !(await isGone(answer.error, clip, connection, context.signal))) return answer;
  if (recreation) return { ...answer, error: gone(clip, 'It had been made once more already', answer.error) };
  // Nothing of the file that there was fits the next one.
  const { partial: _partial, publishing: _publishing, ready: _ready, ...work } = job.data;
  const expired: Clip = { ...clip, status: 'expired' };
  const giveUpAt = now() + givesUpAfterMs;
  const first: PollJobData = { connection: work.connection, clip: expired, ...waiting, giveUpAt, polls: 0, misses: 0 };
  const answered = await recreate({ ...job, failures: 0, data: first }, connection, inside(work, context), now);
  return outside(work, answered);
}

async function waitThenDownload(
  job: Job<DownloadJobData>,
  recreation: PollJobData,
  connection: Connection,
  context: RunContext<DownloadJobData>,
  now: () => number,
  download: Download,
): Promise<JobResult<DownloadJobData>> {
  const work = job.data;
  const polled = await pollOrRecreate({ ...job, data: recreation }, connection, inside(work, context), now);
  const answer = outside(work, polled);
  if (answer.type !== 'done') return answer;
  await context.save(answer.data);
  return downloadOrRecreate({ ...job, data: answer.data }, connection, context, now, download);
}

function inside(work: DownloadJobData, { signal, save }: RunContext<DownloadJobData>): RunContext<PollJobData> {
  return { signal, save: (recreation) => save({ ...work, clip: recreation.clip, recreation }) };
}

function outside(work: DownloadJobData, answer: JobResult<PollJobData>): JobResult<DownloadJobData> {
  const { data: recreation, ...rest } = answer;
  return {
    ...rest,
    ...(recreation ? { data: { ...work, clip: recreation.clip, recreation } } : {}),
  } as JobResult<DownloadJobData>;
}

/** Asks for the clip of the job once more. Each of its steps is kept, so that a crash does not lead to a third one. */
async function recreate(
  job: Job<PollJobData>,
  connection: Connection,
  { signal, save }: RunContext<PollJobData>,
  now: () => number,
): Promise<JobResult<PollJobData>> {
  let work = job.data;
  const keep = (changed: PollJobData): Promise<void> => save((work = changed));
  try {
    const asked = { connection: work.connection, request: requestFor(work.clip, connection), event: markOf(work.clip) };
    const { recreation = asked } = work;
    work = { ...work, recreation };
    const saveRecreation = (sent: typeof recreation): Promise<void> => keep({ ...work, recreation: sent });
    const clip = await askForClip(recreation, connection, { signal, save: saveRecreation });
    const error = gone(work.clip, 'It has been asked for once more');
    await keep({ ...work, clip, previousId: work.clip.id, polls: 0, misses: 0, recreation: { ...recreation, clip } });
    return { type: 'retry', afterMs: work.intervalMs, data: work, error };
  } catch (thrown) {
    const error = toClipError(thrown);
    const { hasWorked } = connection;
    const answer = evaluateFailure(work, error, { failures: job.failures + 1, hasWorked }, polledClip, now());
    if (answer.type === 'retry') return { ...answer, data: work };
    // Trouble of the account, and being stopped, are no matter of this clip.
    if (error.code === 'EAUTH' || error.code === 'EABORTED') return answer;
    return { type: 'failed', error: gone(work.clip, 'It could not be made again', error), data: work };
  }
}

/** As it was asked for. @throws EINVALID for options that its provider does not have */
function requestFor({ camera, start, end, title = '', options }: Clip, { definition }: Connection): ClipRequest {
  return { camera, start, end, title, options: readFields(definition.clipOptions, options) };
}

/**
 * A bare 404 may be a gateway's, or that of a file that is late: then the vendor's list of clips decides.
 */
async function isGone(error: ClipError, clip: Clip, connection: Connection, signal: AbortSignal): Promise<boolean> {
  if (error.code !== 'EEXPIRED' && error.code !== 'ENOTFOUND') return false;
  if (!error.inconclusive) return true;
  try {
    const found = await connection.pollClip(clip, waiting.intervalMs, signal);
    return found === undefined || found.status === 'expired';
  } catch {
    return false;
  }
}

function gone(clip: Clip, more: string, error?: ClipError): ClipError {
  const why = error ? `: ${error.message}` : '';
  return new ClipError('EEXPIRED', `No longer on the server: the clip of ${describeClip(clip)}. ${more}${why}`);
}
