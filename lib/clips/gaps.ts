import type { Connection } from '../connection';
import type { Clip } from '../provider';

/**
 * The clip with the gaps of its range, where these were not known when it was made: cameras tell with a delay what they have
 * recorded. A vendor that cannot tell keeps no clip from being had.
 */
export async function withGaps(clip: Clip, connection: Connection, signal: AbortSignal): Promise<Clip> {
  if (clip.gaps) return clip;
  try {
    const gaps = await connection.findGaps(clip, signal);
    return gaps ? { ...clip, gaps } : clip;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return clip;
  }
}
