// Looks after the jobs of nodes and connections that are no longer in the flows.
import { removeParts, type DownloadJobData } from '../clips/download';
import { toClipError } from '../errors';
import { removeWorkFolder } from '../exports/folder';
import type { FilesJobData } from '../exports/work';
import type { StoredJobData } from './job-node/options';
import type { NodeRed } from './node-red';
import type { Runtime } from './runtime';

/** Forgets the jobs of deleted nodes, and warns of those whose connection is away. Those of disabled nodes wait. */
export function dropOrphans(runtime: Runtime): void {
  removeOrphans(runtime)
    .then(() => warnOfWaiting(runtime))
    .catch((error: unknown) => runtime.RED.log.error(`[video clips] ${toClipError(error).message}`));
}

async function removeOrphans(runtime: Runtime): Promise<void> {
  const { RED, engine } = runtime;
  const dropped = await engine.removeOrphans(inFlows(RED));
  for (const { id, data } of dropped) {
    const { task } = data as Partial<StoredJobData<DownloadJobData | (FilesJobData & { output?: never })>>;
    if (task?.output === 'file') await removeParts({ id, data: task });
    else if (task && 'to' in task && task.to === 'files') await removeWorkFolder(task);
  }
  // Shared states expire by themselves.
  if (!engine.sharedStates) await runtime.states.removeOrphans?.(inFlows(RED));
  if (dropped.length > 0) RED.log.info(`[video clips] Dropped ${dropped.length} job(s) of nodes that were deleted`);
}

function inFlows(RED: NodeRed): (nodeId: string) => boolean {
  const ids = new Set<string>();
  RED.nodes.eachNode((definition) => ids.add(definition.id));
  return (nodeId) => {
    if (ids.has(nodeId) || RED.nodes.getNode(nodeId)) return true;
    // Nodes inside a subflow are named after its instance, "<instance>-<node>", however deep; ids may have dashes themselves.
    for (let end = nodeId.indexOf('-'); end >= 0; end = nodeId.indexOf('-', end + 1)) {
      if (ids.has(nodeId.slice(0, end))) return true;
    }
    return false;
  };
}

/** Jobs whose connection is disabled may wait for months. */
async function warnOfWaiting({ RED, engine }: Runtime): Promise<void> {
  const waiting = new Map<string, number>();
  for (const { data } of await engine.list()) {
    const { connection } = (data as Partial<StoredJobData<{ connection?: string }>>).task ?? {};
    if (connection === undefined || RED.nodes.getNode(connection)) continue;
    waiting.set(connection, (waiting.get(connection) ?? 0) + 1);
  }
  for (const [connection, count] of waiting) {
    RED.log.warn(`[video clips] ${count} job(s) wait for the connection "${connection}", which is disabled or deleted`);
  }
}
