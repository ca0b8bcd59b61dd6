/** What all working nodes share: a message becomes a job, the job's outcome becomes messages, status and errors. */
import { randomUUID } from 'node:crypto';
import type { Connection } from '../connection';
import { ClipError, toClipError } from '../errors';
import type { Answer, Job, RunContext } from '../jobs/job';
import { storeMessage } from '../jobs/message';
import { getConnection } from './connections';
import { jobEngine, whenFlowsStarted } from './engine';
import { liveMessages, sendTo, type LiveMessage } from './live-messages';
import type { Done, Message, Node, NodeRed, Send } from './runtime';
import { statusLight } from './status-light';

interface Work {
  connection: string;
}

export interface JobNodeOptions<W extends Work, Settings> {
  /** Reads the dialog's values, once. @throws EINVALID */
  configure(): Settings;
  /** Turns a message into work without touching the network. @throws what the message lacks, named */
  accept(message: Message, settings: Settings): Promise<{ work: W; runAt?: number }>;
  run(job: Job<W>, connection: Connection, context: RunContext<W>, tools: RunTools<W>): Promise<Answer<W>>;
  /** Puts what is known now into the message. */
  write(message: Message, work: W, jobId: string): void;
  /** Another instance has written it: frees what a run here may have left for that. */
  forget?(jobId: string): void;
  /** Output numbers, from 0. Without `failure` every failure is raised. */
  outputs: { finished: number; progress?: number; failure?: number };
  /** Catalog keys below `status`, with the values for their text. */
  status: {
    working(work: W, jobs: number): [key: string, values?: Record<string, unknown>];
    finished: string;
  };
  /** The id that a cancel message names. */
  idOf(work: W): string | undefined;
  /** Jobs of one lane share its limit over all instances. */
  lane?(work: W): string;
  /** Lets a waiting job run early when the vendor tells that the clip of that id has changed. */
  wakes?: boolean;
  /** Removes what an unfinished job has left on disk. */
  discard?(job: Job<W>): Promise<void>;
  /** Tells the vendor that a cancelled job's result is no longer wanted. */
  cancelAtVendor?(work: W, connection: Connection): Promise<void>;
}

export interface RunTools<W> {
  /** Sends a progress message and shows a status, at most once a second per job. */
  progress(work: W, status?: [key: string, values?: Record<string, unknown>]): void;
}

/** What the engine stores. */
interface Stored<W> {
  message: Record<string, unknown>;
  work: W;
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
  const light = statusLight(RED, node);
  const { show } = light;
  /** By connection id: where this node hears of changed clips. A connection that was deployed again is another object. */
  const heard = new Map<string, { connection: Connection; stop(): void }>();
  let release: (() => Promise<void>) | undefined;
  let settings: Settings | ClipError;
  let warned = false;

  const unwrap = (job: Job<Stored<W>>): Job<W> => ({ ...job, data: job.data.work });

  function progress(job: Job<Stored<W>>, work: W, status = options.status.working(work, live.size)): void {
    const target = live.of(job);
    const now = Date.now();
    if (now - target.progressAt < progressEveryMs) return;
    target.progressAt = now;
    show('blue', 'dot', ...status);
    if (options.outputs.progress === undefined) return;
    const message = RED.util.cloneMessage(target.message);
    options.write(message, work, job.id);
    const content = JSON.stringify([message.clip, message.export]);
    if (content === target.progressed) return;
    target.progressed = content;
    sendTo(options.outputs.progress, target, message);
  }

  async function run(job: Job<Stored<W>>, context: RunContext<Stored<W>>): Promise<Answer<Stored<W>>> {
    const { message, work } = job.data;
    const wrap = (changed: W): Stored<W> => ({ message, work: changed });
    let connection: Connection;
    try {
      connection = getConnection(RED, work.connection);
    } catch {
      show('red', 'ring', 'misconfigured');
      return { type: 'retry', afterMs: connectionRetryMs };
    }
    if (options.wakes) listenTo(connection);
    live.of(job);
    show('blue', 'dot', ...options.status.working(work, live.size));
    const answer = await options.run(
      unwrap(job),
      connection,
      { signal: context.signal, save: (changed) => context.save(wrap(changed)) },
      { progress: (changed, status) => progress(job, changed, status) },
    );
    return answer.data === undefined ? (answer as Answer<Stored<W>>) : { ...answer, data: wrap(answer.data) };
  }

  function listenTo(connection: Connection): void {
    const { id } = connection;
    if (heard.get(id)?.connection === connection) return;
    heard.get(id)?.stop();
    const isConcerned = ({ work }: Stored<W>, clipId?: string): boolean =>
      work.connection === id && (clipId === undefined || options.idOf(work) === clipId);
    const stop = connection.onClipChanged((clipId) =>
      engine.wake((job) => job.owner === node.id && isConcerned((job as Job<Stored<W>>).data, clipId)),
    );
    heard.set(id, { connection, stop });
  }

