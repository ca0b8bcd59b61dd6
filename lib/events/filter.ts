// Decides which events a node wants. Pure.
import type { ProviderEvent } from '../provider';

export interface EventFilter {
  /** Of the provider's `eventKinds`; never empty. */
  kinds: string[];
  /** Empty: all. */
  cameras: string[];
  labels: string[];
  zones: string[];
  /** 0-1, where the vendor gives one. */
  minScore: number;
  when: 'start' | 'end';
  /** Shorter ones are left out, where their length is known. Milliseconds. */
  minMs: number;
  /** At most one per camera and label in so long; 0: all. Milliseconds. */
  cooldownMs: number;
}

/** Is it of a kind and a camera that the node asks for? Says nothing about what was seen. */
export function isAskedFor({ kind, camera }: ProviderEvent, { kinds, cameras }: EventFilter): boolean {
  return kinds.includes(kind) && (cameras.length === 0 || (camera !== undefined && cameras.includes(camera)));
}

/** Does what was seen fit? Of an event that goes on, the answer may change. */
export function isWanted(event: ProviderEvent, { labels, zones, minScore, minMs }: EventFilter): boolean {
  if (labels.length > 0 && !haveCommon(labels, wordsOf(event))) return false;
  if (zones.length > 0 && !haveCommon(zones, event.zones ?? [])) return false;
  if (event.score !== undefined && event.score < minScore) return false;
  return event.end === undefined || Date.parse(event.end) - Date.parse(event.start) >= minMs;
}

/** Events that the cooldown keeps apart from one another. */
export function cooldownKey({ camera = '', label, type }: ProviderEvent): string {
  return `${camera} ${label ?? type}`;
}

/** Began another one of its kind so short a time ago, or so soon after? Vendors do not list them in order. */
export function isCoolingDown(event: ProviderEvent, lastStarts: Record<string, number>, cooldownMs: number): boolean {
  const last = lastStarts[cooldownKey(event)];
  return last !== undefined && Math.abs(Date.parse(event.start) - last) < cooldownMs;
}

/** Our word and the vendor's. */
function wordsOf({ type, label, labels = [], ref }: ProviderEvent): string[] {
  return [type, label, ref?.type, ...labels].filter((word) => word !== undefined);
}

function haveCommon(wanted: string[], found: string[]): boolean {
  const words = new Set(found.map((word) => word.toLowerCase()));
  return wanted.some((word) => words.has(word.toLowerCase()));
}
