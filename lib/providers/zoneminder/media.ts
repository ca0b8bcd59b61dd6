// Opens the video files of events, and recognises the answers that are not video although they say 200.
import { ClipError } from '../../errors';
import { peek } from '../../net/body';
import type { HttpStream } from '../../net/http';
import { statusError } from '../../net/status';
import { sniff } from '../../mp4';
import type { Call, ZoneMinderApi } from './api';
import { redirectError } from './errors';

/** Bytes of a folder, which is what is sent for an event without a file. */
const folderBytes = 4096;

export interface EventStream {
  body: HttpStream['body'];
  /** Where in the file the body starts. */
  offset: number;
  /** Bytes of the whole file, where the answer says so. */
  size?: number;
}

/**
 * The file of an event from `offset` to `end` (exclusive; absent: to its end). Never to be asked for more than the file has:
 * the server then announces bytes that it does not send.
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
  try {
    checkHead(reply, event, call, action);
    const part = partOf(reply, offset);
    if (!part) {
      throw new ClipError('EPROTOCOL', `${action}: the server sent another part of the file than the one asked for`, {
        retryable: true,
      });
    }
    // A part may be one that has no beginning that could be recognised.
    if (part.offset === 0 && (end === undefined || end > 1)) await checkStart(reply, event, action);
    return { body: reply.body, ...part };
  } catch (error) {
    reply.body.destroy();
    throw error;
  }
}

function checkHead(reply: HttpStream, event: string, call: Call, action: string): void {
  const { status, headers, redirect } = reply;
  if (redirect || (status >= 300 && status < 400)) throw redirectError(reply, action, call.session);
  if (status === 404 || status === 410) {
    throw new ClipError('EEXPIRED', `${action}: the server has no file of event ${event} any more`, {
      vendorCode: `HTTP ${status}`,
    });
  }
  const problem = statusError(reply, action);
  if (problem) throw problem;
  // 1.36 answers with a page where the token is refused, and where the user may not see events.
  if (/html/i.test(headers['content-type'] ?? '')) throw pageInstead(action, call);
  const name = /filename="([^"]*)"/i.exec(headers['content-disposition'] ?? '')?.[1];
  if (name === '' || (name === undefined && headers['content-length'] === String(folderBytes))) {
    throw new ClipError('ENOTFOUND', `${action}: event ${event} has no video file`);
  }
  const container = /\.(mkv|webm)$/i.exec(name ?? '')?.[1];
  if (container) throw otherContainer(event, container, action);
}

/** A fresh login tells a session that is over from a right that is missing. */
function pageInstead(action: string, { session }: Call): ClipError {
  const advice = 'The user needs the right "Events: View", and the address must be the one of ZoneMinder';
  return new ClipError('EFORBIDDEN', `${action}: the server sent a page instead of video. ${advice}`, {
    sessionExpired: session.token !== '',
  });
}

function otherContainer(event: string, container: string, action: string): ClipError {
  const advice = 'Set the output container of the monitor to mp4';
  return new ClipError('EUNSUPPORTED', `${action}: event ${event} is recorded as ${container}. ${advice}`);
}

async function checkStart({ body }: HttpStream, event: string, action: string): Promise<void> {
  const start = await peek(body, action);
  const content = sniff(start);
  if (content === 'mp4') return;
  if (start.readUInt32BE && start.length >= 4 && start.readUInt32BE(0) === 0x1a45dfa3) {
    throw otherContainer(event, 'mkv or webm', action);
  }
  if (content === 'empty' && start.length === 0) {
    throw new ClipError('ENOTFOUND', `${action}: the video file of event ${event} is empty`);
  }
  const what = content === 'unknown' ? 'something that is not MP4' : content.toUpperCase();
  throw new ClipError('EPROTOCOL', `${action}: the server sent ${what} instead of video`, { retryable: true });
}

/** `undefined` where it is a part that cannot be used. */
function partOf({ status, headers }: HttpStream, asked: number): { offset: number; size?: number } | undefined {
  if (status !== 206) {
    const length = headers['content-length'];
    return { offset: 0, ...(length && /^\d+$/.test(length) ? { size: Number(length) } : {}) };
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '');
  if (!match || Number(match[1]) !== asked) return undefined;
  return { offset: asked, size: Number(match[3]) };
}
