import { open, stat } from 'node:fs/promises';
import type { Clip, ClipFile } from '../provider';
import { fileSource, readMp4 } from '../mp4';
import { growingHash } from './hash';
import { verify } from './verify';

/** Is there a file of exactly this size and, where given, SHA-256? */
export async function isFile(path: string, size: number, sha256: string | undefined): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== size) return false;
  return sha256 === undefined || (await hashFile(path)) === sha256.toLowerCase();
}

/** Describes a file that holds the clip whole; `undefined` where it does not, or where that cannot be told. */
export async function findClip(clip: Clip, path: string): Promise<ClipFile | undefined> {
  if (clip.size === undefined || !(await isFile(path, clip.size, undefined))) return undefined;
  const handle = await open(path, 'r');
  try {
    const source = await fileSource(handle);
    const mp4 = await readMp4(source);
    const { incomplete, problems, missingBefore, missingAfter } = verify(clip, source.size, mp4);
    if (incomplete) return undefined;
    const sha256 = await hashFile(path);
    if (clip.sha256 && clip.sha256.toLowerCase() !== sha256) return undefined;
    const { duration, width, height, codec } = mp4;
    const facts = { duration, width, height, codec, missingBefore, missingAfter, problems };
    return { path, size: source.size, sha256, ...facts, gaps: clip.gaps ?? [], resumed: false, seconds: 0 };
  } finally {
    await handle.close();
  }
}

/** SHA-256 of a file, in lower-case hex. */
export async function hashFile(path: string): Promise<string> {
  const { size } = await stat(path);
  return growingHash(path).digest(size);
}
