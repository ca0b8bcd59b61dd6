import type { Connection } from '../connection';
import { toClipError, type ClipError } from '../errors';
import type { FilesWork } from './work';

/**
 * Tells the vendor that the clips of a cancelled export, as far as they are still being made, are not wanted any more.
 * @throws the first thing that the vendor says against it, once all have been told
 */
export async function cancelFilesExport(work: FilesWork, connection: Connection, signal: AbortSignal): Promise<void> {
  const clips = work.cameras.flatMap(({ parts = [] }) => parts.flatMap(({ clip }) => (clip ? [clip] : [])));
  const unfinished = clips.filter(({ status }) => status === 'pending' || status === 'busy');
  let refusal: ClipError | undefined;
  for (const clip of unfinished) {
    try {
      await connection.cancelClip(clip, signal);
    } catch (thrown) {
      refusal ??= toClipError(thrown);
    }
  }
  if (refusal) throw refusal;
}
