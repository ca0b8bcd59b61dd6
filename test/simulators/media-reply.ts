/** A file over HTTP, as a whole or in parts, in the ways in which servers differ. */
import type { RecordedRequest, Reply } from './http-server';
import type { Media } from './video';

export interface MediaReplyOptions {
  framing: 'length' | 'chunked' | 'close';
  /** Answers `Range` with 206; otherwise the header is ignored. */
  range: boolean;
  /** Sends an ETag, and honours it in `If-Range` when `range` is on. */
  etag: 'strong' | 'weak' | 'none';
  /** Every body ends after so many bytes although Content-Length says more. */
  truncateAfter: number;
}

/** The answer to a GET of this media. */
export function mediaReply(
  request: RecordedRequest,
  media: Media,
  { range, etag, framing, truncateAfter }: MediaReplyOptions,
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
