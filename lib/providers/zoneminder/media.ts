// Reads the video files of events in parts, and recognises the answers that are no video although they say 200.
import type { Readable } from 'node:stream';
import { cancelled, ClipError, reasonFirst } from '../../errors';
import type { CutSource } from '../../mp4/fragmented';
import type { HttpReply, HttpStream } from '../../net/http';
import { contentRange, isMultipart, readMedia } from '../../net/media';
import type { Call, ZoneMinderApi } from './api';
import { redirectError } from './errors';

/** Beginning of a Matroska or WebM file. */
const matroska = '\x1aE';

export interface EventStream {
  body: Readable;
  /** Offset in the file at which the body starts. */
  offset: number;
  /** Bytes of the whole file, where the answer says so. */
  size?: number;
  /** Was it asked for a part, and is this that part? */
  isPart: boolean;
}

/**
 * The file of an event from `offset` to `end` (exclusive; absent: to its end), or all of it where the server sends no parts.
 * Never to be asked for more than the file has: the server then announces bytes that it does not send.
 * Source: web/views/view_video.php of 1.36 and 1.38.
 */
export async function openEvent(
  api: ZoneMinderApi,
  event: string,
  { offset, end }: { offset: number; end?: number },
  call: Call,
  action: string,
): Promise<EventStream> {
  const isWhole = offset === 0 && end === undefined;
  const range = isWhole ? undefined : `bytes=${offset}-${end === undefined ? '' : end - 1}`;
  const reply = await api.video(event, range, call, action);
  const problem = headProblem(reply, event, call, action);
  const isPart = reply.status === 206;
  // A part has no beginning that could be recognised.
  const size = offset > 0 && isPart ? sizeOfPart(reply, offset) : undefined;
  if (problem || (offset > 0 && isPart && size === undefined)) {
    reply.body.destroy();
    throw problem ?? anotherPart(action);
  }
  if (size !== undefined) return { body: reply.body, offset, size, isPart };
  const explain = (answer: HttpReply): ClipError | undefined => contentProblem(answer, event, call, action);
  const media = await readMedia(reply, { action, explain });
  return { body: media.body, offset: 0, isPart, ...(media.size === undefined ? {} : { size: media.size }) };
}

/** Facts that are known before the first byte, which may never come. */
function headProblem(reply: HttpStream, event: string, call: Call, action: string): ClipError | undefined {
  const { status, headers } = reply;
  if (status >= 300 && status < 400) return redirectError(reply, action, call.session);
  if (status === 404 || status === 410) {
    const message = reasonFirst(`the server has no file of event ${event} any more`, action);
    return new ClipError('EEXPIRED', message, { vendorCode: `HTTP ${status}` });
  }
  if (status >= 400) return undefined;
  const name = /filename="([^"]*)"/i.exec(headers['content-disposition'] ?? '')?.[1];
  // The server opens the folder of an event without a file: it announces 4096 bytes and sends none.
  if (name === '') return new ClipError('ENOTFOUND', reasonFirst(`event ${event} has no video file`, action));
  const container = /\.(mkv|webm)$/i.exec(name ?? '')?.[1];
  return container ? otherContainer(event, container, action) : undefined;
}

/** Error for an answer that is no MP4. */
function contentProblem(reply: HttpReply, event: string, call: Call, action: string): ClipError | undefined {
  const { status, headers, text } = reply;
  if (status >= 300) return undefined;
  if (text.startsWith(matroska)) return otherContainer(event, 'mkv or webm', action);
  if (text === '' && headers['content-disposition']) return emptyFile(event, action);
  // 1.36 answers with a page where the token is refused, and where the user may not see events: a fresh login tells which.
  if (!/^\s*<(!doctype|html)/i.test(text)) return undefined;
  const advice = 'The user needs the right "Events: View", and the address must be the one of ZoneMinder';
  return new ClipError('EFORBIDDEN', reasonFirst('the server sent a page instead of video', action, advice), {
    sessionExpired: call.session.token !== '',
    inconclusive: true,
  });
}

