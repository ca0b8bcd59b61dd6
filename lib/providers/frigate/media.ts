// Opens the file of a finished export, and notices what is not the whole file.
import { ClipError, reasonFirst } from '../../errors';
import { peek } from '../../net/body';
import { openMedia } from '../../net/media';
import { pathSegment } from '../../net/path-segment';
import type { OpenClip } from '../../provider';
import type { Call, FrigateApi } from './api';
import { replyError } from './errors';

export interface FileRequest {
  /** In the folder of exports. */
  name: string;
  /** Bytes, where the listing says so. */
  size?: number;
  action: string;
  /** The error for what is not the file as it is now: what the server remembers of it, or a page in its place. */
  stale(problem: string): Promise<ClipError>;
}

/** @throws EEXPIRED for a file that a restart of Frigate has cut short */
export async function openFile(
  api: FrigateApi,
  { name, size, action, stale }: FileRequest,
  call: Call & { offset: number; etag?: string; size?: number },
): Promise<OpenClip> {
  const { signal, offset, etag } = call;
  const opened = await openMedia(
    { stream: (request) => api.stream(request, call) },
    {
      path: `/exports/${pathSegment(name, 'The name of the file')}`,
      signal,
      action,
      offset,
      etag,
      size: call.size,
      async explain(reply) {
        if (reply.status === 404) return stale('the server answers HTTP 404');
        return replyError(reply, action, api.access) ?? stale('the server sent something else than the video');
      },
    },
  );
  if (size !== undefined && opened.size !== undefined && opened.size !== size) {
    opened.body.destroy();
    throw await stale(`the server announces ${opened.size} of the ${size} bytes of the file`);
  }
  if (opened.offset === 0 && isCutShort(await peek(opened.body, action))) {
    opened.body.destroy();
    throw new ClipError(
      'EEXPIRED',
      reasonFirst(
        'Frigate was restarted while it made the clip, and what is there is only a part of a file',
        action,
        'It has to be made again',
      ),
    );
  }
  return { ...opened, ...(size === undefined ? {} : { size }) };
}

/** Does media data without an end begin where no index has come yet? ffmpeg fills in both at the end of its work. */
function isCutShort(start: Buffer): boolean {
  for (let at = 0; at + 8 <= start.length;) {
    const size = start.readUInt32BE(at);
    const type = start.toString('latin1', at + 4, at + 8);
    if (type === 'moov') return false;
    if (type === 'mdat') return size === 0;
    if (size < 8) return false;
    at += size;
  }
  return false;
}
