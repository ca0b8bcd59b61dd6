// Reads the event that a clip is made for, and keeps its id and label with the clip: for file names, and to find it again.
import type { Clip, ProviderClip } from '../provider';

/** In `clip.ref`, beside what the provider keeps there. */
export interface EventMark {
  event: string;
  label?: string;
}

const longestText = 1_000;

/** Of `msg.event`, as clip-events and others send it. `undefined`: there is none with an id. */
export function readEventMark(given: unknown): EventMark | undefined {
  const { id, label, type } = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  const event = textOf(id);
  if (event === undefined) return undefined;
  const word = textOf(label) ?? textOf(type);
  return { event, ...(word === undefined ? {} : { label: word }) };
}

export function markClip<T extends ProviderClip>(clip: T, mark: EventMark | undefined): T {
  return mark ? { ...clip, ref: { ...clip.ref, ...mark } } : clip;
}

/** That of a clip. */
export function markOf({ ref }: Pick<Clip, 'ref'>): EventMark | undefined {
  return readEventMark({ id: ref?.event, label: ref?.label });
}

function textOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text !== '' && text.length <= longestText ? text : undefined;
}
