// Opens the bytes of a clip over HTTP: at the beginning or where an earlier transfer broke off, and only if they are video.
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createInflate, createUnzip } from 'node:zlib';
import { ClipError, reasonFirst } from '../errors';
import { sniff, type Content } from '../mp4/sniff';
import type { OpenClip } from '../provider';
import { peek, readText } from './body';
import type { HttpClient, HttpReply, HttpRequest, HttpStream } from './http';
import { statusError } from './status';

/** Answers in place of video are read up to here. */
const longestRefusalBytes = 64 * 1024;
/** Enough to tell an MP4 from anything else. */
const sniffedBytes = 16;
/** Statuses by which servers refuse a range, beside 416 (RFC 9110, 15.5.17): without one, the same request may be fine. */
const rangeRefusals: ReadonlySet<number> = new Set([400, 412, 416, 501]);

export interface MediaRequest extends Pick<HttpRequest, 'path' | 'headers' | 'signal' | 'action'> {
  /** Bytes of the clip that are here already. They are only built upon where `etag` names their version. */
  offset?: number | undefined;
  /** As the transfer that brought them was told. */
  etag?: string | undefined;
  /** Bytes in the whole clip, as that transfer was told. */
  size?: number | undefined;
  /** The error that an answer in place of video stands for; by default, its status or what it looks like decides. */
  explain?(reply: HttpReply): Promise<ClipError | undefined> | ClipError | undefined;
}

/**
 * Asks for the bytes from `offset` on where that can be checked, else for all of them. An answer that is not proven to be
 * the same version at the place asked for (416, multipart, another ETag, total or offset) is dropped, and the clip is asked
 * for once more without a range: bytes of two versions are never joined.
 * @throws what `explain` says, or EPROTOCOL where the answer is no video
 */
export async function openMedia(http: Pick<HttpClient, 'stream'>, request: MediaRequest): Promise<OpenClip> {
  const { offset = 0, etag, path, signal, action } = request;
  const ask = (headers: Record<string, string>): Promise<HttpStream> =>
    http.stream({ method: 'GET', path, headers: { ...request.headers, ...headers }, signal, action });
  if (offset <= 0 || !isStrong(etag)) return readMedia(await ask({}), request);
  const reply = await ask({ Range: `bytes=${offset}-`, 'If-Range': etag });
  if (isContinuation(reply, offset, etag, request.size)) return opened(reply, offset);
  if (reply.status !== 206 && !rangeRefusals.has(reply.status)) return readMedia(reply, request);
  reply.body.destroy();
  return readMedia(await ask({}), request);
}

/**
 * The answer to a request for a whole clip, decoded where it is encoded. What it is decides, not how it is labelled.
 * @throws what `explain` says, or EPROTOCOL where it is no video
 */
export async function readMedia(
  reply: HttpStream,
  request: Pick<MediaRequest, 'action' | 'explain'> & { timeoutMs?: number },
): Promise<OpenClip> {
  const { action, timeoutMs } = request;
  const { status, headers } = reply;
  let { body } = reply;
  const look = (from: Readable): Promise<Buffer> => peek(from, action, { timeoutMs, atLeast: sniffedBytes });
  try {
    let start = await look(body);
    const isDecoded = isEncoded(headers) && sniff(start) === 'unknown';
    if (isDecoded) {
      body = decode(body, headers, action);
      start = await look(body);
    }
    if (status >= 300 || !isVideo(start, headers)) throw await refusal({ ...reply, body }, sniff(start), request);
    if (status === 206 && (isMultipart(headers) || contentRange(headers)?.start !== 0)) {
      const message = reasonFirst('the server sent a part of the video that was not asked for', action);
      throw new ClipError('EPROTOCOL', message, { retryable: true });
    }
    return opened({ ...reply, body }, 0, isDecoded);
  } catch (thrown) {
    body.destroy();
    throw thrown;
  }
}

/** Is this the rest of the very bytes that are here already? */
function isContinuation(
  { status, headers }: HttpStream,
  offset: number,
  etag: string,
  size: number | undefined,
): boolean {
  const range = contentRange(headers);
  if (status !== 206 || !range || isMultipart(headers) || isEncoded(headers)) return false;
  const length = contentLength(headers) ?? range.length;
  const isSameTotal = size === undefined || range.total === undefined || range.total === size;
  return range.start === offset && length === range.length && headers.etag === etag && isSameTotal;
}

