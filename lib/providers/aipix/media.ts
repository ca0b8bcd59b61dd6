import { ClipError } from '../../errors';
import type { HttpStream } from '../../net/http';
import { peek } from '../../net/body';
import { statusError } from '../../net/status';
import type { OpenClip } from '../../provider';
import type { AipixApi, Call } from './api';

/** The file is not, or no longer, where its record says. `refused`: it may be, but nobody is let in. */
export interface Absent {
  absent: 'missing' | 'refused';
  status: number;
}

export interface MediaRequest {
  /** As the record gives it. Secret. */
  url: string;
  offset: number;
  etag?: string;
  action: string;
}

/**
 * Fetches a file. Its address is the key to it, so no token goes along: it would also reach a host that must not have it.
 * Only where the server itself refuses to give the file without one, it is asked once more with it.
 */
export async function openMedia(api: AipixApi, media: MediaRequest, call: Call): Promise<OpenClip | Absent> {
  const address = addressOf(media.url, api.baseUrl);
  const isOwn = address.origin === new URL(api.baseUrl).origin;
  // Without a strong name of the bytes nobody knows whether a second part belongs to the first.
  const range: Record<string, string> =
    media.offset > 0 && media.etag && !media.etag.startsWith('W/')
      ? { Range: `bytes=${media.offset}-`, 'If-Range': media.etag }
      : {};
  const fetch = (headers: Record<string, string>): Promise<HttpStream> =>
    api.http.stream({ method: 'GET', path: address.href, headers, signal: call.signal, action: media.action });

  let reply = await fetch(range).catch((error: unknown) => explain(error, address, api.baseUrl));
  if (isOwn && isRefusal(reply.status)) {
    reply.body.destroy();
    reply = await fetch({ ...range, Authorization: `Bearer ${call.session.token}` });
  }
  if (reply.status >= 400) {
    reply.body.destroy();
    if (isRefusal(reply.status)) return { absent: 'refused', status: reply.status };
    if (reply.status === 404 || reply.status === 410) return { absent: 'missing', status: reply.status };
    throw statusError(reply, media.action)!;
  }
  return checkVideo(reply, media);
}

async function checkVideo(reply: HttpStream, { offset, action }: MediaRequest): Promise<OpenClip> {
  const { body, headers, status } = reply;
  const start = await peek(body, action);
  const type = headers['content-type'] ?? '';
  const isDocument =
    /xml|html|json/i.test(type) || (status !== 206 && /^(\uFEFF|\s)*[<{[]/.test(start.toString('utf8')));
  if (isDocument || start.length === 0) {
    body.destroy();
    const what = start.length === 0 ? 'nothing' : 'a document';
    // An empty file may be one that is still being written.
    throw new ClipError('EPROTOCOL', `${action}: the server sent ${what} instead of video`, { retryable: !isDocument });
  }
  const part = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  if (status === 206 && Number(part?.[1]) !== offset) {
    body.destroy();
    throw new ClipError('EPROTOCOL', `${action}: the server sent another part of the file than the one asked for`);
  }
  const length = status === 206 ? part?.[2] : headers['content-length'];
  const size = /^\d+$/.test(length ?? '') && !isEncoded(headers) ? Number(length) : undefined;
  const { etag } = headers;
  return {
    body,
    offset: status === 206 ? offset : 0,
    resumable: etag !== undefined && !etag.startsWith('W/') && (status === 206 || headers['accept-ranges'] === 'bytes'),
    ...(size === undefined ? {} : { size }),
    ...(etag ? { etag } : {}),
  };
}

function isEncoded(headers: Record<string, string>): boolean {
  return !/^(identity)?$/i.test(headers['content-encoding'] ?? '');
}

function isRefusal(status: number): boolean {
  return status === 401 || status === 403;
}

/** Names of files hold blanks and letters of any script; what is encoded already stays as it is, since it may be signed. */
function addressOf(url: string, baseUrl: string): URL {
  // By way of bytes: half of a letter cannot be encoded.
  const encoded = Buffer.from(url)
    .toString()
    .replace(/[^\x21-\x7e]+/gu, encodeURIComponent);
  const address = URL.canParse(encoded, `${baseUrl}/`) ? new URL(encoded, `${baseUrl}/`) : undefined;
  if (!address || !/^https?:$/.test(address.protocol)) {
    throw new ClipError('EPROTOCOL', 'The address that the server gives for the file is none');
  }
  return address;
}

/** A server that calls itself "localhost" is a known mistake of its configuration, and only its owner can mend it. */
function explain(error: unknown, address: URL, baseUrl: string): never {
  const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  if (error instanceof ClipError && isLoopback(address) && !isLoopback(new URL(baseUrl))) {
    throw error.withMessage(
      `${error.message}. The server gives "${address.hostname}" as the host of the file: its public address must be set in its own configuration`,
    );
  }
  throw error;
}
