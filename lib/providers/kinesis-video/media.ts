import type { Readable } from 'node:stream';
import { ClipError } from '../../errors';
import { peek } from '../../net/body';
import { sniff } from '../../mp4';
import { fieldIn, textIn } from './types';

export interface Video {
  /** The caller must read or destroy it. */
  body: Readable;
  /** Bytes, where AWS says so. Whether it does is not documented. */
  size?: number;
}

/**
 * The reply to GetClip.
 * @throws EPROTOCOL when it is not video: the wrong host may answer 200 with JSON
 */
export async function readVideo(reply: unknown, action: string, timeoutMs: number): Promise<Video> {
  // The SDK passes Node's own response through.
  const body = fieldIn(reply, 'Payload') as (Readable & { headers?: Record<string, string> }) | null | undefined;
  if (!body) throw new ClipError('EPROTOCOL', `${action}: AWS answered with nothing instead of video`);
  const type = textIn(reply, 'ContentType') ?? '';
  const content = sniff(await peek(body, action, timeoutMs));
  if (content !== 'mp4' || /json|xml|html/i.test(type)) {
    body.destroy();
    const others = { empty: 'nothing', unknown: 'something that is not MP4', mp4: type };
    const what = content in others ? others[content as keyof typeof others] : content.toUpperCase();
    throw new ClipError('EPROTOCOL', `${action}: AWS answered with ${what} instead of video`);
  }
  const length = body.headers?.['content-length'] ?? '';
  return { body, ...(/^\d+$/.test(length) ? { size: Number(length) } : {}) };
}
