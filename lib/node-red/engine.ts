import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../clock';
import { EmbeddedEngine } from '../jobs/embedded';
import type { JobEngine } from '../jobs/job';
import { openJournal } from '../jobs/journal';
import type { NodeRed } from './runtime';

/** One engine per job folder: it outlives redeploys, and all nodes share it. */
const engines = new Map<string, JobEngine>();

export function jobEngine(RED: NodeRed): JobEngine {
  const folder = join(userDirectory(RED), 'video-clips', 'jobs');
  let engine = engines.get(folder);
  if (!engine) {
    const warn = (text: string): void => RED.log.warn(`[video clips] ${text}`);
    engine = new EmbeddedEngine(openJournal(folder, warn), systemClock, warn);
    engines.set(folder, engine);
  }
  return engine;
}

/** Node-RED always has one; a bare test runtime has none, and must not write into the home of whoever runs it. */
function userDirectory(RED: NodeRed): string {
  return RED.settings.userDir ?? join(tmpdir(), `video-clips-${process.pid}`);
}

/** Where relative file names start: as for the core file nodes, else the user directory. */
export function fileFolder(RED: NodeRed): string {
  return RED.settings.fileWorkingDirectory || userDirectory(RED);
}

/** Per runtime: what each start of the flows sets off, and what only the next one does. */
interface Starts {
  always?: () => void;
  once: Set<() => void>;
}

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

/** After each deploy, forgets the jobs of nodes that are no longer in the flows. Those of disabled nodes wait. */
export function dropOrphansAfterDeploy(RED: NodeRed): void {
  startsOf(RED).always = () => void dropOrphans(RED);
}

async function dropOrphans(RED: NodeRed): Promise<void> {
  try {
    const inFlows = new Set<string>();
    RED.nodes.eachNode((definition) => inFlows.add(definition.id));
    const exists = (owner: string): boolean => {
      // Nodes inside a subflow are named after its instance: "<instance>-<node>".
      const instance = owner.slice(0, Math.max(0, owner.lastIndexOf('-')));
      return inFlows.has(owner) || inFlows.has(instance) || Boolean(RED.nodes.getNode(owner));
    };
    const dropped = await jobEngine(RED).remove((job) => !exists(job.owner));
    if (dropped.length > 0) RED.log.info(`[video clips] Dropped ${dropped.length} job(s) of nodes that were deleted`);
  } catch (error) {
    RED.log.error(`[video clips] ${(error as Error).message}`);
  }
}
