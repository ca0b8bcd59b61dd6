// Sends the requests of the Aipix REST API, and reads its errors.
import { createHash } from 'node:crypto';
import { ClipError, quoted, reasonFirst } from '../../errors';
import { createHttpClient, type HttpReply, type HttpRequest } from '../../net/http';
import { statusError } from '../../net/status';
import type { CallOptions, ProviderConfig } from '../../provider';
import { isObject, parseJson, parseLongJson, readBoolean, readText, type JsonObject } from '../../net/json';
import { saysSessionEnded } from '../account-words';
import { objectsOf } from './json';
import { readProblems, type AipixSession } from './types';

export type Call = CallOptions<AipixSession>;

/** One call of the API. */
export interface ApiCall {
  method: HttpRequest['method'];
  /** Below the root of the API, without a leading slash: "downloads?page=1". */
  path: string;
  /** Instead of the root of the API that was chosen: "/api/v1". */
  root?: string;
  /** Goes out as JSON. */
  body?: object;
  /** Goes out as a form. */
  form?: Record<string, string>;
  /** Purpose of the request, to start an error message with. */
  action: string;
  /** May the answer list things by the thousand? */
  isList?: boolean;
  /** Success needs no words. Anywhere else an empty answer would be an empty list, and its clips gone. */
  mayBeEmpty?: boolean;
}

/** Kept apart from other clients in the list of sessions that the vendor shows. */
export const userAgent = 'node-red-video-clips';

export type AipixApi = ReturnType<typeof createAipixApi>;

/**
 * The calls of the Aipix REST API; what they mean for clips is in the other modules. There are two, with the same root
 * path in all known releases: one for users and one for administrators.
 * Source: https://docs.aipix.ai/en/start/aipix-23.09/archive-generation (client), .../aipix-24.03/video-generation (admin)
 */
