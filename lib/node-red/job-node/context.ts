// Holds what the steps of one working node share: accepting messages, running their jobs, and settling these.
import { ClipError, toClipError } from '../../errors';
import type { Job, JobEngine } from '../../jobs/job';
import type { Message, Node } from '../node-red';
import type { Runtime } from '../runtime';
import type { JobEvent } from './event';
import { sendTo, type LiveMessage, type LiveMessages } from './live-messages';
import type { JobNodeOptions, StoredJobData, Task } from './options';
import type { JobReport } from './report';

export interface NodeContext<T extends Task, Settings = unknown> {
  runtime: Runtime;
  node: Node;
  engine: JobEngine;
  options: JobNodeOptions<T, Settings>;
  live: LiveMessages;
  report: JobReport<T>;
  /** Reasons of the jobs that are being cancelled, by job. */
  cancelling: Map<string, string>;
}

/** The job as the options of a node see it. */
export function taskJob<T>(job: Job<StoredJobData<T>>): Job<T> {
  return { ...job, data: job.data.task };
}

export function reportEvent<T extends Task>(
  { live, report }: NodeContext<T>,
  { id, createdAt, data }: Job<StoredJobData<T>>,
  event: JobEvent,
  task = data.task,
): void {
  report.report({ id, createdAt, task, message: live.get(id)?.message, stored: data.message }, event);
}

/** Event of a job that is not being run. */
export function idleEvent<T extends Task>(
  { runtime, options }: NodeContext<T>,
  { runAt, data }: Pick<Job<StoredJobData<T>>, 'runAt' | 'data'>,
): JobEvent {
  if (runAt > runtime.clock.now()) return { type: 'waiting', until: runAt };
  return { type: 'working', words: options.status.working(data.task) };
}

/** Do failures leave by an output? Otherwise they are raised. */
export function failureOutput<T extends Task>({ node, options }: NodeContext<T>): number | undefined {
  const output = options.outputs.failure;
  return output !== undefined && (node.wires?.[output]?.length ?? 0) > 0 ? output : undefined;
}

/** Sends the message with its failure, or raises it. Never throws. */
export function fail<T extends Task>(context: NodeContext<T>, target: LiveMessage, error: ClipError): void {
  const output = failureOutput(context);
  const { code, message, retryable, vendorCode } = error;
  const reason = { code, message, retryable };
  try {
    // A Catch node replaces `error`, and keeps only some properties of it.
    target.message.clipError = { ...reason, ...(vendorCode === undefined ? {} : { vendorCode }) };
    if (output === undefined) return target.done(error);
    target.message.error = reason;
    sendTo(output, target, target.message);
    target.done();
  } catch (thrown) {
    raiseAlone(context, target.message, error);
    raiseAlone(context, target.message, unsendable(thrown));
  }
}

/**
 * Node-RED copies messages for Catch nodes and for more than one wire, and some cannot be copied: nested thousands deep, or
 * with a getter that throws. That would end Node-RED, so the error goes on without its message.
 */
function raiseAlone<T extends Task>({ node }: NodeContext<T>, failed: Message, error: ClipError): void {
  const { code, message, retryable } = error;
  node.error(error, { _msgid: idOf(failed), clipError: { code, message, retryable } });
}

function idOf(message: Message): string | undefined {
  try {
    return message._msgid;
  } catch {
    return undefined;
  }
}

/** Of a message that cannot be copied, or that may not be written to. */
export function unsendable(thrown: unknown): ClipError {
  return new ClipError('EINVALID', `The message cannot be sent on as it is: ${toClipError(thrown).message}`);
}
