// Collects the work of one runtime: nodes report into it, and changes go out to every open editor.
import { join } from 'node:path';
import { toClipError } from '../../errors';
import type { Job } from '../../jobs/job';
import {
  recheckFiles,
  recordFiles,
  removeFile,
  summaryOf,
  type FileState,
  type RowFiles,
  type TaskFiles,
} from './files';
import { activityLog, type ActivityJob } from './log';
import { keptMessages } from './messages';
import { forgetPicture } from './pictures';
import type { ActivityRow, RowNode } from './row';
import { activityStore, type StoredRow } from './store';
import type { JobEvent } from '../job-node/event';
import type { Message, Node } from '../node-red';
import type { Runtime } from '../runtime';

const activityTopic = 'video-clips/activity';

/** Actions of a node on its jobs, for the feed. */
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
  /** Files that a row's job has written. */
  saved(rowId: string, written: TaskFiles): void;
  leave(): void;
}

export interface ActivityFeed {
  join(node: Node, controls: NodeControls): NodeFeed;
  /** Has each node report its stored jobs, once all nodes have joined. */
  restore(): void;
  /** Resolves when the rows of an earlier run are there. */
  load(): Promise<void>;
  /** Resolves when what has come to rest is stored. */
  flush(): Promise<void>;
  /** All rows, and the number of the last changes that they are sure to include. */
  snapshot(): { version: number; rows: ActivityRow[] };
  /** Ends a row's jobs. `false`: there are none. */
  cancel(rowId: string): Promise<boolean>;
  /** Sends the message of a failed row again. `false`: it is not kept, or its node is gone. */
  retry(rowId: string): boolean;
  clear(): void;
  filesOf(rowId: string): RowFiles | undefined;
  /** Removes a file of a row from the disk unless it was changed, and the row with its last one. `undefined`: there is none. */
  deleteFile(rowId: string, fileId: number): Promise<FileState | undefined>;
  /** Files that have been removed, by their paths. */
  forgetFiles(paths: string[]): void;
}

const mostRows = 1_000;
/** Of all rows together. */
const mostFiles = 5_000;
const publishEveryMs = 1_000;
/** Changes within this time are published together. */
const coalesceMs = 100;

