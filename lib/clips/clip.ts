import { ClipError } from '../errors';
import type { Clip, ClipStatus, ProviderClip } from '../provider';
import { parseInstant, rangeBetween, toIso } from '../time-range';

const statuses: ReadonlySet<string> = new Set<ClipStatus>(['pending', 'busy', 'finished', 'failed', 'expired']);

/**
 * Reads `msg.clip` as another node, a context store or MQTT gives it.
 * @throws EINVALID naming the property that does not hold
 */
export function readClip(value: unknown, now: number): Clip {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ClipError('EINVALID', 'msg.clip must be a clip, as create-clip makes it');
  }
  const clip = value as Record<string, unknown>;
  for (const name of ['id', 'connection', 'provider', 'camera'] as const) {
    if (typeof clip[name] !== 'string' || clip[name] === '') {
      throw new ClipError('EINVALID', `msg.clip.${name} must be text, and not empty`);
    }
  }
  const { start, end } = rangeBetween({
    start: parseInstant(clip.start, 'msg.clip.start', now),
    end: parseInstant(clip.end, 'msg.clip.end', now),
  });
  if (!statuses.has(String(clip.status))) {
    throw new ClipError('EINVALID', `msg.clip.status must be one of ${[...statuses].join(', ')}`);
  }
  if (clip.ref !== undefined && !isRecordOf(clip.ref, ['string'])) {
    throw new ClipError('EINVALID', 'msg.clip.ref must hold only text');
  }
  if (clip.options !== undefined && !isRecordOf(clip.options, ['string', 'number', 'boolean'])) {
    throw new ClipError('EINVALID', 'msg.clip.options must hold only text, numbers, true and false');
  }
  // Below here times are ISO 8601 with `Z`, however they were written.
  return { ...(clip as unknown as Clip), start: toIso(start), end: toIso(end) };
}

/** What the vendor says now, over what was known before. Progress never runs backwards. */
export function updateClip(known: Clip, found: ProviderClip): Clip {
  const fresh = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  const updated: Clip = { ...known, ...fresh };
  const progress = Math.max(known.progress ?? 0, found.progress ?? 0);
  updated.progress = found.status === 'finished' ? 100 : Math.min(progress, 99);
  return updated;
}

function isRecordOf(value: unknown, types: string[]): boolean {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord && Object.values(value).every((entry) => types.includes(typeof entry));
}

const shownCharacters = 80;

/**
 * A camera id as messages and dialogs have it.
 * @param problemOf why it cannot be one of the vendor's
 * @throws EINVALID
 */
export function readCamera(value: unknown, name: string, problemOf?: (camera: string) => string | undefined): string {
  const camera = readId(value);
  if (camera === undefined) throw new ClipError('EINVALID', `${name} must be the id of a camera, as text`);
  const problem = problemOf?.(camera);
  if (problem) throw new ClipError('EINVALID', `${name} ("${camera.slice(0, shownCharacters)}"): ${problem}`);
  return camera;
}

function readId(value: unknown): string | undefined {
  // A larger number has lost digits on its way here.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
