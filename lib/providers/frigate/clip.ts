// Decides what a row or a job of an export means for a clip. Pure.
import type { Clip, ProviderClip } from '../../provider';
import { rowDelayMs } from './admission';
import type { ExportJob, ExportRow, StoredFile } from './types';

type Known = Pick<Clip, 'id' | 'camera' | 'start' | 'end' | 'status' | 'progress' | 'ref'>;

const noReason = 'Frigate gives no reason through its API: its log says why';

/** Frigate 0.16 and 0.17 leave the row as it is for ever when they are restarted; the file grows no more then. */
const deadAfterMs = 10 * 60_000;

/** An export in the queue (0.18). */
export function clipOfJob(known: Known, job: ExportJob): ProviderClip {
  const { status, step } = job;
  const clip = { ...identity(known), vendorStatus: status === 'running' && step ? step : status };
  if (status === 'queued') return { ...clip, status: 'pending', progress: 0 };
  if (status === 'failed') return { ...clip, status: 'failed', reason: failureOf(job) };
  if (status === 'cancelled') return { ...clip, status: 'failed', reason: 'It was cancelled in Frigate' };
  // A success becomes one with its row; words that are new mean that it is still being made.
  return { ...clip, status: 'busy', progress: progressOf(job) };
}

/** Each step counts from 0 to 100; the copying takes nearly all of the time. */
function progressOf({ status, step, percent }: ExportJob): number {
  if (status === 'success' || step === 'finalizing') return 99;
  return /^(copying|encoding)/.test(step) ? Math.min(99, Math.floor(percent)) : 0;
}

/** The text of a failed job is that of its last step, which is often another one than the one that failed. */
function failureOf({ problem }: ExportJob): string {
  return problem ? `Frigate says "${problem}", which may not be the cause: its log says why` : noReason;
}

/** @param job of the queue, while it is in there */
export function clipOfRow(known: Known, row: ExportRow, now: number, job?: ExportJob): ProviderClip {
  if (job && (row.isRunning || job.status === 'running')) return clipOfJob(known, job);
  if (row.isRunning) return { ...identity(known), status: 'busy' };
  const finishedAt = known.ref?.finishedAt ?? new Date(now).toISOString();
  return {
    ...identity(known),
    status: 'finished',
    progress: 100,
    ref: { ...known.ref, ...(row.file ? { file: row.file } : {}), finishedAt },
  };
}

/**
 * Without a row (0.16, 0.17): not made yet, failed (which deletes it), or deleted.
 * @returns `undefined` where the export is gone
 */
export function clipWithoutRow(known: Known, now: number): ProviderClip | undefined {
  const askedAt = Date.parse(known.ref?.askedAt ?? '');
  if (known.status === 'pending' && now - askedAt < rowDelayMs) return { ...identity(known), status: 'pending' };
  if (known.status === 'busy' || (known.status === 'pending' && !Number.isNaN(askedAt))) return failed(known, noReason);
  return undefined;
}

/** A row that says that the export is being made, though its file has not grown for a long time (0.16, 0.17). */
export function isDead(known: Known, file: StoredFile | undefined, serverNow: number): boolean {
  const changedAt = file?.modifiedAt ?? Date.parse(known.ref?.askedAt ?? '');
  return serverNow - changedAt > deadAfterMs;
}

export function deadClip(known: Known): ProviderClip {
  return failed(known, 'Frigate was restarted while it was made, and does not notice that. Delete the export there');
}

/** Neither in the queue nor finished, after it has been seen at work (0.18). */
export function lostClip(known: Known): ProviderClip {
  return failed(known, noReason);
}

/** The same as before. */
export function unchanged(known: Known): ProviderClip {
  return { ...identity(known), status: known.status };
}

function failed(known: Known, reason: string): ProviderClip {
  return { ...identity(known), status: 'failed', reason };
}

function identity({ id, camera, start, end, ref }: Known): Omit<ProviderClip, 'status'> {
  return { id, camera, start, end, ...(ref ? { ref } : {}) };
}
