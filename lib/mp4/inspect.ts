import { open } from 'node:fs/promises';
import { fileSource, mediaBytes, readMp4, readParameters, type Mp4Info } from './';

export interface Inspection {
  /** Bytes. */
  size: number;
  mp4: Mp4Info;
  /** What each track needs of a decoder. */
  parameters: string[];
  /** Bytes of pictures and sound. */
  mediaBytes: number;
}

/** What is in an MP4 file here. @throws when it cannot be read */
export async function inspect(path: string): Promise<Inspection> {
  const handle = await open(path, 'r');
  try {
    const source = await fileSource(handle);
    const [mp4, parameters, bytes] = [await readMp4(source), await readParameters(source), await mediaBytes(source)];
    return { size: source.size, mp4, parameters, mediaBytes: bytes };
  } finally {
    await handle.close();
  }
}
