/** The list of work of one runtime: nodes report into it, and changes go out to every open editor. */
import { toClipError } from '../../errors';
import type { Job } from '../../jobs/job';
import { restoreMessage } from '../../jobs/message';
import type { ClipFile } from '../../provider';
import { activityLog, type ActivityJob } from './log';
import { recordFile, type WrittenFile } from '../../files/written-file';
import type { ActivityRow, RowNode } from './row';
import type { JobEvent } from '../job-node/event';
import type { Message, Node } from '../node-red';
import type { Runtime } from '../runtime';

const activityTopic = 'video-clips/activity';

/** How the feed has a node act on its jobs. */
export interface NodeControls {
  cancel(jobId: string): Promise<void>;
  /** A stored job of this node. */
  restore(job: Job): void;
}

export interface NodeFeed {
  /**
   * @param message where the job was just accepted from it
   * @param into id of a row that the job may go on with
   * @returns the row's id; `undefined`: there is no room for it
   */
  report(job: ActivityJob, event: JobEvent, message?: Message, into?: string): string | undefined;
  /** Keeps what a row's job came from, so that it can be tried again. */
  keep(rowId: string, stored: Record<string, unknown>): void;
  /** The file that a row's job has written. */
  saved(rowId: string, file: ClipFile): void;
  leave(): void;
}

export interface ActivityFeed {
  join(node: Node, controls: NodeControls): NodeFeed;
  /** Has each node report its stored jobs, once all nodes have joined. */
  restore(): void;
  /** All rows, and the number of the last changes that they are sure to include. */
  snapshot(): { version: number; rows: ActivityRow[] };
  /** Ends a row's jobs. `false`: there are none. */
  cancel(rowId: string): Promise<boolean>;
  /** Sends the message of a failed row again. `false`: it is not kept, or its node is gone. */
  retry(rowId: string): boolean;
  clear(): void;
  fileOf(rowId: string, kind: 'video' | 'thumbnail'): WrittenFile | undefined;
}

const mostRows = 1_000;
const mostMessages = 100;
/** Characters of all of them, as JSON: pictures may travel in messages. */
const mostText = 10_000_000;
const publishEveryMs = 1_000;
/** What happens at about the same time is published together. */
const coalesceMs = 100;

/** It outlives redeploys. */
export function openFeed(runtime: Runtime): ActivityFeed {
  const { clock } = runtime;
  const rows = activityLog(mostRows, clock.now);
  const nodes = new Map<string, NodeControls>();
  const messages = new Map<string, { node: string; json: string }>();
  const files = new Map<string, { video: WrittenFile; thumbnail?: WrittenFile }>();
  /** The row that goes on with a message that is sent again. */
  const rowOfMessage = new WeakMap<Message, string>();
  let keptText = 0;
  let version = 0;
  let isDue = false;
  let publishedAt = 0;
  let isRestoring = false;

  function publishSoon(): void {
    if (isDue) return;
    isDue = true;
    clock.after(Math.max(coalesceMs, publishedAt + publishEveryMs - clock.now()), () => {
      isDue = false;
      publish();
    });
  }

  function publish(): void {
    const changes = rows.takeChanges();
    if (!changes) return;
    for (const id of changes.removed) {
      forgetMessage(id);
      files.delete(id);
    }
    version += 1;
    publishedAt = clock.now();
    runtime.RED.comms.publish(activityTopic, { version, ...changes });
  }

  function forgetMessage(rowId: string): void {
    const kept = messages.get(rowId);
    if (!kept) return;
    keptText -= kept.json.length;
    messages.delete(rowId);
    rows.amend(rowId, { canRetry: false });
  }

  async function restore(): Promise<void> {
    for (const job of await runtime.engine.list()) nodes.get(job.nodeId)?.restore(job);
  }

  /** Offered once it is known how it lies on the disk. */
  async function addFile(rowId: string, { path, duration, thumbnail }: ClipFile): Promise<void> {
    const video = await recordFile(path);
    if (!video || !rows.get(rowId)) return;
    const picture = thumbnail === undefined ? undefined : await recordFile(thumbnail);
    files.set(rowId, { video, ...(picture ? { thumbnail: picture } : {}) });
    const file = { path, size: video.size, ...(duration === undefined ? {} : { duration }) };
    rows.amend(rowId, { file, hasThumbnail: picture !== undefined });
    publishSoon();
  }

  return {
    join(node, controls) {
      const where: RowNode = {
        node: node.id,
        nodeName: node.name ?? '',
        nodeType: node.type,
        flow: node.z ?? '',
      };
      nodes.set(node.id, controls);
      return {
        report(job, event, message, into) {
          const rowId = rows.report(job, where, event, (message && rowOfMessage.get(message)) ?? into);
          if (rowId === undefined) return undefined;
          forgetMessage(rowId);
          publishSoon();
          return rowId;
        },
        keep(rowId, stored) {
          forgetMessage(rowId);
          const json = JSON.stringify(stored);
          messages.set(rowId, { node: node.id, json });
          keptText += json.length;
          rows.amend(rowId, { canRetry: true });
          for (const oldest of messages.keys()) {
            if (messages.size <= mostMessages && keptText <= mostText) break;
            forgetMessage(oldest);
          }
        },
        saved: (rowId, file) => void addFile(rowId, file),
        leave() {
          if (nodes.get(node.id) === controls) nodes.delete(node.id);
        },
      };
    },
    restore() {
      if (isRestoring) return;
      isRestoring = true;
      // By then all nodes of this start have joined.
      setImmediate(() => {
        isRestoring = false;
        restore().catch((thrown: unknown) => runtime.RED.log.warn(`[video clips] ${toClipError(thrown).message}`));
      });
    },
    snapshot: () => ({ version, rows: rows.list() }),
    async cancel(rowId) {
      const jobs = [...rows.jobsOf(rowId)];
      await Promise.all(jobs.map(async ([job, node]) => nodes.get(node)?.cancel(job)));
      return jobs.length > 0;
    },
    retry(rowId) {
      const kept = messages.get(rowId);
      const node = kept && runtime.RED.nodes.getNode(kept.node);
      if (!node) return false;
      const message = restoreMessage(JSON.parse(kept.json)) as Message;
      rowOfMessage.set(message, rowId);
      node.receive(message);
      return true;
    },
    clear() {
      rows.clear();
      publishSoon();
    },
    fileOf: (rowId, kind) => (rows.get(rowId) ? files.get(rowId)?.[kind] : undefined),
  };
}
