// Reads all that joining needs to know of an MP4 file on disk.
import { readMp4, readParameters, type Mp4Info, withFile, type TrackParameters } from './';

export interface Inspection {
  /** Bytes. */
  size: number;
  mp4: Mp4Info;
  /** Decoder parameters of each track. */
  parameters: TrackParameters[];
}

/** @throws when the file cannot be read */
export function inspect(path: string): Promise<Inspection> {
  return withFile(path, async (source) => {
    const [mp4, parameters] = [await readMp4(source), await readParameters(source)];
    return { size: source.size, mp4, parameters };
  });
}
