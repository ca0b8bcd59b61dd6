// Opens the file of an Aipix clip at the address that its record or a push gives.
import { ClipError } from '../../errors';
import { openMedia } from '../../net/media';
import { leadsInside } from '../../net/redirects';
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
  size?: number;
  action: string;
}

/**
 * Opens a file. Its address is the key to it, so no token goes along: it would also reach a host that must not have it.
 * Only where the server itself refuses to give the file without one, it is asked once more with it.
 */
export async function openFile(api: AipixApi, { url, ...media }: MediaRequest, call: Call): Promise<OpenClip | Absent> {
  const address = addressOf(url, api.baseUrl);
  const open = (headers: Record<string, string>): Promise<OpenClip> =>
    openMedia(api.http, { ...media, path: address.href, headers, signal: call.signal });
  try {
    return await open({}).catch((error: unknown) => {
      const isOurs = address.origin === new URL(api.baseUrl).origin;
      if (!isOurs || !isRefusal(statusOf(error))) throw error;
      return open({ Authorization: `Bearer ${call.session.token}` });
    });
  } catch (error) {
    const status = statusOf(error);
    if (isRefusal(status)) return { absent: 'refused', status };
    if (status === 404 || status === 410) return { absent: 'missing', status };
    throw explain(error, address, api.baseUrl);
  }
}

/** The HTTP status that an error stands for; 0 for any other error. */
function statusOf(error: unknown): number {
  const [, status] = /^HTTP (\d+)$/.exec((error as ClipError).vendorCode ?? '') ?? [];
  return Number(status ?? 0);
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
  if (leadsInside(baseUrl, address)) {
    throw new ClipError(
      'EPROTOCOL',
      `The server gives "${address.hostname}" as the host of the file, which is this computer itself: its public address must be set in the configuration of the server`,
    );
  }
  return address;
}

/** A server that names a host inside of its own network is a known mistake of its configuration; only its owner can mend it. */
function explain(error: unknown, address: URL, baseUrl: string): unknown {
  const isElsewhere = address.hostname !== new URL(baseUrl).hostname;
  if (error instanceof ClipError && error.code === 'ENETWORK' && isElsewhere) {
    return error.withMessage(
      `${error.message}. The server gives "${address.hostname}" as the host of the file: if it cannot be reached from here, its public address must be set in the configuration of the server`,
    );
  }
  return error;
}
