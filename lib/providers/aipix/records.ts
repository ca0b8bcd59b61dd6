// Reads records of the export list as clips. Pure decisions.
import type { ClipStatus, Gap, ProviderClip } from '../../provider';
import { statusOfWord } from '../status-words';
import type { Outcome } from './push-tracker';
import { retentionMs, type Download } from './types';

/** Files are removed by a job that runs this often. Source: https://docs.aipix.ai/en/start/aipix-23.09/archive-generation */
const cleanUpMs = 10 * 60_000;

interface Known {
  /** Has it been finished once, as far as the message knows? */
  wasFinished: boolean;
  /** Outcome that a push announced for the current generation. */
  outcome?: Outcome;
  now: number;
}

/**
 * The words for a state are not published but for `in progress`. A fresh record already says that its file exists, so only
 * an address that names a file counts.
 */
export function statusOf(record: Download, { wasFinished, outcome, now }: Known): ClipStatus {
  const word = record.word ?? '';
  const isOld = now - Math.max(epochOf(record.createdAt), epochOf(record.updatedAt)) > retentionMs + cleanUpMs;
  if (isFailure(word)) return 'failed';
  if (/expire|delete|remove/.test(word)) return 'expired';
  const isBusy = /progress|queue|wait|pending|\bnew\b/.test(word);
  const saysFinished = !isBusy && /\bok\b|done|success|complete|ready|finish/.test(word);
  // Without a file: not yet, or no longer.
  if (record.exists === false && !isBusy && (saysFinished || wasFinished || isOld)) return 'expired';
  if (!isBusy && record.url && record.exists !== false) return 'finished';
  if (outcome) return outcome.isError ? 'failed' : 'finished';
  return 'busy';
}

/** A clip whose end a push has told, on a server that does not list it. */
export function toPushedClip({ id, camera, start, end, ref }: ProviderClip, outcome: Outcome): ProviderClip {
  const status = outcome.isError ? 'failed' : 'finished';
  return {
    ...{ id, camera, start, end, status, progress: status === 'finished' ? 100 : 0 },
    ...(status === 'failed' ? { reason: 'the server reports an error, without a reason' } : {}),
    ...(status === 'finished' ? { expires: new Date(outcome.at + retentionMs).toISOString() } : {}),
    ...(ref ? { ref } : {}),
  };
}

export function toClip(
  record: Download,
  asked: Pick<ProviderClip, 'id' | 'camera' | 'start' | 'end' | 'ref'>,
  status: ClipStatus,
): ProviderClip {
  const { width, height, createdAt } = record;
  const cameraName = record.name?.replace(/,?\s*file\.\d{8}-\d{6}-\d{6}(\.\w+)?$/i, '') || undefined;
  const madeAt = Math.max(epochOf(record.createdAt), epochOf(record.updatedAt));
  const gaps = gapsOf(record, asked);
  return {
    id: asked.id,
    camera: asked.camera,
    start: asked.start,
    end: asked.end,
    status,
    progress: status === 'finished' ? 100 : 0,
    ...(status === 'busy' && record.word && !/progress/.test(record.word) ? { vendorStatus: record.word } : {}),
    ...(cameraName ? { cameraName } : {}),
    ...(width && height ? { width, height } : {}),
    ...(gaps.length > 0 ? { gaps } : {}),
    ...(status === 'finished' && madeAt > 0 ? { expires: new Date(madeAt + retentionMs).toISOString() } : {}),
    ...(status === 'failed' ? { reason: reasonOf(record) } : {}),
    ...(createdAt || asked.ref ? { ref: { ...asked.ref, ...(createdAt ? { createdAt } : {}) } } : {}),
  };
}

function isFailure(word: string): boolean {
  return /error|fail/.test(word) || statusOfWord(word) === 'failed';
}

/** No reason is documented for a failure, so what there is must do. */
function reasonOf({ word }: Download): string {
  return word && isFailure(word) ? `the server says "${word}"` : 'the server reports an error, without a reason';
}

/** A record may cover less than was asked for. Times are whole seconds, so less than one is no gap. */
function gapsOf({ start, end }: Download, asked: { start: string; end: string }): Gap[] {
  const secondMs = 1000;
  if (!start || !end || epochOf(start) >= epochOf(end)) return [];
  // A record of quite another time is one of a server that does not write UTC, as releases before 24.09 may.
  if (epochOf(end) <= epochOf(asked.start) || epochOf(start) >= epochOf(asked.end)) return [];
  const gaps: Gap[] = [];
  if (epochOf(start) - epochOf(asked.start) > secondMs)
    gaps.push({ start: asked.start, end: earlier(start, asked.end) });
  if (epochOf(asked.end) - epochOf(end) > secondMs) gaps.push({ start: later(end, asked.start), end: asked.end });
  return gaps;
}

/** 0 where it is not known. */
export function epochOf(iso: string | undefined): number {
  return iso ? Date.parse(iso) : 0;
}

const earlier = (a: string, b: string): string => (a < b ? a : b);
const later = (a: string, b: string): string => (a > b ? a : b);
