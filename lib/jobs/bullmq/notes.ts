/** What instances that share a Redis tell one another. Whoever is away at that moment misses it. */
import type { Job } from '../job';
import type { Redis } from './redis';

/** How a job ended: told to its owner, as `EABORTED` where it was cancelled, or to nobody. */
export type Ended = 'done' | 'failed' | Stopped;
export type Stopped = 'cancelled' | 'removed';

export type Note = JobNote | { type: 'changed' };

/** About a single job; the other kind says that an instance has come or gone. */
export type JobNote = { id: string; owner: string } & (
  | { type: 'stop'; how: Stopped }
  /** `job`: what had been reached, where the job was stopped. */
  | { type: 'ended'; how: Ended; job?: Job }
);

/** @returns tells the other instances */
export function exchangeNotes(
  redis: Redis,
  channel: string,
  instance: string,
  hear: (note: Note) => void,
): (note: Note) => void {
  const { client, subscriber } = redis;
  const subscribe = (): void => void subscriber.subscribe(channel).catch(() => undefined);
  subscriber.on('ready', subscribe);
  subscriber.on('message', (_channel: string, text: string) => {
    let note: (Note & { from: string }) | undefined;
    try {
      note = JSON.parse(text) as Note & { from: string };
    } catch {
      // Somebody else's.
    }
    if (note && note.from !== instance) hear(note);
  });
  return (note) => void client.publish(channel, JSON.stringify({ ...note, from: instance })).catch(() => undefined);
}
