// Reads the replies of Aipix tolerantly: its pages call nearly every field optional, and the releases differ. Addresses of
// streams hold the passwords of cameras, so nothing is read that is not named here.
import type { Camera } from '../../provider';
import { isObject, objectAt, readBoolean, readCount, readId, readText, type JsonObject } from '../../net/json';
import { objectsOf, readTime } from './json';

/** Finished files are kept this long. Source: https://docs.aipix.ai/en/start/aipix-23.09/archive-generation */
export const retentionMs = 3 * 3_600_000;

/** Result of a login. */
export interface AipixSession {
  /** Secret. */
  token: string;
  /** Names the push channel of this token. */
  tokenId?: string;
  /** Push channel of the user: the same for all of the user's tokens. */
  userChannel?: string;
  /** Does the account have the right to export? Absent where the server does not say. */
  mayExport?: boolean;
}

/** One generated, or still to be generated, file of the archive. */
export interface Download {
  /** The admin API does not document one. */
  id?: string;
  camera?: string;
  name?: string;
  /** Secret: whoever has it can fetch the file. Absent while it names no file. */
  url?: string;
  /** ISO 8601 with `Z`. */
  start?: string;
  end?: string;
  createdAt?: string;
  updatedAt?: string;
  /** The vendor's word for its state, in lower case. */
  word?: string;
  exists?: boolean;
  /** Pixels. */
  width?: number;
  height?: number;
}

/** Source: https://docs.aipix.ai/en/start/aipix-24.03/archive-download-list */
export function readDownload(item: JsonObject): Download {
  const stream = objectAt(item, 'stream');
  return {
    id: readId(item.id),
    camera: readId(stream.camera_id) ?? readId(objectAt(stream, 'camera').id) ?? readId(item.camera_id),
    name: readText(item.name),
    url: fileUrl(item.url),
    start: readTime(item.from),
    end: readTime(item.to),
    createdAt: readTime(item.created_at),
    updatedAt: readTime(item.updated_at),
    word: readText(item.status)?.toLowerCase(),
    exists: readBoolean(item.is_file_exists),
    width: readCount(stream.width),
    height: readCount(stream.height),
  };
}

/** A record without a file has the root of the storage as its address, or none. */
function fileUrl(value: unknown): string | undefined {
  const url = readText(value);
  const path = url?.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  const lastSegment = path?.split('/').at(-1);
  return lastSegment && !/^(storage|s3|archive)$/i.test(lastSegment) ? url : undefined;
}

export interface Login {
  token: string;
  user: User;
}

export interface User {
  tokenId?: string;
  userChannel?: string;
  mayExport?: boolean;
}

/** Source: https://docs.aipix.ai/en/start/aipix-23.09/obtaining-a-token-vms-client-api */
export function readLogin(reply: unknown): Login | undefined {
  const [login] = objectsOf(reply);
  // The sample shows the word with it.
  const token = readText(login?.access_token)?.replace(/^Bearer\s+/i, '');
  return token ? { token, user: readUser(objectAt(login, 'user')) } : undefined;
}

export function readUser(reply: unknown): User {
  const [user] = objectsOf(reply);
  const tokenId = readId(user?.access_token_id);
  const id = readId(user?.id);
  const known = { tokenId, ...(id ? { userChannel: `private-user.${id}` } : {}) };
  const permissions = Array.isArray(user?.permissions) ? user.permissions.filter(isObject) : [];
  if (permissions.length === 0) return known;
  return { ...known, mayExport: permissions.some(({ name }) => name === 'archives-download') };
}

/** A login somewhere under the same account. */
export interface OpenSession {
  id: string;
  isOnline: boolean;
  isCurrent: boolean;
  /** When it was last used; ISO 8601 with `Z`. */
  last: string;
  userAgent: string;
}

/** The sessions that are in the way of a login; empty where the reply is none of that kind. */
export function readOpenSessions(reply: unknown): OpenSession[] {
  const list = isObject(reply) ? reply.sessions : reply;
  return (Array.isArray(list) ? list.filter(isObject) : []).flatMap((session) => {
    const id = readId(session.id);
    if (!id) return [];
    return [
      {
        id,
        isOnline: readBoolean(session.online) === true,
        isCurrent: readBoolean(session.is_current) === true,
        last: readTime(session.last) ?? '',
        userAgent: readText(session.user_agent) ?? '',
      },
    ];
  });
}

/** The server's complaints about invalid input: by field, or as one text. */
export function readProblems(reply: unknown): { text: string; fields: string[] } {
  if (!isObject(reply)) return { text: '', fields: [] };
  const { errors, message, error } = reply;
  const said = readText(message) ?? readText(error) ?? '';
  if (!isObject(errors)) return { text: readText(errors) ?? said, fields: [] };
  const lines = Object.entries(errors).map(([field, problems]) => {
    const texts = [problems].flat().filter((text) => typeof text === 'string' || typeof text === 'number');
    return `${field}: ${texts.join(' ')}`;
  });
  return { text: lines.join('; ') || said, fields: Object.keys(errors) };
}

/** Address of the push server. Source: https://docs.aipix.ai/en/start/aipix-23.09/vms-client-api-6 */
export interface PushServer {
  /** With its path, without a trailing slash. */
  url: string;
  key: string;
}

export function readPushServer(reply: unknown): PushServer | undefined {
  const [server] = objectsOf(reply);
  const key = readText(server?.app_key);
  const host = readText(server?.host);
  const scheme = readBoolean(server?.is_encrypted) === false ? 'ws' : 'wss';
  const port = readCount(server?.port);
  const path = readText(server?.path) ?? '';
  const assembled = host && `${scheme}://${host}${port ? `:${port}` : ''}${path.replace(/^\/?(?=.)/, '/')}`;
  const url = (readText(server?.ws_url) ?? assembled)?.replace(/^http/i, 'ws').replace(/\/+$/, '');
  return key && url ? { key, url } : undefined;
}

/** A push on the channel of a token. Source: https://docs.aipix.ai/en/start/aipix-23.12/types-of-websocket-pushes */
export interface Push {
  /** In lower case. */
  type: string;
  isError: boolean;
  download?: Download;
}

export function readPush(payload: unknown): Push {
  const message = objectAt(payload, 'data');
  const data = objectAt(message, 'data');
  const found = readDownload(isObject(data.download) ? data.download : data);
  // Before 23.09 the address stood beside the download.
  const download = { ...found, url: found.url ?? fileUrl(data.url) };
  return {
    type: (readText(message.type) ?? '').toLowerCase(),
    isError: /error|fail/i.test(readText(message.status) ?? ''),
    ...(download.id || download.url ? { download } : {}),
  };
}

/** Source: https://docs.aipix.ai/en/start/aipix-23.09/getting-multiple-cameras */
export function readCameras(items: JsonObject[]): Camera[] {
  return items.flatMap((item) => {
    const id = readId(item.id);
    if (!id) return [];
    const name = readText(item.name) ?? readText(item.pretty_name) ?? id;
    const isBlocked = readText(item.user_status) === 'blocked';
    const status = readText(item.status);
    const online = isBlocked ? false : /^(active|partial)$/.test(status ?? '');
    return [{ id, name, ...(isBlocked || status ? { online } : {}) }];
  });
}