  function retrying(job: Job<Stored<W>>, { afterMs, because }: Extract<Answer<Stored<W>>, { type: 'retry' }>): void {
    if (!because) return progress(job, job.data.work);
    show('yellow', 'ring', 'retrying', { seconds: Math.ceil(afterMs / 1000), code: because.code });
    node.log(`${because.code}: ${because.message}. Next try in ${Math.ceil(afterMs / 1000)} s`);
  }

  async function settled(job: Job<Stored<W>>, outcome: Exclude<Answer<Stored<W>>, { type: 'retry' }>): Promise<void> {
    if (outcome.type === 'failed') await options.discard?.(unwrap(job));
    const target = live.of(job);
    live.take(job.id);
    options.write(target.message, job.data.work, job.id);
    if (outcome.type === 'done') {
      show('green', 'dot', options.status.finished);
      sendTo(options.outputs.finished, target, target.message);
      target.done();
    } else {
      fail(target, outcome.error);
    }
  }

  /** Another instance has sent the message on. Here, only whoever waits for its completion still has to be told. */
  function settledElsewhere(jobId: string, how?: 'done' | 'failed'): void {
    const target = live.take(jobId);
    options.forget?.(jobId);
    if (how === 'done' || (how === 'failed' && failureOutput() !== undefined)) target?.done();
  }

  /** Where failures leave; otherwise they are raised. */
  function failureOutput(): number | undefined {
    const output = options.outputs.failure;
    return output !== undefined && (node.wires?.[output]?.length ?? 0) > 0 ? output : undefined;
  }

  function fail(target: LiveMessage, error: ClipError): void {
    if (error.code === 'EABORTED') show('grey', 'ring', 'cancelled');
    else show('red', 'ring', 'failed', { code: error.code });
    const output = failureOutput();
    if (output !== undefined) {
      const { code, message, retryable } = error;
      target.message.error = { code, message, retryable };
      sendTo(output, target, target.message);
      target.done();
    } else {
      target.done(error);
    }
  }

  async function cancel(message: Message): Promise<void> {
    const named = (message.clip ?? message.export) as { id?: unknown } | undefined;
    const matches = (job: Job): boolean =>
      job.owner === node.id &&
      (named?.id === undefined || options.idOf((job as Job<Stored<W>>).data.work) === named.id);
    const cancelled = (await engine.cancel(matches)) as Job<Stored<W>>[];
    if (!options.cancelAtVendor || cancelled.length === 0) return;
    const wanted = new Set((await engine.list()).map(clipIdOf));
    for (const { data } of cancelled) {
      if (wanted.has(options.idOf(data.work))) continue;
      try {
        await options.cancelAtVendor(data.work, getConnection(RED, data.work.connection));
      } catch (thrown) {
        node.warn(`Cancelled here, but not at the vendor: ${toClipError(thrown).message}`);
      }
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
    const lane = options.lane?.(work);
    try {
      const job = await engine.add<Stored<W>>({
        id,
        owner: node.id,
        data: { message: kept, work },
        runAt,
        ...(lane ? { lane } : {}),
      });
      // It had been accepted before a crash already, and goes on as it was.
      if (job.id !== id) {
        live.take(id);
        return done();
      }
    } catch (thrown) {
      live.take(id);
      throw thrown;
    }
    const waitMs = runAt - Date.now();
    if (waitMs > 0) show('yellow', 'ring', 'waitingUntil', { time: new Date(runAt).toTimeString().slice(0, 8) });
  }

  function own(): void {
    release ??= engine.own<Stored<W>>(node.id, { run, retrying, settled, settledElsewhere });
  }

  try {
    settings = options.configure();
  } catch (thrown) {
    settings = toClipError(thrown);
    show('red', 'ring', 'misconfigured');
  }
  const stopListening = engine.onPause?.((paused) => {
    light.pause(paused);
    if (!paused && settings instanceof ClipError) show('red', 'ring', 'misconfigured');
  });
  // Stored jobs go on when all nodes exist: what is sent earlier would be lost.
  const stopWaiting = whenFlowsStarted(RED, own);

  node.on('input', (message, send, done) => {
    const handled = message.cancel === true ? cancel(message).then(() => done()) : accept(message, send, done);
    handled.catch((thrown: unknown) => fail({ message, send, done, progressAt: 0 }, toClipError(thrown)));
  });

  node.on('close', (removed, done) => {
    stopWaiting();
    stopListening?.();
    const close = async (): Promise<void> => {
      for (const { stop } of heard.values()) stop();
      await release?.();
      live.clear();
      if (removed) {
        const dropped = await engine.remove((job) => job.owner === node.id);
        for (const job of dropped) await options.discard?.(unwrap(job as Job<Stored<W>>));
        if (dropped.length > 0) node.log(`Dropped ${dropped.length} unfinished job(s) with the node`);
      }
      node.status({});
    };
    close()
      .catch((thrown: unknown) => node.warn(toClipError(thrown).message))
      .finally(done);
  });
}

/** The clip that a job of whatever node is about. */
function clipIdOf({ data }: Job): string | undefined {
  return (data as Stored<{ clip?: { id?: string } }>).work?.clip?.id;
}
