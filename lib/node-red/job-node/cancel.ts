import type { Connection } from '../../connection/connection';
import { toClipError } from '../../errors';
import type { Job, JobEngine } from '../../jobs/job';
import { getConnection } from '../connections';
import type { Message, Node, NodeRed } from '../runtime';

interface Stored<W> {
  work: W;
}

export interface CancelOptions<W> {
  idOf(work: W): string | undefined;
  previousIdOf?(work: W): string | undefined;
  /** Tells the vendor that a cancelled job's result is no longer wanted. */
  cancelAtVendor?(work: W, connection: Connection): Promise<void>;
}

/** Which of a node's jobs a cancel message means: those of its clip or export, else all. */
export function namedBy<W>(message: Message, { idOf, previousIdOf }: CancelOptions<W>): (job: Job) => boolean {
  const named = [message.clip, message.export] as ({ id?: unknown } | null | undefined)[];
  const ids = named.flatMap((each) => each?.id ?? []);
  return ({ data }) => {
    const { work } = data as Stored<W>;
    return ids.length === 0 || ids.includes(idOf(work) ?? '') || ids.includes(previousIdOf?.(work) ?? '');
  };
}

/** Ends jobs of a node here, and at the vendor what no other job waits for. */
export async function cancelJobs<W extends { connection: string }>(
  RED: NodeRed,
  node: Node,
  engine: JobEngine,
  { idOf, cancelAtVendor }: CancelOptions<W>,
  isMeant: (job: Job) => boolean,
): Promise<void> {
  const cancelled = (await engine.cancel((job) => job.nodeId === node.id && isMeant(job))) as Job<Stored<W>>[];
  if (!cancelAtVendor || cancelled.length === 0) return;
  const wanted = new Set((await engine.list()).map(clipIdOf));
  for (const { data } of cancelled) {
    if (wanted.has(idOf(data.work))) continue;
    try {
      await cancelAtVendor(data.work, getConnection(RED, data.work.connection));
    } catch (thrown) {
      node.warn(`Cancelled here, but not at the vendor: ${toClipError(thrown).message}`);
    }
  }
}

/** The clip that a job of whatever node is about. */
function clipIdOf({ data }: Job): string | undefined {
  return (data as Stored<{ clip?: { id?: string } } | undefined>).work?.clip?.id;
}
