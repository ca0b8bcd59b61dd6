// Cancels jobs of a node: here, and at the vendor.
import { toClipError } from '../../errors';
import type { Job } from '../../jobs/job';
import { getConnection } from '../connections';
import type { Message } from '../node-red';
import type { NodeContext } from './context';
import type { JobNodeOptions, StoredJobData, Task } from './options';

const longestCancelMs = 15_000;

/** Matches the jobs of a node that a cancel message names by clip or export, else all. */
export function namedBy<T extends Task>(
  message: Message,
  { idOf, previousIdOf }: Pick<JobNodeOptions<T, unknown>, 'idOf' | 'previousIdOf'>,
): (job: Job) => boolean {
  const named = [message.clip, message.export] as ({ id?: unknown } | null | undefined)[];
  const ids: unknown[] = named.map((each) => each?.id ?? '').filter((id) => id !== '');
  return ({ data }) => {
    const { task } = data as StoredJobData<T>;
    return ids.length === 0 || ids.includes(idOf(task)) || ids.includes(previousIdOf?.(task) ?? '');
  };
}

/**
 * Ends jobs of a node here, and at the vendor what no other job waits for.
 * @param reason how their error says by whom: "Cancelled by a message"
 */
export async function cancelJobs<T extends Task>(
  { runtime, node, engine, options: { idOf, cancelAtVendor }, cancelling }: NodeContext<T>,
  isMeant: (job: Job) => boolean,
  reason: string,
): Promise<void> {
  const meant = new Set<string>();
  const matches = (job: Job): boolean => {
    if (job.nodeId !== node.id || !isMeant(job)) return false;
    meant.add(job.id);
    cancelling.set(job.id, reason);
    return true;
  };
  // They are settled by the time that this resolves.
  const ended = engine.cancel(matches).finally(() => {
    for (const id of meant) cancelling.delete(id);
  });
  const cancelled = (await ended) as Job<StoredJobData<T>>[];
  if (!cancelAtVendor || cancelled.length === 0) return;
  const wanted = new Set((await engine.list()).map(clipIdOf));
  for (const { data } of cancelled) {
    if (wanted.has(idOf(data.task))) continue;
    try {
      const signal = AbortSignal.timeout(longestCancelMs);
      await cancelAtVendor(data.task, getConnection(runtime, data.task.connection), signal);
    } catch (thrown) {
      node.warn(`Cancelled here, but not at the vendor: ${toClipError(thrown).message}`);
    }
  }
}

/** The clip that a job of whatever node is about. */
function clipIdOf({ data }: Job): string | undefined {
  return (data as Partial<StoredJobData<{ clip?: { id?: string } }>> | undefined)?.task?.clip?.id;
}
