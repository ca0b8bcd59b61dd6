// Reads how long an MP4 file without fragments is, from its index: a few reads, wherever in the file that lies.
import { boxAt, boxReader, unlessDamaged, type Mp4Source } from './boxes';
import { readMovie } from './movie';

/** Seconds of its video track. `undefined`: it has no readable index. @throws what `source.read` rejects with */
export async function readSeconds(source: Mp4Source): Promise<number | undefined> {
  return unlessDamaged(async () => {
    const reader = boxReader(source);
    for (let offset = 0; offset < source.size;) {
      const box = await boxAt(reader, offset, source.size, 'the file');
      if (box.type === 'moov') {
        const { tracks, seconds } = await readMovie(reader, box, () => undefined);
        const video = tracks.find(({ handler }) => handler === 'vide');
        return video?.sampleSeconds || video?.mediaSeconds || seconds;
      }
      offset = box.end;
    }
    return undefined;
  });
}