function otherContainer(event: string, container: string, action: string): ClipError {
  const advice = 'Set the output container of its monitor to mp4';
  return new ClipError('EUNSUPPORTED', reasonFirst(`event ${event} is recorded as ${container}`, action, advice));
}

/** It may just be written to, or what is in front of the server may have sent nothing in its place. */
function emptyFile(event: string, action: string): ClipError {
  return new ClipError('ENOTFOUND', reasonFirst(`the video file of event ${event} is empty`, action), {
    retryable: true,
  });
}

function anotherPart(action: string): ClipError {
  const message = reasonFirst('the server sent another part of the file than the one asked for', action);
  return new ClipError('EPROTOCOL', message, { retryable: true });
}

/** Bytes of the whole file; `undefined` where it is not the part that was asked for. */
function sizeOfPart({ headers }: HttpStream, asked: number): number | undefined {
  const range = isMultipart(headers) ? undefined : contentRange(headers);
  return range?.start === asked ? range.total : undefined;
}

/**
 * All of a file of this size from `offset` on; from its beginning where the server cannot continue.
 * @throws EPROTOCOL where it has another size by now
 */
export async function openWhole(
  api: ZoneMinderApi,
  event: string,
  { offset, size }: { offset: number; size?: number },
  call: Call,
  action: string,
): Promise<EventStream> {
  const found = await openFrom(api, event, offset, call, action);
  if (size === undefined || found.size === undefined || found.size === size) return found;
  found.body.destroy();
  throw new ClipError('EPROTOCOL', reasonFirst(`the file of event ${event} has another size by now`, action), {
    retryable: true,
  });
}

async function openFrom(
  api: ZoneMinderApi,
  event: string,
  offset: number,
  call: Call,
  action: string,
): Promise<EventStream> {
  try {
    return await openEvent(api, event, { offset }, call, action);
  } catch (error) {
    if (offset === 0 || !(error instanceof ClipError) || error.code !== 'EPROTOCOL') throw error;
    return openEvent(api, event, { offset: 0 }, call, action);
  }
}

/**
 * The file of an event as bytes at any place, as large as it is now. `undefined`: the server, or what is in front of it,
 * sends it as a whole only.
 */
export async function eventSource(
  api: ZoneMinderApi,
  event: string,
  call: Call,
  action: string,
): Promise<CutSource | undefined> {
  // The first byte cannot be asked for alone: a zero end counts as none.
  const probe = await openEvent(api, event, { offset: 1, end: 2 }, call, action);
  probe.body.destroy();
  const { size = 0, isPart } = probe;
  if (!isPart) return undefined;
  if (size === 0) throw emptyFile(event, action);

  async function* stream(offset: number, end: number): AsyncGenerator<Buffer> {
    const part = await openEvent(api, event, { offset, end }, call, action);
    // "From 0 to the end" is the whole file, and answered as such.
    if (part.offset !== offset) part.body.destroy(anotherPart(action));
    let left = end - offset;
    for await (const chunk of part.body as AsyncIterable<Buffer>) {
      left -= chunk.length;
      if (left < 0) throw anotherPart(action);
      yield chunk;
    }
    if (left > 0) throw brokenOff(end - offset - left, end - offset, action);
  }

  return {
    size,
    stream,
    async read(offset, length) {
      const end = Math.min(size, offset + length);
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of stream(offset, end)) chunks.push(chunk);
      } catch (error) {
        if (error instanceof ClipError) throw error;
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        throw call.signal.aborted ? cancelled(reasonFirst('cancelled', action)) : brokenOff(bytes, length, action);
      }
      return Buffer.concat(chunks);
    },
  };
}

function brokenOff(bytes: number, wanted: number, action: string): ClipError {
  const message = reasonFirst(`the connection ended after ${bytes} of ${wanted} bytes`, action);
  return new ClipError('ENETWORK', message);
}
