/** What all working nodes share: a message becomes a job, the job's outcome becomes messages, status and errors. */
import { randomUUID } from 'node:crypto';
import type { Connection } from '../../connection/connection';
import { ClipError, toClipError } from '../../errors';
import type { JobResult, Job, RunContext } from '../../jobs/job';
import { storeMessage } from '../../jobs/message';
import { getConnection } from '../connections';
import { jobEngine, whenFlowsStarted } from '../engine';
import { activityFeed } from '../activity/feed';
import { cancelJobs, namedBy } from './cancel';
import type { JobEvent } from './event';
import type { JobNodeOptions, Work } from './options';
import { jobReport } from './report';
import { liveMessages, sendTo, type LiveMessage } from './live-messages';
import type { Done, Message, Node, NodeRed, Send } from '../runtime';

/** What the engine stores. */
interface Stored<W> {
  message: Record<string, unknown>;
  work: W;
  /** Its connection was not there when it last ran. */
  isStuck?: boolean;
}

const progressEveryMs = 1_000;
/** A stored job whose connection is disabled looks for it this often. */
const connectionRetryMs = 60_000;

export function jobNode<W extends Work, Settings>(
  RED: NodeRed,
  node: Node,
  options: JobNodeOptions<W, Settings>,
): void {
  const engine = jobEngine(RED);
  const live = liveMessages(node);
  const report = jobReport(RED, node, options, {
    cancel: (jobId) => cancelJobs(RED, node, engine, options, ({ id }) => id === jobId),
    restore: (job) => reportEvent(job as Job<Stored<W>>, waitingOr(job as Job<Stored<W>>)),
  });
  /** By connection id: where this node hears of changed clips. A connection that was deployed again is another object. */
  const heard = new Map<string, { connection: Connection; stop(): void }>();
  let release: (() => Promise<void>) | undefined;
  let settings: Settings | ClipError;
  let warned = false;

  const unwrap = (job: Job<Stored<W>>): Job<W> => ({ ...job, data: job.data.work });

  function reportEvent({ id, createdAt, data }: Job<Stored<W>>, event: JobEvent, work = data.work): void {
    report.report({ id, createdAt, work, message: live.get(id)?.message, stored: data.message }, event);
  }

  /** Where a job is that is not being run. */
  function waitingOr({ runAt, data }: Pick<Job<Stored<W>>, 'runAt' | 'data'>): JobEvent {
    if (runAt > Date.now()) return { type: 'waiting', until: runAt };
    return { type: 'working', words: options.status.working(data.work) };
  }

  function progress(job: Job<Stored<W>>, work: W, words = options.status.working(work)): void {
    const target = live.of(job);
    const now = Date.now();
    if (now - target.progressAt < progressEveryMs) return;
    target.progressAt = now;
    reportEvent(job, { type: 'working', words }, work);
    if (options.outputs.progress === undefined) return;
    const message = { ...target.message };
    options.write(message, work, job.id);
    const content = JSON.stringify([message.clip, message.export]);
    if (content === target.progressed) return;
    target.progressed = content;
    try {
      // Cloned last: what other nodes do to it must reach neither the message nor the job.
      sendTo(options.outputs.progress, target, RED.util.cloneMessage(message));
    } catch {
      // A message that cannot be copied: the job goes on, and its outcome tells.
    }
  }

  async function run(job: Job<Stored<W>>, context: RunContext<Stored<W>>): Promise<JobResult<Stored<W>>> {
    const { message, work } = job.data;
    const wrap = (changed: W): Stored<W> => ({ message, work: changed });
    let connection: Connection;
    try {
      connection = getConnection(RED, work.connection);
    } catch {
      reportEvent(job, { type: 'stuck' });
      return { type: 'retry', afterMs: connectionRetryMs, data: { ...job.data, isStuck: true } };
    }
    if (options.wakes) listenTo(connection);
    live.of(job);
    reportEvent(job, { type: 'working', words: options.status.working(work) });
    const answer = await options.run(
      unwrap(job),
      connection,
      { signal: context.signal, save: (changed) => context.save(wrap(changed)) },
      { progress: (changed, words) => progress(job, changed, words) },
    );
    return answer.data === undefined ? (answer as JobResult<Stored<W>>) : { ...answer, data: wrap(answer.data) };
  }

  function listenTo(connection: Connection): void {
    const { id } = connection;
    if (heard.get(id)?.connection === connection) return;
    heard.get(id)?.stop();
    const isConcerned = ({ work }: Stored<W>, clipId?: string): boolean =>
      work.connection === id && (clipId === undefined || options.idOf(work) === clipId);
    const stop = connection.onClipChanged((clipId) =>
      engine.wake((job) => job.nodeId === node.id && isConcerned((job as Job<Stored<W>>).data, clipId)),
    );
    heard.set(id, { connection, stop });
  }

  function onRetry(job: Job<Stored<W>>, { afterMs, error }: Extract<JobResult<Stored<W>>, { type: 'retry' }>): void {
    if (!error) return progress(job, job.data.work);
    reportEvent(job, { type: 'retrying', until: Date.now() + afterMs, error });
    node.log(`${error.code}: ${error.message}. Next try in ${Math.ceil(afterMs / 1000)} s`);
  }

  async function onSettled(
    job: Job<Stored<W>>,
    outcome: Exclude<JobResult<Stored<W>>, { type: 'retry' }>,
  ): Promise<void> {
    if (outcome.type === 'failed') await options.discard?.(unwrap(job));
    const target = live.of(job);
    if (outcome.type === 'done') reportEvent(job, { type: 'finished', words: [options.status.finished] });
    else reportEvent(job, outcome);
    live.take(job.id);
    try {
      options.write(target.message, job.data.work, job.id);
      if (outcome.type === 'failed') return fail(target, outcome.error);
      sendTo(options.outputs.finished, target, target.message);
      target.done();
    } catch (thrown) {
      fail(target, outcome.type === 'failed' ? outcome.error : unsendable(thrown));
    }
  }

  /** Another instance has sent the message on. Here, only whoever waits for its completion still has to be told. */
  function onSettledRemotely(jobId: string, how?: 'done' | 'failed'): void {
    const target = live.take(jobId);
    options.forget?.(jobId);
    report.tellElsewhere(jobId, how);
    if (how === 'done' || (how === 'failed' && failureOutput() !== undefined)) target?.done();
  }

  /** Where failures leave; otherwise they are raised. */
  function failureOutput(): number | undefined {
    const output = options.outputs.failure;
    return output !== undefined && (node.wires?.[output]?.length ?? 0) > 0 ? output : undefined;
  }

  function fail(target: LiveMessage, error: ClipError): void {
    const output = failureOutput();
    try {
      if (output !== undefined) {
        const { code, message, retryable } = error;
        target.message.error = { code, message, retryable };
        sendTo(output, target, target.message);
        target.done();
      } else {
        target.done(error);
      }
    } catch (thrown) {
      // Node-RED copies messages for Catch nodes and for more than one wire, and some cannot be copied. What is thrown here
      // would end Node-RED, and a message that disappears without a word would be no better.
      const { _msgid } = target.message;
      node.error(error, { _msgid });
      node.error(unsendable(thrown), { _msgid });
    }
  }

  async function accept(message: Message, send: Send, done: Done): Promise<void> {
    if (settings instanceof ClipError) throw settings;
    const { work, runAt = 0 } = await options.accept(message, settings);
    const { message: kept, dropped } = storeMessage(message);
    if (dropped.length > 0 && !warned) {
      warned = true;
      node.warn(`Not kept should Node-RED restart before this is finished: msg.${dropped.slice(0, 5).join(', msg.')}`);
    }
    own();
    // Known before it is stored: it may run at once, here or elsewhere.
    const id = randomUUID();
    live.add(id, message, send, done);
    const queue = options.queue?.(work);
    try {
      const job = await engine.add<Stored<W>>({
        id,
        nodeId: node.id,
        data: { message: kept, work },
        runAt,
        ...(queue ? { queue } : {}),
      });
      // It had been accepted before a crash already, and goes on as it was.
      if (job.id !== id) {
        live.take(id);
        return done();
      }
      // A run that has begun meanwhile has told more.
      if (live.get(id) && !report.knows(id)) reportEvent(job, waitingOr(job));
    } catch (thrown) {
      live.take(id);
      throw thrown;
    }
  }

  function own(): void {
    release ??= engine.register<Stored<W>>(node.id, { run, onRetry, onSettled, onSettledRemotely });
  }

  try {
    settings = options.configure();
  } catch (thrown) {
    settings = toClipError(thrown);
    report.misconfigured();
  }
  const stopListening = engine.onPause?.((isPaused) => report.pause(isPaused));
  const stopWaiting = whenFlowsStarted(RED, () => {
    // Stored jobs go on when all nodes exist: what is sent earlier would be lost.
    own();
    engine.wake((job) => job.nodeId === node.id && (job as Job<Stored<W>>).data.isStuck === true);
    activityFeed(RED).restore();
  });

  node.on('input', (message, send, done) => {
    // Whoever cancels a job hears of it.
    own();
    const handle = async (): Promise<void> => {
      if (message.cancel !== true) return accept(message, send, done);
      await cancelJobs(RED, node, engine, options, namedBy(message, options));
      done();
    };
    handle().catch((thrown: unknown) => {
      const error = toClipError(thrown);
      report.refused(error);
      fail({ message, send, done, progressAt: 0 }, error);
    });
  });

  node.on('close', (removed, done) => {
    stopWaiting();
    stopListening?.();
    const close = async (): Promise<void> => {
      for (const { stop } of heard.values()) stop();
      await release?.();
      live.clear();
      if (removed) {
        const dropped = await engine.remove((job) => job.nodeId === node.id);
        for (const job of dropped as Job<Stored<W>>[]) {
          reportEvent(job, { type: 'gone', hasFailed: false });
          await options.discard?.(unwrap(job));
        }
        if (dropped.length > 0) node.log(`Dropped ${dropped.length} unfinished job(s) with the node`);
      }
      report.close();
    };
    close()
      .catch((thrown: unknown) => node.warn(toClipError(thrown).message))
      .finally(done);
  });
}

/** A message nested thousands deep, with a getter that throws, or that may not be written to. */
function unsendable(thrown: unknown): ClipError {
  return new ClipError('EINVALID', `The message cannot be sent on as it is: ${toClipError(thrown).message}`);
}