/** It outlives redeploys, and what has come to rest outlives restarts. */
export function openFeed(runtime: Runtime): ActivityFeed {
  const { clock } = runtime;
  const rows = activityLog(mostRows, clock.now);
  const nodes = new Map<string, NodeControls>();
  const files = new Map<string, RowFiles>();
  const messages = keptMessages(runtime, (rowId, canRetry) => rows.amend(rowId, { canRetry }));
  const warn = (text: string): void => runtime.RED.log.warn(`[video clips] ${text}`);
  const stored = (entry: StoredRow): StoredRow => {
    const found = files.get(entry.row.id);
    return found ? { ...entry, files: found } : entry;
  };
  const store = activityStore(
    () => join(runtime.userFolder, 'video-clips', 'activity.jsonl'),
    () => rows.resting().map(stored),
    warn,
  );
  let loading: Promise<void> | undefined;
  let version = 0;
  let isDue = false;
  let publishedAt = 0;
  let isRestoring = false;

  function publishSoon(): void {
    if (isDue) return;
    isDue = true;
    clock.after(Math.max(coalesceMs, publishedAt + publishEveryMs - clock.steadyNow()), () => {
      isDue = false;
      publish();
    });
  }

  function publish(): void {
    const changes = rows.takeChanges();
    if (!changes) return;
    for (const id of changes.removed) {
      messages.forget(id);
      files.delete(id);
    }
    version += 1;
    publishedAt = clock.steadyNow();
    // Retained: an editor that connects in this moment gets it, too.
    runtime.RED.comms.publish(activityTopic, { version, ...changes }, true);
    const changed = new Set(changes.changed.filter(({ isRunning }) => !isRunning).map(({ id }) => id));
    const atRest = changed.size > 0 ? rows.resting().filter(({ row }) => changed.has(row.id)) : [];
    void store.update(atRest.map(stored), changes.removed);
  }

  async function restore(): Promise<void> {
    await load();
    for (const job of await runtime.engine.list()) {
      try {
        nodes.get(job.nodeId)?.restore(job);
      } catch (thrown) {
        // Its data may be of another shape: the others are listed all the same.
        warn(toClipError(thrown).message);
      }
    }
  }

  /** Never rejects: without earlier rows, the list begins anew. */
  const load = (): Promise<void> =>
    (loading ??= loadRows().catch((thrown: unknown) => warn(toClipError(thrown).message)));

  async function loadRows(): Promise<void> {
    const kept: StoredRow[] = [];
    const lost: string[] = [];
    for (const entry of await store.load()) {
      const found = entry.files && (await recheckFiles(entry.files));
      // A row goes with its files.
      if (entry.files && !found) lost.push(entry.row.id);
      else kept.push(found ? { ...entry, files: found, row: { ...entry.row, file: summaryOf(found) } } : entry);
    }
    rows.restore(kept);
    for (const { row, files: found } of kept) if (found && rows.get(row.id)) files.set(row.id, found);
    limitFiles();
    await store.update([], lost);
  }

  /** Offered once it is known how they lie on the disk. */
  async function addFiles(rowId: string, written: TaskFiles): Promise<void> {
    const found = await recordFiles(written);
    if (!found || !rows.get(rowId)) return;
    setFiles(rowId, found);
    limitFiles();
  }

  function setFiles(rowId: string, found: RowFiles): void {
    files.set(rowId, found);
    rows.amend(rowId, { file: summaryOf(found) });
    publishSoon();
  }

  /** The oldest make room. */
  function limitFiles(): void {
    let count = [...files.values()].reduce((sum, each) => sum + each.files.length, 0);
    for (const [rowId, each] of files) {
      if (count <= mostFiles) return;
      count -= each.files.length;
      files.delete(rowId);
      rows.amend(rowId, { file: undefined });
    }
  }

  /** A row goes with its last file, and the small picture of a file with the file. */
  function withoutFiles(rowId: string, isGone: (path: string, id: number) => boolean): void {
    const known = files.get(rowId);
    const left = known?.files.filter(({ video, id }) => !isGone(video.path, id));
    if (!known || !left || left.length === known.files.length) return;
    for (const file of known.files) if (!left.includes(file)) void forgetPicture(runtime, file.video);
    if (left.length > 0) return setFiles(rowId, { ...known, files: left });
    files.delete(rowId);
    rows.amend(rowId, { file: undefined });
    rows.remove(rowId);
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
          const rowId = rows.report(job, where, event, (message && messages.rowOf(message)) ?? into);
          if (rowId === undefined) return undefined;
          messages.forget(rowId);
          publishSoon();
          return rowId;
        },
        keep: (rowId, kept) => messages.keep(rowId, node.id, kept),
        saved: (rowId, written) => void addFiles(rowId, written),
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
        restore().catch((thrown: unknown) => warn(toClipError(thrown).message));
      });
    },
    load,
    flush() {
      publish();
      return store.flush();
    },
    snapshot: () => ({ version, rows: rows.list() }),
    async cancel(rowId) {
      const jobs = [...rows.jobsOf(rowId)];
      await Promise.all(jobs.map(async ([job, node]) => nodes.get(node)?.cancel(job)));
      return jobs.length > 0;
    },
    retry: (rowId) => messages.sendAgain(rowId),
    clear() {
      rows.clear();
      publishSoon();
    },
    filesOf: (rowId) => (rows.get(rowId) ? files.get(rowId) : undefined),
    async deleteFile(rowId, fileId) {
      const file = files.get(rowId)?.files.find(({ id }) => id === fileId);
      if (!file) return undefined;
      const state = await removeFile(file);
      if (state !== 'changed') withoutFiles(rowId, (_path, id) => id === fileId);
      return state;
    },
    forgetFiles(paths) {
      const gone = new Set(paths);
      for (const rowId of [...files.keys()]) withoutFiles(rowId, (path) => gone.has(path));
    },
  };
}
