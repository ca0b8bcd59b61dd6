// Reads the answer to GetClip: its body as video, and its length.
import type { Readable } from 'node:stream';
import { ClipError, reasonFirst } from '../../errors';
import { readMedia } from '../../net/media';
import { fieldIn, textIn } from './types';

export interface Video {
  /** The caller must read or destroy it. */
  body: Readable;
  /** Bytes, where AWS says so. Whether it does is not documented. */
  size?: number;
}

/** @throws EPROTOCOL when it is not video: the wrong host may answer 200 with JSON */
export async function readVideo(reply: unknown, action: string, timeoutMs: number): Promise<Video> {
  // The SDK passes Node's own response through.
  const stream = fieldIn(reply, 'Payload') as (Readable & { headers?: Record<string, string> }) | null | undefined;
  if (!stream) throw new ClipError('EPROTOCOL', reasonFirst('AWS answered with nothing instead of video', action));
  const headers = { ...stream.headers, 'content-type': textIn(reply, 'ContentType') ?? '' };
  const { body, size } = await readMedia({ status: 200, headers, setCookies: [], body: stream }, { action, timeoutMs });
  return { body, ...(size === undefined ? {} : { size }) };
}