/** @param isDecoded its bytes are not those that length, tag and ranges of the answer are about */
function opened({ status, headers, body }: HttpStream, offset: number, isDecoded = false): OpenClip {
  if (isDecoded) return { body, offset, resumable: false };
  const length = contentLength(headers);
  const total = status === 206 ? contentRange(headers)?.total : undefined;
  const size = total ?? (length === undefined ? undefined : length + offset);
  const etag = isStrong(headers.etag) ? headers.etag : undefined;
  const servesRanges = status === 206 || /\bbytes\b/i.test(headers['accept-ranges'] ?? '');
  return {
    body,
    offset,
    resumable: etag !== undefined && servesRanges,
    ...(size === undefined ? {} : { size }),
    ...(etag ? { etag } : {}),
  };
}

/** A label counts only where the bytes say nothing: web servers call an MP4 a page, and a page an MP4. */
function isVideo(start: Buffer, headers: Record<string, string>): boolean {
  const content = sniff(start);
  if (content !== 'unknown') return content === 'mp4';
  const isText =
    /xml|html|json|^text\//i.test(headers['content-type'] ?? '') || /^[\s\x20-\x7e]+$/.test(start.toString('latin1'));
  return !isText;
}

const names: Record<Content, string> = {
  mp4: 'a video',
  xml: 'an XML document',
  json: 'a JSON document',
  html: 'a web page',
  empty: 'nothing',
  unknown: 'something else',
};

async function refusal(
  reply: HttpStream,
  content: Content,
  { action, explain }: Pick<MediaRequest, 'action' | 'explain'>,
): Promise<ClipError> {
  const { body, ...head } = reply;
  const isText = content !== 'mp4' && content !== 'empty';
  const text = isText ? await readText(body, action, { maxBytes: longestRefusalBytes }) : '';
  body.destroy();
  const error = (await explain?.({ ...head, text })) ?? statusError(reply, action);
  if (error) return error;
  // A server that restarts, or writes the file still, may send this for a while.
  const advice = content === 'empty' ? '' : 'If it goes on doing so, check the address in the connection';
  const message = reasonFirst(`the server sent ${names[content]} instead of video`, action, advice);
  return new ClipError('EPROTOCOL', message, { retryable: true });
}

/** A weak tag names no bytes (RFC 9110, 8.8.1), and an empty one names the same for every version. */
function isStrong(etag: string | undefined): etag is string {
  return etag !== undefined && !/^\s*("\s*")?\s*$|^\s*w\//i.test(etag);
}

export function isMultipart(headers: Record<string, string>): boolean {
  return /^\s*multipart\//i.test(headers['content-type'] ?? '');
}

function contentLength(headers: Record<string, string>): number | undefined {
  const length = headers['content-length']?.trim() ?? '';
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

/** `Content-Range` in any case and spacing. */
export function contentRange({ 'content-range': header = '' }: Record<string, string>) {
  const match = /^\s*bytes[\s=:]*(\d{1,15})\s*-\s*(\d{1,15})\s*\/\s*(\d{1,15}|\*)\s*$/i.exec(header);
  if (!match) return undefined;
  const [start, end] = [Number(match[1]), Number(match[2])];
  return { start, length: end - start + 1, total: match[3] === '*' ? undefined : Number(match[3]) };
}

function encodingOf(headers: Record<string, string>): string {
  return (headers['content-encoding'] ?? '').trim().toLowerCase();
}

function isEncoded(headers: Record<string, string>): boolean {
  return !/^(identity)?$/.test(encodingOf(headers));
}

/** @throws EPROTOCOL for an encoding that cannot be undone */
function decode(body: Readable, headers: Record<string, string>, action: string): Readable {
  const encoding = encodingOf(headers);
  const decoder = /^(x-)?gzip$/.test(encoding)
    ? createUnzip()
    : encoding === 'deflate'
      ? createInflate()
      : encoding === 'br'
        ? createBrotliDecompress()
        : undefined;
  if (!decoder) {
    throw new ClipError(
      'EPROTOCOL',
      reasonFirst(
        `the server sends the video in an encoding that is not known (Content-Encoding: ${encoding})`,
        action,
        'It was asked to send it as it is',
      ),
    );
  }
  // An error of either stream is emitted by the decoder, too.
  return pipeline(body, decoder, () => undefined);
}
