// Reads all that joining needs to know of an MP4 file on disk.
import { open } from 'node:fs/promises';
import { fileSource, readMp4, readParameters, type Mp4Info, type TrackParameters } from './';

export interface Inspection {
  /** Bytes. */
  size: number;
  mp4: Mp4Info;
  /** Decoder parameters of each track. */
  parameters: TrackParameters[];
}

/** @throws when the file cannot be read */
export async function inspect(path: string): Promise<Inspection> {
  const handle = await open(path, 'r');
  try {
    const source = await fileSource(handle);
    const [mp4, parameters] = [await readMp4(source), await readParameters(source)];
    return { size: source.size, mp4, parameters };
  } finally {
    await handle.close();
  }
}
