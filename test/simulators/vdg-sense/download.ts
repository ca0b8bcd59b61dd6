/** downloadClip. All of it is inferred: the vendor's page could not be read. */
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import type { Media } from '../video';
import type { DownloadOptions } from './options';
import { Refusal, refusalReply } from './replies';
import { removeClip, type SenseClip } from './queue';
import type { SenseState } from './state';

export function downloadClip(state: SenseState, request: RecordedRequest, clip: SenseClip): Reply {
  const { download } = state.options;
  if (clip.state !== 'finished') throw new Refusal(download.notFinishedCode, 'Clip is not finished');
  if (download.vanishes) {
    removeClip(state.queue, clip, state.now());
    throw new Refusal(-40, 'Clip not found');
  }
  if (download.answer === 'html') return htmlPage(200, 'Service unavailable');
  if (download.answer === 'xml-error') return refusalReply(state, new Refusal(download.errorCode, 'Cannot read clip'));
  const headers = {
    'content-type': download.contentType,
    ...(download.contentDisposition ? { 'content-disposition': `attachment; filename="clip ${clip.id}.mp4"` } : {}),
  };
  if (download.answer === 'empty' || !clip.media) return { headers, body: '', framing: download.framing };
  const reply = mediaReply(request, clip.media, download);
  return { ...reply, headers: { ...headers, ...reply.headers } };
}

/** A file over HTTP, as a whole or by `Range` and `If-Range`. */
export function mediaReply(
  request: RecordedRequest,
  media: Media,
  { range, etag, framing, truncateAfter }: Pick<DownloadOptions, 'range' | 'etag' | 'framing' | 'truncateAfter'>,
): Reply {
  const tag = etag === 'none' ? undefined : `${etag === 'weak' ? 'W/' : ''}"${media.etag}"`;
  const headers = { ...(tag ? { etag: tag } : {}), ...(range ? { 'accept-ranges': 'bytes' } : {}) };
  const ifRange = request.headers['if-range'];
  // A weak tag never matches here (RFC 9110, 13.1.5).
  const unchanged = ifRange === undefined || (etag === 'strong' && ifRange === tag);
  const asked = range && unchanged ? parseRange(request.headers.range, media.size) : undefined;
  if (asked === 'unsatisfiable') {
    return { status: 416, headers: { ...headers, 'content-range': `bytes */${media.size}` } };
  }
  const { start, end } = asked ?? { start: 0, end: media.size };
  return {
    status: asked ? 206 : 200,
    headers: asked ? { ...headers, 'content-range': `bytes ${start}-${end - 1}/${media.size}` } : headers,
    body: media.read(start, end),
    size: end - start,
    framing,
    ...(truncateAfter < end - start ? { truncateAfter } : {}),
  };
}

/** One range of bytes; several at once are answered with the whole, as servers may. `end` is exclusive. */
function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (!match[1] && !match[2])) return undefined;
  const start = match[1] ? Number(match[1]) : Math.max(0, size - Number(match[2]));
  const end = match[1] && match[2] ? Math.min(size, Number(match[2]) + 1) : size;
  if (match[1] && match[2] && Number(match[2]) < start) return undefined;
  return start < size && start < end ? { start, end } : 'unsatisfiable';
}
