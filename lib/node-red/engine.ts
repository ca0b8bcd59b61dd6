import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeParts, type DownloadJobData } from '../clips/download';
import { systemClock } from '../async/clock';
import { toClipError } from '../errors';
import { removeWorkFolder } from '../exports/folder';
import type { FilesJobData } from '../exports/work';
import { BullEngine } from '../jobs/bullmq/engine';
import { EmbeddedEngine } from '../jobs/embedded';
import type { JobEngine } from '../jobs/job';
import { openJournal } from '../jobs/journal';
import { unusableEngine } from '../jobs/unusable';
import type { NodeRed } from './runtime';

/** One engine per job folder or Redis: it outlives redeploys, and all nodes share it. */
const engines = new Map<string, JobEngine>();

export function jobEngine(RED: NodeRed): JobEngine {
  const folder = join(userDirectory(RED), 'video-clips', 'jobs');
  const redis = redisSetting(RED);
  const place = redis === undefined ? folder : `redis ${String(redis)}`;
  let engine = engines.get(place);
  if (!engine) {
    const warn = (text: string): void => RED.log.warn(`[video clips] ${text}`);
    engine =
      redis === undefined
        ? new EmbeddedEngine(openJournal(folder, warn), systemClock, warn)
        : distributedEngine(RED, redis, warn);
    engines.set(place, engine);
  }
  return engine;
}

/** Where jobs are shared by several instances; `undefined` when they are not. */
function redisSetting(RED: NodeRed): unknown {
  const jobs = RED.settings.clipProviderJobs as { redis?: unknown } | null | undefined;
  return jobs?.redis ?? (process.env.CLIP_JOBS_REDIS || undefined);
}

/** Whoever wants shared jobs is never given others: without Redis, nothing is taken on. */
function distributedEngine(RED: NodeRed, url: unknown, warn: (text: string) => void): JobEngine {
  try {
    return new BullEngine({ url, warn });
  } catch (thrown) {
    const error = toClipError(thrown);
    RED.log.error(`[video clips] ${error.message}`);
    return unusableEngine(error);
  }
}

/** Connections to Redis keep a process alive that has nothing else to do any more. */
function closeUnused(): boolean {
  let isAnyUsed = false;
  for (const [place, engine] of engines) {
    if (!engine.closeUnused) continue;
    const closing = engine.closeUnused();
    isAnyUsed ||= !closing;
    if (closing) engines.delete(place);
    closing?.catch(() => undefined);
  }
  return !isAnyUsed;
}

/** Node-RED always has one; a bare test runtime has none, and must not write into the home of whoever runs it. */
function userDirectory(RED: NodeRed): string {
  return RED.settings.userDir ?? join(tmpdir(), `video-clips-${process.pid}`);
}

/** The path of ffmpeg in the settings file. */
export function ffmpegSetting(RED: NodeRed): string {
  const { clipProviderFfmpeg } = RED.settings;
  return typeof clipProviderFfmpeg === 'string' ? clipProviderFfmpeg : '';
}

/** Where relative file names start: as for the core file nodes, else the user directory. */
export function fileFolder(RED: NodeRed): string {
  return RED.settings.fileWorkingDirectory || userDirectory(RED);
}

/** Per runtime: what each start of the flows sets off, and what only the next one does. */
interface Starts {
  always?: () => void;
  once: Set<() => void>;
  /** Runs while the flows are stopped: a deploy starts them again at once. */
  closing?: NodeJS.Timeout;
}

const closeAfterMs = 1_000;

/** One listener per runtime: its emitter warns about more than ten. */
const starts = new WeakMap<NodeRed['events'], Starts>();

function startsOf(RED: NodeRed): Starts {
  let found = starts.get(RED.events);
  if (!found) {
    const created: Starts = { once: new Set() };
    RED.events.on('flows:started', () => {
      const calls = [...created.once];
      created.once.clear();
      for (const call of calls) call();
      created.always?.();
    });
    const closeLater = (): void => {
      clearTimeout(created.closing);
      created.closing = setTimeout(() => closeUnused() || closeLater(), closeAfterMs);
    };
    RED.events.on('flows:stopped', closeLater);
    RED.events.on('flows:starting', () => {
      clearTimeout(created.closing);
    });
    starts.set(RED.events, created);
    found = created;
  }
  return found;
}

/** Calls back once when all nodes of the flows exist; the returned function takes that back. */
export function whenFlowsStarted(RED: NodeRed, call: () => void): () => void {
  const { once } = startsOf(RED);
  once.add(call);
  return () => once.delete(call);
}

/** After each deploy, forgets the jobs of nodes that are no longer in the flows. Those of what is disabled wait. */
export function dropOrphansAfterDeploy(RED: NodeRed): void {
  startsOf(RED).always = () => {
    dropOrphans(RED)
      .then(() => tellOfWaiting(RED))
      .catch((error: unknown) => RED.log.error(`[video clips] ${toClipError(error).message}`));
  };
}

async function dropOrphans(RED: NodeRed): Promise<void> {
  const inFlows = new Set<string>();
  RED.nodes.eachNode((definition) => inFlows.add(definition.id));
  const exists = (nodeId: string): boolean => {
    // Nodes inside a subflow are named after its instance: "<instance>-<node>".
    const instance = nodeId.slice(0, Math.max(0, nodeId.lastIndexOf('-')));
    return inFlows.has(nodeId) || inFlows.has(instance) || Boolean(RED.nodes.getNode(nodeId));
  };
  const dropped = await jobEngine(RED).removeOrphans(exists);
  for (const { id, data } of dropped) {
    const { work } = data as { work?: DownloadJobData | (FilesJobData & { output?: never }) };
    if (work?.output === 'file') await removeParts({ id, data: work });
    else if (work && 'to' in work && work.to === 'files') await removeWorkFolder(work);
  }
  if (dropped.length > 0) RED.log.info(`[video clips] Dropped ${dropped.length} job(s) of nodes that were deleted`);
}

/** Jobs whose connection is disabled may wait for months. */
async function tellOfWaiting(RED: NodeRed): Promise<void> {
  const waiting = new Map<string, number>();
  for (const { data } of await jobEngine(RED).list()) {
    const { connection } = (data as { work?: { connection?: string } }).work ?? {};
    if (connection === undefined || RED.nodes.getNode(connection)) continue;
    waiting.set(connection, (waiting.get(connection) ?? 0) + 1);
  }
  for (const [connection, count] of waiting) {
    RED.log.warn(`[video clips] ${count} job(s) wait for the connection "${connection}", which is disabled or deleted`);
  }
}
