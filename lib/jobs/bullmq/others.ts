/** This instance among all that share a Redis. */
import { randomUUID } from 'node:crypto';
import { exchangeNotes, type JobNote, type Note } from './notes';
import { presence, type Met } from './presence';
import type { Redis } from './redis';
import { repeat } from './repeat';

export interface OthersOptions {
  prefix: string;
  /** The instances hear of one another this often. */
  beatMs: number;
  /** Owners that this instance has now. Without any, it takes no part. */
  owners(): string[];
  hear(note: JobNote): void;
  met(found: Met): void;
  /** Whatever else is to be done as often. */
  also(): Promise<void>;
}

export interface Others {
  /** Of this instance. */
  readonly id: string;
  tell(note: Note): void;
  /** Lets all instances hear of this one now. */
  greet(): void;
  /** Owners that any instance had of late. */
  owners(): Promise<Set<string>>;
  /** This instance has no owners any more. Never rejects. */
  leave(): Promise<void>;
  stop(): void;
}

export function meetOthers(redis: Redis, options: OthersOptions): Others {
  const { prefix, hear } = options;
  const id = randomUUID();
  const { beat, owners, leave } = presence(redis.client, prefix, id);
  let isKnown = false;

  const tell = exchangeNotes(redis, `${prefix}:notes`, id, (note) => {
    if (note.type === 'changed') beating.now();
    else hear(note);
  });

  const beating = repeat(options.beatMs, async () => {
    if (redis.isAway) return;
    const own = options.owners();
    if (own.length > 0) {
      options.met(await beat(own));
      // They share the work with this one from now on, not from their next beat.
      if (!isKnown) tell({ type: 'changed' });
      isKnown = true;
    }
    await options.also();
  });

  return {
    id,
    tell,
    greet: beating.now,
    owners,
    async leave() {
      isKnown = false;
      await leave().catch(() => undefined);
      tell({ type: 'changed' });
    },
    stop: beating.stop,
  };
}
