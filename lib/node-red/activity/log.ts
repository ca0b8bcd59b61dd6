// Keeps running and recent work as rows: the jobs of all nodes are reported here.
import { randomUUID } from 'node:crypto';
import { isSameRow, nextRow, type ActivityRow, type RowNode, type Subject } from './row';
import { hasEnded, type JobEvent } from '../job-node/event';

/** A job, as far as its row is concerned. */
export interface ActivityJob {
  id: string;
  /** Absent where only the id is known: then the row is known, too. */
  createdAt?: number;
  subject?: Subject;
  /** Jobs that are about the same clip share a row. */
  clip?: string;
}

export interface Changes {
  changed: ActivityRow[];
  /** Ids of rows. */
  removed: string[];
}

export interface Activity {
  /** @param into id of the row that goes on with a new job. Returns the row's; `undefined`: there is no room for it */
  report(job: ActivityJob, node: RowNode, event: JobEvent, into?: string): string | undefined;
  /** Adds facts that are found out later. */
  amend(rowId: string, facts: Partial<Pick<ActivityRow, 'file' | 'canRetry'>>): void;
  get(rowId: string): ActivityRow | undefined;
  /** The unfinished jobs of a row: node by job. */
  jobsOf(rowId: string): ReadonlyMap<string, string>;
  /** In the order in which they came. */
  list(): ActivityRow[];
  /** Rows that are not running, with their clips. */
  resting(): RestingRow[];
  /** Puts rows of an earlier run before all others, as far as there is room. */
  restore(rows: RestingRow[]): void;
  remove(rowId: string): void;
  /** Forgets what is not running. */
  clear(): void;
  /** The changes since the last call; `undefined`: there are none. */
  takeChanges(): Changes | undefined;
}

export interface RestingRow {
  row: ActivityRow;
  clip?: string;
}

interface Entry {
  row: ActivityRow;
  jobs: Map<string, string>;
  clip?: string;
}

const noJobs: ReadonlyMap<string, string> = new Map();

/** @param limit of rows: those that have rested longest make room, running ones never */
export function activityLog(limit: number, now: () => number): Activity {
  const entries = new Map<string, Entry>();
  const byJob = new Map<string, Entry>();
  const byClip = new Map<string, Entry>();
  /** Not running, in the order in which they came to rest. */
  const resting = new Set<Entry>();
  const changed = new Set<string>();
  const removed = new Set<string>();

  function find({ id, clip }: ActivityJob, into = ''): Entry | undefined {
    return byJob.get(id) ?? (clip === undefined ? undefined : byClip.get(clip)) ?? entries.get(into);
  }

  function add({ createdAt = now(), subject }: ActivityJob, node: RowNode): Entry | undefined {
    if (!subject) return undefined;
    const [oldest] = resting;
    if (entries.size >= limit && oldest) remove(oldest);
    if (entries.size >= limit) return undefined;
    const state = { stage: 'working', isRunning: true, canRetry: false } as const;
    const row: ActivityRow = { id: randomUUID(), ...subject, ...node, ...state, createdAt, updatedAt: now() };
    const entry: Entry = { row, jobs: new Map() };
    entries.set(row.id, entry);
    changed.add(row.id);
    return entry;
  }

  function remove(entry: Entry): void {
    const { id } = entry.row;
    entries.delete(id);
    resting.delete(entry);
    if (entry.clip !== undefined) byClip.delete(entry.clip);
    changed.delete(id);
    removed.add(id);
  }

  /** A row that goes on with another clip, as after a retry, is that clip's from now on. */
  function keepClip(entry: Entry, clip: string | undefined): void {
    if (clip === undefined || clip === entry.clip) return;
    if (entry.clip !== undefined) byClip.delete(entry.clip);
    const other = byClip.get(clip);
    if (other) delete other.clip;
    entry.clip = clip;
    byClip.set(clip, entry);
  }

  function keepJob(entry: Entry, job: string, node: string, isOver: boolean): void {
    if (isOver) {
      entry.jobs.delete(job);
      byJob.delete(job);
    } else {
      entry.jobs.set(job, node);
      byJob.set(job, entry);
    }
    resting.delete(entry);
    if (entry.jobs.size === 0) resting.add(entry);
  }

  function update(entry: Entry, row: ActivityRow): void {
    if (isSameRow(entry.row, row)) return;
    entry.row = { ...row, updatedAt: now() };
    changed.add(row.id);
  }

  return {
    report(job, node, event, into) {
      const entry = find(job, into) ?? add(job, node);
      if (!entry) return undefined;
      keepClip(entry, job.clip);
      keepJob(entry, job.id, node.node, hasEnded(event));
      update(entry, { ...nextRow(entry.row, node, job.subject, event), isRunning: entry.jobs.size > 0 });
      return entry.row.id;
    },
    amend(rowId, facts) {
      const entry = entries.get(rowId);
      if (entry) update(entry, { ...entry.row, ...facts });
    },
    get: (rowId) => entries.get(rowId)?.row,
    jobsOf: (rowId) => entries.get(rowId)?.jobs ?? noJobs,
    list: () => [...entries.values()].map(({ row }) => row),
    resting: () => [...resting].map(({ row, clip }) => ({ row, ...(clip === undefined ? {} : { clip }) })),
    restore(rows) {
      const fresh = [...entries.values()];
      const room = Math.max(0, limit - fresh.length);
      const known = rows.filter(({ row }) => !entries.has(row.id));
      const restored = known.slice(Math.max(0, known.length - room)).map(({ row, clip }): Entry => {
        const entry: Entry = { row: { ...row, isRunning: false, canRetry: false }, jobs: new Map() };
        if (clip !== undefined && !byClip.has(clip)) byClip.set((entry.clip = clip), entry);
        return entry;
      });
      const rested = [...restored, ...resting];
      entries.clear();
      for (const entry of [...restored, ...fresh]) entries.set(entry.row.id, entry);
      resting.clear();
      for (const entry of rested) resting.add(entry);
    },
    remove(rowId) {
      const entry = entries.get(rowId);
      if (entry?.jobs.size === 0) remove(entry);
    },
    clear() {
      for (const entry of [...resting]) remove(entry);
    },
    takeChanges() {
      if (changed.size === 0 && removed.size === 0) return undefined;
      const changes = { changed: [...changed].map((id) => entries.get(id)!.row), removed: [...removed] };
      changed.clear();
      removed.clear();
      return changes;
    },
  };
}
