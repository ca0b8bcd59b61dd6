// Reads how long an MP4 file without fragments is, from its index: a few reads, wherever in the file that lies.
import { boxReader, findMoov, unlessDamaged, type Mp4Source } from './boxes';
import { readMovie } from './movie';

/** Seconds of its video track. `undefined`: it has no readable index. @throws what `source.read` rejects with */
export async function readSeconds(source: Mp4Source): Promise<number | undefined> {
  return unlessDamaged(async () => {
    const reader = boxReader(source);
    const moov = await findMoov(reader);
    if (!moov) return undefined;
    const { tracks, seconds } = await readMovie(reader, moov, () => undefined);
    const video = tracks.find(({ handler }) => handler === 'vide');
    return video?.sampleSeconds || video?.mediaSeconds || seconds;
  });
}
