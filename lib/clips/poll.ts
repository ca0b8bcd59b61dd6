// Waits for a clip that the vendor makes: the job of one poll-clip message.
import type { Connection } from '../connection/connection';
import { ClipError, toClipError } from '../errors';
import type { JobResult, Job, RunContext } from '../jobs/job';
import { describeClip, noFootage, type Clip } from '../provider';
import { updateClip } from './clip';
import type { CreateJobData } from './create';
import { evaluateFailure, evaluateRound, type Ending, type Polled, type PollState } from './poll-state';

export interface PollJobData extends PollState {
  connection: string;
  clip: Clip;
  /** The clip was gone, and is asked for once more: how far that has come. */
  recreation?: CreateJobData;
  /** Of the clip that is gone, which is still what messages know it by. */
  previousId?: string;
}

/** @param now of a clock that never jumps */
export async function pollClip(
  job: Job<PollJobData>,
  connection: Connection,
  context: RunContext<PollJobData>,
  now: () => number,
): Promise<JobResult<PollJobData>> {
  const { data } = job;
  try {
    const found = await connection.pollClip(data.clip, data.intervalMs, context.signal);
    const updated = found && { ...data, clip: updateClip(data.clip, found) };
    return evaluateRound(data, updated, polledClip, now(), connection.phaseMs);
  } catch (thrown) {
    const { hasWorked } = connection;
    const error = toClipError(thrown);
    const result = evaluateFailure(data, error, { failures: job.failures + 1, hasWorked }, polledClip, now());
    return result.type === 'failed' && error.code === 'ENOFOOTAGE'
      ? { ...result, data: failedClip(data, error) }
      : result;
  }
}

/** There is nothing to be made for its time: that is what became of the clip, not of a request about it. */
function failedClip(data: PollJobData, { message }: ClipError): PollJobData {
  return { ...data, clip: { ...data.clip, status: 'failed', reason: message } };
}

export const polledClip: Polled<PollJobData> = {
  statusOf: ({ clip }) => clip.status,
  failure(data, how, trouble) {
    const clip: Clip = how === 'missing' ? { ...data.clip, status: 'expired' } : data.clip;
    return { type: 'failed', error: failureOf(clip, how, trouble), data: { ...data, clip } };
  },
};

function failureOf(clip: Clip, how: Ending, trouble: ClipError | undefined): ClipError {
  const what = `the clip of ${describeClip(clip)}`;
  const { reason, status, vendorStatus } = clip;
  if (how === 'failed') {
    if (isWithoutFootage(clip)) return noFootage(clip, reason);
    const why = reason || (vendorStatus ? `The server says "${vendorStatus}"` : 'The server gave no reason');
    const message = `${why}: ${what} could not be made. Check that there are recordings for that time`;
    return new ClipError('EFAILED', message);
  }
  if (how === 'late') {
    const said = vendorStatus ? ` (the server says "${vendorStatus}")` : '';
    const last = trouble ? `. The last request failed: ${trouble.message}` : '';
    const message = `The time to wait is over: ${what} was still ${status}${said}${last}. It may still finish: send the message to poll-clip again to go on waiting`;
    return new ClipError('ETIMEOUT', message);
  }
  const message = `No longer on the server: ${what}. Servers keep finished clips for a limited time and space: create it again`;
  return new ClipError('EEXPIRED', message);
}

function isWithoutFootage({ start, end, gaps = [] }: Clip): boolean {
  return gaps.some((gap) => gap.start <= start && gap.end >= end);
}