export function createAipixApi(config: ProviderConfig) {
  const { settings, credentials, tls, proxy } = config;
  // People paste addresses from the browser, or with the path that all calls share.
  const baseUrl = String(settings.url)
    .replace(/\/(api\/(admin\/)?v1|archive|#).*$/i, '')
    .replace(/\/+$/, '');
  const isAdmin = settings.api === 'admin';
  const root = isAdmin ? '/api/admin/v1' : '/api/v1';
  const uuid = deviceId(baseUrl, credentials.username, config.instanceId);
  // Media may be on another host, so headers with secrets are added where they are wanted, and never to all requests.
  const http = createHttpClient({
    baseUrl,
    tls,
    proxy,
    lenient: settings.lenient === true,
    headers: { 'User-Agent': userAgent },
  });
  const isPasted = credentials.token !== '';

  function headersOf(session: AipixSession | undefined): Record<string, string> {
    return {
      Accept: 'application/json',
      'X-Client': String(settings.clientType || 'web'),
      'X-UUID': uuid,
      hl: 'en',
      ...(session ? { Authorization: `Bearer ${session.token}` } : {}),
    };
  }

  /** The answer whatever its status. */
  function send(call: ApiCall, signal: AbortSignal, session?: AipixSession): Promise<HttpReply> {
    const { method, path, action, isList } = call;
    const body = call.form ? new URLSearchParams(call.form).toString() : call.body && JSON.stringify(call.body);
    const type = call.form ? 'application/x-www-form-urlencoded' : 'application/json';
    const headers = { ...headersOf(session), ...(body === undefined ? {} : { 'Content-Type': type }) };
    return http.request({ method, path: `${call.root ?? root}/${path}`, headers, body, signal, action, isList });
  }

  /** The parsed answer. @throws what `errorOf` says */
  async function request(call: ApiCall, { signal, session }: Call): Promise<unknown> {
    const reply = await send(call, signal, session);
    const problem = errorOf(reply, call.action, session !== undefined);
    if (problem) throw problem;
    if (call.mayBeEmpty && isEmptySuccess(reply)) return undefined;
    const json = await readJson(reply, call.action);
    if (!isRefusal(json)) return json;
    const { text } = problemsOf(reply);
    if (session !== undefined && saysSessionEnded(text)) throw sessionEnded(reply, text, call.action);
    const message = reasonFirst(`the server refused${text ? `: ${text}` : ''}`, call.action);
    throw new ClipError('EFAILED', message, { inconclusive: true });
  }

  function sessionEnded({ status }: HttpReply, text: string, action: string): ClipError {
    const message = reasonFirst(`the server answered HTTP ${status}${text ? `: ${text}` : ''}`, action);
    const vendorCode = `HTTP ${status}`;
    // A pasted token cannot be renewed here.
    return isPasted
      ? new ClipError('EAUTH', `${message}. The pasted token is not valid, or no longer: paste a new one`, {
          vendorCode,
        })
      : new ClipError('EAUTH', message, { vendorCode, sessionExpired: true });
  }

  /**
   * The documented meanings of the statuses, in our codes.
   * Sources: https://docs.aipix.ai/en/start/aipix-24.03/validation-vms-client-api, .../aipix-24.03/video-generation
   */
  function errorOf(reply: HttpReply, action: string, hasSession: boolean): ClipError | undefined {
    const { status } = reply;
    if (status < 400) return undefined;
    const { text, fields } = problemsOf(reply);
    // The server explains in JSON; a page is that of a gateway in front of it.
    const isExplained = isDocument(reply.text);
    const message = reasonFirst(`the server answered HTTP ${status}${text ? `: ${text}` : ''}`, action);
    const vendorCode = `HTTP ${status}`;
    // 419 is how the framework of the server says that a session is over; parts of it say so in words only.
    const isOver = status === 401 || status === 419 || (isExplained && status !== 422 && saysSessionEnded(text));
    if (hasSession && isOver) return sessionEnded(reply, text, action);
    const unexplained = statusError(reply, action, text)!;
    if (!isExplained && status !== 422) return unexplained;
    if (status === 402) {
      return new ClipError('EFORBIDDEN', `${message}. Check the licence of the server`, { vendorCode });
    }
    if (status === 409) {
      return new ClipError('EUNSUPPORTED', `${message}. The server wants a newer client: try another client type`, {
        vendorCode,
      });
    }
    if (status === 400 || status === 422) {
      const isCamera = fields.some((field) => /^(ids|cameras?)\b/.test(field));
      const advice = isCamera ? '. Check the camera id, and that the account may see the camera' : '';
      return new ClipError(isCamera ? 'ENOTFOUND' : 'EINVALID', `${message}${advice}`, { vendorCode });
    }
    return new ClipError(unexplained.code, unexplained.message, { ...unexplained, inconclusive: false });
  }

  return {
    isAdmin,
    isPasted,
    root,
    baseUrl,
    uuid,
    http,
    send,
    request,
    errorOf,
    readJson,
    jsonOf,
    problemsOf,
  };
}

/**
 * Identifies this device to the server, which wants the same one each time and may keep one session for each: one for each
 * server, account, connection and Node-RED, without a place to keep it. A name-based UUID (RFC 9562, version 5).
 */
export function deviceId(baseUrl: string, login: string, instanceId = ''): string {
  const name = [userAgent, baseUrl.toLowerCase(), login, instanceId].join('\n');
  const hash = createHash('sha1').update(name).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

function isEmptySuccess({ status, text }: HttpReply): boolean {
  return status < 300 && text.trim() === '';
}

/** No in the place of what was asked for, under a status that says yes. */
function isRefusal(json: object): boolean {
  if (!isObject(json) || 'data' in json || json.id !== undefined) return false;
  return /^(error|fail(ed|ure)?)$/i.test(readText(json.status) ?? '') || readBoolean(json.success) === false;
}

/** JSON that says something: an object or a list. */
export function isDocument(text: string): boolean {
  const json = parseJson(text);
  return typeof json === 'object' && json !== null;
}

/** @throws EPROTOCOL for anything but an object or a list */
async function readJson(reply: HttpReply, action: string): Promise<object> {
  const json = await parseLongJson(reply.text);
  if (typeof json === 'object' && json !== null) return json;
  throw new ClipError(
    'EPROTOCOL',
    reasonFirst(
      `the server answered with ${kindOf(reply.text, json)}`,
      action,
      'Check that the address is the one of the Aipix server',
    ),
  );
}

/** The object in an answer; an empty one where there is none, for what is good to know but not needed. */
function jsonOf(reply: HttpReply): JsonObject {
  return objectsOf(parseJson(reply.text))[0] ?? {};
}

function kindOf(text: string, json: unknown): string {
  if (text.trim() === '') return 'nothing';
  if (json !== undefined) return 'JSON that is neither an object nor a list';
  return /^(\uFEFF|\s)*</.test(text) ? 'a page that is not JSON' : 'something that is not JSON';
}

/** Words of the server, short, and without addresses: those of streams hold passwords, those of files are keys. */
function problemsOf(reply: HttpReply): { text: string; fields: string[] } {
  const { text, fields } = readProblems(parseJson(reply.text));
  return { text: quoted(withoutAddresses(text)), fields };
}

function withoutAddresses(text: string): string {
  return text.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, '(address)');
}
