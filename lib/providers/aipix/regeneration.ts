// Has expired files made again, each of them once.
import { ClipError, reasonFirst } from '../../errors';
import type { Clip } from '../../provider';
import type { Call } from './api';
import type { Downloads } from './downloads';
import type { PushTracker } from './push-tracker';
import { retentionMs, type Download } from './types';

/** Longest wait for the server to make a file again; after it, that has failed. */
const longestRegenerationMs = 10 * 60_000;

interface Regeneration {
  /** Epoch milliseconds. */
  at: number;
  /** Of the record that is being made again: the same one, unless the server says otherwise. */
  id: string;
}

export type Regenerations = ReturnType<typeof createRegenerations>;

/**
 * Files that are made again since they have expired: each of them once, or again when the new file, too, must be gone.
 * Source: https://docs.aipix.ai/en/start/aipix-24.03/video-regeneration
 */
export function createRegenerations(downloads: Downloads, pushTracker: PushTracker, now: () => number) {
  const regenerations = new Map<string, Regeneration>();

  function current(clip: Clip): Regeneration | undefined {
    const repeat = regenerations.get(clip.id);
    return repeat && now() - repeat.at < retentionMs ? repeat : undefined;
  }

  function isRunning(clip: Clip): boolean {
    const repeat = current(clip);
    return repeat !== undefined && now() - repeat.at < longestRegenerationMs;
  }

  return {
    /** Id of the record that the list has for this clip. */
    idOf: (clip: Clip): string => regenerations.get(clip.id)?.id ?? clip.id,

    /** The clip that a record is of. */
    clipIdOf(recordId: string): string {
      for (const [clipId, { id }] of regenerations) if (id === recordId) return clipId;
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
      if (!record.id) throw new ClipError('ENOTFOUND', reasonFirst('the server gives no id for the clip', action));
      const making = pushTracker.begin(record.id);
      let made: Download | undefined;
      try {
        made = await downloads.repeat(record.id, call, action);
      } catch (error) {
        pushTracker.answered(making, undefined);
        throw error;
      }
      const id = made?.id ?? record.id;
      pushTracker.answered(making, id);
      for (const [clipId, { at }] of regenerations) if (now() - at >= retentionMs) regenerations.delete(clipId);
      regenerations.set(clip.id, { at: now(), id: clip.ref?.found === 'range' ? clip.id : id });
      return 'running';
    },
  };
}
