import { ClipError } from '../../errors';
import { describeClip, type Clip } from '../../provider';
import type { Call } from './api';
import type { Downloads } from './downloads';
import type { Outcomes } from './outcomes';
import { retentionMs, type Download } from './types';

/** How long the server may take to make a file again before that counts as failed. */
const longestMakingMs = 10 * 60_000;

interface Repeat {
  /** Epoch milliseconds. */
  at: number;
  /** Of the record that is being made again: the same one, unless the server says otherwise. */
  id: string;
}

export type Repeats = ReturnType<typeof createRepeats>;

/**
 * Files that are made again since they have expired: each of them once, or again when the new file, too, must be gone.
 * Source: https://docs.aipix.ai/en/start/aipix-24.03/video-regeneration
 */
export function createRepeats(downloads: Downloads, outcomes: Outcomes, now: () => number) {
  const repeats = new Map<string, Repeat>();

  function current(clip: Clip): Repeat | undefined {
    const repeat = repeats.get(clip.id);
    return repeat && now() - repeat.at < retentionMs ? repeat : undefined;
  }

  function isRunning(clip: Clip): boolean {
    const repeat = current(clip);
    return repeat !== undefined && now() - repeat.at < longestMakingMs;
  }

  return {
    /** What the list has this clip under. */
    idOf: (clip: Clip): string => repeats.get(clip.id)?.id ?? clip.id,

    /** The clip that a record is of. */
    clipIdOf(recordId: string): string {
      for (const [clipId, { id }] of repeats) if (id === recordId) return clipId;
      return recordId;
    },

    isRunning,

    /**
     * `spent`: it was made again already, to no avail.
     * @throws what the server refuses it with, such as ENOTFOUND where it cannot make files again
     */
    async start(clip: Clip, record: Download, call: Call, action: string): Promise<'running' | 'spent'> {
      if (isRunning(clip)) return 'running';
      if (current(clip)) return 'spent';
      if (!record.id) throw new ClipError('ENOTFOUND', `${action}: the server gives no id for ${describeClip(clip)}`);
      const making = outcomes.begin(record.id);
      let made: Download | undefined;
      try {
        made = await downloads.repeat(record.id, call, action);
      } catch (error) {
        outcomes.answered(making, undefined);
        throw error;
      }
      const id = made?.id ?? record.id;
      outcomes.answered(making, id);
      for (const [clipId, { at }] of repeats) if (now() - at >= retentionMs) repeats.delete(clipId);
      repeats.set(clip.id, { at: now(), id: clip.ref?.found === 'range' ? clip.id : id });
      return 'running';
    },
  };
}
