// Describes what a refused message was about, as far as it can be read: nothing of it is known to be right.
import { parseInstant, toIso } from '../../time-range';
import type { Message } from '../node-red';
import type { TaskSubject } from './options';

export interface RefusedMessage {
  /** Id of a `clip-provider` node; may be empty. */
  connection: string;
  /** Key of the clip in the list of work, where the message names one. */
  clip?: string;
  subject: TaskSubject;
}

/** @param now epoch milliseconds */
export function describeRefused(
  message: Message,
  connectionOf: (message: Message) => string,
  now: number,
): RefusedMessage {
  const clip = attempt(() => ({ ...(message.clip as Record<string, unknown>) }), {});
  const connection = attempt(() => connectionOf(message), '') || textOf(clip.connection);
  const id = textOf(clip.id);
  return {
    connection,
    ...(id === '' || connection === '' ? {} : { clip: `${connection} ${id}` }),
    subject: {
      camera: textOf(clip.camera) || attempt(() => textOf(message.camera), ''),
      cameraName: textOf(clip.cameraName),
      start: attempt(() => instant(clip.start ?? message.start, now), ''),
      end: attempt(() => instant(clip.end ?? message.end, now), ''),
      title: textOf(clip.title),
    },
  };
}

/** Messages may throw whatever is asked of them. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** @throws where it is none */
function instant(value: unknown, now: number): string {
  return toIso(parseInstant(value, '', now));
}
