// Makes the message of an event: what create-clip needs, and one line for people. Pure.
import type { Clip, ProviderEvent, Range } from '../provider';
import { secondsOf, toRange } from '../time-range';
import type { OutboxEntry } from './state';

/** An event in a message. */
export interface SentEvent extends Omit<ProviderEvent, 'clip' | 'open'> {
  /** Id of the `clip-provider` node. */
  connection: string;
  /** Provider id. */
  provider: string;
  /** It was found by catching up, or may have been sent before. */
  late?: true;
}

export interface EventMessage extends Record<string, unknown> {
  event: SentEvent;
  camera?: string;
  time: string;
  start: string;
  end: string;
  topic: string;
  payload: string;
  /** The clip of the event, where the vendor already has it. */
  clip?: Clip;
}

/**
 * The range that a clip of the event is to have, in the vendor's time. It ends no later than so long after now: what goes on
 * has no end yet. Where the vendor's clock is ahead of ours, that cannot be told.
 * @param now epoch milliseconds
 */
export function widenedRange(event: ProviderEvent, beforeMs: number, afterMs: number, now: number): Range {
  const start = Date.parse(event.start);
  const end = Date.parse(event.end ?? event.start);
  const latest = start > now ? Infinity : now;
  return toRange({ start: start - beforeMs, end: Math.min(end, latest) + afterMs });
}

export function toMessage(entry: OutboxEntry, connection: string, provider: string): EventMessage {
  const { clip, open: _open, ...event } = entry.event;
  const { camera, start, label } = event;
  const late = entry.late ? { late: entry.late } : {};
  const ref = { ...clip?.ref, event: event.id, ...(label === undefined ? {} : { label }) };
  return {
    event: { ...event, connection, provider, ...late },
    ...(camera === undefined ? {} : { camera }),
    time: start,
    ...entry.range,
    topic: event.type,
    payload: describe(event),
    ...(clip ? { clip: { ...clip, connection, provider, ref } } : {}),
  };
}

/** "person, front_door, 14 s". */
function describe({ type, label, labels, camera, cameraName, start, end }: Omit<ProviderEvent, 'clip'>): string {
  const what = labels && labels.length > 0 ? labels.join(' and ') : (label ?? type);
  const seconds = end === undefined ? undefined : Math.round(secondsOf({ start, end }));
  const length = seconds === undefined ? undefined : `${seconds} s`;
  return [what, cameraName ?? camera, length].filter((part) => part !== undefined).join(', ');
}
